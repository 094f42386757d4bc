package gen

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// BenchmarkFiles makes the files of 20 packages, each with the contract of the
// counter example; what they import has been built before. It also reports what
// the go command takes, in the same run, to say which files the packages have
// and where the export data is of what they import: nothing can be faster.
func BenchmarkFiles(b *testing.B) {
	b.Run("current", func(b *testing.B) {
		dir := contracts(b, 20)
		files, err := Files(context.Background(), dir, []string{"./..."})
		if err != nil {
			b.Fatal(err)
		}
		if _, err := Write(files); err != nil {
			b.Fatal(err)
		}
		bench(b, dir)
	})
	b.Run("first", func(b *testing.B) { bench(b, contracts(b, 20)) }) // they do not compile yet
}

func bench(b *testing.B, dir string) {
	var last []File
	if _, err := Files(context.Background(), dir, []string{"./..."}); err != nil { // warm
		b.Fatal(err)
	}
	var bare time.Duration
	for b.Loop() {
		files, err := Files(context.Background(), dir, []string{"./..."})
		if err != nil {
			b.Fatal(err)
		}
		last = files
		b.StopTimer()
		bare += goList(b, dir)
		b.StartTimer()
	}
	b.ReportMetric(float64(bare.Milliseconds())/float64(b.N), "go-list-ms/op")
	b.ReportMetric(float64(bare)/float64(b.Elapsed()), "go-list-share")
	if len(last) != 20 {
		b.Fatalf("%d files, want 20", len(last))
	}
}

// goList runs both questions to the go command at the same time, and returns how
// long that took.
func goList(b *testing.B, dir string) time.Duration {
	began := time.Now()
	var group sync.WaitGroup
	for _, args := range [][]string{
		{"list", "-e", "-find", "-json=GoFiles", "./..."},
		{"list", "-e", "-export", "-json=Export", "context", "time", "github.com/twinwire/twinwire/events"},
	} {
		group.Go(func() { // ends with its command
			cmd := exec.Command("go", args...)
			cmd.Dir = dir
			if err := cmd.Run(); err != nil {
				b.Error(err)
			}
		})
	}
	group.Wait()
	return time.Since(began)
}

// contracts makes a directory with n packages inside this module, so that they
// can import the library.
func contracts(b *testing.B, n int) string {
	b.Helper()
	if err := os.MkdirAll("testdata", 0o777); err != nil {
		b.Fatal(err)
	}
	dir, err := os.MkdirTemp("testdata", "bench")
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = os.RemoveAll(dir) })
	src, err := os.ReadFile("../../../../examples/counter/counter/counter.go")
	if err != nil {
		b.Fatal(err)
	}
	for i := range n {
		name := fmt.Sprintf("counter%d", i)
		if err := os.Mkdir(filepath.Join(dir, name), 0o777); err != nil {
			b.Fatal(err)
		}
		text := strings.Replace(string(src), "package counter\n", "package "+name+"\n", 1)
		text += "\nvar _ = NewClient // is not there yet\n"
		if err := os.WriteFile(filepath.Join(dir, name, name+".go"), []byte(text), 0o666); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}
