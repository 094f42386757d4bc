package emit

import (
	"slices"
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// names are the names of what is generated for a service. A service that is
// alone in its package has the short ones.
type names struct {
	client, newClient, session, newService string
}

func (f *file) names(s *model.Service) names {
	if len(f.pkg.Services) == 1 {
		return names{s.Name + "Client", "NewClient", "Session", "NewService"}
	}
	return names{s.Name + "Client", "New" + s.Name + "Client", s.Name + "Session", "New" + s.Name + "Service"}
}

func argsType(s *model.Service, m *model.Method) string { return lower(s.Name) + m.Name + "Args" }
func replyType(s *model.Service, m *model.Method) string {
	return lower(s.Name) + m.Name + "Reply"
}

// service writes client, session and service.
func (f *file) service(s *model.Service) {
	n := f.names(s)
	f.client(s, n)
	f.session(s, n)
	f.newService(s, n)
	for _, m := range s.Methods {
		f.serve(s, m)
	}
	for _, m := range s.Methods {
		f.arguments(s, m)
	}
}

func (f *file) session(s *model.Service, n names) {
	f.p("\n// A %s is the handler's side of a session that %s is served in.", f.declare(n.session), s.Name)
	f.p("type %s struct {", n.session)
	if s.Events != nil {
		f.p("// Subscriber is the session. It subscribes to topics of the hub and emits events.")
		f.p("%s.Subscriber[%s]", f.lib("events"), s.Events.Name)
	} else {
		f.p("*%s.Session", f.lib("core"))
	}
	if s.State != nil {
		f.p("// State is what the peer sees.\nState *%s.Value[%s]", f.lib("state"), s.State.Name)
	}
	f.p("}")
}

func (f *file) newService(s *model.Service, n names) {
	core := f.lib("core")
	f.p("\n// %s returns the service %s with a handler for each session.", f.declare(n.newService), s.Wire)
	hub, session := "", "Session: s"
	if s.Events != nil {
		events := f.lib("events")
		f.p("// Its events go through the hub, which other services may use as well.")
		hub = "hub *" + events + ".Hub, "
		session = "Subscriber: " + events + ".SubscriberOf[" + s.Events.Name + "](hub, s)"
	}
	f.p("func %s(%snewHandler func(s *%s) %s) *%s.Service {", n.newService, hub, n.session, s.Name, core)
	f.p("return &%s.Service{\nName: %q,\nOpen: func(s *%s.Session) (any, error) {", core, s.Wire, core)
	if s.State != nil {
		f.p("value, err := %s.New(s, %q, %sSchema(), %s{}, nil)", f.lib("state"), s.Wire, s.State.Name, s.State.Name)
		f.p("if err != nil {\nreturn nil, err\n}")
		session += ", State: value"
	}
	f.p("return newHandler(&%s{%s}), nil", n.session, session)
	f.p("},\nMethods: map[string]%s.Method{", core)
	for _, m := range s.Methods {
		f.p("%q: serve%s%s,", s.Wire+"."+m.Name, s.Name, m.Name)
	}
	f.p("},\n}\n}")
}

// serve writes the function that serves one method.
func (f *file) serve(s *model.Service, m *model.Method) {
	codec, core := f.lib("codec"), f.lib("core")
	f.p("\nfunc %s(ctx %s.Context, instance any, r *%s.Request) (%s.Marshaler, error) {",
		f.declare("serve"+s.Name+m.Name), f.lib("context"), core, codec)
	args := []string{"ctx"}
	if len(m.Params) > 0 {
		f.p("var args %s", argsType(s, m))
		f.p("// A caller that knows of no arguments sends none.")
		f.p("if len(r.Raw()) > 0 {\nif err := r.Decode(&args); err != nil {\nreturn nil, err\n}\n}")
	}
	for i, p := range m.Params {
		arg := "args." + field(p.Name)
		if m.Variadic && i == len(m.Params)-1 {
			arg += "..."
		}
		args = append(args, arg)
	}
	if m.In != nil {
		args = append(args, f.received(s, m))
	}
	call := "instance.(" + s.Name + ")." + m.Name + "(" + strings.Join(args, ", ") + ")"
	switch {
	case m.Out != nil:
		f.serveStream(s, m, call)
		return
	case len(m.Results) == 0:
		f.p("return nil, %s\n}", call)
		return
	}
	f.p("var (\nreply %s\nerr error\n)", replyType(s, m))
	var results []string
	for _, p := range m.Results {
		results = append(results, "reply."+resultField(m, p))
	}
	f.p("%s, err = %s", strings.Join(results, ", "), call)
	f.p("return reply, err\n}")
}

// field returns the name of the field that holds a parameter.
func field(name string) string {
	if name == "AppendMsgpack" || name == "ReadMsgpack" {
		return name + "_"
	}
	return name
}

func resultField(m *model.Method, p model.Param) string {
	if len(m.Results) == 1 {
		return "value"
	}
	return field(p.Name)
}

// arguments writes the types that hold the arguments and the results of a
// method, and the values of its streams.
func (f *file) arguments(s *model.Service, m *model.Method) {
	if len(m.Params) > 0 {
		name := f.declare(argsType(s, m))
		f.p("\n// %s are the arguments of %s.%s.", name, s.Name, m.Name)
		f.message(name, m.Params)
	}
	f.streams(s, m)
	switch len(m.Results) {
	case 0:
	case 1:
		f.single(f.declare(replyType(s, m)), "is the result of "+s.Name+"."+m.Name, m.Results[0].Type)
	default:
		name := f.declare(replyType(s, m))
		f.p("\n// %s are the results of %s.%s.", name, s.Name, m.Name)
		f.message(name, m.Results)
	}
}

// message writes a struct with a field for each parameter, and its codec.
func (f *file) message(name string, params []model.Param) {
	f.p("type %s struct {", name)
	fields := make([]*model.Field, len(params))
	for i, p := range params {
		f.p("%s %s", field(p.Name), f.typ(p.Type.Go))
		fields[i] = &model.Field{Wire: p.Name, Path: "." + field(p.Name), Type: p.Type}
	}
	f.p("}")
	f.methods(name, fields)
}

// single writes the type of a message that is one value.
func (f *file) single(name, what string, t *model.Type) {
	codec := f.lib("codec")
	f.p("\n// %s %s.", name, what)
	f.p("type %s struct{ value %s }", name, f.typ(t.Go))
	f.p("\n// AppendMsgpack implements %s.Marshaler.", codec)
	f.p("func (v %s) AppendMsgpack(b []byte) ([]byte, error) {", name)
	f.withErr(func() { f.append(t, "v.value", 0) })
	f.p("return b, nil\n}")
	f.p("\n// ReadMsgpack implements %s.Unmarshaler.", codec)
	f.p("func (v *%s) ReadMsgpack(r *%s.Reader) error {", name, codec)
	f.read(t, "v.value", false, 0)
	f.p("return r.Err()\n}")
}

// localName returns the name that a parameter has in the generated function,
// where others are needed for other things.
func (f *file) localName(name string) string {
	used := []string{"c", "ctx", "err", "reply", "args"}
	for _, imported := range f.imports {
		used = append(used, imported)
	}
	if slices.Contains(used, name) || f.declared[name] {
		return name + "_"
	}
	return name
}
