// Package lab is the contract of the server that the TypeScript client is
// tested against: methods of every shape, a state of every kind of change, and
// events.
package lab

import (
	"context"
	"io"
	"iter"
	"time"

	"github.com/twinwire/twinwire/events"
)

//go:generate go run -C ../../../cmd/twinwire . gen ../../ts/testserver/lab
//go:generate go run -C ../../../cmd/twinwire . gen -ts ../../ts/test/generated ../../ts/testserver/lab

// Lab is served by the test server and called by the TypeScript client.
//
//twinwire:service state=State events=Event
type Lab interface {
	// Echo returns what it is given.
	Echo(ctx context.Context, value Everything) (Everything, error)
	// Divide returns the quotient and the rest. It fails with BadRequest, with
	// details, for a divisor of 0.
	Divide(ctx context.Context, a, b int64) (quotient, rest int64, err error)
	// Fail fails with a code and a text.
	Fail(ctx context.Context, code uint16, text string) error
	// Sleep waits, and counts those of its callers that gave up.
	Sleep(ctx context.Context, time time.Duration) error
	// Canceled returns how many sleepers were ended by their context.
	Canceled(ctx context.Context) (uint32, error)
	// Count yields the numbers below n.
	Count(ctx context.Context, n uint32) iter.Seq2[uint32, error]
	// CountAndFail yields the numbers below n and then fails with NotFound.
	CountAndFail(ctx context.Context, n uint32) iter.Seq2[uint32, error]
	// Sum adds up what it is sent.
	Sum(ctx context.Context, in iter.Seq2[uint32, error]) (uint64, error)
	// Sums answers each number with the sum so far.
	Sums(ctx context.Context, in iter.Seq2[uint32, error]) iter.Seq2[uint64, error]
	// First returns the first number and wants no more.
	First(ctx context.Context, in iter.Seq2[uint32, error]) (uint32, error)
	// Put takes bytes.
	Put(ctx context.Context, name string, body io.Reader) (Receipt, error)
	// Get returns n bytes: 0, 1, 2, ...
	Get(ctx context.Context, n int) (io.ReadCloser, error)
	// Upper returns what it is sent in capital letters.
	Upper(ctx context.Context, body io.Reader) (io.ReadCloser, error)
	// Note is kept.
	//
	//twinwire:oneway
	Note(ctx context.Context, text string) error
	// Notes returns what was noted.
	Notes(ctx context.Context) ([]string, error)
	// Join subscribes the caller to a topic, and Leave ends that.
	Join(ctx context.Context, topic events.Topic) error
	Leave(ctx context.Context, topic events.Topic) error
	// Emit emits numbers to a topic.
	Emit(ctx context.Context, topic events.Topic, from, to uint32) error
	// Tour calls every method of the client's, and returns what came of them.
	Tour(ctx context.Context, name string) ([]string, error)
	// Unknown calls a method that the client does not serve.
	Unknown(ctx context.Context) error
	// Play makes the nth step of a story with the caller's state.
	Play(ctx context.Context, step int) error
	// Meta returns the value of a key of the call's metadata, and says it in
	// that of the reply too.
	Meta(ctx context.Context, key string) (string, error)
	// Cut cuts the wire of the caller, where the server can, and returns the
	// address that the caller had on it.
	Cut(ctx context.Context) (string, error)
}

// Everything has a field of every kind.
type Everything struct {
	Bool     bool
	Small    int8
	Int      int32
	Big      int64
	Huge     uint64
	Half     float32
	Whole    float64
	Text     string
	Bytes    []byte
	Hash     [4]byte
	Time     time.Time
	Duration time.Duration
	List     []string
	Pair     [2]uint16
	Map      map[string]int32
	Numbers  map[int64]string
	Next     *Inner
	Inner    Inner
	Many     []Inner
}

// Inner is a part of Everything.
type Inner struct {
	Name  string
	Count uint32
}

// A Receipt is for what was put.
type Receipt struct {
	Name string
	Size int64
	Sum  []byte
}

// State has a field for every kind of change.
type State struct {
	Title   string
	Count   uint32
	Players map[string]Player
	Scores  map[int32]int64
	Log     []string
	Board   []Player
	Grid    [3]uint8
	Blob    []byte
	Best    *Player
	Seen    time.Time
}

// Player is a part of State.
type Player struct {
	X, Y int32
	Tags []string
}

// Event is something that happened.
type Event interface{ isEvent() }

// Said is a number that was emitted.
type Said struct{ Number uint32 }

// Told has text.
type Told struct{ Text string }

func (Said) isEvent() {}
func (Told) isEvent() {}
