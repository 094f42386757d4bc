package reflective_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/vmihailenco/msgpack/v5"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/codec/internal/codectest"
	"github.com/twinwire/twinwire/codec/reflective"
	"github.com/twinwire/twinwire/internal/leak"
)

// Each row of this file is a message that ends a process, or nearly, that gives
// it to the library. It runs in a process of its own that may not have more
// than 512 MiB of memory, so that "does not end the process" is what is tested.
const (
	hostileRow   = "TWINWIRE_HOSTILE_ROW" // set in the child: the name of its row
	hostileLimit = 512 << 20
	// hostileTotal is what decoding one hostile message may allocate in all.
	hostileTotal = 48 << 20
)

func TestMain(m *testing.M) {
	if name := os.Getenv(hostileRow); name != "" {
		os.Exit(hostileChild(name))
	}
	leak.Main(m)
}

type (
	small struct {
		A int
		B string
	}
	big struct {
		Pad [256]int64
		A   int
	}
	rawField struct{ Raw msgpack.RawMessage }
	ownField struct{ Raw codec.Raw }
)

// targets are what a hostile message is decoded into.
func targets() []any {
	return []any{
		new(any), new([]any), new([]int64), new([]small), new([]big), new([]*big), new(map[string]any), new(map[any]any), new(map[int]big),
		new([]byte), new(string), new(small), new(rawField), new(ownField), new(codec.Raw), new(codec.Empty), new(codectest.Flat), new(codectest.Order),
		new([][]struct{}), new([1 << 16]any), new(customPair), new(text),
	}
}

func deep(head string, depth int, tail string) []byte {
	return append(bytes.Repeat([]byte(head), depth), tail...)
}

func hostileRows() map[string][][]byte {
	million := "\xdd\x00\x10\x00\x00"
	return map[string][][]byte{
		"array32 of 2^32-1 elements": {[]byte("\xdd\xff\xff\xff\xff"), []byte("\x81\xa3Raw\xdd\xff\xff\xff\xff"), []byte("\x81\xa4Tags\xdd\xff\xff\xff\xff")},
		"map32 of 2^32-1 entries":    {[]byte("\xdf\xff\xff\xff\xff"), []byte("\x81\xa5Notes\xdf\xff\xff\xff\xff")},
		"array32 of a million":       {[]byte(million), append([]byte(million), bytes.Repeat([]byte{0x80}, 1<<20)...), append([]byte(million), bytes.Repeat([]byte{0xc0}, 1<<20)...), append([]byte(million), bytes.Repeat([]byte{0x01}, 1<<20)...), append([]byte(million), bytes.Repeat([]byte{0x90}, 1<<20)...)},
		"bin32 of 2^32-1 bytes":      {[]byte("\xc6\xff\xff\xff\xff"), []byte("\xdb\xff\xff\xff\xff"), []byte("\x81\xa5Token\xc6\xff\xff\xff\xff")},
		"array16 headers, 21845":     {deep("\xdc\xff\xff", 21845, ""), deep("\xdc\x00\x01", 21845, "\xc0")},
		"2 million levels":           {deep("\x91", 2_000_000, "\xc0"), deep("\x81\x01", 2_000_000, "\xc0")},
		"8 million levels, skipped":  {deep("\x91", 8_000_000, "\xc0"), append([]byte("\x81\xa7Unknown"), deep("\x91", 8_000_000, "\xc0")...), append([]byte("\x81\xa7Unknown"), deep("\x81\xa1k", 4_000_000, "\xc0")...)},
		"nil as key":                 {[]byte("\x81\xc0\x01"), []byte("\x81\xa3Raw\x81\xc0\x01")},
		"keys without a hash":        {[]byte("\x81\x90\x01"), []byte("\x81\x80\x01"), []byte("\x81\xc4\x01a\x01")},
		"truncated raw value":        {[]byte("\x81\xa3Raw\xdb\x00\x00\xff\xff\x01"), []byte("\x81\xa3Raw\x92\x01")},
	}
}

