package codec

// A Reader reads the values of one message in order. Its methods return the
// value, or the zero value once something has failed; [Reader.Err] says what.
// A decoder therefore reads field after field and asks for the error once:
//
//	func (p *Point) ReadMsgpack(r *codec.Reader) error {
//		for range r.MapHeader() {
//			switch string(r.MapKey()) {
//			case "X":
//				p.X = r.Int32()
//			case "Y":
//				p.Y = r.Int32()
//			default:
//				r.Skip()
//			}
//		}
//		r.Leave()
//		return r.Err()
//	}
//
// After an error every count is zero, so loops end.
//
// The zero Reader is at the end of an empty message and has the default limits;
// Reset gives it another. The limits apply to each message anew.
type Reader struct {
	b   []byte
	off int // at len(b) once err is set, so that every read fails without asking for err

	depth    int // arrays and maps that may still be entered
	elements int // values that may still be declared
	memory   int // bytes that may still be built

	err error

	limits  Limits // resolved
	limited bool   // limits are set; only a zero Reader that was never reset has none
}

// NewReader returns a Reader at the beginning of the message b. A nil lim
// means the defaults.
func NewReader(b []byte, lim *Limits) *Reader {
	r := &Reader{limits: lim.resolved(), limited: true}
	r.Reset(b)
	return r
}

// Reset puts r at the beginning of the message b, forgets the error and gives
// back the whole budget. The limits stay as they were.
func (r *Reader) Reset(b []byte) {
	if !r.limited {
		r.limits, r.limited = (*Limits)(nil).resolved(), true
	}
	r.b, r.off, r.err = b, 0, nil
	r.depth = r.limits.Depth
	r.elements = min(len(b), r.limits.Elements)
	r.memory = r.limits.Memory
}

// Err returns the first error since Reset, nil if there is none.
func (r *Reader) Err() error { return r.err }

// Fail ends the reading of the message at the value that is next: with an
// [*Error] of the given kind, unless another error came first. It is for what
// a decoder finds wrong itself, such as an unknown variant (ErrRange) or an
// array of the wrong length. The word want must not come from the message.
func (r *Reader) Fail(kind error, want string) { r.fail(kind, want) }

// fail records the error of the value at r.off.
func (r *Reader) fail(kind error, want string) { r.failAt(kind, r.off, want) }

func (r *Reader) failAt(kind error, off int, want string) {
	if r.err == nil {
		r.setErr(errorAt(kind, r.b, off, want))
	}
}

// setErr keeps err, and empties r so that nothing is read after it.
func (r *Reader) setErr(err error) {
	r.err = err
	r.off = len(r.b)
	r.depth, r.elements, r.memory = 0, 0, 0
}

// Remaining returns how many bytes of the message are left, 0 after an error.
func (r *Reader) Remaining() int { return len(r.b) - r.off }

// Offset returns how many bytes of the message have been read.
func (r *Reader) Offset() int { return r.off }

// Peek returns the type of the next value without reading it. It looks at the
// first bytes only: the value may still turn out to be malformed.
func (r *Reader) Peek() Type { return typeOf(r.b[r.off:]) }

// IsNil reports whether the next value is nil, and leaves it there.
func (r *Reader) IsNil() bool { return r.off < len(r.b) && r.b[r.off] == codeNil }

// TryNil reads nil if that is the next value, and reports whether it was.
func (r *Reader) TryNil() bool {
	if !r.IsNil() {
		return false
	}
	r.off++
	return true
}

// Nil reads nil (specification: "nil format"); anything else is ErrType.
func (r *Reader) Nil() {
	if r.off >= len(r.b) {
		r.fail(ErrTruncated, "nil")
	} else if !r.TryNil() {
		r.fail(ErrType, "nil")
	}
}

// Bool reads a bool (specification: "bool format family").
func (r *Reader) Bool() bool {
	if r.off >= len(r.b) {
		r.fail(ErrTruncated, "bool")
		return false
	}
	c := r.b[r.off]
	if c != codeTrue && c != codeFalse {
		r.fail(ErrType, "bool")
		return false
	}
	r.off++
	return c == codeTrue
}

// Finish ends the reading of a message. It returns the error of the reading if
// there is one, ErrTrailing if bytes of the message are left, and
// ErrUnbalanced if an array or a map was entered and not left.
func (r *Reader) Finish() error {
	if r.err != nil {
		return r.err
	}
	if r.off < len(r.b) {
		r.fail(ErrTrailing, "end of message")
	} else if r.depth != r.limits.Depth {
		r.fail(ErrUnbalanced, "one Leave for each array and map")
	}
	return r.err
}
