package core

import (
	"bytes"
	"context"
	"slices"
	"sync"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/frame"
)

// A Compression compresses payloads (clause 16). Packages compress/zstd and
// compress/deflate have one each. Its methods may be called from any
// goroutine.
//
// Each part of a message, which is at most 16 KiB, is compressed by itself:
// no two messages and no two sessions share anything that their sizes could
// tell about each other.
type Compression interface {
	// Name is the feature that the hellos agree on.
	Name() string
	// Compress appends src to dst, compressed to not less than a hundredth: a
	// receiver refuses what inflates to more than a hundred times its bytes, so
	// better data is made longer by what its format has for that.
	Compress(dst, src []byte) []byte
	// Inflate appends to dst what src was made of. It fails, without having
	// allocated more, if that is over most bytes.
	Inflate(dst, src []byte, most int) ([]byte, error)
}

const (
	// leastPacked is the least payload that is compressed: with a smaller one
	// the frame's way costs more than its bytes.
	leastPacked = 512
	// mostRatio is how many bytes one may be inflated to (clause 16.3).
	mostRatio = 100
	// maxFeatures bounds the features of a hello.
	maxFeatures = 16
)

// A packer compresses what sessions of one configuration send.
type packer struct {
	// Immutable.
	c      Compression
	counts *Counts

	mu     sync.Mutex
	recent [16]*sharedParts // what was sent to many last, a ring
	next   int              // the oldest of them
}

// sharedParts are the parts of a payload that is sent to many sessions, such as
// an event, which are compressed once. It is known by its place in memory,
// which nobody else can have while it is kept here.
type sharedParts struct {
	payload []byte
	once    sync.Once
	parts   [][]byte
}

// maxShared is the largest payload that is kept for others.
const maxShared = 1 << 20

func newPackers(cfg *Config, counts *Counts) []*packer {
	var list []*packer
	for _, c := range cfg.Compression {
		list = append(list, &packer{c: c, counts: counts})
	}
	return list
}

// features returns what a hello says of them.
func features(packers []*packer) (names []string) {
	for _, p := range packers {
		names = append(names, p.c.Name())
	}
	return names
}

// choose returns the first of the packers that the other side knows, or nil.
func choose(packers []*packer, names []string) *packer {
	for _, p := range packers {
		if slices.Contains(names, p.c.Name()) {
			return p
		}
	}
	return nil
}

// pack returns the compressed parts of a payload; nil stands for a part, and no
// parts for a payload, that is better sent as it is. A nil packer packs
// nothing.
func (p *packer) pack(payload []byte) (parts [][]byte) {
	if p == nil || len(payload) <= leastPacked {
		return nil
	}
	buf := buffers.Get().(*buffer)
	defer buf.release()
	for part := range slices.Chunk(payload, frame.MaxPayload) {
		if len(part) <= leastPacked {
			break
		}
		b := p.c.Compress(buf.b[:0], part)
		buf.b = b
		if len(b) > len(part)-len(part)/8 {
			break // the rest of what it is will hardly be different
		}
		parts = append(parts, bytes.Clone(b))
	}
	return parts
}

// packShared is pack for a payload that others send as well, and that nobody
// changes any more.
func (p *packer) packShared(payload []byte) [][]byte {
	if p == nil || len(payload) <= leastPacked {
		return nil
	}
	if len(payload) > maxShared {
		return p.pack(payload)
	}
	s := p.sharedOf(payload)
	s.once.Do(func() { s.parts = p.pack(payload) })
	return s.parts
}

// sharedOf returns where the parts of a payload are kept, which takes the
// oldest place if it is not among the recent ones.
func (p *packer) sharedOf(payload []byte) *sharedParts {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, s := range p.recent {
		if s != nil && len(s.payload) == len(payload) && &s.payload[0] == &payload[0] {
			return s
		}
	}
	s := &sharedParts{payload: payload}
	p.recent[p.next] = s
	p.next = (p.next + 1) % len(p.recent)
	return s
}

// inflated are buffers for one part.
var inflated = sync.Pool{New: func() any { return new([frame.MaxPayload]byte) }}

// inflate is for the machine.
func (p *packer) inflate(b []byte) ([]byte, error) {
	buf := inflated.Get().(*[frame.MaxPayload]byte)
	defer inflated.Put(buf)
	out, err := p.c.Inflate(buf[:0:len(buf)], b, min(len(buf), mostRatio*len(b)))
	if err != nil {
		p.counts.Add(LimitInflated)
		return nil, err
	}
	return bytes.Clone(out), nil
}

// inflater is what the machine inflates with, nil for a nil packer.
func (p *packer) inflater() func([]byte) ([]byte, error) {
	if p == nil {
		return nil
	}
	return p.inflate
}

// Compression returns the name of the compression that the hellos agreed on,
// "" for none.
func (s *Session) Compression() string {
	if s.packer == nil {
		return ""
	}
	return s.packer.c.Name()
}

// Uncompressed returns a context whose calls and messages are not compressed:
// for those in which something secret stands beside something that somebody
// else chooses, whose sizes would tell of each other, and for what is
// compressed already. It says nothing of the answer: see
// [Request.Uncompressed].
func Uncompressed(ctx context.Context) context.Context {
	return with(ctx, func(o *callOptions) { o.uncompressed = true })
}

// Uncompressed has the answer not be compressed.
func (r *Request) Uncompressed() {
	r.mu.Lock()
	r.uncompressed = true
	r.mu.Unlock()
}

// packReply returns the compressed parts of an answer.
func (r *Request) packReply(payload []byte) [][]byte {
	s := r.session
	if s.packer == nil || len(payload) <= leastPacked || len(payload) > s.peerMaxMessage {
		return nil
	}
	r.mu.Lock()
	not := r.uncompressed
	r.mu.Unlock()
	if not {
		return nil
	}
	return s.packer.pack(payload)
}

// agreed returns what a welcome chose of the packers of a client.
func agreed(packers []*packer, own, welcome *hello) (*packer, error) {
	p := choose(packers, welcome.features)
	if slices.ContainsFunc(welcome.features, func(name string) bool { return !slices.Contains(own.features, name) }) {
		return nil, twinwire.NewError(twinwire.ProtocolError, "server chose a feature that was not offered")
	}
	return p, nil
}
