package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/breaking"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen"
)

// compare is the command breaking.
func compare(ctx context.Context, dir string, args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("twinwire breaking", flag.ContinueOnError)
	flags.SetOutput(stderr)
	against := flags.String("against", "", "the older version: a revision of the git repository, or a directory that corresponds to the current one")
	flags.Usage = func() {
		fmt.Fprintln(stderr, "usage: twinwire breaking -against REF|DIR [packages]")
		flags.PrintDefaults()
	}
	switch err := flags.Parse(args); {
	case err == flag.ErrHelp:
		return 0
	case err != nil:
		return 2
	case *against == "":
		flags.Usage()
		return 2
	}
	code, err := compareWith(ctx, dir, *against, flags.Args(), stdout)
	if err != nil {
		fmt.Fprintln(stderr, "twinwire:", err)
		return 1
	}
	return code
}

// compareWith prints what breaks clients of the version in against, and
// returns the exit code.
func compareWith(ctx context.Context, dir, against string, patterns []string, stdout io.Writer) (code int, err error) {
	old := against
	if info, err := os.Stat(against); err != nil || !info.IsDir() {
		temp, err := os.MkdirTemp("", "twinwire-breaking")
		if err != nil {
			return 1, err
		}
		defer func() { _ = os.RemoveAll(temp) }()
		if old, err = breaking.Checkout(ctx, dir, against, temp); err != nil {
			return 1, err
		}
	}
	before, err := gen.Contracts(ctx, old, patterns)
	if err != nil {
		return 1, fmt.Errorf("the older version: %w", err)
	}
	after, err := gen.Contracts(ctx, dir, patterns)
	if err != nil {
		return 1, err
	}
	for _, p := range breaking.Compare(before, after) {
		p.Pos.Filename = relative(dir, p.Pos.Filename)
		fmt.Fprintln(stdout, p)
		code = 1
	}
	return code, nil
}
