package typescript

import (
	"strings"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/model"
)

// A shape is a method as both sides see it.
type shape struct {
	*model.Method
	name          string   // of the method
	params        []string // declarations
	args          string   // their value: an object, or undefined
	result        string   // the type of what is returned
	codec         string   // of what is returned or yielded, "undefined" for nothing
	arguments     string   // the codec of the arguments
	argumentsType string
}

func (f *file) shape(m *model.Method) shape {
	s := shape{Method: m, name: lower(m.Name), args: "undefined", result: "void", codec: "undefined", arguments: "undefined", argumentsType: "undefined"}
	var members, fields, values []string
	for _, p := range m.Params {
		n := f.of(p.Type)
		s.params = append(s.params, local(p.Name)+": "+n.typ)
		members = append(members, property(p.Name)+": "+n.codec)
		fields = append(fields, "readonly "+property(p.Name)+": "+n.typ)
		value := property(p.Name)
		if local(p.Name) != value {
			value += ": " + local(p.Name)
		}
		values = append(values, value)
	}
	if len(members) > 0 {
		s.args = "{ " + strings.Join(values, ", ") + " }"
		s.arguments = "c.struct({ " + strings.Join(members, ", ") + " })"
		s.argumentsType = "{ " + strings.Join(fields, "; ") + " }"
	}
	switch {
	case m.Out != nil && m.Out.Value != nil:
		n := f.of(m.Out.Value)
		s.result, s.codec = n.typ, n.codec
	case len(m.Results) == 1:
		n := f.of(m.Results[0].Type)
		s.result, s.codec = n.typ, n.codec
	case len(m.Results) > 1:
		var types, codecs []string
		for _, r := range m.Results {
			n := f.of(r.Type)
			types = append(types, "readonly "+property(r.Name)+": "+n.typ)
			codecs = append(codecs, property(r.Name)+": "+n.codec)
		}
		s.result = "{ " + strings.Join(types, "; ") + " }"
		s.codec = "c.struct({ " + strings.Join(codecs, ", ") + " })"
	}
	return s
}

// in returns the declaration of a method's stream to the handler, and the
// source that a client makes of it.
func (f *file) in(m *model.Method) (param, source string) {
	if m.In == nil {
		return "", ""
	}
	if m.In.Value == nil {
		return local(m.In.Name) + ": tw.Body", "tw.bytes(" + local(m.In.Name) + ")"
	}
	n := f.of(m.In.Value)
	return local(m.In.Name) + ": AsyncIterable<" + n.typ + "> | Iterable<" + n.typ + ">", "tw.values(" + n.codec + ", " + local(m.In.Name) + ")"
}

// service writes the client of a service, and what serves it.
func (f *file) service(s *model.Service) {
	f.p("\n/** The methods of %s, for calls by hand. */", s.Name)
	f.p("export const %sMethods = {", lower(s.Name))
	shapes := make([]shape, len(s.Methods))
	// What has a method then is taken for a promise.
	used := map[string]bool{"constructor": true, "then": true}
	for i, m := range s.Methods {
		shapes[i] = f.shape(m)
		for used[shapes[i].name] {
			shapes[i].name += "_"
		}
		used[shapes[i].name] = true
		f.p("\t%s: /* @__PURE__ */ tw.method<%s, %s>(%s, %s, %s),", shapes[i].name, shapes[i].argumentsType, shapes[i].result,
			quote(s.Wire+"."+m.Name), shapes[i].arguments, shapes[i].codec)
	}
	f.p("};\n")

	f.doc("", "Calls the "+s.Name+" of the peer.\n\n"+s.Doc)
	f.p("export class %sClient {\n\tconstructor(readonly session: tw.Session) {}", s.Name)
	if s.State != nil {
		f.need(s.State.Type)
		f.p("\n\t/** The live copy of the peer's state. */\n\tget state(): tw.View<%s> {\n\t\treturn this.session.state(%s, %s);\n\t}",
			f.name(s.State.Type), quote(s.Wire), f.name(s.State.Type))
	}
	if s.Events != nil {
		f.p("\n\t/** Yields the events of the topics that the peer has subscribed this session to. */")
		f.p("\tevents(options?: tw.EventOptions): AsyncIterableIterator<%sDelivery> & AsyncDisposable {", s.Events.Name)
		f.p("\t\treturn tw.typedEvents(this.session, %s, %sTypes, options);\n\t}", quote(s.Events.Wire), lower(s.Events.Name))
	}
	for _, m := range shapes {
		f.call(s, m)
	}
	f.p("}")
	f.serve(s, shapes)
}

