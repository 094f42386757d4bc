// Package codectest holds two message types for tests and benchmarks. Their
// codecs are written by hand in the form that the generator gives to its own.
package codectest

import (
	"time"

	"github.com/twinwire/twinwire/codec"
)

// Flat is a message without structure, 87 bytes as [NewFlat] makes it.
type Flat struct {
	ID     uint64
	Name   string
	Tags   []string
	Amount float64
	At     time.Time
}

// NewFlat returns an example.
func NewFlat() Flat {
	return Flat{
		ID:     1 << 40,
		Name:   "Ada Lovelace",
		Tags:   []string{"maths3", "poetry", "engine"},
		Amount: 1234.5678,
		At:     time.Unix(1_700_000_000, 123_456_789).UTC(),
	}
}

// AppendMsgpack implements codec.Marshaler.
func (v Flat) AppendMsgpack(b []byte) ([]byte, error) {
	b = append(b, "\x85\xa2ID"...)
	b = codec.AppendUint(b, v.ID)
	b = append(b, "\xa4Name"...)
	b = codec.AppendString(b, v.Name)
	b = append(b, "\xa4Tags"...)
	b = codec.AppendStrings(b, v.Tags)
	b = append(b, "\xa6Amount"...)
	b = codec.AppendFloat64(b, v.Amount)
	b = append(b, "\xa2At"...)
	b = codec.AppendTime(b, v.At)
	return b, nil
}

// ReadMsgpack implements codec.Unmarshaler.
func (v *Flat) ReadMsgpack(r *codec.Reader) error {
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "ID":
			v.ID = r.Uint64()
		case "Name":
			v.Name = r.Str()
		case "Tags":
			codec.ReadStrings(r, &v.Tags)
		case "Amount":
			v.Amount = r.Float64()
		case "At":
			v.At = r.Time()
		default:
			r.Skip()
		}
	}
	r.Leave()
	return r.Err()
}
