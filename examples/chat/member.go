package main

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"slices"
	"strings"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/examples/chat/chat"
	"github.com/twinwire/twinwire/files"
)

// A member serves one client.
type member struct {
	hall *hall
	s    *chat.Session

	// Guarded by hall.mu; room is nil for a client that has not joined one.
	nick string
	room *room
}

var _ chat.Chat = (*member)(nil)

func (h *hall) newMember(s *chat.Session) chat.Chat {
	m := &member{hall: h, s: s}
	// It fails for a session that has ended, whose handler sees nothing of it.
	_ = h.shown.Attach(s.Session)
	s.OnEnd(func(error) {
		h.mu.Lock()
		defer h.mu.Unlock()
		m.leaveLocked()
	})
	return m
}

func (m *member) Join(_ context.Context, nick, roomName string) error {
	if err := checkName("nickname", nick); err != nil {
		return err
	}
	if err := checkName("name of a room", roomName); err != nil {
		return err
	}
	h := m.hall
	h.mu.Lock()
	defer h.mu.Unlock()
	other := h.members[nick]
	switch {
	case other == m && m.room.name == roomName:
		return nil
	case other != nil && other != m:
		return twinwire.Errorf(twinwire.AlreadyExists, "the nickname %q is taken", nick)
	case m.room == nil && len(h.members) == maxMembers:
		return twinwire.Errorf(twinwire.ResourceExhausted, "all %d places are taken", maxMembers)
	}
	m.leaveLocked()
	m.nick, m.room = nick, h.enterLocked(roomName)
	h.members[nick] = m
	// The topic of the room is first, so that who comes is told so as well.
	err := m.s.Subscribe(roomTopic(roomName))
	if err == nil {
		err = m.s.Subscribe(presenceTopic(roomName, nick))
	}
	if err != nil { // the session has ended
		m.leaveLocked()
	}
	return err
}

// leaveLocked takes the member out of the room, if there is one, and gives up
// the nickname.
func (m *member) leaveLocked() {
	if m.room == nil {
		return
	}
	m.s.Unsubscribe(roomTopic(m.room.name))
	m.s.Unsubscribe(presenceTopic(m.room.name, m.nick))
	delete(m.hall.members, m.nick)
	m.hall.exitLocked(m.room)
	m.room = nil
}

// joinedLocked returns why a client that is in no room cannot do something.
func (m *member) joinedLocked() error {
	if m.room == nil {
		return twinwire.Errorf(twinwire.FailedPrecondition, "join a room first")
	}
	return nil
}

func (m *member) Who(context.Context) ([]string, error) {
	m.hall.mu.Lock()
	defer m.hall.mu.Unlock()
	if err := m.joinedLocked(); err != nil {
		return nil, err
	}
	var nicks []string
	for nick, other := range m.hall.members {
		if other.room == m.room {
			nicks = append(nicks, nick)
		}
	}
	slices.Sort(nicks)
	return nicks, nil
}

func (m *member) Say(ctx context.Context, text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	m.hall.mu.Lock()
	defer m.hall.mu.Unlock()
	if err := m.joinedLocked(); err != nil {
		return err
	}
	return m.hall.postLocked(ctx, m.room, chat.Message{From: m.nick, At: time.Now(), Text: text})
}

func (m *member) Tell(ctx context.Context, nick, text string) error {
	if err := checkText(text); err != nil {
		return err
	}
	m.hall.mu.Lock()
	defer m.hall.mu.Unlock()
	if err := m.joinedLocked(); err != nil {
		return err
	}
	other := m.hall.members[nick]
	if other == nil {
		return fmt.Errorf("there is nobody called %q: %w", nick, twinwire.NotFound)
	}
	return other.s.EmitSelf(ctx, chat.Whispered{From: m.nick, Text: text})
}

