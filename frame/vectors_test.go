package frame_test

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// vectors is testdata/vectors.json, which describes itself under "format".
type vectors struct {
	Format  []string
	Varints []struct {
		Value vecNumber
		Hex   vecBytes
	}
	Frames  []vecFrame
	Ignored []struct {
		Name, Clause string
		Hex          vecBytes
		Kind, Lane   uint8
		Sequence     *vecNumber
	}
	Refused []struct {
		Name, Clause, Reason string
		Hex                  vecBytes
	}
	Metadata []struct {
		Name  string
		Hex   vecBytes
		Pairs [][2]vecBytes
	}
	MetadataRefused []struct {
		Name string
		Hex  vecBytes
	} `json:"metadata_refused"`
}

type vecFrame struct {
	Name, Clause string
	Hex          vecBytes
	Kind         string
	Lane         uint8
	Flags        []string
	Sequence     *vecNumber
	Numbers      map[string]vecNumbers
	Strings      map[string]vecBytes
	Payload      vecBytes
	Packed       bool
}

func readVectors(tb testing.TB) *vectors {
	tb.Helper()
	file, err := os.Open("testdata/vectors.json")
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	var v vectors
	dec := json.NewDecoder(file)
	dec.DisallowUnknownFields()
	if err := dec.Decode(&v); err != nil {
		tb.Fatal("vectors.json: ", err)
	}
	return &v
}

// vecBytes are bytes in any of the forms of the file.
type vecBytes []byte

func (b *vecBytes) UnmarshalJSON(in []byte) error {
	var err error
	switch in[0] {
	case '"':
		var s string
		if err = json.Unmarshal(in, &s); err == nil {
			*b, err = hex.DecodeString(strings.ReplaceAll(s, " ", ""))
		}
	case '[':
		var parts []vecBytes
		err = json.Unmarshal(in, &parts)
		for _, p := range parts {
			*b = append(*b, p...)
		}
	default:
		var form struct {
			Text   string
			Repeat vecBytes
			Count  int
		}
		err = json.Unmarshal(in, &form)
		*b = append(bytes.Repeat(form.Repeat, form.Count), form.Text...)
	}
	return err
}

// vecNumber is a number, or a string where JSON readers would round it.
type vecNumber uint64

func (n *vecNumber) UnmarshalJSON(in []byte) error {
	v, err := strconv.ParseUint(strings.Trim(string(in), `"`), 10, 64)
	*n = vecNumber(v)
	return err
}

// vecNumbers is one number, or the array of them that a CLOSE has.
type vecNumbers []uint64

func (n *vecNumbers) UnmarshalJSON(in []byte) error {
	if in[0] != '[' {
		in = slices.Concat([]byte("["), in, []byte("]"))
	}
	var list []vecNumber
	err := json.Unmarshal(in, &list)
	for _, v := range list {
		*n = append(*n, uint64(v))
	}
	return err
}

// frame returns the Frame that the named fields of v make.
func (v *vecFrame) frame(tb testing.TB) frame.Frame {
	tb.Helper()
	f := frame.Frame{Kind: kindOf(v.Kind), Lane: v.Lane, Payload: v.Payload, Packed: v.Packed}
	for _, name := range v.Flags {
		flag, ok := flagOf(v.Kind, name)
		if !ok {
			tb.Fatalf("vectors.json: %s: no flag %s of %s in clause 2.6", v.Name, name, v.Kind)
		}
		f.Flags |= flag
	}
	if v.Sequence != nil {
		f.Seq = uint64(*v.Sequence)
	}
	for name, n := range v.Numbers {
		switch name {
		case "id", "topic id", "generation", "token", "what":
			f.ID = n[0]
		case "code":
			f.Code = uint16(n[0])
		case "method", "type":
			f.Ref = n[0]
		case "size":
			f.Size = n[0]
		case "ms left", "retry-after ms":
			f.Millis = n[0]
		case "slot", "streams":
			f.Slot = n[0]
		case "version of the topic":
			f.Version = n[0]
		case "count":
			f.NextCount = int(n[0])
		case "barrier", "missed", "version", "limit", "end ms", "after":
			f.Next = n[0]
		case "next":
			if v.Kind == "CLOSE" {
				copy(f.Nexts[:], n)
			} else {
				f.Next = n[0]
			}
		default:
			tb.Fatalf("vectors.json: %s: no number %q in clause 2.6", v.Name, name)
		}
	}
	for name, s := range v.Strings {
		switch name {
		case "name", "reason":
			f.Name = s
		case "metadata":
			f.Meta = s
		default:
			tb.Fatalf("vectors.json: %s: no string %q in clause 2.6", v.Name, name)
		}
	}
	return f
}

