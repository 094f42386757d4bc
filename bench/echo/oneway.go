package echo

import (
	"encoding/binary"
	"errors"

	"github.com/twinwire/twinwire/bench/peer"
)

// Values and Messages are the same here: frames that are not answered.
func (c *conn) Values() (peer.Sender, error) { return c.newSender(), nil }

// Messages is the same as Values.
func (c *conn) Messages() (peer.Sender, error) { return c.newSender(), nil }

func (c *conn) newSender() *sender {
	s := &sender{pipe: c.pipe, caller: c.NewCaller()}
	binary.BigEndian.PutUint32(s.head[:], oneWay)
	return s
}

// sender sends frames that are not answered.
type sender struct {
	pipe   pipe
	head   [headSize]byte
	caller peer.Caller
}

func (s *sender) Send(payload []byte) error { return s.pipe.write(s.head, payload) }

// Close makes a call, which the server answers after all that came before.
func (s *sender) Close() error {
	_, err := s.caller.Call(nil)
	return err
}

var errNoStreams = errors.New("echo: not a connection for streams")

func (c *conn) Upload(size int) error {
	s, ok := c.pipe.(streamer)
	if !ok {
		return errNoStreams
	}
	return s.upload(size)
}

func (c *conn) Download(size int, received func(n int)) error {
	s, ok := c.pipe.(streamer)
	if !ok {
		return errNoStreams
	}
	return s.download(size, received)
}
