package onesided

import (
	"github.com/twinwire/twinwire/codec"
)

type Half struct{ n int }

func (Half) MarshalText() ([]byte, error) { return nil, nil }

type Other struct{ N int }

func (*Other) ReadMsgpack(*codec.Reader) error { return nil }

//twinwire:codec
type T struct {
	A Half
	B Other
}

// want 17:2: Half has MarshalText and not UnmarshalText: give it both, or neither
// want 18:2: Other has ReadMsgpack and not AppendMsgpack: give it both, or neither
