package emit

import (
	"go/types"
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// client writes the client of a service.
func (f *file) client(s *model.Service, n names) {
	core := f.lib("core")
	f.p("\n// A %s calls the %s of the peer. It is a %s.", f.declare(n.client), s.Name, s.Name)
	if s.Doc != "" {
		f.p("//")
		f.doc(s.Doc)
	}
	f.p("type %s struct {\nsession *%s.Session", n.client, core)
	if s.State != nil {
		f.p("state *%s.View[%s]", f.lib("state"), s.State.Name)
	}
	if s.Events != nil {
		f.p("events *%s.Stream[%s]", f.lib("events"), s.Events.Name)
	}
	f.p("}\n\nvar _ %s = (*%s)(nil)", s.Name, n.client)

	f.p("\n// %s returns the client of a session.", f.declare(n.newClient))
	if s.State != nil {
		f.p("// There is one for a session: the error is that of state.NewView.")
	} else {
		f.p("// The error is nil.")
	}
	f.p("func %s(s *%s.Session) (*%s, error) {", n.newClient, core, n.client)
	f.p("c := &%s{session: s}", n.client)
	if s.State != nil {
		f.p("view, err := %s.NewView(s, %q, %sSchema(), nil)", f.lib("state"), s.Wire, s.State.Name)
		f.p("if err != nil {\nreturn nil, err\n}\nc.state = view")
	}
	if s.Events != nil {
		f.p("c.events = %sStream(s)", s.Events.Name)
	}
	f.p("return c, nil\n}")
	f.p("\n// Session returns the session that the calls go through.")
	f.p("func (c *%s) Session() *%s.Session { return c.session }", n.client, core)
	if s.State != nil {
		f.p("\n// State returns the live copy of the peer's state.")
		f.p("func (c *%s) State() *%s.View[%s] { return c.state }", n.client, f.lib("state"), s.State.Name)
	}
	if s.Events != nil {
		events := f.lib("events")
		f.p("\n// Events yields the events of the topics that the peer has subscribed this")
		f.p("// session to, until ctx is done or the session ends. Those of a type that is not")
		f.p("// known here, because the peer is newer, are skipped and counted: see the")
		f.p("// Unknown of %sStream.", s.Events.Name)
		f.p("func (c *%s) Events(ctx %s.Context) %s.Seq[%s.Delivery[%s]] {\nreturn c.events.Events(ctx)\n}",
			n.client, f.lib("context"), f.lib("iter"), events, s.Events.Name)
	}
	for _, m := range s.Methods {
		f.call(s, m, n)
	}
}

// call writes one method of a client.
func (f *file) call(s *model.Service, m *model.Method, n names) {
	core := f.lib("core")
	if m.Doc == "" {
		f.p("\n// %s implements %s.", m.Name, s.Name)
	} else {
		f.p("")
		f.doc(m.Doc)
	}
	params, values := f.params(m)
	f.p("func (c *%s) %s(%s) %s {", n.client, m.Name, strings.Join(params, ", "), f.results(m))
	if m.Idempotent {
		f.p("ctx = %s.Idempotent(ctx)", core)
	}
	if m.Unordered {
		f.p("ctx = %s.Unordered(ctx)", core)
	}
	if m.Priority != "" {
		f.p("ctx = %s.DefaultPriority(ctx, %s)", core, f.priority(m, ""))
	}
	args := "nil"
	if len(values) > 0 {
		args = argsType(s, m) + "{" + strings.Join(values, ", ") + "}"
	}
	call, rest := "Call", ""
	if m.In != nil {
		call, rest = "CallSource", ", "+f.source(s, m)
	}
	name := s.Wire + "." + m.Name
	switch {
	case m.OneWay:
		f.p("return c.session.Send(ctx, %q, %s)\n}", name, args)
	case m.Out != nil:
		f.callStream(s, m, name, args)
	case len(m.Results) == 0:
		f.p("return c.session.%s(ctx, %q, %s, nil%s)\n}", call, name, args, rest)
	default:
		f.p("var reply %s", replyType(s, m))
		f.p("err := c.session.%s(ctx, %q, %s, &reply%s)", call, name, args, rest)
		var values []string
		for _, p := range m.Results {
			values = append(values, "reply."+resultField(m, p))
		}
		f.p("return %s, err\n}", strings.Join(values, ", "))
	}
}

// params returns the parameters of a method as it declares them, and the values
// of the fields of its arguments.
func (f *file) params(m *model.Method) (params, values []string) {
	params = []string{"ctx " + f.lib("context") + ".Context"}
	for _, p := range m.Params {
		f.typ(p.Type.Go) // so that no parameter is named like its package
	}
	if m.In != nil {
		f.typ(m.In.Go)
	}
	for i, p := range m.Params {
		local := f.localName(p.Name)
		typ := f.typ(p.Type.Go)
		if m.Variadic && i == len(m.Params)-1 {
			typ = "..." + f.typ(p.Type.Go.Underlying().(*types.Slice).Elem())
		}
		params = append(params, local+" "+typ)
		values = append(values, field(p.Name)+": "+local)
	}
	if m.In != nil {
		params = append(params, f.localName(m.In.Name)+" "+f.typ(m.In.Go))
	}
	return params, values
}

// results returns the results of a method as it declares them.
func (f *file) results(m *model.Method) string {
	var results []string
	for _, p := range m.Results {
		results = append(results, f.typ(p.Type.Go))
	}
	if m.Out != nil {
		results = append(results, f.typ(m.Out.Go))
	}
	if m.Out == nil || m.Out.Value == nil {
		results = append(results, "error")
	}
	if len(results) == 1 {
		return results[0]
	}
	return "(" + strings.Join(results, ", ") + ")"
}
