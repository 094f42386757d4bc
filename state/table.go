package state

import (
	"github.com/twinwire/twinwire/codec"
)

// A Table names the fields of the structs that a delta can address by number,
// one Struct for each struct type; the value itself is the first (clause S3).
type Table []Struct

// A Struct lists the fields of one struct type in the order of their numbers.
type Struct []Field

// A Field is what a table says about one field.
type Field struct {
	// Name is the field's name on the wire, at most 255 bytes.
	Name string
	// Type is the number, in the table, of the struct that is left when
	// pointers, slices, arrays and maps are taken off the field's type, and
	// -1 if that is no struct that can be patched.
	Type int
}

const (
	maxStructs   = 1 << 10
	maxFields    = 1 << 12 // of all structs of a table
	maxFieldName = 255
)

// AppendTable appends t to b in the form of clause S3.
func AppendTable(b []byte, t Table) []byte {
	b = codec.AppendArrayHeader(b, len(t))
	for _, fields := range t {
		n := len(fields)
		for _, f := range fields {
			if f.Type >= 0 {
				n++
			}
		}
		b = codec.AppendArrayHeader(b, n)
		for _, f := range fields {
			b = codec.AppendString(b, f.Name)
			if f.Type >= 0 {
				b = codec.AppendUint(b, uint64(f.Type))
			}
		}
	}
	return b
}

// ReadTable reads a table and checks it: there is a first struct, at most
// 1,024 of them with at most 4,096 fields together, and every number in it is
// that of a struct of the table. What is wrong becomes the error of r.
func ReadTable(r *codec.Reader) Table {
	n := r.ArrayHeader()
	if r.Err() != nil {
		return nil
	}
	if n == 0 || n > maxStructs {
		r.Fail(codec.ErrRange, "table of 1 to 1,024 structs")
		return nil
	}
	t := make(Table, n)
	fields := 0
	for i := range t {
		values := r.ArrayHeader()
		for values > 0 && r.Err() == nil {
			if fields++; fields > maxFields {
				r.Fail(codec.ErrLimit, "table of at most 4,096 fields")
				return nil
			}
			name := r.Str()
			if len(name) > maxFieldName {
				r.Fail(codec.ErrLimit, "field name of at most 255 bytes")
			}
			f := Field{Name: name, Type: -1}
			if values--; values > 0 && r.Peek() == codec.TypeInt {
				values--
				number := r.Uint32()
				if number >= uint32(n) {
					r.Fail(codec.ErrRange, "number of a struct of the table")
				}
				f.Type = int(number)
			}
			t[i] = append(t[i], f)
		}
		r.Leave()
	}
	r.Leave()
	if r.Err() != nil {
		return nil
	}
	return t
}
