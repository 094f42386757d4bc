package calls

import (
	"context"
	"errors"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/other"
	"github.com/twinwire/twinwire/cmd/twinwire/internal/golden/pair"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/internal/leak"
	"github.com/twinwire/twinwire/transport/mem"
)

func TestMain(m *testing.M) { leak.Main(m) }

// shop is a handler that answers with what it was asked.
type shop struct {
	s     *Session
	notes chan string
}

var _ Shop = (*shop)(nil)

func (h *shop) Ping(context.Context) error { return nil }

func (h *shop) Buy(ctx context.Context, item string, count uint16, at *other.Point) (Receipt, error) {
	if at == nil {
		return Receipt{}, twinwire.Errorf(twinwire.NotFound, "no shop")
	}
	err := h.s.State.Update(func(s *Stock) { s.Items = map[string]uint32{item: uint32(count)} })
	if err == nil {
		err = h.s.Emit(ctx, "till", Bought{item, count})
	}
	if err == nil {
		err = h.s.EmitSelf(ctx, Closed{})
	}
	return Receipt{item, int64(at.X) * int64(count)}, err
}

func (h *shop) Totals(_ context.Context, since time.Time) (int64, map[string]int64, error) {
	return since.Unix(), map[string]int64{"a": 1, "b": -2}, nil
}

func (h *shop) Sum(_ context.Context, numbers ...int32) (sum int64, err error) {
	for _, n := range numbers {
		sum += int64(n)
	}
	return sum, nil
}

func (h *shop) Note(_ context.Context, text string, topic events.Topic) error {
	h.notes <- text + "@" + string(topic)
	return nil
}

func (h *shop) Alarm(_ context.Context, text string) error {
	h.notes <- text
	return nil
}

func (h *shop) Echo(_ context.Context, v []other.Version) ([]other.Version, error) { return v, nil }

func (h *shop) Any(_ context.Context, v any) (any, error) { return v, nil }

// open returns a client and the handler that serves it.
func open(t *testing.T) (*ShopClient, *shop) {
	t.Helper()
	hub := events.NewHub(nil)
	t.Cleanup(hub.Close)
	h := &shop{notes: make(chan string, 1)}
	service := NewService(hub, func(s *Session) Shop {
		h.s = s
		if err := s.Subscribe("till"); err != nil {
			t.Error(err)
		}
		return h
	})
	_, session := pair.Connect(t, []*core.Service{service}, nil)
	c, err := NewClient(session)
	if err != nil {
		t.Fatal(err)
	}
	return c, h
}

func TestCalls(t *testing.T) {
	c, h := open(t)
	ctx := t.Context()
	if err := c.Ping(ctx); err != nil {
		t.Error(err)
	}
	if r, err := c.Buy(ctx, "tea", 3, &other.Point{X: 7}); err != nil || r != (Receipt{"tea", 21}) {
		t.Errorf("Buy: got %+v, %v", r, err)
	}
	if _, err := c.Buy(ctx, "tea", 3, nil); !errors.Is(err, twinwire.NotFound) {
		t.Errorf("Buy nowhere: got error %v, want NotFound", err)
	}
	sum, by, err := c.Totals(ctx, time.Unix(77, 0))
	if err != nil || sum != 77 || !maps.Equal(by, map[string]int64{"a": 1, "b": -2}) {
		t.Errorf("Totals: got %d, %v, %v", sum, by, err)
	}
	if sum, err := c.Sum(ctx, 1, 2, -4); err != nil || sum != -1 {
		t.Errorf("Sum: got %d, %v", sum, err)
	}
	if sum, err := c.Sum(ctx); err != nil || sum != 0 {
		t.Errorf("Sum of nothing: got %d, %v", sum, err)
	}
	versions := []other.Version{{Major: 1, Minor: 2}, {Major: 3}}
	if got, err := c.Echo(ctx, versions); err != nil || !slices.Equal(got, versions) {
		t.Errorf("Echo: got %v, %v", got, err)
	}
	anything := map[string]any{"n": int64(1), "list": []any{"x", nil}}
	if got, err := c.Any(ctx, anything); err != nil || !reflect.DeepEqual(got, any(anything)) {
		t.Errorf("Any: got %v, %v", got, err)
	}
	if _, err := c.Any(ctx, make(chan int)); err == nil {
		t.Error("Any of a channel: no error")
	}
	if err := c.Note(ctx, "hello", "board"); err != nil {
		t.Error(err)
	}
	if got := <-h.notes; got != "hello@board" {
		t.Errorf("Note: got %q", got)
	}
}

