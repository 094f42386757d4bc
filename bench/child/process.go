package child

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
)

// maxStderr is how much of the end of a child's standard error is kept.
const maxStderr = 4096

// parse returns the role and the peer that the arguments ask for.
func parse(args []string) (Role, string, bool) {
	if len(args) != 1 {
		return "", "", false
	}
	rest, ok := strings.CutPrefix(args[0], childFlag)
	if !ok {
		return "", "", false
	}
	role, name, ok := strings.Cut(rest, "=")
	return Role(role), name, ok
}

// A Process is a child, seen from its parent. It belongs to one goroutine.
type Process struct {
	what    string
	command *exec.Cmd
	cancel  context.CancelFunc
	in      io.WriteCloser
	out     *json.Decoder
	stderr  tail
}

// A Pair is the server and the client of one run.
type Pair struct {
	Server, Client *Process
}

// PairOptions say where the children of a pair run.
type PairOptions struct {
	// StartServer and StartClient start the command of a child in place of its
	// method Start, for instance in another namespace. Nil means Start.
	StartServer, StartClient func(*exec.Cmd) error
}

// StartPair starts both children of a peer. They are ended when ctx is. Nil
// options start them as this process was.
func StartPair(ctx context.Context, peerName string, opts *PairOptions) (*Pair, error) {
	if opts == nil {
		opts = new(PairOptions)
	}
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	// The children have theirs once they are started.
	defer r.Close()
	defer w.Close()
	p := new(Pair)
	if p.Server, err = start(ctx, Server, peerName, r, opts.StartServer); err != nil {
		return nil, err
	}
	if p.Client, err = start(ctx, Client, peerName, w, opts.StartClient); err != nil {
		return nil, errors.Join(err, p.Server.close())
	}
	return p, nil
}

// Close ends both children, the client first, and waits for them. It returns
// what they had to say for themselves if they failed.
func (p *Pair) Close() error {
	return errors.Join(p.Client.close(), p.Server.close())
}

func start(ctx context.Context, role Role, peerName string, pipe *os.File, begin func(*exec.Cmd) error) (*Process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	p := &Process{what: peerName + "'s " + string(role), cancel: cancel}
	p.command = exec.CommandContext(ctx, self, childFlag+string(role)+"="+peerName)
	p.command.ExtraFiles = []*os.File{pipe}
	p.command.Stderr = &p.stderr
	// The end of its input ends a child. It is killed if that takes too long.
	p.command.WaitDelay = patience + patience/2
	if p.in, err = p.command.StdinPipe(); err != nil {
		cancel()
		return nil, err
	}
	p.command.Cancel = p.in.Close
	out, err := p.command.StdoutPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	p.out = json.NewDecoder(out)
	if begin == nil {
		begin = (*exec.Cmd).Start
	}
	if err := begin(p.command); err != nil {
		cancel()
		return nil, err
	}
	return p, nil
}

// Do sends a request and waits for the reply. An error that the child reports
// is returned as one. The end of the context of StartPair unblocks it.
func (p *Process) Do(r Request) (Reply, error) {
	reply, err := p.exchange(r)
	if err == nil && reply.Error != "" {
		err = errors.New(reply.Error)
	}
	if err != nil {
		return Reply{}, fmt.Errorf("%s: %s: %w", p.what, r.Do, err)
	}
	return reply, nil
}

func (p *Process) exchange(r Request) (Reply, error) {
	if err := json.NewEncoder(p.in).Encode(r); err != nil {
		return Reply{}, fmt.Errorf("it has ended: %w", err)
	}
	var reply Reply
	if err := p.out.Decode(&reply); err != nil {
		return Reply{}, fmt.Errorf("it has ended: %w", err)
	}
	return reply, nil
}

// close ends the child and waits for it.
func (p *Process) close() error {
	p.cancel()
	err := p.command.Wait()
	if errors.Is(err, context.Canceled) && p.command.ProcessState.Success() {
		return nil
	}
	if err != nil {
		return fmt.Errorf("%s: %w: %s", p.what, err, p.stderr.text())
	}
	return nil
}

// tail keeps the end of what is written to it.
type tail struct {
	mu  sync.Mutex
	buf []byte
}

func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.buf = append(t.buf, b...)
	if extra := len(t.buf) - maxStderr; extra > 0 {
		t.buf = append(t.buf[:0], t.buf[extra:]...)
	}
	return len(b), nil
}

func (t *tail) text() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return string(bytes.TrimSpace(t.buf))
}
