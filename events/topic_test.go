package events_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/events"
)

func TestTopicEncoding(t *testing.T) {
	for _, c := range []struct {
		topic events.Topic
		bytes string
	}{
		{"", "\xa0"},
		{"room/7", "\xa6room/7"},
		{"ä", "\xa2ä"},
		{"\xff\x00", "\xc4\x02\xff\x00"},
		{events.Topic(strings.Repeat("x", 255)), "\xd9\xff" + strings.Repeat("x", 255)},
	} {
		b, err := c.topic.AppendMsgpack(nil)
		if err != nil || string(b) != c.bytes {
			t.Errorf("%q is %q, %v, want %q", c.topic, b, err, c.bytes)
		}
		var got events.Topic
		r := codec.NewReader(b, nil)
		if err := got.ReadMsgpack(r); err != nil || r.Finish() != nil || got != c.topic {
			t.Errorf("%q came back as %q, %v", c.topic, got, err)
		}
	}
	if _, err := events.Topic(strings.Repeat("x", 256)).AppendMsgpack(nil); !errors.Is(err, twinwire.TooLarge) {
		t.Errorf("a long name: %v", err)
	}
	for _, c := range []struct {
		bytes string
		err   error
	}{
		{"\xc4\x01a", nil}, // a Uint8Array that happens to be text
		{"\xd9\x80" + strings.Repeat("x", 128), nil},
		{"\xda\x01\x00" + strings.Repeat("x", 256), codec.ErrLimit},
		{"\xc5\x01\x00" + strings.Repeat("x", 256), codec.ErrLimit},
		{"\xa1\xff", codec.ErrUTF8},
		{"\xc0", codec.ErrType},
		{"\x05", codec.ErrType},
		{"", codec.ErrTruncated},
	} {
		got := events.Topic("before")
		err := got.ReadMsgpack(codec.NewReader([]byte(c.bytes), nil))
		if !errors.Is(err, c.err) {
			t.Errorf("reading %q: %v, want %v", c.bytes, err, c.err)
		}
		if err != nil && got != "before" {
			t.Errorf("reading %q changed the topic to %q", c.bytes, got)
		}
	}
}
