// Package model is what the generator knows of a package: its services, the
// families of events, the states, and the types that these carry.
//
// [Build] makes it of a loaded package and reports every problem that it
// finds, not only the first.
package model

import (
	"go/token"
	"go/types"
)

// A Package is one package with something to generate.
type Package struct {
	Path, Name string
	Types      *types.Package
	// File is the path of the generated file.
	File string

	Services []*Service
	Families []*Family
	States   []*State
	// Codecs are the types that are carried although nothing else names them.
	Codecs []*Type

	// Docs holds the comments of types and of fields of structs, by the
	// positions of their names.
	Docs map[token.Pos]string

	// Declared holds the names that the package declares itself, and where.
	Declared map[string]token.Position
}

// Empty reports whether there is nothing to generate.
func (p *Package) Empty() bool {
	return len(p.Services) == 0 && len(p.Families) == 0 && len(p.States) == 0 && len(p.Codecs) == 0
}

// A Service is an interface that one end serves.
type Service struct {
	Name    string // of the interface
	Wire    string // what the names of methods begin with
	Doc     string
	Pos     token.Position
	Methods []*Method
	State   *State  // nil if there is none
	Events  *Family // nil if there is none
}

// A Method is one method of a service.
type Method struct {
	Name     string
	Doc      string
	Pos      token.Position
	Params   []Param // without the context and the stream
	Results  []Param // without the error and the stream
	In       *Stream // to the handler; nil if there is none
	Out      *Stream // from the handler; nil if there is none
	Variadic bool

	OneWay, Idempotent, Unordered bool
	// Priority is high, normal, low or bulk; "" leaves it to core.
	Priority string
}

// A Param is a parameter or a result.
type Param struct {
	Name string // of the result that is alone: ""
	Type *Type
}

// A Stream is what a method takes or returns piece by piece.
type Stream struct {
	Name  string     // of the parameter
	Go    types.Type // in the signature
	Value *Type      // nil if it is one of bytes
}

// A Family is a set of event types: those that implement a sealed interface,
// or one struct.
type Family struct {
	Name   string // of the Go type
	Wire   string // the family, such as "counter"
	Pos    token.Position
	Sealed bool // it is an interface
	Events []*Event
}

// An Event is one event type.
type Event struct {
	Name string // of the Go type
	Pos  token.Position
	Type *Type
	// Named says that the type has its own EventType.
	Named bool
}

// A State is a struct that is synced.
type State struct {
	Name string
	Pos  token.Position
	Type *Type
}

// A Kind says how a type is carried.
type Kind int

const (
	Invalid Kind = iota
	Bool
	Int
	Uint
	Float
	String
	Bytes
	ByteArray
	Time
	Slice
	Array
	Map
	Pointer
	Struct
	Codec  // AppendMsgpack and ReadMsgpack
	Binary // MarshalBinary and UnmarshalBinary
	Text   // MarshalText and UnmarshalText
	Any    // whatever MessagePack can say
	// StateMap and StateSlice are those of package state, which are carried as
	// a Map and a Slice are.
	StateMap
	StateSlice
)

// A Type is a type that is carried.
type Type struct {
	Kind Kind
	Go   types.Type
	Bits int   // of numbers; 0 for int and uint
	Len  int64 // of arrays
	Key  *Type
	Elem *Type
	// Fields are those of a struct that is carried by fields. A Codec has them
	// too if its methods were generated.
	Fields []*Field
	// Local says that the type is a struct of this package, which gets methods.
	Local bool
	// HasFields says that Fields count.
	HasFields bool
	// IsZero says that there is such a method.
	IsZero bool
	// ID is a part of identifiers that no other type has.
	ID string
}

// IsMap reports whether the type is a map on the wire.
func (t *Type) IsMap() bool { return t.Kind == Map || t.Kind == StateMap }

// IsSlice reports whether the type is a slice on the wire, bytes excepted.
func (t *Type) IsSlice() bool { return t.Kind == Slice || t.Kind == StateSlice }

// Named reports whether the type has a name of its own, or is an instance of
// one.
func (t *Type) Named() bool {
	_, ok := types.Unalias(t.Go).(*types.Named)
	return ok
}

// A Field is a field of a struct as the wire sees it.
type Field struct {
	Wire      string
	Alias     string // a name that is read as well
	Path      string // from the struct, such as ".Base.ID"
	Type      *Type
	Pos       token.Pos // of a field of the package itself
	Place     token.Position
	OmitEmpty bool
}
