package declared

import (
	"context"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context) error
}

type ServiceClient struct{}

func NewService() {}

var codec int

// want 12:6: ServiceClient is the name of something that is generated for this package: rename yours
// want 14:6: NewService is the name of something that is generated for this package: rename yours
// want 16:5: codec is the name of a package that the generated code imports: rename yours
