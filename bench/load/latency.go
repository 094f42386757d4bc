// Package load is the client's side of a run: it opens connections, keeps
// calls under way on them, receives events, and counts and times both.
package load

import (
	"sync"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

const (
	// shards is how many histograms share the recording, so that goroutines
	// on several CPUs seldom meet at one lock.
	shards = 8
	// longest is the longest time that is told from longer ones.
	longest = time.Minute
	// digits is the precision of a recorded time, in decimal digits.
	digits = 3
)

// Latency is a distribution of times, as quantiles. All are 0 if Count is.
type Latency struct {
	Count int64         `json:"count"`
	P50   time.Duration `json:"p50"`
	P90   time.Duration `json:"p90"`
	P99   time.Duration `json:"p99"`
	P999  time.Duration `json:"p999"`
	Max   time.Duration `json:"max"`
}

// A Recorder collects times from many goroutines.
type Recorder struct {
	shards [shards]shard
}

type shard struct {
	mu   sync.Mutex
	hist *hdrhistogram.Histogram
	_    [48]byte // keeps neighbours off one cache line
}

// NewRecorder returns an empty Recorder.
func NewRecorder() *Recorder {
	r := new(Recorder)
	for i := range r.shards {
		r.shards[i].hist = newHistogram()
	}
	return r
}

func newHistogram() *hdrhistogram.Histogram {
	return hdrhistogram.New(1, int64(longest), digits)
}

// Record adds one time. who is any number of the caller's, best one of its
// own: it chooses the shard.
func (r *Recorder) Record(who int, d time.Duration) {
	s := &r.shards[who%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	// Only times out of range fail, and these are clamped.
	_ = s.hist.RecordValue(int64(min(max(d, 0), longest)))
}

// Take returns what was recorded since the last Take, and begins anew.
func (r *Recorder) Take() Latency {
	all := newHistogram()
	for i := range r.shards {
		s := &r.shards[i]
		s.mu.Lock()
		all.Merge(s.hist)
		s.hist.Reset()
		s.mu.Unlock()
	}
	if all.TotalCount() == 0 {
		return Latency{}
	}
	return Latency{
		Count: all.TotalCount(),
		P50:   time.Duration(all.ValueAtQuantile(50)),
		P90:   time.Duration(all.ValueAtQuantile(90)),
		P99:   time.Duration(all.ValueAtQuantile(99)),
		P999:  time.Duration(all.ValueAtQuantile(99.9)),
		Max:   time.Duration(all.Max()),
	}
}
