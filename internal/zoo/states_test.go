package zoo

import (
	"context"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// stateRows are about how often, and about frames that have nothing in them.
func stateRows() []row {
	return []row{
		{name: "changes of a state without end", attack: with(func(_ context.Context, p *peer) error {
			if err := p.say(1, frame.Frame{Kind: frame.State, Flags: frame.Snapshot | frame.HasName, ID: 1, Next: 1, Name: []byte("s"), Payload: []byte{0x90, 0x80}}); err != nil {
				return err
			}
			press(func() error { return p.say(1, times(frame.Frame{Kind: frame.State, ID: 1}, 500)...) })
			return p.refused(twinwire.ProtocolError)
		}), check: reached("changes of a state")},
		{name: "states that come and go", attack: with(func(_ context.Context, p *peer) error {
			id := uint64(0)
			press(func() error {
				var frames []frame.Frame
				for range 500 {
					id++
					frames = append(frames,
						frame.Frame{Kind: frame.State, Flags: frame.Snapshot | frame.HasName, ID: id, Next: 1, Name: []byte("s"), Payload: []byte{0x90, 0x80}},
						frame.Frame{Kind: frame.State, Flags: frame.End, ID: id})
				}
				return p.say(1, frames...)
			})
			return p.refused(twinwire.ProtocolError)
		}), check: reached("changes of a state")},
		{name: "flood of empty DATA", attack: with(func(ctx context.Context, p *peer) error {
			if err := p.say(1, call(1, "zoo.Slow", nil)); err != nil {
				return err
			}
			flags := frame.First
			return goOn(ctx, func() error {
				frames := times(frame.Frame{Kind: frame.Data, ID: 1}, 500)
				frames[0].Flags = flags
				flags = 0
				return p.say(3, frames...)
			})
		})},
		{name: "flood of ACK, CREDIT and WINDOW", attack: with(func(ctx context.Context, p *peer) error {
			return goOn(ctx, func() error {
				var frames []frame.Frame
				for range 300 {
					frames = append(frames, frame.Frame{Kind: frame.Ack}, frame.Frame{Kind: frame.Credit, Next: 1}, frame.Frame{Kind: frame.Window, ID: 1, Next: 1})
				}
				return p.say(0, frames...)
			})
		})},
	}
}
