package arch

import (
	"go/ast"
	"strconv"
)

// clock are the functions of package time that read the clock or wait for it.
// The machine is given the time; it may compute with it.
var clock = map[string]bool{
	"Now": true, "Since": true, "Until": true,
	"Sleep": true, "After": true, "AfterFunc": true, "Tick": true, "NewTimer": true, "NewTicker": true,
}

// purity reports where a file of the machine looks at the clock or starts a
// goroutine.
func (c *checker) purity(file *ast.File) {
	local := "" // what the file calls package time
	for _, spec := range file.Imports {
		if imported, err := strconv.Unquote(spec.Path.Value); err != nil || imported != "time" {
			continue
		}
		local = "time"
		if spec.Name != nil {
			local = spec.Name.Name
		}
		if local == "." {
			c.report(spec.Pos(), "the machine must not import time under no name: its clock could not be told")
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			c.report(n.Pos(), "the machine must not start goroutines")
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && local != "" && x.Name == local && clock[n.Sel.Name] {
				c.report(n.Pos(), "the machine must not use time.%s: it is given the time", n.Sel.Name)
			}
		}
		return true
	})
}
