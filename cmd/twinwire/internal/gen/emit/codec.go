package emit

import (
	"bytes"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// needCodec has the codec of a type written if it is one of this package.
func (f *file) needCodec(t *model.Type) {
	if (t.Kind == model.Struct || byFunction(t)) && f.once("codec "+t.ID) {
		f.queue = append(f.queue, t)
	}
}

// codecs writes what needCodec asked for, and what that asks for.
func (f *file) codecs() {
	for len(f.queue) > 0 {
		t := f.queue[0]
		f.queue = f.queue[1:]
		if t.Kind == model.Struct && t.Local {
			f.methods(f.typ(t.Go), t.Fields)
		} else {
			f.functions(t)
		}
	}
}

// methods writes the codec of a struct.
func (f *file) methods(name string, fields []*model.Field) {
	f.p("\n// AppendMsgpack implements %s.Marshaler.", f.lib("codec"))
	f.p("func (v %s) AppendMsgpack(b []byte) ([]byte, error) {", name)
	f.withErr(func() { f.appendFields(fields, "v") })
	f.p("return b, nil\n}")
	f.p("\n// ReadMsgpack implements %s.Unmarshaler.", f.lib("codec"))
	f.p("func (v *%s) ReadMsgpack(r *%s.Reader) error {", name, f.lib("codec"))
	f.readFields(fields, "v")
	f.p("}")
}

// functions writes the codec of a type that has no methods.
func (f *file) functions(t *model.Type) {
	name := f.typ(t.Go)
	f.p("\n// twAppend%s and twRead%s are the codec of %s.", t.ID, t.ID, name)
	f.p("func %s(b []byte, v *%s) ([]byte, error) {", f.declare("twAppend"+t.ID), name)
	f.withErr(func() {
		if t.Kind == model.Struct {
			f.appendFields(t.Fields, "v")
		} else {
			f.appendContainer(t, "(*v)", 0)
		}
	})
	f.p("return b, nil\n}\n")
	f.p("func %s(r *%s.Reader, v *%s) error {", f.declare("twRead"+t.ID), f.lib("codec"), name)
	if t.Kind == model.Struct {
		f.readFields(t.Fields, "v")
	} else {
		f.readContainer(t, "(*v)", false, 0)
		f.p("return r.Err()")
	}
	f.p("}")
}

// withErr declares err in front of what body writes, if that sets it.
func (f *file) withErr(body func()) {
	before := f.body
	f.body = bytes.Buffer{}
	body()
	written := f.body
	f.body = before
	if bytes.Contains(written.Bytes(), []byte("b, err = ")) {
		f.p("var err error")
	}
	f.body.Write(written.Bytes())
}
