package child

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/twinwire/twinwire/bench/load"
	"github.com/twinwire/twinwire/bench/peer"
)

// loopback is where a server listens that is told nothing.
const loopback = "127.0.0.1"

// server is the handler of role Server.
type server struct {
	peer      peer.Peer
	began     time.Time
	publisher *publisher
	topics    *load.Publishing // nil before PublishTopics
	server    peer.Server      // nil until Listen
}

func newServer(p peer.Peer, received *os.File) *server {
	return &server{peer: p, began: time.Now(), publisher: newPublisher(received)}
}

func (s *server) handle(ctx context.Context, r Request) (Reply, error) {
	switch {
	case r.Do == Listen && s.server == nil:
		return s.listen(r.Addr)
	case r.Do == Memory:
		m, err := memory(ctx)
		return Reply{Memory: m}, err
	case r.Do == Mark:
		u, err := usage(s.began)
		if receiver, ok := s.server.(peer.Receiver); ok {
			got := receiver.Received()
			u.Items, u.Bytes = got.Items, got.Bytes
		}
		if s.topics != nil {
			u.Published = s.topics.Published()
			err = errors.Join(err, s.topics.Err())
		}
		return Reply{Mark: u}, err
	case r.Do == Publish && s.server != nil:
		p, ok := s.server.(peer.Publisher)
		if !ok {
			return Reply{}, errors.New("server: the peer publishes no events")
		}
		return Reply{}, s.publisher.start(p, r.Interval, r.Window)
	case r.Do == PublishTopics && s.server != nil && s.topics == nil:
		return Reply{}, s.publishTopics(r)
	case r.Do == Quiet && s.topics != nil:
		return Reply{}, s.topics.Stop()
	case r.Do == Quiet:
		return Reply{}, s.publisher.quiet(ctx)
	}
	return Reply{}, fmt.Errorf("server: cannot %s now", r.Do)
}

func (s *server) publishTopics(r Request) (err error) {
	p, ok := s.server.(peer.TopicPublisher)
	if !ok {
		return errors.New("server: the peer has no topics")
	}
	if r.Topics < 1 || r.Rate < 1 {
		return fmt.Errorf("server: %d events a second on %d topics", r.Rate, r.Topics)
	}
	s.topics, err = load.StartPublishing(p.PublishTo, load.PublishOptions{Topics: r.Topics, Rate: r.Rate})
	return err
}

func (s *server) listen(host string) (Reply, error) {
	cert, err := peer.NewCertificate()
	if err != nil {
		return Reply{}, err
	}
	if s.server, err = s.peer.Serve(cmp.Or(host, loopback), cert); err != nil {
		return Reply{}, err
	}
	return Reply{Addr: s.server.Addr(), Certificate: cert.Certificate[0]}, nil
}

// close closes the server first: that is what a publisher may be waiting in.
func (s *server) close() error {
	var err error
	if s.server != nil {
		err = s.server.Close()
	}
	s.publisher.close()
	if s.topics != nil {
		// What the end of the server cut off is no news.
		_ = s.topics.Stop()
	}
	return err
}
