package model

import "go/types"

// streamKind returns the name of a type that stands for a stream, of those that
// can be carried and of those that are mistaken for them, and "" for others.
func streamKind(t types.Type) string {
	for _, k := range []struct{ pkg, name string }{
		{"iter", "Seq2"}, {"iter", "Seq"},
		{"io", "Reader"}, {"io", "ReadCloser"}, {"io", "Writer"}, {"io", "WriteCloser"},
	} {
		if isNamed(t, k.pkg, k.name) {
			return k.pkg + "." + k.name
		}
	}
	return ""
}

// in makes v the stream to the handler. It is followed by a parameter that is
// no stream, or not.
func (b *builder) in(m *Method, v *types.Var, w at, followed bool) {
	what, kind := "parameter "+v.Name()+" of "+m.Name, streamKind(v.Type())
	switch {
	case m.In != nil:
		b.problem(w.pos, "%s is a second stream to the handler: a method takes one, so let another take this", what)
		return
	case followed:
		b.problem(w.pos, "%s is a stream and not the last parameter: move it to the end", what)
	}
	m.In = &Stream{Name: v.Name(), Go: v.Type()}
	switch kind {
	case "io.Reader":
	case "iter.Seq2":
		m.In.Value = b.valueOf(v.Type(), w, what)
	case "iter.Seq":
		b.seq(w, what)
	case "io.ReadCloser":
		b.problem(w.pos, "%s is an io.ReadCloser: make it an io.Reader, which whoever opened it closes", what)
	default:
		b.problem(w.pos, "%s is an %s: return an io.ReadCloser, of which the handler makes what it would have written", what, kind)
	}
}

// out makes v the stream from the handler, one of the results.
func (b *builder) out(m *Method, v *types.Var, w at, results *types.Tuple) {
	what, kind := "result of "+m.Name, streamKind(v.Type())
	m.Out = &Stream{Go: v.Type()}
	switch kind {
	case "io.ReadCloser":
		if n := results.Len(); n != 2 || results.At(1).Type() != types.Universe.Lookup("error").Type() {
			b.problem(w.pos, "%s is an io.ReadCloser and not all of it: return (io.ReadCloser, error)", what)
		}
	case "iter.Seq2":
		if results.Len() > 1 {
			b.problem(w.pos, "%s is an iter.Seq2 and not all of it: return it alone, for it yields an error last", what)
		}
		m.Out.Value = b.valueOf(v.Type(), w, what)
	case "iter.Seq":
		b.seq(w, what)
	case "io.Reader":
		b.problem(w.pos, "%s is an io.Reader: make it an io.ReadCloser, so that the caller can say that it has enough", what)
	default:
		b.problem(w.pos, "%s is an %s: take an io.Reader as the last parameter, which the caller fills", what, kind)
	}
}

// valueOf returns the type of the values that an iter.Seq2 yields.
func (b *builder) valueOf(t types.Type, w at, what string) *Type {
	args := types.Unalias(t).(*types.Named).TypeArgs()
	if args.Len() < 2 {
		return nil // the compiler says so
	}
	if second := args.At(1); second != types.Universe.Lookup("error").Type() {
		b.problem(w.pos, "%s yields pairs with %s: make it an iter.Seq2[T, error], of one value and the error that comes last", what, b.spell(second))
		return nil
	}
	return b.typeOf(args.At(0), w)
}

func (b *builder) seq(w at, what string) {
	b.problem(w.pos, "%s is an iter.Seq: make it an iter.Seq2[T, error], which can yield an error last", what)
}