// call writes one method of a client.
func (f *file) call(s *model.Service, m shape) {
	params := m.params
	options := "options"
	param, source := f.in(m.Method)
	if param != "" {
		params = append(params, param)
		options = "{ ...options, source: " + source + " }"
	}
	var flags []string
	if m.Idempotent {
		flags = append(flags, "idempotent: true")
	}
	if m.Unordered {
		flags = append(flags, "unordered: true")
	}
	if len(flags) > 0 {
		options = "{ " + strings.Join(flags, ", ") + ", ..." + options + " }"
		options = strings.Replace(options, "...{ ...options, ", "...options, ", 1)
		options = strings.Replace(options, " } }", " }", 1)
	}
	verb, result := "call", "Promise<"+m.result+">"
	switch {
	case m.OneWay:
		verb = "send"
	case m.Out != nil && m.Out.Value != nil:
		verb, result = "values", "AsyncIterableIterator<"+m.result+"> & AsyncDisposable"
	case m.Out != nil:
		verb, result = "body", "ReadableStream<Uint8Array>"
	}
	f.p("")
	f.doc("\t", m.Doc)
	f.p("\t%s(%s): %s {", m.name, strings.Join(append(params, "options?: tw.CallOptions"), ", "), result)
	f.p("\t\treturn this.session.%s(%sMethods.%s, %s, %s);\n\t}", verb, lower(s.Name), m.name, m.args, options)
}

// serve writes the interface of who serves a service, and the handlers of it.
func (f *file) serve(s *model.Service, shapes []shape) {
	f.p("")
	f.doc("", "Serves "+s.Name+": see serve"+s.Name+".\n\n"+s.Doc)
	f.p("export interface %s {", s.Name)
	for _, m := range shapes {
		params := m.params
		if m.In != nil && m.In.Value == nil {
			params = append(params, local(m.In.Name)+": ReadableStream<Uint8Array>")
		} else if m.In != nil {
			params = append(params, local(m.In.Name)+": AsyncIterable<"+f.of(m.In.Value).typ+">")
		}
		result := m.result + " | Promise<" + m.result + ">"
		if m.Out != nil && m.Out.Value != nil {
			result = "AsyncIterable<" + m.result + "> | Iterable<" + m.result + ">"
		} else if m.Out != nil {
			result = "tw.Body | Promise<tw.Body>"
		}
		f.doc("\t", m.Doc)
		f.p("\t%s(%s): %s;", m.name, strings.Join(append(params, "request: tw.Request"), ", "), result)
	}
	f.p("}\n\n/** The handlers of a service, for tw.connect. */\nexport function serve%s(impl: %s): tw.Handlers {\n\treturn {", s.Name, s.Name)
	for _, m := range shapes {
		var args []string
		for _, p := range m.Params {
			args = append(args, "args["+quote(p.Name)+"]")
		}
		if m.In != nil && m.In.Value == nil {
			args = append(args, "request.body()")
		} else if m.In != nil {
			args = append(args, "request.values("+f.of(m.In.Value).codec+")")
		}
		call := "impl." + m.name + "(" + strings.Join(append(args, "request"), ", ") + ")"
		result := "undefined"
		switch {
		case m.Out != nil && m.Out.Value != nil:
			call = "tw.values(" + m.codec + ", " + call + ")"
		case m.Out != nil:
			call = "tw.bytes(await " + call + ")"
		case !m.OneWay:
			result = m.codec
		}
		first := "_"
		if len(m.Params) > 0 {
			first = "args"
		}
		f.p("\t\t%s: tw.handler<%s, %s>({ args: %s, result: %s }, async (%s, request) => %s),",
			quote(s.Wire+"."+m.Name), m.argumentsType, handled(m), m.arguments, result, first, call)
	}
	f.p("\t};\n}")
}

// handled returns the type of what a handler returns, streams apart.
func handled(m shape) string {
	if m.Out != nil {
		return "void"
	}
	return m.result
}

// family writes the types of a family of events.
func (f *file) family(fam *model.Family) {
	f.p("\n/** The types of the events of the family %s, by their names. */", quote(fam.Wire))
	f.p("export const %sTypes = {", lower(fam.Name))
	for _, e := range fam.Events {
		if e.Named {
			f.p("\t// %s has a name of its own, which is known at run time only.", e.Name)
			continue
		}
		f.p("\t%s: %s,", property(e.Name), f.of(e.Type).codec)
	}
	f.p("};\n")
	f.doc("", f.pkg.Docs[f.pkg.Types.Scope().Lookup(fam.Name).Pos()])
	f.p("export type %sDelivery = tw.TypedDelivery<typeof %sTypes>;", fam.Name, lower(fam.Name))
}
