package zoo

import (
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/compress/deflate"
	"github.com/twinwire/twinwire/compress/zstd"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
)

// A row is one kind of hostile peer.
type row struct {
	name string
	// wires are those over which it comes; none is both.
	wires []string
	// attack does its worst until ctx is done. The error is that the server did
	// not do what it has to.
	attack func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error
	// check looks at what the server says afterwards.
	check func(f figures) error
}

// with runs f with a session of a hostile peer.
func with(f func(ctx context.Context, p *peer) error, features ...string) func(context.Context, *yard, string, *atomic.Int64) error {
	return func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
		p, err := y.peer(wire, sent, false)
		if err != nil {
			return err
		}
		defer func() {
			p.Close(twinwire.Accepted, "")
			<-p.ended
		}()
		if err := p.begin(features...); err != nil {
			return err
		}
		return f(ctx, p)
	}
}

// before sends bytes in place of a hello, one connection for each.
func before(all map[string][]byte, codes ...twinwire.Code) func(context.Context, *yard, string, *atomic.Int64) error {
	return func(_ context.Context, y *yard, wire string, sent *atomic.Int64) error {
		var errs []error
		for name, b := range all {
			err := func() error {
				p, err := y.peer(wire, sent, false)
				if err != nil {
					return err
				}
				defer func() {
					p.Close(twinwire.Accepted, "")
					<-p.ended
				}()
				if p.write(0, b) != nil {
					return nil
				}
				select {
				case f := <-p.answer:
					if f.Kind == frame.Refuse {
						return nil
					}
				case err := <-p.ended:
					p.ended <- err
				}
				return p.refused(codes...)
			}()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", name, err))
			}
		}
		return errors.Join(errs...)
	}
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(err)
	}
	return b
}

// hostilePack is MessagePack that ends processes which believe it.
func hostilePack() map[string][]byte {
	return map[string][]byte{
		"array of 4 billion":        unhex("ddffffffff"),
		"map of 4 billion":          unhex("dfffffffff"),
		"bytes of 4 billion":        unhex("c6ffffffff"),
		"text of 4 billion":         unhex("dbffffffff"),
		"ext of 4 billion":          unhex("c9ffffffff01"),
		"nested array16":            bytes.Repeat(unhex("dcffff"), 5000),
		"nested arrays":             bytes.Repeat(unhex("91"), 15000),
		"nested maps":               bytes.Repeat(unhex("81a161"), 5000),
		"nil key":                   unhex("81c001"),
		"array key":                 unhex("8191c001"),
		"never used":                unhex("c1"),
		"large elements":            append(unhex("81a54c61726765dd000f4240"), bytes.Repeat(unhex("c0"), 100)...),
		"a million of numbers":      append(unhex("81a74e756d62657273dd000f4240"), bytes.Repeat(unhex("01"), 10000)...),
		"something after":           unhex("c0c0"),
		"truncated":                 unhex("92a3"),
		"deep in what is not known": append(unhex("81a178"), bytes.Repeat(unhex("91"), 15000)...),
	}
}

func call(id uint64, method string, args []byte) frame.Frame {
	return frame.Frame{Kind: frame.Call, ID: id, Name: []byte(method), Payload: args}
}

