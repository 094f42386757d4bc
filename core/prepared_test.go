package core_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log"
	"maps"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// decoded is what arrives of a message, in any order.
func decoded(r *core.Request) (v any, err error) {
	if len(r.Raw()) == 0 {
		return nil, nil
	}
	err = r.Decode(reflective.Value(&v))
	return v, err
}

// A prepared message arrives as one that is encoded where it is sent, at every
// session and as often as it is sent.
func TestPrepared(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		var mu sync.Mutex // calls run beside each other
		var got []string
		cfg, _ := serving(map[string]core.Handler{
			"test.Note": func(_ context.Context, r *core.Request) (codec.Marshaler, error) {
				v, err := decoded(r)
				mu.Lock()
				defer mu.Unlock()
				got = append(got, fmt.Sprint(v))
				return nil, err
			},
			"test.Echo": echo,
		})
		draft, err := core.Prepare("test.Note", reflective.Value(map[string]any{"room": "hall", "text": strings.Repeat("x", 20_000)}))
		if err != nil {
			t.Fatal(err)
		}
		small, err := core.Prepare("test.Echo", str("again"))
		if err != nil {
			t.Fatal(err)
		}
		nothing, err := core.Prepare("test.Note", nil)
		if err != nil || nothing.Method() != "test.Note" {
			t.Fatal(err)
		}
		seen := ""
		client := &core.Config{CallInterceptors: []core.CallInterceptor{
			func(ctx context.Context, out *core.Outgoing, next core.Invoker) error {
				b, err := out.Args.AppendMsgpack(nil)
				seen = fmt.Sprint(out.Method, len(b), err)
				return next(ctx, out)
			},
		}}
		for _, c := range []*core.Config{{}, client} {
			p := connect(t, o, cfg, c)
			got = nil
			for range 2 {
				for _, m := range []*core.Prepared{draft, nothing} {
					if err := m.Send(t.Context(), p.client); err != nil {
						t.Error(err)
					}
					if err := m.Call(t.Context(), p.client, nil); err != nil {
						t.Error(err)
					}
				}
				var answer codec.Value[string]
				if err := small.Call(t.Context(), p.client, &answer); answer.V != "again" || err != nil {
					t.Errorf("%q, %v", answer.V, err)
				}
			}
			synctest.Wait()
			counts := map[string]int{}
			for _, s := range got {
				counts[s]++
			}
			want := map[string]int{fmt.Sprint(map[string]any{"room": "hall", "text": strings.Repeat("x", 20_000)}): 4, "<nil>": 4}
			if !maps.Equal(counts, want) {
				t.Errorf("%d kinds of messages arrived: %.200v", len(counts), counts)
			}
			_ = p.client.Close()
		}
		if seen != "test.Echo6 <nil>" {
			t.Errorf("an interceptor saw %q", seen)
		}
	})
}

// With adds fields to a draft, however many, and leaves it as it was.
func TestPreparedWith(t *testing.T) {
	fields := func(from, n int) map[string]any {
		m := make(map[string]any)
		for i := range n {
			m[fmt.Sprint("f", from+i)] = int64(from + i)
		}
		return m
	}
	for _, n := range [][2]int{{0, 0}, {0, 1}, {1, 0}, {1, 1}, {7, 8}, {8, 8}, {15, 1}, {16, 3}, {3, 70_000}} {
		draft, err := core.Prepare("m", reflective.Value(fields(0, n[0])))
		if err != nil {
			t.Fatal(err)
		}
		want := fields(0, n[0])
		maps.Copy(want, fields(n[0], n[1]))
		for range 2 { // the draft is not used up
			m, err := draft.With(reflective.Value(fields(n[0], n[1]))).Encode()
			if err != nil {
				t.Fatal(err)
			}
			b, err := m.AppendMsgpack([]byte("before"))
			if err != nil || !bytes.HasPrefix(b, []byte("before")) {
				t.Fatal(err)
			}
			b = b[len("before"):]
			got := make(map[string]any)
			if err := reflective.Unmarshal(b, &got, nil); err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%v: %.200v, %v", n, got, err)
			}
			// As if it had been encoded at once.
			if n[1] == 1 {
				whole, err := reflective.Append(nil, want)
				if err != nil || len(whole) != len(b) {
					t.Errorf("%v: %d bytes, %d at once, %v", n, len(b), len(whole), err)
				}
			}
		}
	}
	empty, err := core.Prepare("m", nil)
	if err != nil {
		t.Fatal(err)
	}
	one, two := map[string]any{"a": 1}, map[string]any{"b": 2}
	if b, err := empty.With(reflective.Value(one)).With(reflective.Value(two)).AppendMsgpack(nil); string(b) != "\x82\xa1a\x01\xa1b\x02" {
		t.Errorf("% x, %v", b, err)
	}
	if m, err := empty.Encode(); m != empty || err != nil {
		t.Errorf("what is encoded was encoded again: %v", err)
	}
}

func TestPrepareRefused(t *testing.T) {
	_, err := core.Prepare("no name", nil)
	wantCode(t, err, twinwire.BadRequest)
	_, err = core.Prepare("m", broken{errors.New("broken")})
	wantCode(t, err, twinwire.BadRequest)
	number, err := core.Prepare("m", codec.Value[int]{V: 1})
	if err != nil {
		t.Fatal(err)
	}
	fields, err := core.Prepare("m", reflective.Value(map[string]any{"a": 1}))
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range []*core.Prepared{
		number.With(reflective.Value(map[string]any{})), fields.With(codec.Value[int]{V: 1}), fields.With(broken{errors.New("broken")}),
	} {
		_, err = m.Encode()
		wantCode(t, err, twinwire.BadRequest)
		synctest.Test(t, func(t *testing.T) {
			wantCode(t, m.Send(t.Context(), connect(t, nil, &core.Config{}, &core.Config{}).client), twinwire.BadRequest)
		})
	}
}

