package model

import (
	"go/ast"
	"go/token"
	"go/types"
	"slices"
	"strings"

	"github.com/twinwire/twinwire/frame"
)

// service makes the service of an interface.
func (b *builder) service(s spec, obj *types.TypeName, d directive) {
	iface, ok := obj.Type().Underlying().(*types.Interface)
	if !ok {
		b.problem(s.Name.Pos(), "service %s is no interface: put the directive on the interface that is served", obj.Name())
		return
	}
	if !obj.Exported() {
		b.problem(s.Name.Pos(), "service %s is not exported: begin it with a capital letter", obj.Name())
	}
	svc := &Service{Name: obj.Name(), Wire: d.args["name"], Doc: docOf(s.doc), Pos: b.load.Fset.Position(s.Name.Pos())}
	if svc.Wire == "" {
		svc.Wire = lower(svc.Name)
	}
	if !validWire(svc.Wire) {
		b.problem(d.pos, "%q cannot be the name of a service: use letters, digits and any of . _ / -, at most 100", svc.Wire)
	}
	for _, other := range b.pkg.Services {
		if other.Wire == svc.Wire {
			b.problem(d.pos, "services %s and %s are both called %q on the wire: give one a name by //twinwire:service name=", other.Name, svc.Name, svc.Wire)
		}
	}
	if name := d.args["state"]; name != "" {
		if o := b.named(name, d, "state"); o != nil {
			svc.State = b.state(o, d.pos)
		}
	}
	if name := d.args["events"]; name != "" {
		if o := b.named(name, d, "events"); o != nil {
			svc.Events = b.family(o, d.pos, svc.Wire)
		}
	}
	for _, f := range b.inOrder(iface) {
		m := b.method(f, b.methods[f.Pos()], s.Name.Pos())
		b.checkMethodName(svc, m, b.local(f.Pos(), s.Name.Pos()))
		svc.Methods = append(svc.Methods, m)
	}
	if iface.NumMethods() == 0 {
		b.problem(s.Name.Pos(), "service %s has no methods: declare what it serves", svc.Name)
	}
	b.pkg.Services = append(b.pkg.Services, svc)
}

// inOrder returns the methods of an interface in the order of the source; those
// of interfaces of other packages come last, by their names.
func (b *builder) inOrder(iface *types.Interface) []*types.Func {
	var own, others []*types.Func
	for f := range iface.Methods() {
		if f.Pkg() == b.load.Types {
			own = append(own, f)
		} else {
			others = append(others, f)
		}
	}
	slices.SortFunc(own, func(x, y *types.Func) int { return int(x.Pos()) - int(y.Pos()) })
	return append(own, others...)
}

// validWire reports whether names on the wire can begin with name.
func validWire(name string) bool { return frame.ValidMethod(name) && len(name) <= 100 }

// checkMethodName looks for names that the client needs for itself, and for
// those that make the same names as a method of another service does.
func (b *builder) checkMethodName(svc *Service, m *Method, pos token.Pos) {
	for _, other := range b.pkg.Services {
		for _, o := range other.Methods {
			if other.Name+o.Name == svc.Name+m.Name {
				b.problem(pos, "method %s of %s and method %s of %s make the same names in generated code: rename one", o.Name, other.Name, m.Name, svc.Name)
			}
		}
	}
	taken := map[string]bool{"Session": true, "State": svc.State != nil, "Events": svc.Events != nil}
	if taken[m.Name] {
		b.problem(pos, "method %s has the name of a method that the generated client has: rename it", m.Name)
	}
	if name := svc.Wire + "." + m.Name; validWire(svc.Wire) && !frame.ValidMethod(name) {
		b.problem(pos, "%q cannot be the name of a method: use letters a to z, digits and _, at most 255 of them", name)
	}
}

