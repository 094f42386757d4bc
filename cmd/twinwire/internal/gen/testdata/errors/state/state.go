package state

import (
	"github.com/twinwire/twinwire/codec"
)

//twinwire:state
type A int

//twinwire:state
type B struct {
	Tree Tree
	Any  any //twinwire:any
}

type Tree []Tree

//twinwire:state
type C struct{ n int }

func (C) AppendMsgpack(b []byte) ([]byte, error) { return b, nil }
func (*C) ReadMsgpack(*codec.Reader) error       { return nil }

// want 7:1: state A is no struct: a state is one, because what changes is sent by fields
// want 12:2: Tree contains itself without a struct, which a state cannot: put a struct between
// want 13:2: any cannot be in a state, for what changes in it is not known: use a type of your own
// want 19:6: state C encodes itself: leave the methods out, or wrap it in a struct
