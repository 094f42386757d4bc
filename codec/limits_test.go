package codec_test

import (
	"bytes"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/codec"
)

// nest returns depth arrays one inside another around nil.
func nest(depth int) []byte {
	return append(bytes.Repeat([]byte{0x91}, depth), 0xc0)
}

// array32 returns an array of n times the value elem.
func array32(n int, elem string) []byte {
	head := []byte{0xdd, byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}
	return append(head, strings.Repeat(elem, n)...)
}

func TestDepth(t *testing.T) {
	tests := []struct {
		name  string
		lim   *codec.Limits
		depth int
		ok    bool
	}{
		{"zero means 32", nil, 32, true},
		{"zero means 32", &codec.Limits{}, 33, false},
		{"as set", &codec.Limits{Depth: 2}, 2, true},
		{"as set", &codec.Limits{Depth: 2}, 3, false},
		{"negative means none", &codec.Limits{Depth: -1}, 0, true},
		{"negative means none", &codec.Limits{Depth: -1}, 1, false},
		{"more than 64 is 64", &codec.Limits{Depth: 1000}, 64, true},
		{"more than 64 is 64", &codec.Limits{Depth: 1000}, 65, false},
	}
	for _, tt := range tests {
		message := nest(tt.depth)
		r := codec.NewReader(message, tt.lim)
		for range tt.depth {
			r.ArrayHeader()
		}
		r.TryNil()
		for range tt.depth {
			r.Leave()
		}
		for name, err := range map[string]error{"Check": codec.Check(message, tt.lim), "Reader": r.Finish()} {
			if tt.ok && err != nil || !tt.ok && !errors.Is(err, codec.ErrLimit) {
				t.Errorf("%s: %s of %d levels: %v", tt.name, name, tt.depth, err)
			}
		}
	}
}

func TestDepthCountsWhatIsAroundASkippedValue(t *testing.T) {
	message := nest(33)
	r := codec.NewReader(message, nil)
	r.ArrayHeader()
	r.Skip()
	if !errors.Is(r.Err(), codec.ErrLimit) {
		t.Errorf("32 levels skipped inside one: %v", r.Err())
	}
}

func TestDepthIsGivenBack(t *testing.T) {
	r := codec.NewReader(array32(1000, "\x91\x01"), nil)
	for range r.ArrayHeader() {
		r.ArrayHeader()
		r.Int()
		r.Leave()
	}
	r.Leave()
	if err := r.Finish(); err != nil {
		t.Errorf("1000 arrays side by side: %v", err)
	}
}

func TestElements(t *testing.T) {
	tests := []struct {
		name    string
		message []byte
		lim     *codec.Limits
		kind    error
	}{
		{"as many as there are", array32(1<<20, "\x01"), nil, nil},
		{"one more than the limit", array32(1<<20+1, "\x01"), nil, codec.ErrLimit},
		{"an entry of a map counts as two", []byte("\x82\x01\x01\x02\x02"), &codec.Limits{Elements: 3}, codec.ErrLimit},
		{"an entry of a map counts as two", []byte("\x82\x01\x01\x02\x02"), &codec.Limits{Elements: 4}, nil},
		{"the whole message counts", []byte("\x92\x92\x01\x01\x92\x01\x01"), &codec.Limits{Elements: 5}, codec.ErrLimit},
		{"the whole message counts", []byte("\x92\x92\x01\x01\x92\x01\x01"), &codec.Limits{Elements: 6}, nil},
		{"negative means none", []byte("\x91\x01"), &codec.Limits{Elements: -1}, codec.ErrLimit},
		{"negative means none", []byte("\x90"), &codec.Limits{Elements: -1}, nil},
		{"2^32-1 in 5 bytes", []byte("\xdd\xff\xff\xff\xff"), nil, codec.ErrTruncated},
		{"2^32-1 entries in 5 bytes", []byte("\xdf\xff\xff\xff\xff"), nil, codec.ErrTruncated},
		{"more than the rest of the message", []byte("\x93\x01\x01"), nil, codec.ErrTruncated},
		{"more entries than the rest can hold", []byte("\x82\x01\x01\x01"), nil, codec.ErrTruncated},
		{"each within the rest, together more than the message", []byte("\x92\x92\x92\x01"), nil, codec.ErrTruncated},
	}
	for _, tt := range tests {
		r := codec.NewReader(tt.message, tt.lim)
		r.Skip()
		for name, err := range map[string]error{"Check": codec.Check(tt.message, tt.lim), "Skip": r.Finish()} {
			if !errors.Is(err, tt.kind) {
				t.Errorf("%s: %s says %v, want %v", tt.name, name, err, tt.kind)
			}
		}
	}
}

type wide [2048]byte

