package main

import (
	"context"
	"fmt"
)

// A journey is what happens to the network.
type journey struct {
	*printer
	ledger       *ledger
	station      *station
	road         *road
	whole        chan<- struct{} // ends an upload
	rounds, cuts int
}

// play disturbs the network, each time when the traffic has got used to it.
func (j *journey) play(ctx context.Context) error {
	if err := j.over(ctx, "quic"); err != nil {
		return err
	}
	for range j.rounds {
		j.printf("UDP is swallowed")
		j.road.swallow(true)
		if err := j.over(ctx, "websocket"); err != nil {
			return err
		}
		for range j.cuts {
			j.printf("TCP is cut")
			if err := j.cut(ctx); err != nil {
				return err
			}
		}
		j.printf("UDP comes through again")
		j.road.swallow(false)
		if err := j.over(ctx, "quic"); err != nil {
			return err
		}
	}
	if err := j.deliver(ctx); err != nil {
		return err
	}
	return j.restart(ctx)
}

// deliver ends the upload that has been under way all the time.
func (j *journey) deliver(ctx context.Context) error {
	select {
	case j.whole <- struct{}{}:
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	if err := j.ledger.until(ctx, "a hash", func() bool { return j.ledger.hashes+j.ledger.wrong > 0 }); err != nil {
		return err
	}
	var size int64
	j.ledger.write(func() { size = j.ledger.uploaded })
	j.printf("the server has received the upload, of %.1f MB", float64(size)/1e6)
	return j.over(ctx, "quic")
}

// over waits for a wire, and for some traffic over it.
func (j *journey) over(ctx context.Context, wire string) error {
	if err := j.ledger.until(ctx, wire, func() bool { return j.ledger.wire == wire }); err != nil {
		return err
	}
	var have int
	j.ledger.write(func() { have = j.ledger.answers })
	return j.ledger.until(ctx, "answers over "+wire, func() bool { return j.ledger.answers >= have+200 })
}

// cut cuts TCP, and waits until the session has got over it.
func (j *journey) cut(ctx context.Context) error {
	var have int
	j.ledger.write(func() { have = j.ledger.resumed })
	j.road.cut()
	if err := j.ledger.until(ctx, "a resumption", func() bool { return j.ledger.resumed > have }); err != nil {
		return err
	}
	return j.over(ctx, "websocket")
}

// restart puts another server in the place of one that vanishes without a
// word: the session cannot go on there, and another one begins.
func (j *journey) restart(ctx context.Context) error {
	j.printf("the server vanishes")
	j.road.shut()
	if err := j.station.stop(); err != nil {
		return fmt.Errorf("stopping the server: %w", err)
	}
	j.printf("another server is in its place")
	addr, err := j.station.start()
	if err != nil {
		return fmt.Errorf("restarting the server: %w", err)
	}
	var have int
	j.ledger.write(func() { j.ledger.restarts++; have = j.ledger.sessions })
	j.road.open(addr)
	if err := j.ledger.until(ctx, "a new session", func() bool { return j.ledger.sessions > have }); err != nil {
		return err
	}
	return j.over(ctx, "quic")
}
