package alias

import (
	"go/ast"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/flat"
)

//twinwire:events
type Event = ast.Expr

//twinwire:events name=flat
type Flat = flat.Flat

// want 10:6: events Event is an interface of another package: declare it where its types are, in this package
// want 13:6: event Flat is no struct of this package: make it one
