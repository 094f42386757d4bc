package frame

// Append appends f to b and returns the extended slice. What f holds is this
// program's, not a peer's: Append panics where Parse would refuse what it
// wrote. Fields that the kind and the flags do not ask for are ignored.
func Append(b []byte, f *Frame) []byte {
	l := &layouts[f.Kind]
	switch {
	case l.name == "":
		panic("frame: append of an unknown kind")
	case f.Flags&^l.flags != 0:
		panic("frame: append of a flag that the kind does not have")
	case f.Lane >= MaxLanes, l.control && f.Lane != 0:
		panic("frame: append to a lane that the kind cannot have")
	case !l.allowsPayload(f.Flags, f.Packed, len(f.Payload)):
		panic("frame: append of a payload out of range")
	}
	tail := len(f.Payload)
	for i := range l.strings {
		if t := &l.strings[i]; t.present(f) {
			n := len(f.text(t.field))
			if n > t.max {
				panic("frame: append of a string over its limit")
			}
			tail += VarintLen(uint64(n)) + n
		}
	}

	// The length comes first but is known only behind the numbers. Room is
	// left for what it most likely takes; else the little in between moves.
	start := len(b)
	room := VarintLen(uint64(tail + likelyHead))
	b = append(b, 0, 0, 0, 0)[:start+room]
	kind := f.Kind
	if f.Packed {
		kind |= packed
	}
	b = append(b, byte(kind), byte(f.Flags)|f.Lane)
	if f.Kind.Numbered() {
		b = AppendVarint(b, f.Seq)
	}
	for _, n := range l.numbers {
		if f.Flags&n.when != n.when {
			continue
		}
		v := f.number(n.field)
		if !n.field.allows(v) {
			panic("frame: append of a number out of range")
		}
		b = AppendVarint(b, v)
		if n.field == fieldNexts {
			for _, next := range f.Nexts[:f.NextCount] {
				b = AppendVarint(b, next)
			}
		}
	}
	size := uint64(len(b) - start - room + tail)
	if n := VarintLen(size); n != room {
		end := len(b)
		b = append(b, 0, 0, 0)[:end+n-room]
		copy(b[start+n:], b[start+room:end])
	}
	AppendVarint(b[:start], size)

	for i := range l.strings {
		if t := &l.strings[i]; t.present(f) {
			s := f.text(t.field)
			b = AppendVarint(b, uint64(len(s)))
			b = append(b, s...)
		}
	}
	return append(b, f.Payload...)
}

// likelyHead is what kind, lane and the numbers of a frame take in a session
// that has not run for long.
const likelyHead = 8

// maxHead is the most that length, kind, lane, sequence and numbers take.
const maxHead = 4 + 2 + 8*(1+3+MaxLanes)

// MaxHead returns a bound on the bytes that Append adds for f beside its
// payload.
func MaxHead(f *Frame) int {
	return maxHead + 2*4 + len(f.Name) + len(f.Meta)
}

// number returns the field of f that stands for fd.
func (f *Frame) number(fd field) uint64 {
	switch fd {
	case fieldID:
		return f.ID
	case fieldCode:
		return uint64(f.Code)
	case fieldRef:
		return f.Ref
	case fieldSize:
		return f.Size
	case fieldMillis:
		return f.Millis
	case fieldNexts:
		return uint64(f.NextCount)
	case fieldSlot, fieldStreams:
		return f.Slot
	case fieldVersion:
		return f.Version
	}
	return f.Next
}

func (f *Frame) text(fd field) []byte {
	if fd == fieldMeta {
		return f.Meta
	}
	return f.Name
}
