package codec_test

import (
	"errors"
	"math"
	"reflect"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
)

func TestValue(t *testing.T) {
	testValue(t, true, "\xc3")
	testValue(t, "hi", "\xa2hi")
	testValue(t, []byte("hi"), "\xc4\x02hi")
	testValue(t, int(-1), "\xff")
	testValue(t, int8(-128), "\xd0\x80")
	testValue(t, int16(300), "\xcd\x01\x2c")
	testValue(t, int32(-40000), "\xd2\xff\xff\x63\xc0")
	testValue(t, int64(math.MinInt64), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00")
	testValue(t, uint(5), "\x05")
	testValue(t, uint8(200), "\xcc\xc8")
	testValue(t, uint16(200), "\xcc\xc8")
	testValue(t, uint32(1<<31), "\xce\x80\x00\x00\x00")
	testValue(t, uint64(1<<63), "\xcf\x80\x00\x00\x00\x00\x00\x00\x00")
	testValue(t, float32(1.5), "\xca\x3f\xc0\x00\x00")
	testValue(t, 1.5, "\xcb\x3f\xf8\x00\x00\x00\x00\x00\x00")
	testValue(t, time.Unix(1, 0).UTC(), "\xd6\xff\x00\x00\x00\x01")
	testValue(t, time.Microsecond, "\xcd\x03\xe8")

	var v codec.Value[uint8]
	if err := v.ReadMsgpack(codec.NewReader([]byte("\xcd\x01\x2c"), nil)); !errors.Is(err, codec.ErrRange) {
		t.Errorf("300 for a uint8: %v", err)
	}
}

func testValue[T codec.Scalar](t *testing.T, v T, want string) {
	t.Helper()
	b, err := codec.Value[T]{V: v}.AppendMsgpack(nil)
	if string(b) != want || err != nil {
		t.Errorf("%T %v: got % x and %v, want % x", v, v, b, err, want)
	}
	var got codec.Value[T]
	r := codec.NewReader(b, nil)
	if err := got.ReadMsgpack(r); err != nil || r.Finish() != nil || !reflect.DeepEqual(got.V, v) {
		t.Errorf("%T %v: read back %v and %v", v, v, got.V, r.Err())
	}
}
