// Package other has types that contracts of other packages carry.
package other

import (
	"fmt"
	"strconv"
	"strings"
)

// Point has no codec: whoever carries it writes one.
type Point struct {
	X, Y int32
	note string
}

// Noted returns p with something that is not carried.
func (p Point) Noted(note string) Point { p.note = note; return p }

// Note returns what is not carried.
func (p Point) Note() string { return p.note }

// Page is generic.
type Page[T any] struct {
	Items []T
	Next  *string `msgpack:"next,omitempty"`
}

// A Version writes itself as text.
type Version struct{ Major, Minor int }

// MarshalText returns "1.2".
func (v Version) MarshalText() ([]byte, error) {
	return fmt.Appendf(nil, "%d.%d", v.Major, v.Minor), nil
}

// UnmarshalText reads "1.2".
func (v *Version) UnmarshalText(text []byte) error {
	major, minor, ok := strings.Cut(string(text), ".")
	x, err := strconv.Atoi(major)
	y, err2 := strconv.Atoi(minor)
	if !ok || err != nil || err2 != nil {
		return fmt.Errorf("version is not of the form 1.2")
	}
	*v = Version{x, y}
	return nil
}

// Bits write themselves as a binary.
type Bits uint16

// MarshalBinary returns two bytes.
func (b Bits) MarshalBinary() ([]byte, error) { return []byte{byte(b >> 8), byte(b)}, nil }

// UnmarshalBinary reads two bytes.
func (b *Bits) UnmarshalBinary(data []byte) error {
	if len(data) != 2 {
		return fmt.Errorf("bits are two bytes")
	}
	*b = Bits(data[0])<<8 | Bits(data[1])
	return nil
}

// Envelope has a part that only this package can name.
type Envelope struct{ Seal seal }

type seal struct{ Wax string }

// Ranks have keys that only this package can name.
type Ranks struct{ By map[rank]string }

type rank uint8