// A kindRow is a row of clause 2.6, as far as the lane and the flags go.
type kindRow struct {
	kind  frame.Kind
	name  string
	lane0 bool
	flags string
}

// has reports whether the kind has a flag F1 (bit 0) to F5 (bit 4).
func (k kindRow) has(bit int) bool {
	names := strings.Split(k.flags, ", ")
	return bit < len(names) && names[bit] != "" && names[bit] != "-"
}

// kinds are all kinds of clause 2.6 in its order.
var kinds = []kindRow{
	{frame.Hello, "HELLO", true, ""},
	{frame.Challenge, "CHALLENGE", true, ""},
	{frame.Proof, "PROOF", true, ""},
	{frame.Welcome, "WELCOME", true, ""},
	{frame.Refuse, "REFUSE", true, "RETRY, NEVER, AUTH"},
	{frame.Attach, "ATTACH", false, "ALL"},
	{frame.Open, "OPEN", false, ""},
	{frame.Ack, "ACK", false, ""},
	{frame.Ping, "PING", true, ""},
	{frame.Pong, "PONG", true, ""},
	{frame.Credit, "CREDIT", true, ""},
	{frame.Close, "CLOSE", true, "RETRY"},
	{frame.Window, "WINDOW", true, "-, -, CALLEE"},
	{frame.Call, "CALL", false, "MORE, META, DEADLINE, UNORDERED, IDEMPOTENT"},
	{frame.Message, "MESSAGE", false, "MORE, META, -, UNORDERED"},
	{frame.Reply, "REPLY", false, "MORE, META, BARRIER, STREAMS"},
	{frame.Cancel, "CANCEL", false, ""},
	{frame.More, "MORE", false, "MORE, OF low, OF high"},
	{frame.State, "STATE", false, "MORE, SNAPSHOT, NAME, END"},
	{frame.Data, "DATA", false, "-, BEGIN, CALLEE, END, ASK"},
	{frame.Reset, "RESET", false, "-, -, CALLEE"},
	{frame.Stop, "STOP", false, "-, -, CALLEE"},
	{frame.Topic, "TOPIC", false, "BEGIN"},
	{frame.Event, "EVENT", false, "MORE, MISSED, LATEST"},
	{frame.Gap, "GAP", false, ""},
	{frame.Leaving, "LEAVING", true, "RETRY"},
	{frame.Latest, "LATEST", false, ""},
	{frame.Early, "EARLY", false, ""},
}

// kindOf returns the kind of that name, or a kind that nobody knows.
func kindOf(name string) frame.Kind {
	for _, k := range kinds {
		if k.name == name {
			return k.kind
		}
	}
	return 0
}

func flagOf(kind, name string) (frame.Flags, bool) {
	for _, k := range kinds {
		if k.name == kind && k.flags != "" {
			if i := slices.Index(strings.Split(k.flags, ", "), name); i >= 0 {
				return frame.F1 << i, true
			}
		}
	}
	return 0, false
}

// Clause 11: the vectors hold both ways.
func TestVectors(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		t.Run(v.Name, func(t *testing.T) {
			want := v.frame(t)
			if got := frame.Append(nil, &want); !bytes.Equal(got, v.Hex) {
				t.Errorf("clause %s: Append gives\n%s, want\n%s", v.Clause, short(got), short(v.Hex))
			}
			got := parseWhole(t, v.Hex)
			if diff := difference(&got, &want); diff != "" {
				t.Errorf("clause %s: Parse gives another %s", v.Clause, diff)
			}
			if numbered := v.Sequence != nil; got.Kind.Numbered() != numbered {
				t.Errorf("clause 2.2: Numbered is %v", !numbered)
			}
		})
	}
}