// The state is there before the reply, and so are the events, of which the
// types that are unknown are skipped.
func TestStateAndEvents(t *testing.T) {
	c, h := open(t)
	ctx := t.Context()
	if err := c.Ping(ctx); err != nil { // there is a handler once it has answered
		t.Fatal(err)
	}
	if err := h.s.Hub.Emit(ctx, "till", events.Raw{Type: "shop.Burned"}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.Buy(ctx, "tea", 3, &other.Point{}); err != nil {
		t.Fatal(err)
	}
	if st, _ := c.State().Load(); st.Items["tea"] != 3 {
		t.Errorf("state %+v", st)
	}
	want := []Event{Bought{"tea", 3}, Closed{}}
	for ev := range c.Events(ctx) {
		if ev.Err != nil || ev.Event != want[0] {
			t.Fatalf("got event %+v, want %+v", ev, want[0])
		}
		if want = want[1:]; len(want) == 0 {
			break
		}
	}
	if len(want) > 0 {
		t.Errorf("no event %+v", want)
	}
	if n := EventStream(c.Session()).Unknown(); n != 1 {
		t.Errorf("%d events of an unknown type were counted, want 1", n)
	}
}

// A priority of a method holds unless the caller has another one.
func TestPriority(t *testing.T) {
	hub := new(events.Hub)
	defer hub.Close()
	const most = 1000
	h := &shop{notes: make(chan string, most)}
	service := NewService(hub, func(*Session) Shop { return h })
	near, _, session := pair.Pipe(t, []*core.Service{service}, nil)
	c, err := NewClient(session)
	if err != nil {
		t.Fatal(err)
	}
	ctx := t.Context()
	near.Stall(mem.AllLanes)
	var sent []error
	text := strings.Repeat("x", 1000)
	for range most - 2 {
		sent = append(sent, c.Note(ctx, text, ""))
	}
	sent = append(sent, c.Alarm(core.WithPriority(ctx, core.Bulk), "drill"), c.Alarm(ctx, "fire"))
	if err := errors.Join(sent...); err != nil {
		t.Fatal(err)
	}
	near.Unstall(mem.AllLanes)
	var got []string
	for range most {
		got = append(got, <-h.notes)
	}
	fire, drill := slices.Index(got, "fire"), slices.Index(got, "drill")
	if fire > most/2 {
		t.Errorf("alarm came after %d notes that were sent before it", fire)
	}
	if drill < fire {
		t.Errorf("alarm of the caller's priority, which is the lowest, came after %d notes, and the other after %d", drill, fire)
	}
}

// What does not fit is the caller's fault.
func TestBadArguments(t *testing.T) {
	c, _ := open(t)
	for _, args := range []string{"\x81\xa5count\xce\x00\x01\x00\x00", "\x92\x01\x02", "\xc1"} {
		err := c.Session().Call(t.Context(), "shop.Buy", rawMessage(args), nil)
		if !errors.Is(err, twinwire.BadRequest) {
			t.Errorf("%q: got error %v, want BadRequest", args, err)
		}
	}
}

type rawMessage string

func (m rawMessage) AppendMsgpack(b []byte) ([]byte, error) { return append(b, m...), nil }
