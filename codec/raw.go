package codec

// Raw is one value that is encoded already, or has not been decoded yet. The
// zero Raw stands for nil.
type Raw []byte

// AppendMsgpack appends the value as it is. The caller answers for its being
// one; what came from a peer has been checked when it was read.
func (v Raw) AppendMsgpack(b []byte) ([]byte, error) {
	if len(v) == 0 {
		return AppendNil(b), nil
	}
	return append(b, v...), nil
}

// ReadMsgpack copies the next value, whatever it is, into v's array if it fits
// there. The value is checked as [Check] does.
func (v *Raw) ReadMsgpack(r *Reader) error {
	b := r.Raw()
	if r.err != nil {
		return r.err
	}
	*v = append((*v)[:0], b...)
	return nil
}

// Empty is the value of a message that says everything by being sent: nil on
// the wire. Reading it accepts any value and drops it, so that a later version
// of a program may put something there.
type Empty struct{}

// AppendMsgpack appends nil.
func (Empty) AppendMsgpack(b []byte) ([]byte, error) { return AppendNil(b), nil }

// ReadMsgpack skips the next value.
func (*Empty) ReadMsgpack(r *Reader) error {
	r.Skip()
	return r.err
}
