package core

import (
	"bytes"
	"testing"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
)

// Whatever arrives in a renewal is refused or is within the limits, and what was
// read is written and read again as the same.
func FuzzRenewal(f *testing.F) {
	f.Add(appendCredential(codec.AppendMapHeader(nil, 2), MethodToken, []byte("token")))
	f.Add(appendExpires(codec.AppendMapHeader(nil, 1), time.Now().Add(time.Hour)))
	f.Add(codec.AppendInt(codec.AppendString(codec.AppendMapHeader(nil, 1), "expires"), 1<<62))
	f.Fuzz(func(t *testing.T, b []byte) {
		before := time.Now()
		h, err := parseRenewal(b)
		if err != nil {
			if twinwire.CodeOf(err) != twinwire.ProtocolError {
				t.Fatalf("refused with %v", err)
			}
			return
		}
		if len(h.auth) > maxAuthMethod || !h.expires.IsZero() && (h.expires.Before(before) || h.expires.After(before.Add(maxExpires*time.Millisecond+time.Hour))) {
			t.Fatalf("read as %q until %v", h.auth, h.expires)
		}
		again, err := parseRenewal(appendCredential(codec.AppendMapHeader(nil, 2), h.auth, h.credential))
		if err != nil || again.auth != h.auth || !bytes.Equal(again.credential, h.credential) {
			t.Fatalf("%q, %x was read again as %q, %x: %v", h.auth, h.credential, again.auth, again.credential, err)
		}
	})
}