// frameRows speak frames, over both wires.
func frameRows() []row {
	half := func(b []byte) []byte { return b[:len(b)/2] }
	protocol := twinwire.ProtocolError
	lies := map[string][]byte{
		"length 2^62-1": unhex("ffffffffffffffff"), "length 2^30": unhex("c000000040000000"), "length of MaxBody and one": unhex("80008001"),
		"length 0": unhex("00"), "no shortest form": unhex("4002"), "text": []byte("GET / HTTP/1.1\r\n\r\n"),
		"call before hello": frame.Append(nil, &frame.Frame{Kind: frame.Call, Lane: 0, ID: 1, Name: []byte("zoo.Echo")}),
		"zeros":             make([]byte, 1000), "a hello and more": append(frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: helloOf(nil, 0)}), 0x02, 0x01, 0x00),
	}
	hellos := map[string][]byte{}
	for name, b := range hostilePack() {
		hellos[name] = frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: b})
	}
	rows := []row{
		{name: "hellos of hostile MessagePack", attack: before(hellos)},
		{name: "lies in place of a hello", attack: before(lies, protocol)},
		{name: "half a hello", wires: []string{"websocket", "quic"}, attack: before(map[string][]byte{"half": half(frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: helloOf(nil, 0)}))}, protocol, twinwire.DeadlineExceeded)},
		{name: "calls of hostile MessagePack", attack: with(func(_ context.Context, p *peer) error {
			id := uint64(0)
			for _, b := range hostilePack() {
				for _, method := range []string{"zoo.Any", "zoo.Struct", "zoo.Echo"} {
					id++
					if err := p.say(1, call(id, method, b)); err != nil {
						return err
					}
				}
			}
			return nil
		})},
		{name: "names that are none", attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			var errs []error
			for _, name := range []string{"zoo.Echo\x00", "zoo\x00.Echo", "", "zoo Echo", "zöo", "zoo\n", "\x1b[2J"} {
				err := with(func(_ context.Context, p *peer) error {
					_ = p.say(1, call(1, name, nil))
					return p.refused(protocol)
				})(ctx, y, wire, sent)
				if err != nil {
					errs = append(errs, fmt.Errorf("%q: %w", name, err))
				}
			}
			// A path is a name, of no method.
			return errors.Join(append(errs, with(func(_ context.Context, p *peer) error {
				return p.say(1, call(1, "../zoo.Echo", nil), call(2, "zoo/../zoo.Echo", nil), call(3, "ZOO.ECHO", nil))
			})(ctx, y, wire, sent))...)
		}},
		{name: "flood of PING", attack: with(func(ctx context.Context, p *peer) error {
			press(func() error { return p.say(0, frame.Frame{Kind: frame.Ping, ID: 1}) })
			return p.refused(protocol)
		}), check: reached("pings")},
		{name: "flood of frames that are nothing", attack: with(func(_ context.Context, p *peer) error {
			nothing := bytes.Repeat(unhex("028000"), 20000)
			press(func() error { return p.write(0, nothing) })
			return p.refused(protocol)
		}), check: reached("unknown frames")},
		{name: "flood of calls and cancels", attack: with(func(ctx context.Context, p *peer) error {
			id := uint64(0)
			return goOn(ctx, func() error {
				var frames []frame.Frame
				for range 500 {
					id++
					frames = append(frames, call(id, "zoo.Slow", nil), frame.Frame{Kind: frame.Cancel, ID: id, Code: uint16(twinwire.Canceled)})
				}
				return p.say(1, frames...)
			})
		}), check: func(f figures) error {
			if f.MostHandlers > 256 {
				return fmt.Errorf("%d handlers ran at once", f.MostHandlers)
			}
			return nil
		}},
		{name: "messages that do not end", attack: with(func(ctx context.Context, p *peer) error {
			full := make([]byte, frame.MaxPayload)
			id := uint64(0)
			press(func() error {
				id++
				f := call(id, "zoo.Echo", full)
				f.Flags, f.Size = frame.HasMore, 4<<20
				return p.say(1, f)
			})
			return p.refused(protocol)
		}), check: reached("large bytes")},
		{name: "streams without calls", attack: with(func(ctx context.Context, p *peer) error {
			id := uint64(0)
			press(func() error {
				id++
				return p.say(3, frame.Frame{Kind: frame.Data, Flags: frame.First, ID: id, Payload: make([]byte, 1000)})
			})
			return p.refused(protocol)
		}), check: reached("streams")},
		{name: "a stream beyond its window", attack: with(func(ctx context.Context, p *peer) error {
			flags := frame.First
			press(func() error {
				err := p.say(3, frame.Frame{Kind: frame.Data, Flags: flags, ID: 1, Payload: make([]byte, frame.MaxPayload)})
				flags = 0
				return err
			})
			return p.refused(protocol)
		}), check: reached("stream bytes")},
		{name: "messages beyond the window", attack: with(func(ctx context.Context, p *peer) error {
			press(func() error {
				return p.say(1, times(frame.Frame{Kind: frame.Message, Name: []byte("zoo.Slow")}, 300)...)
			})
			return p.refused(protocol)
		}), check: reached("messages")},
		{name: "states without end", attack: with(func(ctx context.Context, p *peer) error {
			id := uint64(0)
			press(func() error {
				id++
				return p.say(1, frame.Frame{Kind: frame.State, Flags: frame.Snapshot | frame.HasName, ID: id, Next: 1, Name: fmt.Append(nil, id), Payload: make([]byte, frame.MaxPayload)})
			})
			return p.refused(protocol)
		}), check: reached("states")},
		{name: "subscribing without end", attack: with(func(ctx context.Context, p *peer) error {
			id := uint64(0)
			args, _ := codec.Value[string]{V: "topic"}.AppendMsgpack(nil)
			return goOn(ctx, func() error {
				var frames []frame.Frame
				for range 100 {
					id++
					frames = append(frames, call(id, "zoo.Subscribe", args))
				}
				return p.say(1, frames...)
			})
		})},
		{name: "topics of a client", attack: with(func(_ context.Context, p *peer) error {
			id := uint64(0)
			press(func() error {
				var frames []frame.Frame
				for range 200 {
					id++
					frames = append(frames, frame.Frame{Kind: frame.Topic, Flags: frame.Begin, ID: id, Name: bytes.Repeat([]byte("x"), 255)})
				}
				return p.say(2, frames...)
			})
			return p.refused(protocol)
		})},
		{name: "datagrams that are none", wires: []string{"quic", "webtransport"}, attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			latest := frame.Append(nil, newest(1))
			var errs []error
			for name, b := range map[string][]byte{
				"a call": frame.Append(nil, &frame.Frame{Kind: frame.Call, Lane: 1, ID: 1, Name: []byte("zoo.Echo")}), "half": half(latest), "zeros": make([]byte, 1000),
				"length 2^62-1": unhex("ffffffffffffffff"), "MessagePack": bytes.Repeat(unhex("dcffff"), 300), "no topic": frame.Append(nil, newest(0)),
			} {
				err := with(func(_ context.Context, p *peer) error {
					if err := p.datagrams(1, func() []byte { return b }); err != nil {
						return err
					}
					return p.refused(protocol)
				}, "latest")(ctx, y, wire, sent)
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", name, err))
				}
			}
			return errors.Join(errs...)
		}},
		{name: "flood of datagrams", wires: []string{"quic", "webtransport"}, attack: with(func(ctx context.Context, p *peer) error {
			return goOn(ctx, func() error {
				return p.datagrams(100, func() []byte {
					p.version++
					known, other := newest(1), newest(2)
					known.Version = p.version
					b := frame.Append(nil, known)
					for range 50 {
						b = frame.Append(b, other)
					}
					return b
				})
			})
		}, "latest")},
		{name: "peers that never read", attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			var wg sync.WaitGroup
			for range 10 {
				wg.Go(func() { _ = deaf(ctx, y, wire, sent, 1<<20) })
			}
			wg.Wait()
			return nil
		}},
		{name: "resume tokens that are guessed", attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			victim := y.good(wire)
			defer victim.Close()
			for range 20 {
				id := victim.ID()
				hello := frame.Append(nil, &frame.Frame{Kind: frame.Hello, Payload: helloOf(func(b []byte) []byte {
					b = codec.AppendBytes(codec.AppendString(b, "session"), id[:])
					b = codec.AppendBytes(codec.AppendString(b, "token"), make([]byte, 32))
					b = codec.AppendArrayHeader(codec.AppendString(b, "nexts"), 5)
					return append(b, 0, 0, 0, 0, 0)
				}, 3)})
				if err := before(map[string][]byte{"guess": hello})(ctx, y, wire, sent); err != nil {
					return err
				}
			}
			return victim.Call(y.t.Context(), "zoo.Echo", codec.Value[string]{V: "it is me"}, nil)
		}},
	}
	for _, c := range []core.Compression{zstd.New(), deflate.New()} {
		bombs := map[string][]byte{
			"16 KiB and one byte": c.Compress(nil, make([]byte, 16<<10+1)),
			"1 MiB":               c.Compress(nil, make([]byte, 1<<20)),
			"nonsense":            bytes.Repeat([]byte{0xfe, 0x01}, 4000),
		}
		if c.Name() == zstd.Name {
			bombs["60 GiB in a header"] = unhex("28b52ffde0000000000f000000" + "0300100000")
		}
		rows = append(rows, row{name: c.Name() + " bombs", attack: func(ctx context.Context, y *yard, wire string, sent *atomic.Int64) error {
			var errs []error
			for name, bomb := range bombs {
				err := with(func(_ context.Context, p *peer) error {
					f := call(1, "zoo.Echo", bomb)
					f.Packed = true
					_ = p.say(1, f)
					return p.refused(protocol)
				}, c.Name())(ctx, y, wire, sent)
				if err != nil {
					errs = append(errs, fmt.Errorf("%s: %w", name, err))
				}
			}
			return errors.Join(errs...)
		}, check: reached("inflated bytes")}, row{name: c.Name() + " as dense as may be", attack: with(func(ctx context.Context, p *peer) error {
			dense := c.Compress(nil, make([]byte, frame.MaxPayload))
			id := uint64(0)
			return goOn(ctx, func() error {
				var frames []frame.Frame
				for range 100 {
					id++
					f := call(id, "zoo.Echo", dense)
					f.Packed = true
					frames = append(frames, f)
				}
				return p.say(1, frames...)
			})
		}, c.Name())})
	}
	return rows
}

