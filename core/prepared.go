package core

import (
	"context"
	"slices"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
)

// A Prepared is a call or message that was encoded ahead: it can be sent to
// many sessions, or many times, and is neither encoded nor copied again until
// it is written. It does not change, and may be used from any goroutine.
type Prepared struct {
	method string
	args   []byte // nil for none; of a draft with fields they are draft's
	draft  *Prepared
	fields codec.Marshaler // that draft does not have
}

// Prepare encodes the arguments of a method. The error is BadRequest for a
// method whose name is malformed and for arguments that cannot be encoded; nil
// arguments are none.
func Prepare(method string, args codec.Marshaler) (*Prepared, error) {
	if !frame.ValidMethod(method) {
		return nil, badMethod(method)
	}
	p := &Prepared{method: method}
	if args != nil {
		b, err := args.AppendMsgpack(nil)
		if err != nil {
			return nil, &encodeError{"arguments of " + method, err}
		}
		p.args = b
	}
	return p, nil
}

// With returns a message that has the fields of p and others. At each send
// those of p are copied as they were encoded, and the others are encoded behind
// them; they belong to the message and must not be changed meanwhile. Both are
// structs or maps, and no field is to be in both. The draft p stays as it is. If
// either is not a map, sending fails with BadRequest.
func (p *Prepared) With(fields codec.Marshaler) *Prepared {
	return &Prepared{method: p.method, draft: p, fields: fields}
}

// Encode encodes what With has added, so that the message is not encoded again,
// however often it is sent. A message without such fields is returned as it is.
func (p *Prepared) Encode() (*Prepared, error) {
	if p.draft == nil {
		return p, nil
	}
	buf := buffers.Get().(*buffer)
	defer buf.release()
	b, err := p.AppendMsgpack(buf.b[:0])
	if err != nil {
		return nil, &encodeError{"arguments of " + p.method, err}
	}
	buf.b = b
	return &Prepared{method: p.method, args: slices.Clone(b)}, nil
}

// Method returns the name of the method.
func (p *Prepared) Method() string { return p.method }

// Send sends it to the peer of s as a one-way message, as Session.Send does.
func (p *Prepared) Send(ctx context.Context, s *Session) error {
	return s.Send(ctx, p.method, p)
}

// Call calls the peer of s with it, as Session.Call does.
func (p *Prepared) Call(ctx context.Context, s *Session, result codec.Unmarshaler) error {
	return s.Call(ctx, p.method, p, result)
}

// AppendMsgpack appends the arguments: an interceptor may look at them, and
// make others of them, as with those of any call.
func (p *Prepared) AppendMsgpack(b []byte) ([]byte, error) {
	if p.draft == nil && p.args == nil {
		return codec.AppendNil(b), nil
	}
	return p.append(b)
}

// append is AppendMsgpack, but for nothing it appends nothing.
func (p *Prepared) append(b []byte) ([]byte, error) {
	if p.draft == nil {
		return append(b, p.args...), nil
	}
	start := len(b)
	b, err := p.draft.append(b)
	if err != nil {
		return b, err
	}
	if len(b) == start {
		b = codec.AppendMapHeader(b, 0)
	}
	constant, old, ok := mapHeader(b[start:])
	if !ok {
		return b, twinwire.NewError(twinwire.BadRequest, p.method+" is not prepared with a map, which fields could be added to")
	}
	end := len(b)
	if b, err = p.fields.AppendMsgpack(b); err != nil {
		return b, err
	}
	varying, header, ok := mapHeader(b[end:])
	if !ok {
		return b, twinwire.NewError(twinwire.BadRequest, "what is added to "+p.method+" is not a map")
	}
	b = slices.Delete(b, end, end+header)
	var scratch [5]byte
	return slices.Replace(b, start, start+old, codec.AppendMapHeader(scratch[:0], constant+varying)...), nil
}

// mapHeader returns the number of entries of an encoded map, and the length of
// its header.
func mapHeader(b []byte) (entries, length int, ok bool) {
	if len(b) > 0 && b[0]&0xf0 == 0x80 {
		return int(b[0] & 15), 1, true
	}
	var r codec.Reader
	r.Reset(b)
	entries = r.MapHeader()
	return entries, r.Offset(), r.Err() == nil
}
