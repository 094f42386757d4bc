package quic

import (
	"bytes"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/transport/internal/deframe"
)

// A script is a stream whose bytes arrive in parts of a given size.
type script struct {
	b    []byte
	part int
	end  error
}

func (s *script) Peek(b []byte) (int, error) {
	if len(s.b) < len(b) {
		return 0, s.end
	}
	return copy(b, s.b), nil
}

func (s *script) Read(b []byte) (int, error) {
	if len(s.b) == 0 {
		return 0, s.end
	}
	n := copy(b, s.b[:min(s.part, len(s.b))])
	s.b = s.b[n:]
	return n, nil
}

// However the bytes arrive the reader finds the same frames, and holds no
// buffer when nothing is left over.
func TestReader(t *testing.T) {
	var sent []byte
	for i := range 40 {
		size := []int{0, 3, 200, 4090, 5000, 16384}[i%6]
		sent = frame.Append(sent, &frame.Frame{Kind: frame.Message, Ref: 2, Seq: uint64(i), Payload: bytes.Repeat([]byte{byte(i)}, size)})
	}
	for _, part := range []int{1, 2, 3, 1000, 4095, 4096, 4097, 65536, 1 << 20} {
		r := &reader{stream: &script{b: sent, part: part, end: os.ErrClosed}}
		var got []byte
		for {
			frames, err := r.next(false)
			if err != nil {
				if err != os.ErrClosed {
					t.Errorf("parts of %d: %v", part, err)
				}
				break
			}
			if err := deframe.Batch(frames); err != nil {
				t.Fatalf("parts of %d: got %d bytes: %v", part, len(frames), err)
			}
			got = append(got, frames...)
		}
		if !bytes.Equal(got, sent) {
			t.Errorf("parts of %d: got %d bytes, want %d", part, len(got), len(sent))
		}
		if r.small != nil || r.large != nil {
			t.Errorf("parts of %d: a buffer is held while nothing is left over", part)
		}
		r.release()
	}
}

// A peer that announces the largest frame and sends little of it holds a small
// buffer only.
func TestReaderHoldsLittle(t *testing.T) {
	b := append(frame.AppendVarint(nil, frame.MaxBody), make([]byte, 4000)...)
	r := &reader{stream: &script{b: b, part: 1000, end: os.ErrDeadlineExceeded}}
	if _, err := r.next(false); err != os.ErrDeadlineExceeded {
		t.Fatal(err)
	}
	if r.large != nil || r.small == nil {
		t.Error("the large buffer is held")
	}
	r.release()
}

// Whatever bytes come in whatever parts, the reader gives whole frames, the
// same ones as a look at all bytes does, and then an error.
func FuzzReader(f *testing.F) {
	f.Add([]byte{3, 1, 0, 0x80, 2, 6, 1}, uint16(3), true)
	f.Add(bytes.Repeat([]byte{0x40, 0x43, 0x41, 0}, 3000), uint16(4096), false)
	f.Fuzz(func(t *testing.T, b []byte, part uint16, opening bool) {
		r := &reader{stream: &script{b: b, part: int(part) + 1, end: io.EOF}}
		defer r.release()
		var got []byte
		var err error
		for err == nil {
			var frames []byte
			if frames, err = r.next(opening && len(got) == 0); err == nil {
				if batch := deframe.Batch(frames); batch != nil {
					t.Fatalf("got %x: %v", frames, batch)
				}
				got = append(got, frames...)
			}
		}
		if !errors.As(err, new(violation)) {
			t.Fatalf("ended with %v", err)
		}
		if !bytes.HasPrefix(b, got) {
			t.Fatal("got other bytes than were sent")
		}
		if n, _, bad := deframe.Whole(b); !opening && bad == nil && len(got) != n {
			t.Fatalf("got %d bytes of %d whole ones", len(got), n)
		}
	})
}
