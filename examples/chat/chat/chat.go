// Package chat is the contract of the chat example: what both ends agree on,
// as a Go interface and Go types.
package chat

import (
	"context"
	"io"
	"iter"
	"time"
)

// In a module that has the command as a tool it is go tool twinwire gen.
//go:generate go run -C ../../../cmd/twinwire . gen ../../examples/chat/chat
//go:generate go run -C ../../../cmd/twinwire . gen -ts ../../examples/chat/web -numbers -dates ../../examples/chat/chat

// Chat is served by the server and called by clients. Everything but Join and
// Tell is about the room that the caller is in, and fails with
// FailedPrecondition before there is one.
//
//twinwire:service events=Event
type Chat interface {
	// Join enters a room under a nickname, and leaves the room before. It fails
	// with AlreadyExists if somebody else has that nickname, in whatever room,
	// and with BadRequest if either cannot be a name.
	Join(ctx context.Context, nick, room string) error
	// Who returns the nicknames of who is there, sorted.
	Who(ctx context.Context) ([]string, error)
	// Say says something to all who are there, the caller included.
	Say(ctx context.Context, text string) error
	// Tell says something to one person, in whatever room. It fails with
	// NotFound if there is nobody of that name.
	Tell(ctx context.Context, nick, text string) error
	// History yields what was said, the oldest first, as far as it is
	// remembered: the last so many messages, all of them if last is 0.
	History(ctx context.Context, last int) iter.Seq2[Message, error]
	// Upload shares the file that travels with the call. Clients call Share.
	Upload(ctx context.Context) error
	// Download sends a file that was shared, with the answer. It fails with
	// NotFound if there is none of that name. Clients call Get.
	Download(ctx context.Context, name string) error
	// Put shares a file whose bytes are body. Pages call it; Upload does more
	// for programs that have package files.
	Put(ctx context.Context, name string, body io.Reader) error
	// Fetch returns the bytes of a file that was shared. It fails with NotFound
	// if there is none of that name.
	Fetch(ctx context.Context, name string) (io.ReadCloser, error)
}

// HallName is the name of the state of type Hall that every client sees, before
// it has joined a room too.
const HallName = "chat.hall"

// Hall is what there is: the rooms, and how many people are in each.
//
//twinwire:state
type Hall struct{ Rooms map[string]int }

// Event is something that happens while a client is there.
type Event interface{ isEvent() }

// A Message is something that was said in a room.
type Message struct {
	From string
	At   time.Time
	Text string
	// File is what was shared with the message, nil for nothing.
	File *File
}

// A File is one that was shared in a room.
type File struct {
	Name string
	Size int64
	Hash []byte // SHA-256
}

// Whispered is said to one person.
type Whispered struct{ From, Text string }

// Joined says that somebody has come into the room. Who comes is told, too.
type Joined struct{ Nick string }

// Left says that somebody has gone from the room, with or without a word.
type Left struct{ Nick string }

func (Message) isEvent()   {}
func (Whispered) isEvent() {}
func (Joined) isEvent()    {}
func (Left) isEvent()      {}
