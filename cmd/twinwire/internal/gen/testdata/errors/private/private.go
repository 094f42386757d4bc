package private

import (
	"context"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
)

//twinwire:service
type Service interface {
	Do(ctx context.Context, e other.Envelope) error
	List(ctx context.Context, r other.Ranks) error
}

// want 11:26: field Seal of other.Envelope: other.seal is an unexported type of another package: export it there, or copy it into a type of your own
// want 12:28: field By of other.Ranks: other.rank is an unexported type of another package: export it there, or copy it into a type of your own
