// Typecheck says what does not compile of the packages that are named, with
// their tests, on other systems: typecheck SYSTEM[,SYSTEM]... PACKAGE...
// Nothing is compiled, of all that they depend on: without anything in Go's
// cache, that takes a tenth of the time of go vet.
package main

import (
	"fmt"
	"os"
	"strings"

	"golang.org/x/tools/go/packages"
)

func main() {
	if len(os.Args) < 3 {
		fmt.Fprintln(os.Stderr, "usage: typecheck SYSTEM[,SYSTEM]... PACKAGE...")
		os.Exit(2)
	}
	failed := false
	for system := range strings.SplitSeq(os.Args[1], ",") {
		n, err := check(system, os.Args[2:])
		if err != nil {
			fmt.Fprintf(os.Stderr, "typecheck: %s: %v\n", system, err)
			os.Exit(2)
		}
		failed = failed || n > 0
	}
	if failed {
		os.Exit(1)
	}
}

// check prints what is wrong of the packages on a system, and returns how much
// that is.
func check(system string, patterns []string) (errors int, err error) {
	list, err := packages.Load(&packages.Config{
		Mode: packages.NeedName | packages.NeedFiles | packages.NeedCompiledGoFiles | packages.NeedImports |
			packages.NeedDeps | packages.NeedTypes | packages.NeedSyntax | packages.NeedTypesInfo | packages.NeedTypesSizes,
		Env:   append(os.Environ(), "GOOS="+system, "CGO_ENABLED=0"),
		Tests: true,
	}, patterns...)
	if err != nil {
		return 0, err
	}
	own := make(map[*packages.Package]bool)
	for _, p := range list {
		own[p] = true
	}
	packages.Visit(list, nil, func(p *packages.Package) {
		for _, e := range p.Errors {
			if own[p] || e.Kind != packages.TypeError { // what ours depends on is others' business
				fmt.Printf("%s: %v\n", system, e)
				errors++
			}
		}
	})
	if errors == 0 {
		fmt.Printf("%s: %d packages, with their tests\n", system, len(list))
	}
	return errors, nil
}
