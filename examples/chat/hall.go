package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"strings"
	"sync"
	"unicode"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/events"
	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/state"
)

// What one server holds is bounded, whatever clients do: a room is there as
// long as somebody is in it, and so are its history and its files.
const (
	maxName      = 20       // bytes of a nickname or the name of a room
	maxText      = 2000     // bytes of a message
	maxMembers   = 1000     // people, and so rooms
	maxHistory   = 100      // messages that a room remembers
	maxFiles     = 20       // files of a room
	maxFileBytes = 16 << 20 // of one file
)

// A hall is the server's side: who is there, and in which room.
type hall struct {
	hub   events.Hub
	shown *state.Shared[chat.Hall]   // what all clients see of the rooms
	emit  events.Emitter[chat.Event] // of the hub
	dir   string                     // is removed when the hall closes
	files *os.Root                   // of dir

	announcing sync.WaitGroup

	// mu is held while events are emitted, which waits for nobody: history and
	// events have the same order.
	mu      sync.Mutex
	members map[string]*member // by nickname
	rooms   map[string]*room
	made    int // rooms so far
}

// A room is guarded by the hall's mu.
type room struct {
	name    string
	dir     string // of its files, in hall.files; no two rooms have had the same
	members int
	history []chat.Message
	shared  map[string]*chat.File // nil while it is on its way
}

// The topics of the hub. Whoever is in a room is subscribed to that of the room,
// where the events go, and to one of their own, which nothing is emitted to: it
// is there as long as they are, and the hub tells of its beginning and its end.
func roomTopic(room string) events.Topic { return events.Topic("room/" + room) }

func presenceTopic(room, nick string) events.Topic { return events.Topic("here/" + room + "/" + nick) }

// presence takes a presenceTopic apart.
func presence(t events.Topic) (room, nick string, ok bool) {
	rest, ok := strings.CutPrefix(string(t), "here/")
	room, nick, _ = strings.Cut(rest, "/")
	return room, nick, ok
}

// newHall opens the hall. Its goroutine ends with close.
func newHall() (*hall, error) {
	dir, err := os.MkdirTemp("", "twinwire-chat-")
	if err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, errors.Join(err, os.Remove(dir))
	}
	shown, err := state.NewShared(chat.HallName, chat.HallSchema(), chat.Hall{}, nil)
	if err != nil {
		return nil, errors.Join(err, root.Close(), os.Remove(dir))
	}
	h := &hall{dir: dir, files: root, shown: shown, members: make(map[string]*member), rooms: make(map[string]*room)}
	h.emit = events.EmitterOf[chat.Event](&h.hub)
	h.announcing.Go(h.announce)
	return h, nil
}

// close closes the hall, once the server is closed.
func (h *hall) close() error {
	h.hub.Close()
	h.announcing.Wait()
	h.shown.Close()
	return errors.Join(h.files.Close(), os.RemoveAll(h.dir))
}

// announce tells rooms who comes and who goes, until the hub is closed. Going
// needs no word: when a session ends, for whatever reason, the hub ends its
// subscriptions.
func (h *hall) announce() {
	ctx := context.Background() // on nobody's behalf
	for n := range h.hub.Notify(ctx) {
		room, nick, ok := presence(n.Topic)
		if !ok {
			continue
		}
		var ev chat.Event = chat.Joined{Nick: nick}
		h.mu.Lock()
		if n.Kind == events.Removed {
			ev = chat.Left{Nick: nick}
			// Who is told that somebody is gone finds the nickname free.
			if m := h.members[nick]; m != nil && m.s.Err() != nil {
				m.leaveLocked()
			}
		}
		// It fails only for a hub that is closed, which ends the loop.
		_ = h.emit.Emit(ctx, roomTopic(room), ev)
		h.mu.Unlock()
	}
}

// enterLocked returns a room with one more member. It may be a new one.
func (h *hall) enterLocked(name string) *room {
	r := h.rooms[name]
	if r == nil {
		h.made++
		r = &room{name: name, dir: fmt.Sprint(h.made), shared: make(map[string]*chat.File)}
		h.rooms[name] = r
	}
	r.members++
	h.showLocked(r)
	return r
}

// exitLocked takes a member out of a room, which is gone with the last one.
func (h *hall) exitLocked(r *room) {
	if r.members--; r.members == 0 {
		delete(h.rooms, r.name)
		_ = h.files.RemoveAll(r.dir) // what cannot be removed is when the hall closes
	}
	h.showLocked(r)
}

// showLocked shows everybody how many people are in a room.
func (h *hall) showLocked(r *room) {
	// It fails for a value that cannot be carried, which a number can.
	_ = h.shown.Update(func(v *chat.Hall) {
		switch {
		case r.members == 0:
			delete(v.Rooms, r.name)
		case v.Rooms == nil:
			v.Rooms = map[string]int{r.name: r.members}
		default:
			v.Rooms[r.name] = r.members
		}
	})
}

// postLocked adds a message to the history of a room, and sends it to all who
// are there. The reply to the call that ctx belongs to does not overtake it.
func (h *hall) postLocked(ctx context.Context, r *room, msg chat.Message) error {
	if len(r.history) == maxHistory {
		r.history = append(r.history[:0], r.history[1:]...)
	}
	r.history = append(r.history, msg)
	return h.emit.Emit(ctx, roomTopic(r.name), msg)
}

// pathOf returns where a file of a room is, in hall.files.
func (r *room) pathOf(file string) string { return path.Join(r.dir, file) }

// checkName returns why something cannot be the name of a person or a room.
func checkName(what, name string) error {
	bad := func(c rune) bool {
		return c > unicode.MaxASCII || !unicode.IsLetter(c) && !unicode.IsDigit(c) && c != '-' && c != '_'
	}
	if name == "" || len(name) > maxName || strings.ContainsFunc(name, bad) {
		return twinwire.Errorf(twinwire.BadRequest, "a %s is 1 to %d letters, digits, - and _", what, maxName)
	}
	return nil
}

// checkText returns why something cannot be said.
func checkText(text string) error {
	switch {
	case strings.TrimSpace(text) == "":
		return twinwire.Errorf(twinwire.BadRequest, "there is nothing to say")
	case strings.ContainsFunc(text, unicode.IsControl):
		return twinwire.Errorf(twinwire.BadRequest, "a message is one line of text")
	case len(text) > maxText:
		return twinwire.Errorf(twinwire.TooLarge, "a message of %d bytes is over the limit of %d", len(text), maxText)
	}
	return nil
}
