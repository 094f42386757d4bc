package core

import (
	"context"
	"maps"
	"slices"
	"strconv"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// Metadata is what travels beside the arguments of a call, or beside its
// result: at most 64 pairs and 8,192 bytes in all. Keys are 1 to 255 bytes of
// [a-z0-9._/-] (clause 6.3).
type Metadata map[string]string

// appendTo appends the metadata string of clause 6.3.
func (md Metadata) appendTo(b []byte) ([]byte, error) {
	if len(md) == 0 {
		return b, nil
	}
	for _, key := range slices.Sorted(maps.Keys(md)) {
		if !frame.ValidKey(key) {
			return nil, twinwire.NewError(twinwire.BadRequest, strconv.Quote(key)+" cannot be a key of metadata")
		}
		b = frame.AppendPair(b, key, md[key])
	}
	if len(b) > frame.MaxMetadata || len(md) > frame.MaxPairs {
		return nil, twinwire.NewError(twinwire.TooLarge, "metadata of "+strconv.Itoa(len(md))+" pairs and "+strconv.Itoa(len(b))+" bytes is over the limit")
	}
	return b, nil
}

// parseMetadata returns a metadata string, which the machine has checked.
func parseMetadata(b []byte) Metadata {
	if len(b) == 0 {
		return nil
	}
	md := make(Metadata)
	_ = frame.ParseMetadata(b, func(key, value []byte) { md[string(key)] = string(value) })
	return md
}

type (
	callOptionsKey struct{}
	callOptions    struct {
		metadata              Metadata
		reply                 *Metadata
		status                *Status
		unordered, idempotent bool
		uncompressed          bool
		noWait                bool
		priority              Priority
		prioritized           bool // priority was given
	}
)

var noOptions callOptions

func callOptionsOf(ctx context.Context) *callOptions {
	if o, ok := ctx.Value(callOptionsKey{}).(*callOptions); ok {
		return o
	}
	return &noOptions
}

// with returns a context with changed options.
func with(ctx context.Context, change func(*callOptions)) context.Context {
	o := *callOptionsOf(ctx)
	change(&o)
	return context.WithValue(ctx, callOptionsKey{}, &o)
}

// WithMetadata returns a context whose calls and messages carry md, in place
// of what an outer context had them carry. md must not be changed any more.
func WithMetadata(ctx context.Context, md Metadata) context.Context {
	return with(ctx, func(o *callOptions) { o.metadata = md })
}

// WithReplyMetadata returns a context whose calls store the metadata of their
// reply in md. It is for one call at a time.
func WithReplyMetadata(ctx context.Context, md *Metadata) context.Context {
	return with(ctx, func(o *callOptions) { o.reply = md })
}

// Unordered returns a context whose calls and messages need not be started in
// the order in which they were sent (clause 6.5).
func Unordered(ctx context.Context) context.Context {
	return with(ctx, func(o *callOptions) { o.unordered = true })
}

// Idempotent returns a context whose calls may be run more than once without
// harm, which allows what would otherwise be too risky.
func Idempotent(ctx context.Context) context.Context {
	return with(ctx, func(o *callOptions) { o.idempotent = true })
}

// NoWait returns a context whose one-way messages fail at once with
// ResourceExhausted where too much waits to be sent already, instead of waiting
// for room: for who sends to many sessions and waits for none of them.
func NoWait(ctx context.Context) context.Context {
	return with(ctx, func(o *callOptions) { o.noWait = true })
}

// A Priority says what is sent before what where much waits to be sent: calls
// and messages of one priority stay in their order, those of different ones
// overtake each other. It is of effect on the side that sends; nothing starves,
// because each priority has a share of what is sent. Replies, and states, are
// Normal.
type Priority = machine.Priority

const (
	// Normal is the default of calls, messages and streams of values.
	Normal = machine.Normal
	// High goes before everything but the session's own control.
	High = machine.High
	// Low goes behind events.
	Low = machine.Low
	// Bulk goes last. It is the default of streams of bytes, and of what is
	// over 16 KiB.
	Bulk = machine.Bulk
)

// WithPriority returns a context whose calls, messages and streams are sent
// with this priority.
func WithPriority(ctx context.Context, p Priority) context.Context {
	return with(ctx, func(o *callOptions) { o.priority, o.prioritized = p, true })
}

// PriorityOf returns the priority that ctx has been given, or otherwise.
func PriorityOf(ctx context.Context, otherwise Priority) Priority {
	if o := callOptionsOf(ctx); o.prioritized {
		return o.priority
	}
	return otherwise
}

// DefaultPriority returns ctx if it has a priority, and WithPriority(ctx, p) if
// not. Generated code gives methods a priority with it that a caller can
// override.
func DefaultPriority(ctx context.Context, p Priority) context.Context {
	if callOptionsOf(ctx).prioritized {
		return ctx
	}
	return WithPriority(ctx, p)
}
