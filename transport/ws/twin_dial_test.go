package ws

import (
	"context"
	"errors"
	"testing"
	"time"
)

// A client that expects datagrams dials again where that failed, until its
// carrier ends, but does not where it expects none.
func TestTwinDialsAgain(t *testing.T) {
	dialed := make(chan struct{})
	c := &Carrier{}
	c.twin = newTwin(c, func(ctx context.Context) (*Carrier, error) {
		select {
		case dialed <- struct{}{}:
		case <-ctx.Done():
		}
		return nil, errors.New("not now")
	})
	c.twin.pause = time.Millisecond
	if c.SendDatagram([]byte{1}) == nil {
		t.Error("a datagram is taken without a connection")
	}
	<-dialed
	select {
	case <-dialed:
		t.Error("it is dialed again for nothing")
	case <-time.After(20 * time.Millisecond):
	}
	c.DeliverDatagrams(func([]byte) error { return nil })
	for range 3 {
		<-dialed
	}
	c.twin.wait()
}