// hostileChild runs one row and returns the exit code.
func hostileChild(name string) int {
	if err := limitMemory(hostileLimit); err != nil {
		fmt.Println("limiting memory:", err)
		return 3
	}
	switch name {
	case "control: memory":
		return useMemory(hostileLimit + hostileLimit/4)
	case "control: library":
		var v any
		err := msgpack.Unmarshal([]byte("\xdd\xff\xff\xff\xff"), &v)
		fmt.Println("went on with", err)
		return 0
	}
	failed := 0
	for i, message := range hostileRows()[name] {
		for j := range targets() {
			if err := hostileDecode(name, message, targets()[j]); err != nil {
				fmt.Printf("message %d into %T: %v\n", i, targets()[j], err)
				failed = 1
			}
		}
	}
	if name == "truncated raw value" {
		if err := trafficAfter(); err != nil {
			fmt.Println(err)
			failed = 1
		}
	}
	fmt.Println("survived", name)
	return failed
}

// hostileDecode gives message to everything that reads, and returns an error if
// that cost too much or took what must not pass.
func hostileDecode(name string, message []byte, v any) error {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	checked := codec.Check(message, nil)
	err := reflective.Unmarshal(message, v, nil)
	streamed := reflective.Value(v).ReadMsgpack(codec.NewReader(message, nil))
	if u, ok := v.(codec.Unmarshaler); ok {
		direct := u.ReadMsgpack(codec.NewReader(message, nil))
		streamed = errors.Join(streamed, direct)
	}
	runtime.ReadMemStats(&after)
	if total := after.TotalAlloc - before.TotalAlloc; total > hostileTotal {
		return fmt.Errorf("%d MiB were allocated", total>>20)
	}
	if strings.Contains(name, "million") && checked == nil {
		return nil // a million elements that are there; only the budgets bound them
	}
	if checked == nil || err == nil || streamed == nil {
		return fmt.Errorf("taken: Check says %v, Unmarshal %v, ReadMsgpack %v", checked, err, streamed)
	}
	return nil
}

// trafficAfter sends ordinary messages after broken ones that went to a hook of
// the library. A decoder that had kept the state of a broken one would record
// them all: 1.2 GB.
func trafficAfter() error {
	ordinary, err := reflective.Append(nil, rawField{msgpack.RawMessage(codec.AppendBytes(nil, make([]byte, 60_000)))})
	if err != nil {
		return err
	}
	for i := range 20_000 {
		var v rawField
		if err := reflective.Unmarshal(ordinary, &v, nil); err != nil {
			return fmt.Errorf("ordinary message %d: %w", i, err)
		}
	}
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	if m.HeapAlloc > 32<<20 {
		return fmt.Errorf("%d MiB are still held after 20,000 messages", m.HeapAlloc>>20)
	}
	return nil
}

// useMemory keeps n bytes and touches every page.
func useMemory(n int) int {
	b := make([]byte, n)
	for i := 0; i < n; i += 4096 {
		b[i] = 1
	}
	fmt.Println("went on with", n, "bytes", b[n-1])
	return 0
}

func runHostileChild(t *testing.T, name string) (output string, err error) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, self)
	cmd.Env = append(os.Environ(), hostileRow+"="+name)
	out, err := cmd.CombinedOutput()
	if len(out) > 2000 {
		out = out[:2000]
	}
	return string(out), err
}

func TestHostileMessages(t *testing.T) {
	for name := range hostileRows() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			out, err := runHostileChild(t, name)
			if err != nil || !strings.Contains(out, "survived "+name) {
				t.Errorf("the process ended: %v\n%s", err, out)
			}
		})
	}
}

// The limit is worth nothing unless it kills who goes over it.
func TestHostileLimitKills(t *testing.T) {
	if !memoryLimited {
		t.Skip("memory is not limited here: it takes Linux, and no race detector, whose shadow memory counts")
	}
	controls := []string{"control: memory"}
	if strconv.IntSize == 64 { // with 32 bits the library takes the length to be -1
		controls = append(controls, "control: library")
	}
	for _, name := range controls {
		// How a Go program without memory ends is not always the same.
		out, err := runHostileChild(t, name)
		if exit, ok := errors.AsType[*exec.ExitError](err); !ok || exit.ExitCode() == 3 || strings.Contains(out, "went on") {
			t.Errorf("%s: %v\n%s", name, err, out)
		}
	}
}
