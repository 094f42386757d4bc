package emit

import (
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// inType and outType are the types that carry the values of a method's streams.
func inType(s *model.Service, m *model.Method) string  { return lower(s.Name) + m.Name + "In" }
func outType(s *model.Service, m *model.Method) string { return lower(s.Name) + m.Name + "Out" }

// priority returns the priority of what a method sends.
func (f *file) priority(m *model.Method, otherwise string) string {
	name := m.Priority
	if name == "" {
		name = otherwise
	}
	return f.lib("core") + "." + strings.ToUpper(name[:1]) + name[1:]
}

// source returns an expression of what a call of m sends.
func (f *file) source(s *model.Service, m *model.Method) string {
	local := f.localName(m.In.Name)
	if m.In.Value == nil {
		return f.lib("core") + ".ByteSource(" + local + ")"
	}
	return f.lib("core") + ".ValueSource(" + local + ", (*" + inType(s, m) + ").at)"
}

// callStream writes the end of a method of a client that returns a stream.
func (f *file) callStream(s *model.Service, m *model.Method, name, args string) {
	source := "nil"
	if m.In != nil {
		source = f.source(s, m)
	}
	if m.Out.Value == nil {
		f.p("return c.session.CallBody(ctx, %q, %s, %s)\n}", name, args, source)
		return
	}
	f.p("return %s.CallValues(ctx, c.session, %q, %s, %s, (*%s).at)\n}", f.lib("core"), name, args, source, outType(s, m))
}

// received returns an expression of the stream that the handler of m receives.
func (f *file) received(s *model.Service, m *model.Method) string {
	if m.In.Value == nil {
		return "r.Reader(0)"
	}
	return f.lib("core") + ".RequestValues(r, (*" + inType(s, m) + ").at)"
}

// serveStream writes the end of the function that serves a method that returns
// a stream; call calls the handler.
func (f *file) serveStream(s *model.Service, m *model.Method, call string) {
	core := f.lib("core")
	if m.Out.Value == nil {
		f.p("body, err := %s\nif err != nil {\nreturn nil, err\n}", call)
		f.p("return nil, r.ReplyBody(%s.PriorityOf(ctx, %s), body)\n}", core, f.priority(m, "bulk"))
		return
	}
	f.p("values := %s", call)
	f.p("return nil, %s.ReplyValues(r, %s.PriorityOf(ctx, %s), values, (*%s).at)\n}",
		core, core, f.priority(m, "normal"), outType(s, m))
}

// streams writes the types that carry the values of a method.
func (f *file) streams(s *model.Service, m *model.Method) {
	if m.In != nil && m.In.Value != nil {
		name := f.declare(inType(s, m))
		f.single(name, "carries a value to "+s.Name+"."+m.Name, m.In.Value)
		f.p("\nfunc (v *%s) at() *%s { return &v.value }", name, f.typ(m.In.Value.Go))
	}
	if m.Out != nil && m.Out.Value != nil {
		name := f.declare(outType(s, m))
		f.single(name, "carries a value from "+s.Name+"."+m.Name, m.Out.Value)
		f.p("\nfunc (v *%s) at() *%s { return &v.value }", name, f.typ(m.Out.Value.Go))
	}
}