// method makes one method; syntax is nil if it comes from an interface of
// another package, and service is then where to report problems.
func (b *builder) method(f *types.Func, syntax *ast.Field, service token.Pos) *Method {
	pos := f.Pos()
	if syntax == nil {
		pos = service
	}
	m := &Method{Name: f.Name(), Pos: b.load.Fset.Position(pos)}
	anything := false
	if syntax != nil {
		m.Doc = docOf(syntax.Doc)
		for _, d := range b.directives(onMethod(), syntax.Doc, syntax.Comment) {
			switch d.name {
			case "oneway":
				m.OneWay = true
			case "idempotent":
				m.Idempotent = true
			case "unordered":
				m.Unordered = true
			case "priority":
				m.Priority = d.word
			case "any":
				anything = true
			}
		}
	}
	if !f.Exported() {
		b.problem(pos, "method %s is not exported: begin it with a capital letter, for peers call it", f.Name())
	}
	sig := f.Signature()
	m.Variadic = sig.Variadic()
	params, results := sig.Params(), sig.Results()
	if params.Len() == 0 || !isNamed(params.At(0).Type(), "context", "Context") {
		b.problem(pos, "method %s does not take a context: make its first parameter ctx context.Context", m.Name)
	}
	b.results(m, results, pos, anything)
	for i := 1; i < params.Len(); i++ {
		v := params.At(i)
		where := at{pos: b.local(v.Pos(), pos), anything: anything}
		switch {
		case v.Name() == "" || v.Name() == "_":
			b.problem(where.pos, "parameter %d of %s has no name: give it one, for that is how it is called on the wire", i, m.Name)
		case isNamed(v.Type(), "context", "Context"):
			b.problem(where.pos, "parameter %s of %s is a second context: take the first one only", v.Name(), m.Name)
		case streamKind(v.Type()) != "":
			b.in(m, v, where, i+1 < params.Len() && streamKind(params.At(i+1).Type()) == "")
		default:
			if t := b.typeOf(v.Type(), where); t != nil {
				m.Params = append(m.Params, Param{v.Name(), t})
			}
		}
	}
	if m.OneWay && (m.In != nil || m.Out != nil) {
		b.problem(pos, "method %s is oneway and has a stream: remove the directive, for a stream belongs to a call with an answer", m.Name)
	}
	return m
}

// results adds the results of a method, whose last one is an error.
func (b *builder) results(m *Method, results *types.Tuple, pos token.Pos, anything bool) {
	n := results.Len()
	for i := range n {
		if v := results.At(i); streamKind(v.Type()) != "" {
			b.out(m, v, at{pos: b.local(v.Pos(), pos), anything: anything}, results)
			return
		}
	}
	if n == 0 || results.At(n-1).Type() != types.Universe.Lookup("error").Type() {
		b.problem(pos, "method %s does not return an error: make its last result error, for any call may fail", m.Name)
		return
	}
	if m.OneWay && n > 1 {
		b.problem(pos, "method %s is oneway and returns more than an error: it has no answer, so remove its results or the directive", m.Name)
		return
	}
	for i := range n - 1 {
		v := results.At(i)
		where := at{pos: b.local(v.Pos(), pos), anything: anything}
		name := v.Name()
		if n > 2 && (name == "" || name == "_") {
			b.problem(where.pos, "result %d of %s has no name: name all results, or return one struct, for several travel by their names", i+1, m.Name)
			continue
		}
		if t := b.typeOf(v.Type(), where); t != nil {
			m.Results = append(m.Results, Param{name, t})
		}
	}
}

// local returns pos if it is in a file of the package, otherwise.
func (b *builder) local(pos, otherwise token.Pos) token.Pos {
	if pos.IsValid() && otherwise.IsValid() &&
		b.load.Fset.Position(pos).Filename == b.load.Fset.Position(otherwise).Filename {
		return pos
	}
	return otherwise
}

// isNamed reports whether t is the type pkg.name or an instance of it.
func isNamed(t types.Type, pkg, name string) bool {
	n, ok := types.Unalias(t).(*types.Named)
	return ok && n.Obj().Pkg() != nil && n.Obj().Pkg().Path() == pkg && n.Obj().Name() == name
}

// docOf returns the text of a doc comment without directives.
func docOf(doc *ast.CommentGroup) string { return strings.TrimSpace(doc.Text()) }