// The vectors are the reference for other languages: none may get by without
// having seen a kind or a flag.
func TestVectorsAreComplete(t *testing.T) {
	seen := map[string]bool{}
	for _, v := range readVectors(t).Frames {
		seen[v.Kind] = true
		for _, flag := range v.Flags {
			seen[v.Kind+" "+flag] = true
		}
	}
	for _, k := range kinds {
		if !seen[k.name] {
			t.Errorf("no vector of kind %s", k.name)
		}
		for flag := range strings.SplitSeq(k.flags, ", ") {
			if flag != "" && flag != "-" && !seen[k.name+" "+flag] {
				t.Errorf("no vector of kind %s with flag %s", k.name, flag)
			}
		}
	}
}

// Clause 2.2: unknown kinds with bit 7 are skipped, and counted if numbered.
func TestVectorsIgnored(t *testing.T) {
	for _, v := range readVectors(t).Ignored {
		t.Run(v.Name, func(t *testing.T) {
			f := parseWhole(t, v.Hex)
			var seq uint64
			if v.Sequence != nil {
				seq = uint64(*v.Sequence)
			}
			if uint8(f.Kind) != v.Kind || f.Lane != v.Lane || f.Seq != seq {
				t.Errorf("clause %s: kind %#x, lane %d, sequence %d, want %#x, %d, %d",
					v.Clause, uint8(f.Kind), f.Lane, f.Seq, v.Kind, v.Lane, seq)
			}
			if f.Kind.Known() || !f.Kind.Ignorable() || f.Kind.Numbered() != (v.Sequence != nil) {
				t.Errorf("clause 2.2: known %v, ignorable %v, numbered %v",
					f.Kind.Known(), f.Kind.Ignorable(), f.Kind.Numbered())
			}
		})
	}
}

// Clause 9.3: what is refused, and in which words.
func TestVectorsRefused(t *testing.T) {
	for _, v := range readVectors(t).Refused {
		t.Run(v.Name, func(t *testing.T) {
			var f frame.Frame
			n, err := f.Parse(v.Hex)
			if err == nil || err.Error() != v.Reason || n != 0 {
				t.Errorf("clause %s: Parse gives %d, %v, want 0, %s", v.Clause, n, err, v.Reason)
			}
		})
	}
}

// parseWhole parses b, which must be one frame and no more.
func parseWhole(tb testing.TB, b []byte) frame.Frame {
	tb.Helper()
	if size, err := frame.Size(b); size != len(b) || err != nil {
		tb.Fatalf("Size(%s) = %d, %v, want %d", short(b), size, err, len(b))
	}
	var f frame.Frame
	if n, err := f.Parse(b); n != len(b) || err != nil {
		tb.Fatalf("Parse(%s) = %d, %v, want %d", short(b), n, err, len(b))
	}
	return f
}

// difference names the first field in which two frames differ.
func difference(a, b *frame.Frame) string {
	for _, field := range []struct {
		name string
		a, b any
	}{
		{"Kind", a.Kind, b.Kind},
		{"Flags", a.Flags, b.Flags},
		{"Lane", a.Lane, b.Lane},
		{"Seq", a.Seq, b.Seq},
		{"ID", a.ID, b.ID},
		{"Code", a.Code, b.Code},
		{"Ref", a.Ref, b.Ref},
		{"Size", a.Size, b.Size},
		{"Millis", a.Millis, b.Millis},
		{"Next", a.Next, b.Next},
		{"Nexts", a.Nexts, b.Nexts},
		{"NextCount", a.NextCount, b.NextCount},
		{"Slot", a.Slot, b.Slot},
		{"Name", string(a.Name), string(b.Name)},
		{"Meta", string(a.Meta), string(b.Meta)},
		{"Payload", string(a.Payload), string(b.Payload)},
	} {
		if field.a != field.b {
			return fmt.Sprintf("%s: %.100q and %.100q", field.name, fmt.Sprint(field.a), fmt.Sprint(field.b))
		}
	}
	return ""
}

// short is b in hexadecimal, with its middle left out where it is long.
func short(b []byte) string {
	if len(b) <= 80 {
		return hex.EncodeToString(b)
	}
	return fmt.Sprintf("%x...%x (%d bytes)", b[:40], b[len(b)-20:], len(b))
}
