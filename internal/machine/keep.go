package machine

// A keep holds the frames of a lane that were sent and that the peer has not
// acknowledged, as they were encoded, to be sent again on another carrier
// (clause 14.4). What a chunk of a stream holds stays there, and only the head
// of such a frame is copied: copying all of it, into a buffer that grows, took
// a quarter of the time of a large stream.
type keep struct {
	frames []keptFrame // from first on
	first  int
	again  int    // index of the next one to be sent again; len(frames) for none
	next   uint64 // the number of the first one

	b    []byte // the frames, or heads of them, back to back; from head on
	head int
	at   int // where the next one to be sent again is in b

	size int // bytes of all frames
}

// A keptFrame is so many bytes of the keep's buffer, and a part of a chunk if
// there is one.
type keptFrame struct {
	n        int32
	from, to int32
	c        *Chunk
}

func (f *keptFrame) size() int { return int(f.n + f.to - f.from) }

// keepPart is the least payload that stays in its chunk: a frame of less would
// keep the whole chunk from being used again.
const keepPart = 4 << 10

// replays reports whether frames are to be sent again. It is asked several times
// for each call, and keep is elsewhere in memory: that took 4 % of their time.
func (l *lane) replays() bool {
	if l.again {
		l.again = l.keep != nil && l.keep.again < len(l.keep.frames)
	}
	return l.again
}

// bytes returns the size of all frames.
func (k *keep) bytes() int {
	if k == nil {
		return 0
	}
	return k.size
}

// add keeps a frame that is sent for the first time. If c is not nil the last
// n bytes of it are the first n that c holds.
func (k *keep) add(f []byte, c *Chunk, n int) {
	k.size += len(f)
	kept := keptFrame{n: int32(len(f))}
	if c != nil && n >= keepPart {
		f = f[:len(f)-n]
		kept = keptFrame{int32(len(f)), int32(c.from), int32(c.from + n), c}
		c.refs++
	}
	if k.head > 0 && len(k.b)+len(f) > cap(k.b) && k.head >= len(k.b)/2 {
		k.b = append(k.b[:0], k.b[k.head:]...)
		k.head = 0
	}
	if k.first > 0 && len(k.frames) == cap(k.frames) && k.first >= len(k.frames)/2 {
		n := copy(k.frames, k.frames[k.first:])
		clear(k.frames[n:])
		k.frames, k.first = k.frames[:n], 0
	}
	k.b = append(k.b, f...)
	k.frames = append(k.frames, kept)
	k.again, k.at = len(k.frames), len(k.b)
}

// trim drops the frames below a number. It calls free with the chunks that
// nothing needs any more, and returns how many bytes the frames were.
func (k *keep) trim(next uint64, free func(*Chunk)) int {
	if k == nil {
		return 0
	}
	was := k.size
	for ; k.next < next && k.first < len(k.frames); k.next++ {
		f := &k.frames[k.first]
		k.size -= f.size()
		k.head += int(f.n)
		if f.c != nil {
			if f.c.refs--; f.c.refs == 0 && f.c.done {
				free(f.c)
			}
			f.c = nil
		}
		k.first++
	}
	k.next = max(k.next, next)
	k.again, k.at = max(k.again, k.first), max(k.at, k.head)
	if k.first == len(k.frames) {
		k.frames, k.first, k.again = k.frames[:0], 0, 0
		k.b, k.head, k.at = k.b[:0], 0, 0
	}
	return was - k.size
}

// rewind has everything sent again.
func (k *keep) rewind() {
	if k != nil {
		k.again, k.at = k.first, k.head
	}
}

// appendAgain appends the next frame that is to be sent again.
func (k *keep) appendAgain(b []byte) []byte {
	f := &k.frames[k.again]
	b = append(b, k.b[k.at:k.at+int(f.n)]...)
	if f.c != nil {
		b = append(b, f.c.b[f.from:f.to]...)
	}
	k.again++
	k.at += int(f.n)
	return b
}

// empty reports whether nothing is kept.
func (k *keep) empty() bool { return k == nil || k.first == len(k.frames) }
