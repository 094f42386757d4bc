package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/ts/testserver/lab"
	"github.com/twinwire/twinwire/ts/testserver/page"
)

// A handler serves one client.
type handler struct {
	s     *lab.Session
	page  *page.PageClient
	relay *relay

	mu       sync.Mutex
	canceled uint32
	notes    []string
}

var _ lab.Lab = (*handler)(nil)

func (h *hall) newHandler(s *lab.Session) lab.Lab {
	client, err := page.NewClient(s.Session)
	if err != nil {
		panic(err) // documented not to be
	}
	if err := s.ReceiveEvents(pointers, back{s.Session}); err != nil {
		panic(err) // it is the first
	}
	return &handler{s: s, page: client, relay: h.relay}
}

// pointers is the family of events that pages send, which go back to them.
const pointers = "pointer"

// A back sends the events of a client back to it, which hears of each.
type back struct{ s *core.Session }

func (b back) ReceiveEvent(ev core.Event) {
	if ev.Kind == core.Emitted {
		if flush, err := b.s.Emit("back.At", ev.Payload, core.DropOldest, nil); err == nil && flush {
			go b.s.Flush() // not in the way of what else arrives
		}
	}
}

func (back) EventsEnded(error) {}

func (h *handler) Echo(_ context.Context, value lab.Everything) (lab.Everything, error) {
	return value, nil
}

func (h *handler) Divide(_ context.Context, a, b int64) (quotient, rest int64, err error) {
	if b == 0 {
		return 0, 0, &twinwire.Error{Code: twinwire.BadRequest, Message: "division by zero", Details: codec.AppendString(nil, "b")}
	}
	return a / b, a % b, nil
}

func (h *handler) Fail(_ context.Context, code uint16, text string) error {
	return &twinwire.Error{Code: twinwire.Code(code), Message: text}
}

func (h *handler) Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		h.mu.Lock()
		h.canceled++
		h.mu.Unlock()
		return ctx.Err()
	}
}

func (h *handler) Canceled(context.Context) (uint32, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.canceled, nil
}

func (h *handler) Count(_ context.Context, n uint32) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for i := range n {
			if !yield(i, nil) {
				return
			}
		}
	}
}

func (h *handler) CountAndFail(ctx context.Context, n uint32) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for i, err := range h.Count(ctx, n) {
			if !yield(i, err) {
				return
			}
		}
		yield(0, fmt.Errorf("number %d: %w", n, twinwire.NotFound))
	}
}

func (h *handler) Sum(_ context.Context, in iter.Seq2[uint32, error]) (sum uint64, err error) {
	for n, err := range in {
		if err != nil {
			return 0, err
		}
		sum += uint64(n)
	}
	return sum, nil
}

func (h *handler) Sums(_ context.Context, in iter.Seq2[uint32, error]) iter.Seq2[uint64, error] {
	return func(yield func(uint64, error) bool) {
		var sum uint64
		for n, err := range in {
			sum += uint64(n)
			if !yield(sum, err) || err != nil {
				return
			}
		}
	}
}

func (h *handler) First(_ context.Context, in iter.Seq2[uint32, error]) (uint32, error) {
	for n, err := range in {
		return n, err
	}
	return 0, twinwire.NotFound
}

func (h *handler) Put(_ context.Context, name string, body io.Reader) (lab.Receipt, error) {
	hash := sha256.New()
	n, err := io.Copy(hash, body)
	return lab.Receipt{Name: name, Size: n, Sum: hash.Sum(nil)}, err
}

func (h *handler) Get(_ context.Context, n int) (io.ReadCloser, error) {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)
	}
	return io.NopCloser(bytes.NewReader(b)), nil
}

func (h *handler) Upper(_ context.Context, body io.Reader) (io.ReadCloser, error) {
	b, err := io.ReadAll(body)
	return io.NopCloser(bytes.NewReader(bytes.ToUpper(b))), err
}

func (h *handler) Note(_ context.Context, text string) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.notes = append(h.notes, text)
	return nil
}

func (h *handler) Notes(context.Context) ([]string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string(nil), h.notes...), nil
}

func (h *handler) Join(_ context.Context, topic events.Topic) error { return h.s.Subscribe(topic) }

func (h *handler) Leave(_ context.Context, topic events.Topic) error {
	h.s.Unsubscribe(topic)
	return nil
}

func (h *handler) Emit(ctx context.Context, topic events.Topic, from, to uint32) error {
	for n := from; n < to; n++ {
		if err := h.s.Emit(ctx, topic, lab.Said{Number: n}); err != nil {
			return err
		}
	}
	return nil
}

// Tour calls every method of the page.
func (h *handler) Tour(ctx context.Context, name string) (said []string, err error) {
	greeting, err := h.page.Greet(ctx, name)
	if err != nil {
		return nil, err
	}
	said = append(said, greeting)
	for letter, err := range h.page.Letters(ctx, name) {
		if err != nil {
			return nil, err
		}
		said = append(said, letter)
	}
	body, err := h.page.Shout(ctx, strings.NewReader(strings.Repeat(name, 20_000)))
	if err != nil {
		return nil, err
	}
	shouted, err := io.ReadAll(body)
	if err = errors.Join(err, body.Close()); err != nil {
		return nil, err
	}
	said = append(said, string(shouted[:len(name)]), fmt.Sprint(len(shouted)))
	sum, err := h.page.Add(ctx, h.Count(ctx, 1000))
	if err != nil {
		return nil, err
	}
	said = append(said, fmt.Sprint(sum))
	for n := range uint32(100) {
		if err := h.page.Tick(ctx, n); err != nil {
			return nil, err
		}
	}
	short, cancel := context.WithTimeout(ctx, 20*time.Millisecond)
	defer cancel()
	return append(said, twinwire.CodeOf(h.page.Wait(short)).String()), nil
}

func (h *handler) Unknown(ctx context.Context) error {
	return h.s.Call(ctx, "page.Unknown", nil, nil)
}

func (h *handler) Meta(ctx context.Context, key string) (string, error) {
	r, ok := core.RequestFrom(ctx)
	if !ok {
		return "", twinwire.Internal
	}
	v := r.Metadata()[key]
	r.SetReplyMetadata(core.Metadata{key: v})
	return v, nil
}

func (h *handler) Cut(context.Context) (string, error) {
	if h.relay == nil {
		return "", twinwire.Errorf(twinwire.FailedPrecondition, "there is no relay")
	}
	addr := h.s.Transport().RemoteAddr
	return addr, h.relay.cut(addr)
}
