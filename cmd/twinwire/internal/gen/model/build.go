package model

import (
	"fmt"
	"go/ast"
	"go/token"
	"go/types"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/tools/go/types/typeutil"

	"github.com/twinwire/twinwire/cmd/twinwire/internal/gen/load"
)

// Build makes the model of p. The package has no meaning if there are problems.
func Build(p *load.Package) (*Package, Problems) {
	b := &builder{
		load:    p,
		pkg:     &Package{Path: p.PkgPath, Name: p.Name, Types: p.Types, File: p.GeneratedFile(), Docs: docs(p), Declared: make(map[string]token.Position)},
		placed:  make(map[token.Pos]bool),
		ids:     make(map[string]bool),
		fields:  make(map[token.Pos]bool),
		methods: make(map[token.Pos]*ast.Field),
	}
	for _, name := range p.Types.Scope().Names() {
		if pos := p.Types.Scope().Lookup(name).Pos(); !p.IsGenerated(pos) {
			b.pkg.Declared[name] = p.Fset.Position(pos)
		}
	}
	b.collect()
	for _, s := range b.specs {
		b.declare(s)
	}
	for _, file := range p.Syntax {
		if !p.IsGenerated(file.Package) {
			b.stray(file)
		}
	}
	return b.pkg, b.problems.Sorted()
}

// docs returns the comments of the types and fields of p.
func docs(p *load.Package) map[token.Pos]string {
	docs := make(map[token.Pos]string)
	add := func(name *ast.Ident, comments ...*ast.CommentGroup) {
		for _, c := range comments {
			if text := docOf(c); text != "" {
				docs[name.Pos()] = text
				return
			}
		}
	}
	for _, file := range p.Syntax {
		if p.IsGenerated(file.Package) {
			continue
		}
		ast.Inspect(file, func(n ast.Node) bool {
			switch n := n.(type) {
			case *ast.GenDecl:
				for _, s := range n.Specs {
					if t, ok := s.(*ast.TypeSpec); ok && len(n.Specs) == 1 {
						add(t.Name, t.Doc, n.Doc)
					} else if ok {
						add(t.Name, t.Doc)
					}
				}
			case *ast.StructType:
				for _, f := range n.Fields.List {
					for _, name := range f.Names {
						add(name, f.Doc, f.Comment)
					}
				}
			}
			return true
		})
	}
	return docs
}

type builder struct {
	load     *load.Package
	pkg      *Package
	problems Problems

	specs    []spec
	placed   map[token.Pos]bool       // directives that stand on something
	fields   map[token.Pos]bool       // fields that may hold anything
	methods  map[token.Pos]*ast.Field // methods that interfaces of the package declare
	types    typeutil.Map             // types.Type to *Type
	ids      map[string]bool
	families map[string]*Family
	states   map[string]*State
}

// A spec is the declaration of a type, with the directives on it.
type spec struct {
	*ast.TypeSpec
	doc        *ast.CommentGroup
	directives []directive
}

func (b *builder) problem(pos token.Pos, format string, args ...any) {
	b.problems = append(b.problems, Problem{b.load.Fset.Position(pos), fmt.Sprintf(format, args...)})
}

// collect finds the declarations of types and the directives on them and on
// fields of structs.
func (b *builder) collect() {
	for _, file := range b.load.Syntax {
		if b.load.IsGenerated(file.Package) {
			continue
		}
		for _, decl := range file.Decls {
			d, ok := decl.(*ast.GenDecl)
			if !ok || d.Tok != token.TYPE {
				continue
			}
			for _, s := range d.Specs {
				t := s.(*ast.TypeSpec)
				doc := t.Doc
				if doc == nil && len(d.Specs) == 1 {
					doc = d.Doc
				}
				b.specs = append(b.specs, spec{t, doc, b.directives(onType(), doc)})
				b.collectFields(t)
				b.collectMethods(t)
			}
		}
	}
}

func (b *builder) collectFields(t *ast.TypeSpec) {
	ast.Inspect(t.Type, func(n ast.Node) bool {
		s, ok := n.(*ast.StructType)
		if !ok {
			return true
		}
		for _, f := range s.Fields.List {
			if len(b.directives(onField(), f.Doc, f.Comment)) > 0 {
				for _, name := range f.Names {
					b.fields[name.Pos()] = true
				}
			}
		}
		return true
	})
}

func (b *builder) collectMethods(t *ast.TypeSpec) {
	if i, ok := t.Type.(*ast.InterfaceType); ok {
		for _, f := range i.Methods.List {
			for _, name := range f.Names {
				b.methods[name.Pos()] = f
			}
		}
	}
}

// declare follows the directives on one type.
func (b *builder) declare(s spec) {
	for _, d := range s.directives {
		if s.TypeParams != nil {
			b.problem(s.Name.Pos(), "%s is generic: put the directive on a type that is an instance of it", s.Name.Name)
			continue
		}
		obj, ok := b.load.Types.Scope().Lookup(s.Name.Name).(*types.TypeName)
		if !ok {
			continue // declared twice: the compiler says so
		}
		switch d.name {
		case "service":
			b.service(s, obj, d)
		case "state":
			b.state(obj, d.pos)
		case "events":
			wire := d.args["name"]
			if wire == "" {
				wire = lower(b.load.Name)
			}
			b.family(obj, d.pos, wire)
		case "codec":
			t := b.typeOf(obj.Type(), at{pos: obj.Pos()})
			switch {
			case t == nil:
			case t.Kind != Struct || !t.Local:
				b.problem(obj.Pos(), "%s is no struct of this package without methods of its own: put it into one, what contains it carries it", obj.Name())
			default:
				b.pkg.Codecs = append(b.pkg.Codecs, t)
			}
		}
	}
}

// named looks up the type that the argument of a directive names.
func (b *builder) named(name string, d directive, what string) *types.TypeName {
	obj, ok := b.load.Types.Scope().Lookup(name).(*types.TypeName)
	if !ok {
		b.problem(d.pos, "%s=%s: the package declares no type of this name: declare it here, an alias will do", what, name)
		return nil
	}
	return obj
}

// state returns the state of a struct, one for each type.
func (b *builder) state(obj *types.TypeName, pos token.Pos) *State {
	if s := b.states[obj.Name()]; s != nil {
		return s
	}
	t := types.Unalias(obj.Type())
	if _, ok := t.Underlying().(*types.Struct); !ok {
		b.problem(pos, "state %s is no struct: a state is one, because what changes is sent by fields", obj.Name())
		return nil
	}
	typ := b.typeOf(t, at{pos: obj.Pos()})
	if typ == nil {
		return nil
	}
	if !typ.HasFields {
		b.problem(obj.Pos(), "state %s encodes itself: leave the methods out, or wrap it in a struct", obj.Name())
		return nil
	}
	b.checkState(typ, at{pos: obj.Pos()}, make(map[*Type]bool))
	s := &State{Name: obj.Name(), Pos: b.load.Fset.Position(obj.Pos()), Type: typ}
	if b.states == nil {
		b.states = make(map[string]*State)
	}
	b.states[obj.Name()] = s
	b.pkg.States = append(b.pkg.States, s)
	return s
}

// lower returns name as it begins on the wire.
func lower(name string) string {
	if strings.ToUpper(name) == name {
		return strings.ToLower(name)
	}
	first, size := utf8.DecodeRuneInString(name)
	return string(unicode.ToLower(first)) + name[size:]
}