func (m *member) History(_ context.Context, last int) iter.Seq2[chat.Message, error] {
	return func(yield func(chat.Message, error) bool) {
		m.hall.mu.Lock()
		err := m.joinedLocked()
		var history []chat.Message
		if err == nil {
			history = m.room.history
			if last > 0 {
				history = history[max(0, len(history)-last):]
			}
			history = slices.Clone(history)
		}
		m.hall.mu.Unlock()
		if err != nil {
			yield(chat.Message{}, err)
			return
		}
		for _, msg := range history {
			// It waits for a caller that is slow; false says that it has left its
			// loop, or is gone.
			if !yield(msg, nil) {
				return
			}
		}
	}
}

// fileLimits is what a member may upload with one call.
var fileLimits = files.Options{Limits: &files.Limits{Files: 1, FileBytes: maxFileBytes}}

func (m *member) Upload(ctx context.Context) error {
	r, ok := core.RequestFrom(ctx)
	if !ok {
		return twinwire.Errorf(twinwire.BadRequest, "files come with a call")
	}
	// What interrupted uploads have left may be resumed for a while.
	_ = files.Clean(m.hall.files, 10*time.Minute)
	for f, err := range files.Incoming(ctx, r, &fileLimits) {
		if err != nil {
			return err
		}
		room, nick, err := m.reserve(f.Info().Name)
		if err != nil {
			return refused(f, err)
		}
		if err := f.SaveAs(m.hall.files, room.pathOf(f.Info().Name)); err != nil {
			m.hall.release(room, f.Info().Name)
			return err
		}
		if err := m.hall.share(ctx, room, nick, f.Info()); err != nil {
			return err
		}
	}
	return nil
}

// refused refuses a file and returns why.
func refused(f *files.File, err error) error {
	if e := f.Refuse(err); e != nil {
		return e
	}
	return err
}

// reserve keeps a place for a file in the member's room.
func (m *member) reserve(name string) (r *room, nick string, err error) {
	m.hall.mu.Lock()
	defer m.hall.mu.Unlock()
	if err := m.joinedLocked(); err != nil {
		return nil, "", err
	}
	_, there := m.room.shared[name]
	switch {
	case strings.Contains(name, "/"):
		return nil, "", twinwire.Errorf(twinwire.BadRequest, "a file is shared without its directory")
	case there:
		return nil, "", twinwire.Errorf(twinwire.AlreadyExists, "the room has a file %q", name)
	case len(m.room.shared) == maxFiles:
		return nil, "", twinwire.Errorf(twinwire.ResourceExhausted, "the room has %d files, and takes no more", maxFiles)
	}
	m.room.shared[name] = nil
	return m.room, m.nick, nil
}

// release gives the place of a file back that has not come.
func (h *hall) release(r *room, name string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(r.shared, name)
}

// share tells a room of a file that it has now.
func (h *hall) share(ctx context.Context, r *room, nick string, info files.Info) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.rooms[r.name] != r {
		_ = h.files.RemoveAll(r.dir)
		return fmt.Errorf("nobody is in the room any more: %w", twinwire.NotFound)
	}
	file := &chat.File{Name: info.Name, Size: info.Size, Hash: info.Hash}
	r.shared[info.Name] = file
	return h.postLocked(ctx, r, chat.Message{From: nick, At: time.Now(), File: file})
}

func (m *member) Download(ctx context.Context, name string) error {
	r, ok := core.RequestFrom(ctx)
	if !ok {
		return twinwire.Errorf(twinwire.BadRequest, "files come with a call")
	}
	source, err := m.shared(name)
	if err != nil {
		return err
	}
	return files.Send(ctx, r, []files.Source{source}, nil)
}

// shared returns a file of the member's room.
func (m *member) shared(name string) (files.Source, error) {
	m.hall.mu.Lock()
	defer m.hall.mu.Unlock()
	if err := m.joinedLocked(); err != nil {
		return files.Source{}, err
	}
	file := m.room.shared[name]
	if file == nil {
		return files.Source{}, fmt.Errorf("the room has no file %q: %w", name, twinwire.NotFound)
	}
	dir, err := fs.Sub(m.hall.files.FS(), m.room.dir)
	if err != nil {
		return files.Source{}, err
	}
	sources, err := files.FS(dir, name)
	if err != nil {
		return files.Source{}, err
	}
	sources[0].Hash = file.Hash // if it is another one by now, the receiver finds out
	return sources[0], nil
}
