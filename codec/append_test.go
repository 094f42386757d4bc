package codec_test

import (
	"bytes"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/twinwire/twinwire/codec"
)

// The clauses are those of the MessagePack specification, section "Formats".
func TestAppend(t *testing.T) {
	text := func(n int) string { return strings.Repeat("x", n) }
	tests := []struct {
		clause string
		got    []byte
		want   string // of a long value, how it begins
		size   int    // 0 means len(want)
	}{
		{"Nil format stores nil in 1 byte", codec.AppendNil(nil), "\xc0", 0},
		{"Bool format family stores false or true in 1 byte", codec.AppendBool(nil, false), "\xc2", 0},
		{"Bool format family stores false or true in 1 byte", codec.AppendBool(nil, true), "\xc3", 0},

		{"positive fixint stores 7-bit positive integer", codec.AppendUint(nil, 0), "\x00", 0},
		{"positive fixint stores 7-bit positive integer", codec.AppendUint(nil, 127), "\x7f", 0},
		{"uint 8 stores a 8-bit unsigned integer", codec.AppendUint(nil, 128), "\xcc\x80", 0},
		{"uint 8 stores a 8-bit unsigned integer", codec.AppendUint(nil, 255), "\xcc\xff", 0},
		{"uint 16 stores a 16-bit big-endian unsigned integer", codec.AppendUint(nil, 256), "\xcd\x01\x00", 0},
		{"uint 16 stores a 16-bit big-endian unsigned integer", codec.AppendUint(nil, 65535), "\xcd\xff\xff", 0},
		{"uint 32 stores a 32-bit big-endian unsigned integer", codec.AppendUint(nil, 65536), "\xce\x00\x01\x00\x00", 0},
		{"uint 32 stores a 32-bit big-endian unsigned integer", codec.AppendUint(nil, math.MaxUint32), "\xce\xff\xff\xff\xff", 0},
		{"uint 64 stores a 64-bit big-endian unsigned integer", codec.AppendUint(nil, 1<<32), "\xcf\x00\x00\x00\x01\x00\x00\x00\x00", 0},
		{"uint 64 stores a 64-bit big-endian unsigned integer", codec.AppendUint(nil, math.MaxUint64), "\xcf\xff\xff\xff\xff\xff\xff\xff\xff", 0},

		{"shortest form: positive fixint", codec.AppendInt(nil, 127), "\x7f", 0},
		{"shortest form: uint 8, not int 16", codec.AppendInt(nil, 128), "\xcc\x80", 0},
		{"shortest form: uint 64", codec.AppendInt(nil, math.MaxInt64), "\xcf\x7f\xff\xff\xff\xff\xff\xff\xff", 0},
		{"negative fixint stores 5-bit negative integer", codec.AppendInt(nil, -1), "\xff", 0},
		{"negative fixint stores 5-bit negative integer", codec.AppendInt(nil, -32), "\xe0", 0},
		{"int 8 stores a 8-bit signed integer", codec.AppendInt(nil, -33), "\xd0\xdf", 0},
		{"int 8 stores a 8-bit signed integer", codec.AppendInt(nil, -128), "\xd0\x80", 0},
		{"int 16 stores a 16-bit big-endian signed integer", codec.AppendInt(nil, -129), "\xd1\xff\x7f", 0},
		{"int 16 stores a 16-bit big-endian signed integer", codec.AppendInt(nil, -32768), "\xd1\x80\x00", 0},
		{"int 32 stores a 32-bit big-endian signed integer", codec.AppendInt(nil, -32769), "\xd2\xff\xff\x7f\xff", 0},
		{"int 32 stores a 32-bit big-endian signed integer", codec.AppendInt(nil, math.MinInt32), "\xd2\x80\x00\x00\x00", 0},
		{"int 64 stores a 64-bit big-endian signed integer", codec.AppendInt(nil, math.MinInt32-1), "\xd3\xff\xff\xff\xff\x7f\xff\xff\xff", 0},
		{"int 64 stores a 64-bit big-endian signed integer", codec.AppendInt(nil, math.MinInt64), "\xd3\x80\x00\x00\x00\x00\x00\x00\x00", 0},

		{"float 32 stores a floating point number in IEEE 754 single precision", codec.AppendFloat32(nil, 1.5), "\xca\x3f\xc0\x00\x00", 0},
		{"float 64 stores a floating point number in IEEE 754 double precision", codec.AppendFloat64(nil, 1), "\xcb\x3f\xf0\x00\x00\x00\x00\x00\x00", 0},

		{"fixstr stores a byte array whose length is upto 31 bytes", codec.AppendString(nil, ""), "\xa0", 0},
		{"fixstr stores a byte array whose length is upto 31 bytes", codec.AppendString(nil, "ä"), "\xa2\xc3\xa4", 0},
		{"fixstr stores a byte array whose length is upto 31 bytes", codec.AppendString(nil, text(31)), "\xbfx", 32},
		{"str 8 stores a byte array whose length is upto (2^8)-1 bytes", codec.AppendString(nil, text(32)), "\xd9\x20x", 34},
		{"str 8 stores a byte array whose length is upto (2^8)-1 bytes", codec.AppendString(nil, text(255)), "\xd9\xffx", 257},
		{"str 16 stores a byte array whose length is upto (2^16)-1 bytes", codec.AppendString(nil, text(256)), "\xda\x01\x00x", 259},
		{"str 16 stores a byte array whose length is upto (2^16)-1 bytes", codec.AppendString(nil, text(65535)), "\xda\xff\xffx", 65538},
		{"str 32 stores a byte array whose length is upto (2^32)-1 bytes", codec.AppendString(nil, text(65536)), "\xdb\x00\x01\x00\x00x", 65541},

		{"nil, for the bytes that are nil", codec.AppendBytes(nil, nil), "\xc0", 0},
		{"bin 8 stores a byte array whose length is upto (2^8)-1 bytes", codec.AppendBytes(nil, []byte{}), "\xc4\x00", 0},
		{"bin 8 stores a byte array whose length is upto (2^8)-1 bytes", codec.AppendBytes(nil, make([]byte, 255)), "\xc4\xff\x00", 257},
		{"bin 16 stores a byte array whose length is upto (2^16)-1 bytes", codec.AppendBytes(nil, make([]byte, 256)), "\xc5\x01\x00\x00", 259},
		{"bin 32 stores a byte array whose length is upto (2^32)-1 bytes", codec.AppendBytes(nil, make([]byte, 65536)), "\xc6\x00\x01\x00\x00\x00", 65541},

		{"fixarray stores an array whose length is upto 15 elements", codec.AppendArrayHeader(nil, 15), "\x9f", 0},
		{"array 16 stores an array whose length is upto (2^16)-1 elements", codec.AppendArrayHeader(nil, 16), "\xdc\x00\x10", 0},
		{"array 16 stores an array whose length is upto (2^16)-1 elements", codec.AppendArrayHeader(nil, 65535), "\xdc\xff\xff", 0},
		{"array 32 stores an array whose length is upto (2^32)-1 elements", codec.AppendArrayHeader(nil, 65536), "\xdd\x00\x01\x00\x00", 0},
		{"fixmap stores a map whose length is upto 15 elements", codec.AppendMapHeader(nil, 15), "\x8f", 0},
		{"map 16 stores a map whose length is upto (2^16)-1 elements", codec.AppendMapHeader(nil, 16), "\xde\x00\x10", 0},
		{"map 32 stores a map whose length is upto (2^32)-1 elements", codec.AppendMapHeader(nil, 65536), "\xdf\x00\x01\x00\x00", 0},

		{"timestamp 32 stores the number of seconds in 32-bit", codec.AppendTime(nil, time.Unix(1, 0)), "\xd6\xff\x00\x00\x00\x01", 0},
		{"timestamp 32 stores the number of seconds in 32-bit", codec.AppendTime(nil, time.Unix(math.MaxUint32, 0)), "\xd6\xff\xff\xff\xff\xff", 0},
		{"timestamp 64 stores nanoseconds in 30 bits, seconds in 34", codec.AppendTime(nil, time.Unix(1, 1)), "\xd7\xff\x00\x00\x00\x04\x00\x00\x00\x01", 0},
		{"timestamp 64 stores nanoseconds in 30 bits, seconds in 34", codec.AppendTime(nil, time.Unix(1<<32, 0)), "\xd7\xff\x00\x00\x00\x01\x00\x00\x00\x00", 0},
		{"timestamp 96 stores nanoseconds in 32 bits, seconds in 64", codec.AppendTime(nil, time.Unix(-1, 5)), "\xc7\x0c\xff\x00\x00\x00\x05\xff\xff\xff\xff\xff\xff\xff\xff", 0},
		{"timestamp 96 stores nanoseconds in 32 bits, seconds in 64", codec.AppendTime(nil, time.Unix(1<<34, 0)), "\xc7\x0c\xff\x00\x00\x00\x00\x00\x00\x00\x04\x00\x00\x00\x00", 0},

		{"a duration is its nanoseconds", codec.AppendDuration(nil, -time.Microsecond), "\xd1\xfc\x18", 0},
	}
	for _, tt := range tests {
		size := tt.size
		if size == 0 {
			size = len(tt.want)
		}
		if len(tt.got) != size || !bytes.HasPrefix(tt.got, []byte(tt.want)) {
			t.Errorf("%s: got %d bytes % x, want %d bytes % x", tt.clause, len(tt.got), tt.got[:min(16, len(tt.got))], size, tt.want)
		}
	}
}

func TestAppendKeepsWhatIsThere(t *testing.T) {
	b := codec.AppendString([]byte("head"), "tail")
	if string(b) != "head\xa4tail" {
		t.Errorf("got %q", b)
	}
}
