package machine

// A ring is a doubly linked list of streams, each of which is in at most one.
type ring struct {
	first, last *OutStream
	count       int
}

func (r *ring) push(s *OutStream) {
	s.in, s.prev, s.next = r, r.last, nil
	if r.last == nil {
		r.first = s
	} else {
		r.last.next = s
	}
	r.last = s
	r.count++
}

func (s *OutStream) unlink() {
	r := s.in
	if r == nil {
		return
	}
	if s.prev == nil {
		r.first = s.next
	} else {
		s.prev.next = s.next
	}
	if s.next == nil {
		r.last = s.prev
	} else {
		s.next.prev = s.prev
	}
	s.in, s.prev, s.next = nil, nil, nil
	r.count--
}
