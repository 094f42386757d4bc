package core

import (
	"errors"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/internal/machine"
)

// handle runs the handler of a request and queues its answer.
func (s *Session) handle(r *Request) {
	if in := r.in; !in.OneWay {
		in.reply = replies.Get().(*reply)
		in.Answer = &in.reply.out
	}
	returned := false
	defer func() {
		if !returned {
			s.dropped(r)
		}
	}()
	code, payload, meta := s.answer(r)
	returned = true
	s.handled(r, code, payload, meta)
}

// dropped answers a request whose handler ended its goroutine, as runtime.Goexit
// does and with it FailNow of a test. Silence would be the end of the caller.
func (s *Session) dropped(r *Request) {
	s.log.Error("twinwire: handler ended its goroutine", "session", s.id.String(), "method", r.method)
	s.handled(r, uint16(twinwire.Internal), nil, nil)
	s.mu.Lock()
	s.kick(background)
}

// handled queues the answer to a request.
func (s *Session) handled(r *Request, code uint16, payload, meta []byte) {
	r.context().end(wasCanceled)
	in := r.in
	in.args.release()
	in.args = nil
	if in.Owned {
		freeRoom(in.Payload)
	}
	in.Payload = nil
	if in.OneWay {
		s.mu.Lock()
		r.in = nil
		s.m.Consumed(&in.Inbound)
		s.mu.Unlock()
		in.release()
		return
	}
	in.reply.b = payload
	packed := r.packReply(payload)
	s.flushStates(true) // clause 6.9
	s.mu.Lock()
	r.in = nil
	s.m.Reply(&in.Inbound, code, payload, meta, packed...)
	ins := machine.InStreams(&in.Inbound)
	s.mu.Unlock()
	for _, in := range ins { // what the handler did not read
		in.Owner.(*StreamReader).discard()
	}
}

// answer runs the handler and makes an answer of what it returns.
func (s *Session) answer(r *Request) (code uint16, payload, meta []byte) {
	defer func() {
		if v := recover(); v != nil { // an error's own methods
			_ = s.panicked(r, v)
			code, payload, meta = uint16(twinwire.Internal), nil, nil
		}
	}()
	payload, meta, err := s.run(r)
	if err != nil {
		err = s.failed(r, err)
		payload = payload[:0]
	}
	switch {
	case err == nil:
		return 0, payload, meta
	case r.oneWay && r.in.refusal == errRate:
		return 0, nil, nil // a peer must not fill the log at its leisure
	case r.oneWay:
		s.log.Warn("twinwire: message was not handled", "session", s.id.String(), "method", r.method, "error", err)
		return 0, nil, nil
	}
	code, body := rejected(err)
	return code, append(payload, body...), meta
}

// run calls the handler and encodes what it returns into the reply's buffer.
// All of that is code of the user's: a panic is an error.
func (s *Session) run(r *Request) (payload, meta []byte, err error) {
	defer func() {
		if v := recover(); v != nil {
			err = s.panicked(r, v)
		}
	}()
	result, err := s.call1(r)
	if r.oneWay {
		return nil, nil, err
	}
	payload = r.in.reply.b[:0]
	if err == nil && result != nil {
		b, bad := r.encode(result)
		if bad != nil { // whatever its code, it is this side's mistake
			return payload, nil, errors.New("cannot encode result of " + r.method + ": " + bad.Error())
		}
		payload = b
	}
	meta, bad := r.replyMetadata()
	if bad != nil && err == nil {
		err = errors.New("metadata of the reply: " + bad.Error())
	}
	return payload, meta, err
}

// encode encodes what the handler has returned.
func (r *Request) encode(result codec.Marshaler) ([]byte, error) {
	old := r.in.reply.b
	t, ok := r.in.Target.(*target)
	if !ok {
		return result.AppendMsgpack(old[:0])
	}
	to := t.replies.begin(old)
	b, err := result.AppendMsgpack(to)
	if err != nil {
		return nil, err
	}
	return t.replies.end(old, to, b), nil
}

// call1 calls the handler, or says why there is none.
func (s *Session) call1(r *Request) (codec.Marshaler, error) {
	switch {
	case s.openErr != nil:
		return nil, s.openErr
	case r.refused:
		return nil, r.in.refusal
	}
	t, ok := r.in.Target.(*target)
	if !ok {
		return noMethod(r.context(), r)
	}
	return t.handle(r.context(), r)
}
