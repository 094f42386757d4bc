package frame

import "errors"

// What Parse and Size find wrong with a peer's bytes. All but ErrShort break
// the protocol (clause 9.3); their texts are fit to be sent as a reason.
var (
	// ErrShort means that the input ends before the frame does.
	ErrShort = errors.New("frame is incomplete")
	// ErrLength means a length field of less than 2 or more than MaxBody.
	ErrLength = errors.New("frame length out of range")
	// ErrVarint means a varint that is not in its shortest form, or a varint
	// or string that is missing or reaches beyond the end of its frame.
	ErrVarint = errors.New("malformed varint")
	// ErrKind means an unknown kind that may not be ignored.
	ErrKind = errors.New("unknown frame kind")
	// ErrFlags means a flag that the kind does not have.
	ErrFlags = errors.New("unknown frame flag")
	// ErrField means a lane, a number or a string out of its range.
	ErrField = errors.New("frame field out of range")
	// ErrPayload means a payload over MaxPayload, one where none may be, or a
	// part of a message that is not full although more follows.
	ErrPayload = errors.New("frame payload out of range")
)

// Size returns the bytes that the frame at the start of b takes, or 0 if b is
// too short to tell. It looks at the length field only, so that a reader can
// bound what it buffers before it does.
func Size(b []byte) (int, error) {
	n, body, err := length(b)
	return n + body, err
}

// length returns the value of the length field at the start of b, and the
// bytes it takes, or 0 for both if b is too short to tell.
func length(b []byte) (n, body int, err error) {
	v, n := Varint(b)
	switch {
	case n == 0:
		return 0, 0, nil
	case n < 0:
		return 0, 0, ErrVarint
	case v < 2 || v > MaxBody:
		return 0, 0, ErrLength
	}
	return n, int(v), nil
}

// Parse reads the frame at the start of b into f and returns the bytes it
// took. A frame of an unknown kind that may be ignored is no error: f then has
// its Kind, Flags, Lane and, if numbered, Seq. After an error the rest of f is
// not to be relied on.
//
// Parse checks what the frame alone can tell: its layout and its limits. What
// the numbers and names mean is for the session to judge.
func (f *Frame) Parse(b []byte) (int, error) {
	n, body, err := length(b)
	switch {
	case err != nil:
		return 0, err
	case n == 0 || len(b)-n < body:
		return 0, ErrShort
	}
	size := n + body
	b = b[n:size:size]
	*f = Frame{}
	f.Kind, f.Flags, f.Lane = Kind(b[0]), Flags(b[1]&^(MaxLanes-1)), b[1]&(MaxLanes-1)
	b = b[2:]

	l := &layouts[f.Kind]
	if l.name == "" && f.Kind&packed != 0 && layouts[f.Kind&^packed].packs {
		f.Kind, f.Packed = f.Kind&^packed, true
		l = &layouts[f.Kind]
	}
	switch {
	case l.name == "" && !f.Kind.Ignorable():
		return 0, ErrKind
	case l.name != "" && f.Flags&^l.flags != 0:
		return 0, ErrFlags
	case l.control && f.Lane != 0:
		return 0, ErrField
	}
	if f.Kind.Numbered() {
		if f.Seq, n = Varint(b); n <= 0 {
			return 0, ErrVarint
		}
		b = b[n:]
	}
	if l.name == "" {
		return size, nil
	}
	if b, err = f.parseNumbers(l, b); err != nil {
		return 0, err
	}
	if b, err = f.parseStrings(l, b); err != nil {
		return 0, err
	}
	if !l.allowsPayload(f.Flags, f.Packed, len(b)) {
		return 0, ErrPayload
	}
	f.Payload = b
	return size, nil
}

// parseNumbers takes the numbers of l off b and returns what follows them.
func (f *Frame) parseNumbers(l *layout, b []byte) ([]byte, error) {
	flags := f.Flags
	for _, num := range l.numbers {
		if flags&num.when != num.when {
			continue
		}
		var v uint64
		var n int
		if len(b) > 0 && b[0] < 1<<6 { // Varint, with the usual case in line
			v, n = uint64(b[0]), 1
		} else if v, n = Varint(b); n <= 0 {
			return nil, ErrVarint
		}
		b = b[n:]
		if !num.field.allows(v) {
			return nil, ErrField
		}
		f.setNumber(num.field, v)
		if num.field != fieldNexts {
			continue
		}
		for i := range v {
			if f.Nexts[i], n = Varint(b); n <= 0 {
				return nil, ErrVarint
			}
			b = b[n:]
		}
	}
	return b, nil
}

// parseStrings takes the strings of l off b and returns what follows them.
func (f *Frame) parseStrings(l *layout, b []byte) ([]byte, error) {
	for i := range l.strings {
		t := &l.strings[i]
		if !t.present(f) {
			continue
		}
		s, rest, ok := cut(b)
		switch {
		case !ok:
			return nil, ErrVarint
		case len(s) > t.max:
			return nil, ErrField
		case t.field == fieldMeta:
			f.Meta = s
		default:
			f.Name = s
		}
		b = rest
	}
	return b, nil
}

// cut returns the string at the start of b (clause 1.4) and what follows it,
// or false if b does not begin with a whole one.
func cut(b []byte) (s, rest []byte, ok bool) {
	size, n := Varint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return nil, nil, false
	}
	end := n + int(size)
	return b[n:end:end], b[end:], true
}

// setNumber sets the field of f that stands for fd.
func (f *Frame) setNumber(fd field, v uint64) {
	switch fd {
	case fieldID:
		f.ID = v
	case fieldCode:
		f.Code = uint16(v)
	case fieldRef:
		f.Ref = v
	case fieldSize:
		f.Size = v
	case fieldMillis:
		f.Millis = v
	case fieldNexts:
		f.NextCount = int(v)
	case fieldSlot, fieldStreams:
		f.Slot = v
	case fieldVersion:
		f.Version = v
	default:
		f.Next = v
	}
}
