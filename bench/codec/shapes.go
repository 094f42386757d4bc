package main

import (
	"bytes"
	"encoding/json"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
)

// An operation is what is measured.
type operation string

const (
	// Encode appends a message to a buffer that is large enough.
	Encode operation = "encode"
	// Decode makes a new value of a message.
	Decode operation = "decode"
	// Check is codec.Check.
	Check operation = "check"
	// CheckDecode is Check and then Decode.
	CheckDecode operation = "check+decode"
)

var operations = []operation{Encode, Decode, Check, CheckDecode}

// A library is who does it, and how.
type library string

const (
	Twinwire   library = "twinwire"
	Tinylib    library = "tinylib"
	Reflective library = "tw-reflective"
	Hooks      library = "vm-hooks"
	Reflection library = "vmihailenco"
	JSON       library = "json"
)

var libraries = []library{Twinwire, Tinylib, Reflective, Hooks, Reflection, JSON}

// A cell is a loop over one operation of one library; loop runs it n times.
type cell struct {
	operation operation
	library   library
	loop      func(n int) error
}

// A shape is a message and what is done with it.
type shape struct {
	name  string
	size  int // of the message in bytes
	cells []cell
}

// shapes makes the values and messages of all shapes.
func shapes() ([]shape, error) {
	var all []shape
	for _, one := range []func() (shape, error){flat, order, scores, track} {
		s, err := one()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// example returns v and its message.
func example[T codec.Marshaler](v T) (T, []byte, error) {
	wire, err := v.AppendMsgpack(nil)
	return v, wire, err
}

// same reads a message into the same type without a codec.
func same(wire []byte, v any) error { return reflective.Unmarshal(wire, v, nil) }

// reflectedCells are what does not depend on the type of v, which is a pointer
// to a type without a codec that these libraries know.
func reflectedCells(wire []byte, v any, fresh func() any) []cell {
	buf := make([]byte, 0, 2*len(wire)+64)
	text, err := json.Marshal(v)
	cells := []cell{
		{Check, Twinwire, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				err = codec.Check(wire, nil)
			}
			return err
		}},
		{Encode, Reflective, func(n int) (err error) {
			for b := buf; n > 0 && err == nil; n-- {
				b, err = reflective.Append(b[:0], v)
			}
			return err
		}},
		{Decode, Reflective, func(n int) (err error) { // with a check: it has no other
			for ; n > 0 && err == nil; n-- {
				v := fresh()
				err = reflective.Unmarshal(wire, v, nil)
				sink = v
			}
			return err
		}},
		{Encode, JSON, func(n int) error {
			var b bytes.Buffer
			for e := json.NewEncoder(&b); n > 0 && err == nil; n-- {
				b.Reset()
				err = e.Encode(v)
			}
			return err
		}},
		{Decode, JSON, func(n int) error {
			for ; n > 0 && err == nil; n-- {
				v := fresh()
				err = json.Unmarshal(text, v)
				sink = v
			}
			return err
		}},
	}
	return append(cells, libraryCells(Reflection, wire, v, fresh)...)
}

// libraryCells are those of vmihailenco/msgpack, which asks a value for its
// hooks. Encoder and decoder are reused, as a program would.
func libraryCells(name library, wire []byte, v any, fresh func() any) []cell {
	var (
		b    bytes.Buffer
		e    = msgpack.NewEncoder(&b)
		from bytes.Reader
		d    = msgpack.NewDecoder(&from)
	)
	return []cell{
		{Encode, name, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				b.Reset()
				e.Reset(&b)
				e.UseCompactInts(true)
				err = e.Encode(v)
			}
			return err
		}},
		{Decode, name, func(n int) (err error) {
			for ; n > 0 && err == nil; n-- {
				from.Reset(wire)
				d.Reset(&from)
				v := fresh()
				err = d.Decode(v)
				sink = v
			}
			return err
		}},
	}
}
