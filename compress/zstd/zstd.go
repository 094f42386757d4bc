// Package zstd compresses payloads with Zstandard (docs/protocol.md, clause
// 16): the better choice between programs. A browser has it only by linking
// this package, which is large; see package deflate for what it has built in.
//
//	srv := &server.Server{Compression: []core.Compression{zstd.New()}}
package zstd

import (
	"encoding/binary"
	"fmt"

	"github.com/klauspost/compress/zstd"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
)

// Name is the feature of clause 16.1.
const Name = "zstd"

type compression struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

// New returns the compression. It is for any number of servers and clients at
// once, and has no goroutines.
func New() core.Compression {
	enc, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(frame.MaxPayload),
		zstd.WithEncoderCRC(false), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(fmt.Sprintf("zstd: options of the encoder: %v", err)) // they are constants
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderMaxMemory(frame.MaxPayload), zstd.WithDecoderMaxWindow(frame.MaxPayload))
	if err != nil {
		panic(fmt.Sprintf("zstd: options of the decoder: %v", err))
	}
	// The encoder makes its channels when it is first used, which must not be in
	// the bubble of one test of several (testing/synctest).
	enc.EncodeAll([]byte{0}, nil)
	return &compression{enc, dec}
}

func (c *compression) Name() string { return Name }

// A skippable frame (RFC 8878, section 3.1.2) is how data is made longer.
const (
	skippable       = 0x184d2a50
	skippableHeader = 8
	mostRatio       = 100 // clause 16.3
)

func (c *compression) Compress(dst, src []byte) []byte {
	start := len(dst)
	dst = c.enc.EncodeAll(src, dst)
	if short := (len(src)+mostRatio-1)/mostRatio - (len(dst) - start); short > 0 {
		padding := max(short-skippableHeader, 0)
		dst = binary.LittleEndian.AppendUint32(dst, skippable)
		dst = binary.LittleEndian.AppendUint32(dst, uint32(padding))
		dst = append(dst, make([]byte, padding)...)
	}
	return dst
}

// Inflate fails before it allocates for data that says, or is, too much: the
// decoder's limits are those of a part, and what it appends is bounded by them.
func (c *compression) Inflate(dst, src []byte, most int) ([]byte, error) {
	// What dst holds already counts for the decoder; the room behind it does not.
	b, err := c.dec.DecodeAll(src, dst[len(dst):])
	switch {
	case err != nil:
		return dst, fmt.Errorf("zstd: %w", err)
	case len(b) > most:
		return dst, fmt.Errorf("zstd: %d bytes are more than %d", len(b), most)
	}
	return append(dst, b...), nil // onto itself, if there was room
}
