package scenario

import (
	"context"
	"errors"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/link"
	"github.com/twinwire/twinwire/bench/load"
)

// ErrOverrun says that figures are not about the link: the machine was too slow
// for it.
var ErrOverrun = errors.New("scenario: the link was not quick enough to pick up all packets")

// callsFirst is how long calls run before streams join them.
const callsFirst = 300 * time.Millisecond

// A Load is streams of bytes on the connection of a stage, with or without
// calls beside them.
type Load struct {
	// Streams is how many are under way at a time, of Size bytes each: to the
	// server, or from it if Down.
	Streams, Size int
	Down          bool
	// Calls keeps one call under way besides, from before the streams begin.
	Calls bool
	// Start is how long the streams run before they are measured, and Measure
	// how long they are.
	Start, Measure time.Duration
}

// Loaded is what a Load has come to.
type Loaded struct {
	// Rate is how much of the streams was received, in bytes a second.
	Rate float64
	// Starting are the times of the calls that ended during Load.Start, and
	// Latency of those during Load.Measure.
	Starting, Latency load.Latency
	// Path is what has become of the packets of the direction of the streams,
	// since the link was made.
	Path link.Stats
}

// Load runs a load. It returns ErrOverrun with figures that do not count. The
// load goes on until the stage is closed.
func (s *Stage) Load(ctx context.Context, l Load) (Loaded, error) {
	if l.Calls {
		if _, err := s.Client.Do(child.Request{Do: child.Call, PerConn: 1}); err != nil {
			return Loaded{}, err
		}
		if err := wait(ctx, callsFirst); err != nil {
			return Loaded{}, err
		}
	}
	// Marks begin the times of calls anew.
	if _, err := mark(s.Client); err != nil {
		return Loaded{}, err
	}
	if _, err := s.Client.Do(child.Request{Do: child.Transfer, Parallel: l.Streams, Size: l.Size, Down: l.Down}); err != nil {
		return Loaded{}, err
	}
	starting, before, err := s.after(ctx, l.Start, l.Down)
	if err != nil {
		return Loaded{}, err
	}
	latency, now, err := s.after(ctx, l.Measure, l.Down)
	if err != nil {
		return Loaded{}, err
	}
	there, back := s.Link.A.Stats(), s.Link.B.Stats()
	loaded := Loaded{
		Rate:     float64(now.Bytes-before.Bytes) / (now.Uptime - before.Uptime).Seconds(),
		Starting: starting,
		Latency:  latency,
		Path:     there,
	}
	if l.Down {
		loaded.Path = back
	}
	return loaded, s.overrun()
}

// after lets time pass, and returns the times of the calls that ended
// meanwhile, and what the receiver of streams has done.
func (s *Stage) after(ctx context.Context, d time.Duration, down bool) (load.Latency, child.MarkReply, error) {
	if err := wait(ctx, d); err != nil {
		return load.Latency{}, child.MarkReply{}, err
	}
	c, err := mark(s.Client)
	if err != nil || down {
		return c.Latency, c, err
	}
	r, err := mark(s.Server)
	return c.Latency, r, err
}
