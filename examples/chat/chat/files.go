package chat

import (
	"cmp"
	"context"
	"errors"
	"os"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/files"
)

// Share uploads a file into the room. Files travel beside the arguments of a
// call, so these two methods begin their calls with package files; what the
// generator has made of the contract they use as it is.
func (c *ChatClient) Share(ctx context.Context, file files.Source, progress func(files.Progress)) error {
	opts := &files.Options{Progress: progress}
	err := files.Call(ctx, c.session, "chat.Upload", nil, nil, []files.Source{file}, opts)
	return ofFile(err)
}

// Get downloads a file of the room and saves it below dir. It returns what was
// saved: all of the file, with its hash verified, and nothing else. A file that
// is there already is left alone, and most bounds the size in bytes. If a
// download is interrupted the next one goes on where it was.
func (c *ChatClient) Get(ctx context.Context, name string, dir *os.Root, most int64, progress func(files.Progress)) (files.Info, error) {
	x, err := c.session.Begin(ctx, "chat.Download", chatDownloadArgs{name: name})
	if err != nil {
		return files.Info{}, err
	}
	opts := &files.Options{Progress: progress, Limits: &files.Limits{Files: 1, FileBytes: most}}
	saved, failed := files.Info{}, error(twinwire.NotFound)
	for f, err := range files.Incoming(ctx, x, opts) {
		if failed = err; err == nil {
			// Not files.Fetch: that saves under the names that the server sends.
			failed = f.SaveAs(dir, name)
			saved = f.Info()
		}
	}
	return saved, ofFile(cmp.Or(x.Result(nil), failed))
}

// ofFile returns the error of the file if there is one: with a single file it
// says all that the error of the call says.
func ofFile(err error) error {
	var one *files.Error
	if errors.As(err, &one) {
		return one
	}
	return err
}