func TestMemory(t *testing.T) {
	r := codec.NewReader(array32(5000, "\xc0"), nil)
	var slice []wide
	if codec.ReadSlice(r, &slice) || slice != nil || !errors.Is(r.Err(), codec.ErrLimit) {
		t.Errorf("10 MB of slice: %d elements, %v", len(slice), r.Err())
	}

	r = codec.NewReader(array32(4096, "\x01"), nil)
	for range r.ArrayHeader() {
		var p *wide
		if !codec.ReadPointer(r, &p) || p == nil {
			t.Fatalf("8 MiB of pointers: %v", r.Err())
		}
		r.Skip()
	}
	var p *wide
	if r.Leave(); r.Finish() != nil {
		t.Fatal(r.Err())
	}

	r = codec.NewReader(array32(4097, "\x01"), nil)
	for range r.ArrayHeader() {
		codec.ReadPointer(r, &p)
		r.Skip()
	}
	if p != nil || !errors.Is(r.Err(), codec.ErrLimit) {
		t.Errorf("8 MiB and one: %v", r.Err())
	}

	r = codec.NewReader([]byte("\x81\x01\x01"), &codec.Limits{Memory: -1})
	var m map[int]int
	if n, ok := codec.ReadMap(r, &m); ok || n != 0 || m != nil || !errors.Is(r.Err(), codec.ErrLimit) {
		t.Errorf("a map for nothing: %v", r.Err())
	}

	r = codec.NewReader([]byte("\x01"), nil)
	if r.Charge(math.MaxInt, 2) || !errors.Is(r.Err(), codec.ErrLimit) {
		t.Errorf("more bytes than an int can count: %v", r.Err())
	}
}

func TestBudgetsAreGivenBackByReset(t *testing.T) {
	message := array32(3, "\x91\x01")
	r := codec.NewReader(message, &codec.Limits{Depth: 2, Elements: 6, Memory: 3 * 24})
	for round := range 3 {
		var rows [][]int8
		if codec.ReadSlice(r, &rows) {
			for range rows {
				r.Skip()
			}
			r.Leave()
		}
		if err := r.Finish(); err != nil {
			t.Fatalf("round %d: %v", round, err)
		}
		r.Reset(message)
	}
}

func TestReadIntoReusedMemory(t *testing.T) {
	old := []int{7, 7, 7}
	slice := old
	r := codec.NewReader([]byte("\x92\x01\x02"), &codec.Limits{Memory: -1})
	if !codec.ReadSlice(r, &slice) || len(slice) != 2 || &slice[0] != &old[0] {
		t.Fatalf("the array was not used again: %v, %v", slice, r.Err())
	}
	if slice[0] != 0 || slice[1] != 0 {
		t.Errorf("old elements survive: %v", slice)
	}

	m, p := map[int]int{1: 1}, new(int)
	oldPointer := p
	r = codec.NewReader([]byte("\x92\x80\x05"), nil)
	r.ArrayHeader()
	if n, ok := codec.ReadMap(r, &m); !ok || n != 0 || m == nil || len(m) != 0 {
		t.Errorf("old entries survive: %v", m)
	}
	r.Leave()
	if !codec.ReadPointer(r, &p) || p == oldPointer {
		t.Error("what somebody else may point to was used again")
	}

	for name, left := range map[string]func(r *codec.Reader) bool{
		"slice":   func(r *codec.Reader) bool { s := []int{1}; return codec.ReadSlice(r, &s) || s != nil },
		"map":     func(r *codec.Reader) bool { _, ok := codec.ReadMap(r, &m); return ok || m != nil },
		"pointer": func(r *codec.Reader) bool { return codec.ReadPointer(r, &p) || p != nil },
	} {
		r := codec.NewReader([]byte{0xc0}, nil)
		if left(r) || r.Finish() != nil {
			t.Errorf("nil into a %s: %v", name, r.Err())
		}
	}

	var empty []int
	r = codec.NewReader([]byte("\x90"), nil)
	if !codec.ReadSlice(r, &empty) || empty == nil {
		t.Error("an empty array became nil")
	}
}

func TestUnbalancedLeaveIsNoticed(t *testing.T) {
	r := codec.NewReader([]byte("\x91\x01"), nil)
	r.ArrayHeader()
	r.Int()
	if err := r.Finish(); !errors.Is(err, codec.ErrUnbalanced) {
		t.Errorf("without Leave: %v", err)
	}
	r.Reset([]byte("\x01"))
	r.Int()
	r.Leave()
	if err := r.Finish(); !errors.Is(err, codec.ErrUnbalanced) {
		t.Errorf("with one Leave too many: %v", err)
	}
}

func TestMemoryLeft(t *testing.T) {
	r := codec.NewReader([]byte("\xc1"), &codec.Limits{Memory: 100})
	if got := r.MemoryLeft(); got != 100 {
		t.Errorf("%d bytes are left of 100", got)
	}
	if !r.Charge(3, 30) || r.MemoryLeft() != 10 {
		t.Errorf("%d bytes are left of 100 after 90", r.MemoryLeft())
	}
	if r.Charge(11, 1) || r.MemoryLeft() != 0 {
		t.Errorf("%d bytes are left after an error", r.MemoryLeft())
	}
}
