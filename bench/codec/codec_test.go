package main

import (
	"context"
	"encoding/json"
	"os"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/bench/codec/message"
	"github.com/twinwire/twinwire/bench/codec/tiny"
	"github.com/twinwire/twinwire/internal/leak"
)

func TestMain(m *testing.M) { leak.Main(m) }

// BenchmarkCodec is every cell of the table. Its loops are those of the table,
// which count down; that is why this is not b.Loop.
func BenchmarkCodec(b *testing.B) {
	all, err := shapes()
	if err != nil {
		b.Fatal(err)
	}
	for _, f := range figures(all) {
		b.Run(f.name(), func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(f.shape.size))
			if err := f.cell.loop(b.N); err != nil {
				b.Fatal(err)
			}
		})
	}
}

// Each library decodes the value that all of them encode.
func TestSameValues(t *testing.T) {
	want := map[string]any{"flat": message.NewFlat(), "order": message.NewOrder(), "scores": message.NewScores(), "track": message.NewTrack()}
	all, err := shapes()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range figures(all) {
		sink = nil
		if err := f.cell.loop(3); err != nil {
			t.Errorf("%s: %v", f.name(), err)
		}
		if f.cell.operation != Decode && f.cell.operation != CheckDecode {
			continue
		}
		if got, want := text(t, sink), text(t, want[f.shape.name]); got != want {
			t.Errorf("%s: got\n%s\nwant\n%s", f.name(), got, want)
		}
	}
}

// text writes v as JSON, with times in UTC: not all libraries give them so.
// Nil slices are empty with tinylib/msgp.
func text(t *testing.T, v any) string {
	switch v := v.(type) {
	case *tiny.Flat:
		v.At = v.At.UTC()
	case *hooked:
		v.At = v.At.UTC()
	case *tiny.Order:
		v.Placed = v.Placed.UTC()
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return strings.ReplaceAll(string(b), `"Options":null`, `"Options":[]`)
}

func TestRun(t *testing.T) {
	stderr, err := os.Create(t.TempDir() + "/stderr")
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, tt := range []struct {
		args  string
		ctx   context.Context
		code  int
		lines []string // that begin with this
	}{
		{"-rounds 1 -measure 20us -run flat", t.Context(), 0, []string{"flat, 87 bytes: encode", "flat, 87 bytes: check+decode", "twinwire ", "vm-hooks", "pass  flat, check: at most 0 allocations"}},
		{"-rounds 1 -measure 20us -run track/check/", t.Context(), 0, []string{"track"}},
		{"-run nothing", t.Context(), exitUsage, nil},
		{"-run (", t.Context(), exitUsage, nil},
		{"-rounds 0", t.Context(), exitUsage, nil},
		{"more", t.Context(), exitUsage, nil},
		{"-h", t.Context(), 0, nil},
		{"-rounds 1", ended, exitInterrupted, nil},
	} {
		var out strings.Builder
		if code := run(tt.ctx, strings.Fields(tt.args), &out, stderr); code != tt.code {
			t.Errorf("%s: exit code %d, want %d", tt.args, code, tt.code)
		}
		for _, want := range tt.lines {
			if !strings.Contains("\n"+strings.ReplaceAll(out.String(), "\n ", "\n"), "\n"+want) && !strings.Contains(out.String(), " "+want) {
				t.Errorf("%s: no line %q in\n%s", tt.args, want, out.String())
			}
		}
	}
}

func TestBars(t *testing.T) {
	flat := &shape{name: "flat"}
	at := func(op operation, lib library, allocs float64, nanos ...float64) *figure {
		return &figure{shape: flat, cell: cell{operation: op, library: lib}, nanos: nanos, allocs: allocs}
	}
	for _, tt := range []struct {
		name   string
		list   []*figure
		missed string // of the bars, "" for none
	}{
		{"as it should be", []*figure{
			at(Encode, Twinwire, 0, 60, 300, 60), at(Encode, Tinylib, 0, 100, 100, 100), at(Encode, Reflection, 0, 61, 301, 61),
			at(Decode, Twinwire, 6, 105), at(Decode, Tinylib, 6, 100), at(CheckDecode, Twinwire, 6, 130), at(Check, Twinwire, 0, 1),
		}, ""},
		{"slow encode", []*figure{at(Encode, Twinwire, 0, 61), at(Encode, Tinylib, 0, 100)}, "flat, encode: at most 0.6 x tinylib/msgp"},
		{"slow decode", []*figure{at(Decode, Twinwire, 0, 106), at(Decode, Tinylib, 0, 100)}, "flat, decode: at most 1.05 x tinylib/msgp"},
		{"slow check", []*figure{at(CheckDecode, Twinwire, 0, 131), at(Decode, Tinylib, 0, 100)}, "flat, check+decode: at most 1.3 x tinylib/msgp's decode"},
		{"encode allocates", []*figure{at(Encode, Twinwire, 1, 1)}, "flat, encode: at most 0 allocations"},
		{"decode allocates", []*figure{at(Decode, Twinwire, 7, 1)}, "flat, decode: at most 6 allocations"},
		{"check allocates", []*figure{at(Check, Twinwire, 1, 1)}, "flat, check: at most 0 allocations"},
		{"behind", []*figure{at(Decode, Twinwire, 0, 2), at(Decode, Hooks, 0, 2)}, "flat, decode: ahead of vm-hooks"},
	} {
		missed := ""
		for _, b := range bars(tt.list) {
			if !b.held {
				missed += b.name
			}
		}
		if missed != tt.missed {
			t.Errorf("%s: missed %q, want %q", tt.name, missed, tt.missed)
		}
	}
}
