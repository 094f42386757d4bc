// Package conformance has one scenario for every client: the one in Go,
// natively and in a browser, and the one in TypeScript, in Node and in a
// browser. testdata/scenario.json says what is done and what has to come of it;
// this package plays it in Go, and ts/test/scenario.ts in TypeScript, both
// against the server of ts/testserver, over every wire that they have.
package conformance

import (
	"bytes"
	"cmp"
	"context"
	_ "embed"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/ts/testserver/lab"
)

//go:embed testdata/scenario.json
var scenario []byte

// A step is one thing that a client does, and what has to come of it. Which
// members it has depends on what is done.
type step struct {
	Do    string
	A, B  int64 `json:",string"`
	N     int
	Ms    int
	Bytes int
	Big   int64  `json:",string"`
	Huge  uint64 `json:",string"`
	Key   string
	Want  []string
	Sum   string // the first bytes of the SHA-256, in hex
	Code  twinwire.Code
	Text  string
}

// Play plays the scenario over a session.
func Play(ctx context.Context, s *core.Session) error {
	var steps []step
	if err := json.Unmarshal(scenario, &steps); err != nil {
		return err
	}
	c, err := lab.NewClient(s)
	if err != nil {
		return err
	}
	for i, st := range steps {
		do := moves[st.Do]
		if do == nil {
			return fmt.Errorf("step %d: nobody knows how to %q", i, st.Do)
		}
		got, err := do(ctx, c, st)
		if code := twinwire.CodeOf(err); code != st.Code {
			return fmt.Errorf("step %d, %s: %v, want code %d", i, st.Do, err, st.Code)
		}
		if e := (*twinwire.Error)(nil); err != nil && st.Text != "" && (!errors.As(err, &e) || e.Message != st.Text) {
			return fmt.Errorf("step %d, %s: error %q, want %q", i, st.Do, err, st.Text)
		}
		if err == nil && !slices.Equal(got, st.Want) {
			return fmt.Errorf("step %d, %s: %.200q, want %.200q", i, st.Do, got, st.Want)
		}
	}
	return nil
}