// One prepared message goes to many sessions at once.
func TestPreparedTogether(t *testing.T) {
	cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
	m, err := core.Prepare("test.Echo", str(strings.Repeat("y", 40_000)))
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for range 4 {
		s := connect(t, nil, cfg, &core.Config{}).client
		for range 4 {
			wg.Go(func() {
				var v codec.Value[string]
				if err := m.Call(t.Context(), s, &v); err != nil || v.V != strings.Repeat("y", 40_000) {
					t.Errorf("%d bytes, %v", len(v.V), err)
				}
			})
		}
	}
	wg.Wait()
}

// A draft has the fields that are the same for everybody; With adds the others.
func ExamplePrepared_With() {
	done := make(chan bool)
	s := dial(&core.Service{
		Methods: map[string]core.Method{
			"chat.Say": func(_ context.Context, _ any, r *core.Request) (codec.Marshaler, error) {
				var m struct{ Room, From, Text string }
				if err := r.Decode(reflective.Value(&m)); err != nil {
					return nil, err
				}
				fmt.Printf("[%s] %s: %s\n", m.Room, m.From, m.Text)
				return nil, nil
			},
		},
		Close: func(any, error) { close(done) },
	})
	draft, err := core.Prepare("chat.Say", reflective.Value(map[string]string{"Room": "hall", "From": "Ann"}))
	if err != nil {
		log.Fatal(err)
	}
	for _, text := range []string{"hello", "bye"} {
		if err := draft.With(reflective.Value(map[string]string{"Text": text})).Send(context.Background(), s); err != nil {
			log.Fatal(err)
		}
	}
	s.Close()
	<-done
	// Output:
	// [hall] Ann: hello
	// [hall] Ann: bye
}

// A line is a message as generated code would encode it, most of which is the
// same each time.
type line struct {
	room, from, text string
	members          []string
	number           uint64
}

func (l *line) AppendMsgpack(b []byte) ([]byte, error) {
	b = codec.AppendMapHeader(b, 5)
	b, _ = l.appendConstant(b)
	return l.appendVarying(b)
}

func (l *line) appendConstant(b []byte) ([]byte, error) {
	b = codec.AppendString(codec.AppendString(b, "room"), l.room)
	b = codec.AppendString(codec.AppendString(b, "from"), l.from)
	b = codec.AppendArrayHeader(codec.AppendString(b, "members"), len(l.members))
	for _, m := range l.members {
		b = codec.AppendString(b, m)
	}
	return b, nil
}

func (l *line) appendVarying(b []byte) ([]byte, error) {
	b = codec.AppendString(codec.AppendString(b, "text"), l.text)
	return codec.AppendUint(codec.AppendString(b, "number"), l.number), nil
}

// A part is the constant or the varying part of a line.
type part struct {
	n      int
	append func(b []byte) ([]byte, error)
}

func (p part) AppendMsgpack(b []byte) ([]byte, error) {
	return p.append(codec.AppendMapHeader(b, p.n))
}

// BenchmarkPrepared is a message of 1.1 kB to a peer: encoded at each send,
// encoded ahead, and with two fields added to three that were encoded ahead.
// It is encoded by hand, or by reflection.
func BenchmarkPrepared(b *testing.B) {
	l := &line{room: "hall", from: "somebody", text: "hello there"}
	for i := range 100 {
		l.members = append(l.members, fmt.Sprint("member ", i))
	}
	whole, err := core.Prepare("test.Note", l)
	if err != nil {
		b.Fatal(err)
	}
	draft, err := core.Prepare("test.Note", part{3, l.appendConstant})
	if err != nil {
		b.Fatal(err)
	}
	varying := &part{2, l.appendVarying}
	fields := map[string]any{"room": l.room, "from": l.from, "members": l.members, "text": l.text, "number": l.number}
	two := map[string]any{"text": l.text, "number": l.number}
	for _, bench := range []struct {
		name string
		send func(ctx context.Context, s *core.Session) error
	}{
		{"Send", func(ctx context.Context, s *core.Session) error { return s.Send(ctx, "test.Note", l) }},
		{"Prepared", func(ctx context.Context, s *core.Session) error { return whole.Send(ctx, s) }},
		{"With", func(ctx context.Context, s *core.Session) error {
			return draft.With(varying).Send(ctx, s)
		}},
		{"SendReflective", func(ctx context.Context, s *core.Session) error {
			return s.Send(ctx, "test.Note", reflective.Value(fields))
		}},
		{"WithReflective", func(ctx context.Context, s *core.Session) error {
			return draft.With(reflective.Value(two)).Send(ctx, s)
		}},
	} {
		b.Run(bench.name, func(b *testing.B) {
			s := benchPair(b, false)
			b.ReportAllocs()
			n := 0
			for b.Loop() {
				if err := bench.send(b.Context(), s); err != nil {
					b.Fatal(err)
				}
				if n++; n%1000 == 0 { // within the queue's bound
					if err := s.Call(b.Context(), "test.Next", &number{}, nil); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}
