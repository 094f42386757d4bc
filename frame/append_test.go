package frame_test

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// Append writes behind what is there, and MaxHead bounds what it adds.
func TestAppendExtends(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		f := v.frame(t)
		for _, room := range []int{0, 5, frame.MaxFrame} {
			b := append(make([]byte, 0, 3+room), "abc"...)
			b = frame.Append(b, &f)
			if !bytes.Equal(b[:3], []byte("abc")) || !bytes.Equal(b[3:], v.Hex) {
				t.Errorf("%s: Append to abc gives %s", v.Name, short(b))
			}
		}
		if head := len(v.Hex) - len(v.Payload); head > frame.MaxHead(&f) {
			t.Errorf("%s: %d bytes beside the payload, MaxHead says %d", v.Name, head, frame.MaxHead(&f))
		}
		if len(v.Hex) > frame.MaxFrame {
			t.Errorf("%s: %d bytes, MaxFrame says %d", v.Name, len(v.Hex), frame.MaxFrame)
		}
	}
}

// Neither side allocates, whatever the frame.
func TestNoAllocations(t *testing.T) {
	b := make([]byte, 0, frame.MaxFrame)
	for _, v := range readVectors(t).Frames {
		f := v.frame(t)
		if n := testing.AllocsPerRun(10, func() { b = frame.Append(b[:0], &f) }); n > 0 {
			t.Errorf("%s: Append allocates %v times", v.Name, n)
		}
		if n := testing.AllocsPerRun(10, func() { _, _ = f.Parse(v.Hex) }); n > 0 {
			t.Errorf("%s: Parse allocates %v times", v.Name, n)
		}
	}
}

// Append ignores the fields that kind and flags do not ask for.
func TestAppendIgnoresOtherFields(t *testing.T) {
	for _, v := range readVectors(t).Frames {
		f := v.frame(t)
		if f.Flags&frame.HasMeta == 0 || f.Kind == frame.More || f.Kind == frame.State || f.Kind == frame.Event {
			f.Meta = []byte("ignored")
		}
		if !f.Kind.Numbered() {
			f.Seq = 7
		}
		if f.Kind != frame.Close {
			f.Nexts, f.NextCount = [frame.MaxLanes]uint64{1}, 1
		}
		if v.Strings["name"] == nil && v.Strings["reason"] == nil {
			f.Name = []byte("ignored")
		}
		if got := frame.Append(nil, &f); !bytes.Equal(got, v.Hex) {
			t.Errorf("%s: Append gives %s, want %s", v.Name, short(got), short(v.Hex))
		}
	}
}

// Append panics rather than write what no peer would accept.
func TestAppendPanics(t *testing.T) {
	full := make([]byte, frame.MaxPayload)
	tests := map[string]frame.Frame{
		"2.2: kind 0":                          {},
		"2.2: an ignorable kind":               {Kind: 0x80},
		"2.2: an unknown flag":                 {Kind: frame.Ping, Flags: frame.F1},
		"2.1: a flag that is no flag":          {Kind: frame.Call, Flags: 1},
		"1.2: lane 8":                          {Kind: frame.Ack, Lane: 8},
		"2.6: HELLO in lane 1":                 {Kind: frame.Hello, Lane: 1},
		"2.3: payload":                         {Kind: frame.Hello, Payload: make([]byte, frame.MaxPayload+1)},
		"2.4: payload is not full":             {Kind: frame.More, Flags: frame.HasMore, ID: 1, Payload: full[1:]},
		"2.4: size of one frame":               {Kind: frame.Reply, Flags: frame.HasMore, Size: frame.MaxPayload, Payload: full},
		"2.6: payload of a kind without":       {Kind: frame.Ack, Payload: full[:1]},
		"6.2: name":                            {Kind: frame.Call, Name: full[:frame.MaxName+1]},
		"6.3: metadata":                        {Kind: frame.Call, Flags: frame.HasMeta, Ref: 2, Meta: full[:frame.MaxMetadata+1]},
		"9.3: reason":                          {Kind: frame.Close, Name: full[:frame.MaxReason+1]},
		"9.1: code":                            {Kind: frame.Cancel, Code: frame.MaxCode + 1},
		"1.2: nine lanes":                      {Kind: frame.Close, NextCount: frame.MaxLanes + 1},
		"1.2: minus one lanes":                 {Kind: frame.Close, NextCount: -1},
		"1.3: number":                          {Kind: frame.Ack, Next: frame.MaxVarint + 1},
		"1.3: sequence":                        {Kind: frame.Gap, Seq: frame.MaxVarint + 1},
		"1.3: a number of a CLOSE":             {Kind: frame.Close, NextCount: 1, Nexts: [frame.MaxLanes]uint64{1 << 62}},
		"7.1: name of a topic":                 {Kind: frame.Topic, Flags: frame.Begin, Name: full[:frame.MaxName+1]},
		"2.4: head of several frames, no size": {Kind: frame.Call, Flags: frame.HasMore, Ref: 2, Payload: full},
	}
	for name, f := range tests {
		t.Run(name, func(t *testing.T) {
			mustPanic(t, func() { frame.Append(nil, &f) })
		})
	}
}

func TestString(t *testing.T) {
	tests := map[string]frame.Frame{
		"PING lane 0 id 7 code 0, 0 bytes":          {Kind: frame.Ping, ID: 7},
		"REPLY lane 1 #3 id 2 code 8, 1 bytes":      {Kind: frame.Reply, Lane: 1, Seq: 3, ID: 2, Code: 8, Payload: []byte{0}},
		"KIND(0xca) lane 0 #0 id 0 code 0, 0 bytes": {Kind: 0xca},
	}
	for want, f := range tests {
		if got := f.String(); got != want {
			t.Errorf("String is %q, want %q", got, want)
		}
	}
}
