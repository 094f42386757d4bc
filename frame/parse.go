package frame

import (
	"bytes"
	"errors"
)

// What Parse and Size find wrong with a peer's bytes. All but ErrShort break
// the protocol (clause 9.3); their texts are fit to be sent as a reason.
var (
	// ErrShort means that the input ends before the frame does.
	ErrShort = errors.New("frame is incomplete")
	// ErrLength means a length field of less than 2 or more than MaxBody.
	ErrLength = errors.New("frame length out of range")
	// ErrVarint means a varint that is cut off or not in its shortest form.
	ErrVarint = errors.New("malformed varint")
	// ErrKind means an unknown kind that may not be ignored.
	ErrKind = errors.New("unknown frame kind")
	// ErrFlags means a flag that the kind does not have.
	ErrFlags = errors.New("unknown frame flag")
	// ErrField means a number or a string out of its range.
	ErrField = errors.New("frame field out of range")
	// ErrPayload means a payload over MaxPayload, one where none may be, or a
	// part of a message that is not full although more follows.
	ErrPayload = errors.New("frame payload out of range")
)

// Size returns the bytes that the frame at the start of b takes, or 0 if b is
// too short to tell. It looks at the length field only, so that a reader can
// bound what it buffers before it does.
func Size(b []byte) (int, error) {
	v, n := Varint(b)
	switch {
	case n == 0:
		return 0, nil
	case n < 0:
		return 0, ErrVarint
	case v < 2 || v > MaxBody:
		return 0, ErrLength
	}
	return n + int(v), nil
}

// Parse reads the frame at the start of b into f and returns the bytes it
// took. A frame of an unknown kind that may be ignored is no error: f then has
// its Kind, Lane and, if numbered, Seq.
func (f *Frame) Parse(b []byte) (int, error) {
	size, err := Size(b)
	switch {
	case err != nil:
		return 0, err
	case size == 0 || size > len(b):
		return 0, ErrShort
	}
	_, n := Varint(b)
	r := reader{b: b[n:size]}
	*f = Frame{Kind: Kind(r.b[0]), Flags: Flags(r.b[1] &^ (MaxLanes - 1)), Lane: r.b[1] & (MaxLanes - 1)}
	r.b = r.b[2:]
	if f.Kind.Numbered() {
		f.Seq = r.varint()
	}
	l := &layouts[f.Kind]
	if l.name == "" {
		switch {
		case !f.Kind.Ignorable():
			return 0, ErrKind
		case r.bad:
			return 0, ErrVarint
		}
		return size, nil
	}
	if f.Flags&^l.flags != 0 {
		return 0, ErrFlags
	}
	for _, n := range l.numbers {
		if f.Flags&n.when == n.when && !f.setNumber(n.field, &r) {
			return 0, ErrField
		}
	}
	if r.bad {
		return 0, ErrVarint
	}
	for i := range l.strings {
		t := &l.strings[i]
		if !t.present(f) {
			continue
		}
		s := r.bytes()
		switch {
		case r.bad:
			return 0, ErrVarint
		case len(s) > t.max:
			return 0, ErrField
		case t.field == fieldMeta:
			f.Meta = s
		default:
			f.Name = s
		}
	}
	f.Payload = r.b
	switch {
	case len(f.Payload) > MaxPayload, len(f.Payload) > 0 && !l.payload:
		return 0, ErrPayload
	case l.flags&HasMore != 0 && l.payload && f.Flags&HasMore != 0 && len(f.Payload) != MaxPayload:
		return 0, ErrPayload
	}
	return size, nil
}

// setNumber reads one number into its field and reports whether it is in
// range. A varint that cannot be read is left to the reader's own mark.
func (f *Frame) setNumber(fd field, r *reader) bool {
	if fd == fieldNexts {
		count := r.varint()
		if count > MaxLanes {
			return false
		}
		f.NextCount = int(count)
		for i := range f.NextCount {
			f.Nexts[i] = r.varint()
		}
		return true
	}
	v := r.varint()
	switch fd {
	case fieldID:
		f.ID = v
	case fieldCode:
		f.Code = uint16(v)
		return v <= MaxCode
	case fieldRef:
		f.Ref = v
	case fieldSize:
		f.Size = v
		return v > MaxPayload || r.bad
	case fieldMillis:
		f.Millis = v
	default:
		f.Next = v
	}
	return true
}

// A reader takes varints and strings off the front of b. Once something is
// cut off or malformed, bad stays set and everything reads as zero.
type reader struct {
	b   []byte
	bad bool
}

func (r *reader) varint() uint64 {
	v, n := Varint(r.b)
	if n <= 0 {
		r.bad = true
		r.b = nil
		return 0
	}
	r.b = r.b[n:]
	return v
}

func (r *reader) bytes() []byte {
	n := r.varint()
	if n > uint64(len(r.b)) {
		r.bad = true
		r.b = nil
		return nil
	}
	s := r.b[:n:n]
	r.b = r.b[n:]
	return s
}

// An EachPair function is given the pairs of a metadata string in order.
type EachPair func(key, value []byte)

// MaxPairs is the most pairs of a metadata string (clause 6.3).
const MaxPairs = 64

// ParseMetadata checks a metadata string against clause 6.3 and gives its
// pairs to each, which borrows them. It stops at the first violation and
// returns ErrField.
func ParseMetadata(b []byte, each EachPair) error {
	var last []byte
	r := reader{b: b}
	for n := 0; len(r.b) > 0; n++ {
		key, value := r.bytes(), r.bytes()
		if r.bad || n == MaxPairs || !ValidKey(key) || bytes.Compare(key, last) <= 0 {
			return ErrField
		}
		each(key, value)
		last = key
	}
	return nil
}

// AppendPair appends one pair to a metadata string. The caller keeps the keys
// in ascending order.
func AppendPair(b []byte, key, value string) []byte {
	b = AppendVarint(b, uint64(len(key)))
	b = append(b, key...)
	b = AppendVarint(b, uint64(len(value)))
	return append(b, value...)
}

// ValidKey reports whether key may be a key of metadata (clause 6.3).
func ValidKey[T string | []byte](key T) bool { return validName(key, false) && len(key) > 0 }

// ValidMethod reports whether name may be the name of a method (clause 6.2).
func ValidMethod[T string | []byte](name T) bool { return validName(name, true) && len(name) > 0 }

// ValidType reports whether name may be the name of an event type (clause
// 6.2).
func ValidType[T string | []byte](name T) bool { return validName(name, true) }

func validName[T string | []byte](s T, upper bool) bool {
	if len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '_', c == '/', c == '-':
		case c >= 'A' && c <= 'Z' && upper:
		default:
			return false
		}
	}
	return true
}
