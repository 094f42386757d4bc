package emit

import (
	"go/types"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// family writes what belongs to a family of events.
func (f *file) family(fam *model.Family) {
	events, codec := f.lib("events"), f.lib("codec")
	f.p("\n// %s returns the stream of a session's events that are of the type %s.", f.declare(fam.Name+"Stream"), fam.Name)
	f.p("func %sStream(s *%s.Session) *%s.Stream[%s] {", fam.Name, f.lib("core"), events, fam.Name)
	f.p("return %s.StreamOf(%s.ReceiverOf(s, %q), decode%s)\n}", events, events, fam.Wire, fam.Name)
	f.p("\n// decode%s reads an event of the named type.", fam.Name)
	f.p("func %s(typ string, r *%s.Reader) (%s, error) {\nswitch typ {", f.declare("decode"+fam.Name), codec, fam.Name)
	for _, e := range fam.Events {
		f.needCodec(e.Type)
		if e.Named {
			zero := e.Name + "{}"
			if _, ok := e.Type.Go.Underlying().(*types.Struct); !ok {
				zero = "(*new(" + e.Name + "))"
			}
			f.p("case %s.EventType():", zero)
		} else {
			f.p("case %q:", fam.Wire+"."+e.Name)
		}
		f.p("var e %s\nerr := e.ReadMsgpack(r)\nreturn e, err", e.Name)
	}
	zero := "nil"
	if !fam.Sealed {
		zero = fam.Name + "{}"
	}
	f.p("}\nreturn %s, %s.ErrUnknownType\n}", zero, events)
	for _, e := range fam.Events {
		if !e.Named && f.once("type "+e.Name) {
			f.p("\n// EventType implements %s.Event.", events)
			f.p("func (%s) EventType() string { return %q }", e.Name, fam.Wire+"."+e.Name)
		}
	}
}
