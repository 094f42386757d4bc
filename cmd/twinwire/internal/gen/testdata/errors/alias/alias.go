package alias

import (
	"go/ast"
)

//twinwire:events
type Event = ast.Expr

// want 8:6: events Event is an interface of another package: declare it where its types are, in this package
