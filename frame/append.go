package frame

// number returns the field of f that stands for fd.
func (f *Frame) number(fd field) uint64 {
	switch fd {
	case fieldID:
		return f.ID
	case fieldCode:
		return uint64(f.Code)
	case fieldRef:
		return f.Ref
	case fieldSize:
		return f.Size
	case fieldMillis:
		return f.Millis
	}
	return f.Next
}

func (f *Frame) text(fd field) []byte {
	if fd == fieldMeta {
		return f.Meta
	}
	return f.Name
}

func (t *text) present(f *Frame) bool {
	return f.Flags&t.when == t.when && (!t.ref || NamedRef(f.Ref))
}

// maxNumbers bounds the head of a frame without its strings: kind, lane,
// sequence and at most 3+MaxLanes numbers.
const maxNumbers = 2 + 8*(4+MaxLanes)

// Append appends f to b and returns the extended slice. What f holds must be
// within the limits of this package: Append is given the values of this
// program, not a peer's, and panics where they could not be read back.
func Append(b []byte, f *Frame) []byte {
	l := &layouts[f.Kind]
	if l.name == "" {
		panic("frame: append of an unknown kind")
	}
	// The numbers come first on the wire, so that the length of the body is
	// known from this scratch and the lengths of the strings and the payload.
	var scratch [maxNumbers]byte
	h := append(scratch[:0], byte(f.Kind), byte(f.Flags)|f.Lane)
	if f.Kind.Numbered() {
		h = AppendVarint(h, f.Seq)
	}
	for _, n := range l.numbers {
		switch {
		case f.Flags&n.when != n.when:
		case n.field == fieldNexts:
			h = AppendVarint(h, uint64(f.NextCount))
			for _, next := range f.Nexts[:f.NextCount] {
				h = AppendVarint(h, next)
			}
		default:
			h = AppendVarint(h, f.number(n.field))
		}
	}
	size := len(h) + len(f.Payload)
	for i := range l.strings {
		if t := &l.strings[i]; t.present(f) {
			n := len(f.text(t.field))
			size += VarintLen(uint64(n)) + n
		}
	}
	if size > MaxBody || len(f.Payload) > MaxPayload {
		panic("frame: append of a frame over the limit")
	}
	b = AppendVarint(b, uint64(size))
	b = append(b, h...)
	for i := range l.strings {
		if t := &l.strings[i]; t.present(f) {
			s := f.text(t.field)
			b = AppendVarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return append(b, f.Payload...)
}

// MaxHead returns a bound on the bytes that Append adds for f beside its
// payload.
func MaxHead(f *Frame) int {
	return 4 + maxNumbers + 2*4 + len(f.Name) + len(f.Meta)
}