// moves are what a step can do. Where they check by themselves they return what
// is wanted.
var moves = map[string]func(ctx context.Context, c *lab.LabClient, st step) ([]string, error){
	"divide": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		q, r, err := c.Divide(ctx, st.A, st.B)
		return texts(q, r), err
	},
	"fail": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		return nil, c.Fail(ctx, uint16(st.Code), st.Text)
	},
	"echo": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		v := lab.Everything{Text: st.Text, Big: st.Big, Huge: st.Huge, Bytes: letters(st.Bytes), Time: time.Unix(1700000000, 123456789).UTC()}
		got, err := c.Echo(ctx, v)
		ok := got.Text == v.Text && got.Big == v.Big && got.Huge == v.Huge && bytes.Equal(got.Bytes, v.Bytes) && got.Time.Equal(v.Time)
		return wrong(!ok, "the echo differs"), err
	},
	"meta": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		md := core.Metadata{}
		got, err := c.Meta(core.WithReplyMetadata(core.WithMetadata(ctx, core.Metadata{st.Key: st.Text}), &md), st.Key)
		return wrong(got != st.Text || md[st.Key] != st.Text, got, md[st.Key]), err
	},
	"sleep": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		ctx, cancel := context.WithTimeout(ctx, time.Duration(st.Ms)*time.Millisecond)
		defer cancel()
		return nil, c.Sleep(ctx, time.Minute)
	},
	"cancel": func(ctx context.Context, c *lab.LabClient, _ step) ([]string, error) {
		ctx2, cancel := context.WithCancel(ctx)
		before, err := c.Canceled(ctx)
		time.AfterFunc(0, cancel)
		return texts(before), errors.Join(err, c.Sleep(ctx2, time.Minute))
	},
	"count": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		return ascending(c.Count(ctx, uint32(st.N)), st.N)
	},
	"countAndFail": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		return ascending(c.CountAndFail(ctx, uint32(st.N)), st.N)
	},
	"leave": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		for n, err := range c.Count(ctx, 4_000_000_000) {
			if err != nil || int(n) == st.N {
				return nil, err
			}
		}
		return []string{"ended"}, nil
	},
	"sum": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		sum, err := c.Sum(ctx, numbers(st.N))
		return texts(sum), err
	},
	"sums": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		var last uint64
		n := 0
		for sum, err := range c.Sums(ctx, numbers(st.N)) {
			if err != nil {
				return nil, err
			}
			last = sum
			n++
		}
		if n != st.N {
			return texts(n), nil
		}
		return texts(last), nil
	},
	"first": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		n, err := c.First(ctx, numbers(st.N))
		return texts(n), err
	},
	"put": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		got, err := c.Put(ctx, "blob", bytes.NewReader(letters(st.Bytes)))
		sum := hex.EncodeToString(got.Sum)
		return wrong(got.Size != int64(st.Bytes) || sum[:min(len(sum), 8)] != st.Sum, sum), err
	},
	"get": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		body, err := c.Get(ctx, st.Bytes)
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(body)
		return wrong(len(b) != st.Bytes || b[len(b)-1] != byte(len(b)-1), strconv.Itoa(len(b))), errors.Join(err, body.Close())
	},
	"upper": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		body, err := c.Upper(ctx, bytes.NewReader(letters(st.Bytes)))
		if err != nil {
			return nil, err
		}
		b, err := io.ReadAll(body)
		return wrong(!bytes.Equal(b, bytes.ToUpper(letters(st.Bytes))), strconv.Itoa(len(b))), errors.Join(err, body.Close())
	},
	"note": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		for i := range st.N {
			if err := c.Note(ctx, strconv.Itoa(i)); err != nil {
				return nil, err
			}
		}
		for { // messages and calls do not wait for each other
			notes, err := c.Notes(ctx)
			if err != nil {
				return nil, err
			}
			for i, note := range notes {
				if note != strconv.Itoa(i) {
					return []string{note}, nil
				}
			}
			if len(notes) == st.N {
				return nil, nil
			}
		}
	},
	"events": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		all, stop := iter.Pull(c.Events(ctx))
		defer stop()
		if err := c.Join(ctx, events.Topic(st.Text)); err != nil {
			return nil, err
		}
		if err := c.Emit(ctx, events.Topic(st.Text), 0, uint32(st.N)); err != nil {
			return nil, err
		}
		for i := range st.N {
			d, ok := all()
			said, isSaid := d.Event.(lab.Said)
			if !ok || !isSaid || said.Number != uint32(i) || string(d.Topic) != st.Text || d.Missed != 0 {
				return []string{fmt.Sprintf("%+v", d)}, nil
			}
		}
		return nil, c.Leave(ctx, events.Topic(st.Text))
	},
	"state": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		if err := c.Play(ctx, st.N); err != nil {
			return nil, err
		}
		v, version := c.State().Load() // as the reply comes after it
		if version == 0 || v.Title != st.Text {
			return []string{v.Title}, nil
		}
		return slices.AppendSeq([]string{}, slices.Values(slices.Sorted(maps.Keys(v.Players)))), nil
	},
	"together": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		errs := make([]error, st.N)
		var calls sync.WaitGroup
		for i := range st.N {
			calls.Go(func() {
				q, _, err := c.Divide(ctx, int64(i), 1)
				if errs[i] = err; err == nil && q != int64(i) {
					errs[i] = fmt.Errorf("call %d answered with %d", i, q)
				}
			})
		}
		calls.Wait()
		return nil, errors.Join(errs...)
	},
	"tour": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		return c.Tour(ctx, st.Text)
	},
	// Values come, bytes go and both sides call while their wire is cut.
	"cut": func(ctx context.Context, c *lab.LabClient, st step) ([]string, error) {
		var wires []string
		cut := func() error {
			wire, err := c.Cut(ctx)
			if err == nil && slices.Contains(wires, wire) {
				err = fmt.Errorf("the wire is the one that was cut, %s", wire)
			}
			wires = append(wires, wire)
			return err
		}
		got, err := ascending(func(yield func(uint32, error) bool) {
			for n, err := range c.Count(ctx, uint32(st.N)) {
				if err == nil && int(n) == st.N/2 {
					err = cut()
				}
				if !yield(n, err) {
					return
				}
			}
		}, st.N)
		if got != nil || err != nil {
			return got, err
		}
		b := letters(st.Bytes)
		half := readFunc(func([]byte) (int, error) { return 0, cmp.Or(cut(), io.EOF) })
		receipt, err := c.Put(ctx, "blob", io.MultiReader(bytes.NewReader(b[:len(b)/2]), half, bytes.NewReader(b[len(b)/2:])))
		if err != nil || receipt.Size != int64(len(b)) || hex.EncodeToString(receipt.Sum)[:8] != st.Sum {
			return []string{"wrong", hex.EncodeToString(receipt.Sum)}, err
		}
		cutting := make(chan error, 1)
		go func() { cutting <- cut() }()
		said, err := c.Tour(ctx, st.Text)
		return said, errors.Join(err, <-cutting)
	},
}

// A readFunc is a reader that is one function.
type readFunc func(b []byte) (int, error)

func (f readFunc) Read(b []byte) (int, error) { return f(b) }

// texts are numbers as the scenario has them.
func texts(all ...any) []string {
	var out []string
	for _, v := range all {
		out = append(out, fmt.Sprint(v))
	}
	return out
}

// wrong returns what is there in place of what is wanted, nil if it is that.
func wrong(is bool, got ...string) []string {
	if is {
		return append([]string{"wrong"}, got...)
	}
	return nil
}

// letters are n bytes: abc...xyzabc...
func letters(n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('a' + i%26)
	}
	return b
}

func numbers(n int) iter.Seq2[uint32, error] {
	return func(yield func(uint32, error) bool) {
		for i := range n {
			if !yield(uint32(i), nil) {
				return
			}
		}
	}
}

// ascending checks that 0, 1, 2, ... come, n of them.
func ascending(all iter.Seq2[uint32, error], n int) ([]string, error) {
	i := 0
	for got, err := range all {
		if err != nil {
			return nil, err
		}
		if got != uint32(i) {
			return texts(got), nil
		}
		i++
	}
	return wrong(i != n, strconv.Itoa(i)), nil
}
