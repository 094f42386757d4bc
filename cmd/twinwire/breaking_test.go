package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

const older = `package a

import (
	"context"
	"io"
	"iter"
)

//twinwire:service state=State events=Event
type A interface {
	Gone(ctx context.Context) error
	Do(ctx context.Context, n int32, lost string, r Rec) (Reply, error)
	//twinwire:oneway
	Note(ctx context.Context) error
	Result(ctx context.Context) (int, error)
	Same(ctx context.Context, r *Rec) ([]Rec, error)
	Watch(ctx context.Context) iter.Seq2[int8, error]
	Sum(ctx context.Context, in iter.Seq2[int64, error]) (int, error)
	Kept(ctx context.Context, in iter.Seq2[int32, error]) iter.Seq2[Rec, error]
	Put(ctx context.Context, body io.Reader) error
	Get(ctx context.Context) (io.ReadCloser, error)
	List(ctx context.Context) ([]int, error)
	Swap(ctx context.Context, p Pair) (Pair, error)
}

type Pair struct{ One, Two int; Old string }
type Reply struct{ N int64; S string; P []int }
type Rec struct{ Kids []Rec; N uint8 }
type State struct{ N int; M map[string]int }
type Event interface{ isEvent() }
type Here struct{ N int }
type Lost struct{}

func (Here) isEvent() {}
func (Lost) isEvent() {}
`

const newer = `package a

import (
	"context"
	"io"
	"iter"
)

//twinwire:service state=State events=Event
type A interface {
	Do(ctx context.Context, n int16, r Rec, added string) (Reply, error)
	Note(ctx context.Context) error
	Result(ctx context.Context) error
	Same(ctx context.Context, r *Rec) ([]Rec, error)
	Added(ctx context.Context) error
	Watch(ctx context.Context) iter.Seq2[int16, error]
	Sum(ctx context.Context, in iter.Seq2[int16, error]) (int, error)
	Kept(ctx context.Context, values iter.Seq2[int64, error]) iter.Seq2[Rec, error]
	Put(ctx context.Context, body iter.Seq2[[]byte, error]) error
	Get(ctx context.Context, in io.Reader) ([]byte, error)
	List(ctx context.Context) iter.Seq2[int, error]
	Swap(ctx context.Context, p Pair) (Pair, error)
}

type Pair struct {
	One  int
	Name string "msgpack:\"Name,alias:Old\""
}
type Reply struct {
	N int64
	S []byte
	Q int
}
type Rec struct {
	Kids []Rec
	N    uint16
	Added string
}
type State struct {
	N *int
	M map[string]int
}
type Event interface{ isEvent() }
type Here struct{ N string }
type New struct{}

func (Here) isEvent() {}
func (New) isEvent() {}
`

func TestBreaking(t *testing.T) {
	dir := contract(t, newer)
	old := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module example.org/a\n\ngo 1.26.0\n", "a.go": older} {
		if err := os.WriteFile(filepath.Join(old, name), []byte(text), 0o666); err != nil {
			t.Fatal(err)
		}
	}
	code, stdout, stderr := command(t, dir, "breaking", "-against", old)
	if code != 1 || stderr != "" {
		t.Fatalf("exit code %d, error %s", code, stderr)
	}
	want := `a.go:10:6: method a.Gone is gone: its calls will not be found
a.go:11:2: argument lost of a.Do is gone: what clients send is ignored
a.go:11:2: argument n of a.Do is written as int32 and cannot be read as int16
a.go:11:2: field P of result of a.Do (a.Reply) is gone: clients see it empty
a.go:12:2: method a.Note is oneway in one version only
a.go:13:2: method a.Result has no result any more: clients see it empty
a.go:16:2: value of stream from a.Watch is written as int16 and cannot be read as int8
a.go:17:2: value of stream to a.Sum is written as int64 and cannot be read as int16
a.go:19:2: stream to a.Put has become one of values, it was one of bytes: neither side understands the other
a.go:20:2: stream from a.Get has become none, it was one of bytes: neither side understands the other
a.go:20:2: stream to a.Get has become one of bytes, it was none: neither side understands the other
a.go:21:2: stream from a.List has become one of values, it was none: neither side understands the other
a.go:22:2: field Old of result of a.Swap (a.Pair) is gone: clients see it empty
a.go:22:2: field Two of argument p of a.Swap (a.Pair) is gone: what clients send is ignored
a.go:22:2: field Two of result of a.Swap (a.Pair) is gone: clients see it empty
a.go:31:2: field S of result of a.Do is written as []byte and cannot be read as string
a.go:31:2: field S of result of a.Do may be nil, which string cannot be
a.go:36:2: field N of element of result of a.Same is written as uint16 and cannot be read as uint8
a.go:40:2: field N of state a may be nil, which int cannot be
a.go:43:6: event a.Lost is gone: clients will not see any
a.go:44:19: field N of event a.Here is written as string and cannot be read as int
`
	if stdout != want {
		t.Errorf("printed\n%swant\n%s", stdout, want)
	}
	if code, stdout, stderr := command(t, dir, "breaking", "-against", dir); code != 0 || stdout+stderr != "" {
		t.Errorf("against itself: exit code %d, %s, %s", code, stdout, stderr)
	}
}

// A revision is as good as a directory.
func TestBreakingRevision(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Fatal("git is missing, which this command needs: install it")
	}
	dir := contract(t, older)
	for _, args := range [][]string{
		{"init", "-q"}, {"add", "."},
		{"-c", "user.name=a", "-c", "user.email=a@example.org", "commit", "-q", "-m", "first"},
	} {
		cmd := exec.Command("git", args...)
		cmd.Dir = dir
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, out)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "a.go"), []byte(newer), 0o666); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := command(t, dir, "breaking", "-against", "HEAD", "./...")
	if code != 1 || stderr != "" || !strings.Contains(stdout, "a.go:10:6: method a.Gone is gone") {
		t.Errorf("exit code %d, %s, %s", code, stdout, stderr)
	}
	code, _, stderr = command(t, dir, "breaking", "-against", "nothing")
	if code != 1 || !strings.Contains(stderr, "git archive") {
		t.Errorf("unknown revision: exit code %d, %s", code, stderr)
	}
}
