//go:build !js

package client

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"slices"
	"testing"
)

// A page has the options of other programs but for what its browser decides.
func TestOptionsOfPages(t *testing.T) {
	page, other := fields(t, "options_js.go"), fields(t, "options.go")
	for _, name := range []string{"TLS", "Header", "Proxy", "Congestion", "Twin", "CompareWires", "Tickets"} {
		if _, ok := other[name]; !ok {
			t.Errorf("Options have no field %s", name)
		}
		delete(other, name)
	}
	for _, name := range slices.Sorted(maps.Keys(other)) {
		if doc, ok := page[name]; !ok || doc != other[name] && name != "Pins" {
			t.Errorf("%s: pages have %q, others %q", name, doc, other[name])
		}
		delete(page, name)
	}
	for name := range page {
		t.Errorf("only pages have a field %s", name)
	}
}

// fields returns the documentation of the fields of Options by their names.
func fields(t *testing.T, file string) map[string]string {
	t.Helper()
	f, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	docs := make(map[string]string)
	ast.Inspect(f, func(n ast.Node) bool {
		if s, ok := n.(*ast.TypeSpec); ok && s.Name.Name == "Options" {
			for _, field := range s.Type.(*ast.StructType).Fields.List {
				for _, name := range field.Names {
					docs[name.Name] = field.Doc.Text()
				}
			}
		}
		return true
	})
	if len(docs) == 0 {
		t.Fatalf("%s has no Options", file)
	}
	return docs
}
