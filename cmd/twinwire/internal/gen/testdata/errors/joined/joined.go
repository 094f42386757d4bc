package joined

import (
	"context"
)

//twinwire:service
type User interface {
	AdminDelete(ctx context.Context) error
}

//twinwire:service
type UserAdmin interface {
	Delete(ctx context.Context) error
}

// want 14:2: method AdminDelete of User and method Delete of UserAdmin make the same names in generated code: rename one
