package events_test

import (
	"context"
	"io"
	"log/slog"
	"testing"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/transport/mem"
)

// incremented is an event with hand-written methods.
type incremented struct{ From, To uint32 }

func (incremented) EventType() string { return "counter.Incremented" }

func (v incremented) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendArrayHeader(b, 2)
	b = codec.AppendUint(b, uint64(v.From))
	return codec.AppendUint(b, uint64(v.To)), nil
}

func (v *incremented) ReadMsgpack(r *codec.Reader) error {
	if r.ArrayHeader() != 2 {
		r.Fail(codec.ErrRange, "array of 2")
	}
	v.From, v.To = r.Uint32(), r.Uint32()
	r.Leave()
	return r.Err()
}

// number is an event whose size can be chosen.
type number struct {
	N   uint64
	Pad int
}

func (number) EventType() string { return "counter.Number" }

func (v number) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendArrayHeader(b, 2)
	b = codec.AppendUint(b, v.N)
	return codec.AppendBytes(b, make([]byte, v.Pad)), nil
}

func (v *number) ReadMsgpack(r *codec.Reader) error {
	if r.ArrayHeader() != 2 {
		r.Fail(codec.ErrRange, "array of 2")
	}
	v.N, v.Pad = r.Uint64(), len(r.BorrowBytes())
	r.Leave()
	return r.Err()
}

// decode is the events.Decoder of the family "counter".
func decode(typ string, r *codec.Reader) (events.Event, error) {
	switch typ {
	case "counter.Incremented":
		var v incremented
		err := v.ReadMsgpack(r)
		return v, err
	case "counter.Number":
		var v number
		err := v.ReadMsgpack(r)
		return v, err
	}
	return nil, events.ErrUnknownType
}

func streamOf(s *core.Session) *events.Stream[events.Event] {
	return events.StreamOf(events.ReceiverOf(s, "counter"), decode)
}

// A link is a session seen from both ends.
type link struct {
	server, client *core.Session
	serverEnd      *mem.Carrier
	clientEnd      *mem.Carrier
	served         chan struct{}
}

// config is what connect uses; the zero value is fine.
type config struct {
	methods        map[string]core.Method
	limits         *core.Limits // of the server
	clientLimits   *core.Limits
	pipe           *mem.Options
	interceptLogs  io.Writer
	withoutCleanup bool
}

// connect makes a session over an in-memory carrier.
func connect(t testing.TB, c config) *link {
	t.Helper()
	log := slog.New(slog.DiscardHandler)
	if c.interceptLogs != nil {
		log = logTo(c.interceptLogs)
	}
	began := make(chan *core.Session, 1)
	cfg := &core.Config{Limits: c.limits, Logger: log}
	if c.methods != nil {
		cfg.Services = []*core.Service{{Name: "counter", Methods: c.methods}}
	}
	a, err := core.NewAcceptor(cfg)
	if err != nil {
		t.Fatal(err)
	}
	a.Began = func(s *core.Session) { began <- s }
	mux, err := core.NewMux(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	l := &link{served: make(chan struct{})}
	l.clientEnd, l.serverEnd = mem.Pipe(c.pipe)
	go func() {
		defer close(l.served)
		_ = a.Serve(l.serverEnd)
	}()
	o, err := core.Greet(context.Background(), l.clientEnd, &core.Config{Limits: c.clientLimits, Logger: log}, mux, core.ID{1})
	if err != nil {
		t.Fatal(err)
	}
	l.client = o.Accept()
	l.server = <-began
	if !c.withoutCleanup {
		t.Cleanup(l.close)
	}
	return l
}

func (l *link) close() {
	_ = l.client.Close()
	<-l.served
}

func logTo(w io.Writer) *slog.Logger { return slog.New(slog.NewTextHandler(w, nil)) }
