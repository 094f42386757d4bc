package frame_test

import (
	"bytes"
	"testing"

	"github.com/twinwire/twinwire/frame"
)

// benchFrames are the frames that a session spends its time on.
var benchFrames = []struct {
	name string
	f    frame.Frame
}{
	{"CALL", frame.Frame{Kind: frame.Call, Lane: 1, Seq: 1000, ID: 501, Ref: 6, Payload: []byte{0x2a}}},
	{"REPLY", frame.Frame{Kind: frame.Reply, Lane: 1, Seq: 1000, ID: 501, Payload: []byte{0x2a}}},
	{"EVENT", frame.Frame{Kind: frame.Event, Lane: 2, Seq: 1000, ID: 3, Ref: 4, Payload: bytes.Repeat([]byte{0x2a}, 24)}},
	{"16KiB", frame.Frame{Kind: frame.Call, Flags: frame.HasMore, Lane: 1, Seq: 1000, ID: 501, Ref: 6,
		Size: 1 << 20, Payload: bytes.Repeat([]byte{0x2a}, frame.MaxPayload)}},
}

func BenchmarkAppend(b *testing.B) {
	for _, bb := range benchFrames {
		b.Run(bb.name, func(b *testing.B) {
			buf := make([]byte, 0, frame.MaxFrame)
			b.ReportAllocs()
			b.SetBytes(int64(len(frame.Append(nil, &bb.f))))
			for b.Loop() {
				buf = frame.Append(buf[:0], &bb.f)
			}
		})
	}
}

func BenchmarkParse(b *testing.B) {
	for _, bb := range benchFrames {
		b.Run(bb.name, func(b *testing.B) {
			in := frame.Append(nil, &bb.f)
			var f frame.Frame
			b.ReportAllocs()
			b.SetBytes(int64(len(in)))
			for b.Loop() {
				if _, err := f.Parse(in); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
