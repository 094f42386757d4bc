package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/files"
)

// Put and Fetch are Upload and Download for pages, which have no package files:
// the bytes of a file are the stream of a call, and whoever wants to know that
// they are right compares the hash that was told with the message.

func (m *member) Put(ctx context.Context, name string, body io.Reader) error {
	if err := files.CheckName(name); err != nil {
		return err
	}
	room, nick, err := m.reserve(name)
	if err != nil {
		return err
	}
	info, err := m.hall.store(room, name, body)
	if err != nil {
		m.hall.release(room, name)
		return err
	}
	return m.hall.share(ctx, room, nick, info)
}

// store saves a file of a room whose place is reserved.
func (h *hall) store(r *room, name string, body io.Reader) (info files.Info, err error) {
	if err := h.files.MkdirAll(r.dir, 0o700); err != nil {
		return info, err
	}
	path := r.pathOf(name)
	f, err := h.files.Create(path)
	if err != nil {
		return info, err
	}
	defer func() {
		if err = errors.Join(err, f.Close()); err != nil {
			_ = h.files.Remove(path) // what cannot be removed is when the hall closes
		}
	}()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(f, sum), io.LimitReader(body, maxFileBytes+1))
	if err == nil && n > maxFileBytes {
		err = twinwire.Errorf(twinwire.TooLarge, "a file has at most %d MiB", maxFileBytes>>20)
	}
	return files.Info{Name: name, Size: n, Hash: sum.Sum(nil)}, err
}

func (m *member) Fetch(_ context.Context, name string) (io.ReadCloser, error) {
	m.hall.mu.Lock()
	defer m.hall.mu.Unlock()
	if err := m.joinedLocked(); err != nil {
		return nil, err
	}
	if m.room.shared[name] == nil {
		return nil, fmt.Errorf("the room has no file %q: %w", name, twinwire.NotFound)
	}
	return m.hall.files.Open(m.room.pathOf(name))
}