// newest returns what a datagram may have, of a topic.
func newest(topic uint64) *frame.Frame {
	return &frame.Frame{Kind: frame.Latest, Lane: 2, ID: topic, Version: 1, Name: []byte("zoo.Event"), Payload: []byte("x")}
}

// times returns a frame n times.
func times(f frame.Frame, n int) []frame.Frame {
	frames := make([]frame.Frame, n)
	for i := range frames {
		frames[i] = f
	}
	return frames
}

// reached checks that a limit was.
func reached(limit string) func(figures) error {
	return func(f figures) error {
		if f.Reached[limit] == 0 {
			return fmt.Errorf("the limit of %s was not counted", limit)
		}
		return nil
	}
}

// deaf begins a session, asks for 64 KiB so many times, and reads nothing of it.
func deaf(ctx context.Context, y *yard, wire string, sent *atomic.Int64, calls uint64) error {
	p, err := y.peer(wire, sent, true)
	if err != nil {
		return err
	}
	welcomed := make(chan struct{})
	welcome := sync.OnceFunc(func() { close(welcomed) })
	go func() { // ends with the carrier
		p.ended <- p.Receive(func(int, []byte) error {
			welcome()
			<-ctx.Done() // and reads no more
			return errors.New("enough")
		})
	}()
	defer func() {
		p.Close(twinwire.Accepted, "")
		<-p.ended
	}()
	if err := p.say(0, frame.Frame{Kind: frame.Hello, Payload: helloOf(nil, 0)}); err != nil {
		return err
	}
	select {
	case <-welcomed:
	case <-ctx.Done():
		return ctx.Err()
	}
	attach := frame.Frame{Kind: frame.Attach, ID: 1}
	if wire == "websocket" {
		attach.Flags = frame.AllLanes
	}
	if err := p.say(0, attach); err != nil {
		return err
	}
	id := uint64(0)
	return goOn(ctx, func() error {
		time.Sleep(time.Millisecond)
		if id == calls {
			return nil
		}
		id++
		return p.say(1, call(id, "zoo.Bytes", nil))
	})
}
