package core

import (
	"context"
	"iter"
	"sync"

	"github.com/twinwire/twinwire"
)

// A Stage is how far a call or a message has come. Stages ascend; some may be
// left out on the way. Those from Answered on are final, and Received is for a
// message: each call and message ends in exactly one of them.
type Stage uint8

const (
	// Unsent means that nothing was begun.
	Unsent Stage = iota
	// Sending means that it waits, or that part of it was sent.
	Sending
	// Sent means that all of it was handed to the wire.
	Sent
	// Received means that the peer has all of it: a call is about to be served,
	// or is being served; a message has come to its end.
	Received
	// Answered means that a call was answered with a result, and Acknowledged
	// that it was answered without one.
	Answered
	Acknowledged
	// Rejected means that the peer answered with a code other than Accepted.
	Rejected
	// Failed means that it was certainly not run.
	Failed
	// OutcomeUnknown means that the session ended at a moment where nobody can
	// know: a call ran once or not at all, a message was received or not.
	OutcomeUnknown
)

var stageNames = [...]string{
	"unsent", "sending", "sent", "received", "answered", "acknowledged", "rejected", "failed", "outcome unknown",
}

// String returns the stage in words, such as "outcome unknown".
func (s Stage) String() string {
	if int(s) < len(stageNames) {
		return stageNames[s]
	}
	return "unknown stage"
}

// A Status tells how far one call or message has come, and how it ended: see
// [WithStatus]. The zero Status is ready to use, and Unsent; it must not be
// copied. Its methods may be called from any goroutine, at any time, also
// after the session has ended.
//
// A call that was given up because its context was done goes on being told of:
// the peer may be serving it, and answers all the same. A status ends with the
// session at the latest.
type Status struct {
	mu      sync.Mutex
	used    bool
	oneWay  bool
	stage   Stage
	err     error
	changed chan struct{} // closed at the next change; nil if nobody waits
	done    chan struct{} // closed at the end; nil if nobody asked
}

// WithStatus returns a context whose call or message tells st how far it has
// come. It is for one: a second call or message with the same st fails with
// FailedPrecondition, and st stays with the first.
func WithStatus(ctx context.Context, st *Status) context.Context {
	return with(ctx, func(o *callOptions) { o.status = st })
}

// Now returns the stage at this moment.
func (st *Status) Now() Stage {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stage
}

// Err returns why it was Rejected, Failed or is OutcomeUnknown: an error with
// a [twinwire.Code]. It is nil before, and where all went well.
func (st *Status) Err() error {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.err
}

// Final reports whether the stage is the last.
func (st *Status) Final() bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.finalLocked()
}

func (st *Status) finalLocked() bool {
	return st.stage >= Answered || st.stage == Received && st.oneWay
}

// Done returns a channel that is closed when the stage is final.
func (st *Status) Done() <-chan struct{} {
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.done == nil {
		st.done = make(chan struct{})
		if st.finalLocked() {
			close(st.done)
		}
	}
	return st.done
}

// Wait waits until the stage is least or a later one, or is final, and returns
// it. If ctx is done before, it returns the stage of that moment and the error
// of ctx. Wait(ctx, core.Sent) of a message that failed returns Failed.
func (st *Status) Wait(ctx context.Context, least Stage) (Stage, error) {
	for {
		st.mu.Lock()
		stage := st.stage
		if stage >= least || st.finalLocked() {
			st.mu.Unlock()
			return stage, nil
		}
		changed := st.changedLocked()
		st.mu.Unlock()
		select {
		case <-changed:
		case <-ctx.Done():
			return st.Now(), ctx.Err()
		}
	}
}

// changedLocked returns a channel that is closed at the next change.
func (st *Status) changedLocked() <-chan struct{} {
	if st.changed == nil {
		st.changed = make(chan struct{})
	}
	return st.changed
}

// Changes yields the stage of this moment and every later one that it gets to
// see, up to the final one or until ctx is done. Who is slow skips stages, and
// never the final one.
func (st *Status) Changes(ctx context.Context) iter.Seq[Stage] {
	return func(yield func(Stage) bool) {
		for next := Unsent; ; {
			stage, err := st.Wait(ctx, next)
			if err != nil || !yield(stage) {
				return
			}
			if next = stage + 1; st.endedAt(stage) {
				return
			}
		}
	}
}

// endedAt reports whether stage, which it once had, was the final one.
func (st *Status) endedAt(stage Stage) bool {
	st.mu.Lock()
	defer st.mu.Unlock()
	return st.stage == stage && st.finalLocked()
}

// begin makes it the status of one call or message. A nil *Status is of none.
func (st *Status) begin(oneWay bool) error {
	if st == nil {
		return nil
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if st.used {
		return twinwire.NewError(twinwire.FailedPrecondition, "status is that of another call")
	}
	st.used, st.oneWay = true, oneWay
	return nil
}

// reach takes note of a stage, unless there was a later one.
func (st *Status) reach(stage Stage, err error) {
	st.mu.Lock()
	defer st.mu.Unlock()
	if stage <= st.stage || st.finalLocked() {
		return
	}
	st.stage, st.err = stage, err
	if st.changed != nil {
		close(st.changed)
		st.changed = nil
	}
	if st.done != nil && st.finalLocked() {
		close(st.done)
	}
}

// failed is the end of what did not leave this side. It returns err.
func (st *Status) failed(err error) error {
	if st != nil {
		st.reach(Failed, err)
	}
	return err
}

// intercepted is the end of what interceptors answered by themselves.
func (st *Status) intercepted(oneWay bool, err error) {
	if st == nil || st.begin(oneWay) != nil {
		return
	}
	switch {
	case err != nil:
		st.reach(Failed, err)
	case oneWay:
		st.reach(Received, nil)
	default:
		st.reach(Answered, nil)
	}
}

// reachedOut tells the status that nobody waits for the call any more, where
// the machine is done with it: it was not run, or its answer is here and would
// have had to wait for something else.
func (p *pending) reachedOut(notRun bool, cause error) {
	switch {
	case p.status == nil:
	case notRun:
		p.status.reach(Failed, cause)
	default:
		p.reachedEnd()
	}
}

// reachedEnd tells the status how the machine says that it ended.
func (p *pending) reachedEnd() {
	st := p.status
	switch {
	case p.Text != "" && p.Code == twinwire.OutcomeUnknown:
		st.reach(OutcomeUnknown, &twinwire.Error{Code: p.Code, Message: p.Text})
	case p.Text != "":
		st.reach(Failed, &twinwire.Error{Code: p.Code, Message: p.Text})
	case p.Code != twinwire.Accepted:
		st.reach(Rejected, rejection(p.Code, p.Reply))
	case p.OneWay:
		st.reach(Received, nil)
	case len(p.Reply) == 0:
		st.reach(Acknowledged, nil)
	default:
		st.reach(Answered, nil)
	}
}
