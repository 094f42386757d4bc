package core

import (
	"encoding/hex"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/internal/machine"
)

// ProtocolVersion is the version of docs/protocol.md that this package speaks.
const ProtocolVersion = 1

const (
	maxAppName = 255
	maxClient  = 255
	maxConnect = 8 << 10
	maxHello   = frame.MaxPayload
)

// An ID identifies a session or an attempt to dial one. It is not a secret.
type ID [16]byte

// String returns the id in hexadecimal.
func (id ID) String() string { return hex.EncodeToString(id[:]) }

// A Hello is what a side says about itself when a session begins (clauses 3.3
// and 3.4).
type Hello struct {
	// App and Version are the application's name and compatibility version,
	// each at most 255 bytes. Where both sides name one, they must be equal.
	App, Version string
	// Client is a name by which the client wants to be known, at most 255 bytes
	// of text; "" for none. It proves nothing, and several sessions may have
	// the same. What the server's Admit sets in its place counts on that side.
	Client string
	// Connect is the client's connect payload: nil or one MessagePack value of
	// at most 8,192 bytes, delivered with the session.
	Connect []byte
}

// hello is the whole payload of HELLO and WELCOME.
type hello struct {
	Hello
	version    int64 // highest, or chosen
	minVersion int64
	attempt    ID
	session    ID
	generation uint64
	lanes      int
	window     machine.Window
	heartbeat  time.Duration
	keep       time.Duration  // for how long the session may be resumed
	token      *machine.Token // to resume with; for the next time, in a WELCOME
	resumes    bool           // it is about a session that goes on
	nexts      [frame.MaxLanes]uint64
	features   []string // that a client knows, and that a server has chosen
	auth       string
	credential []byte
	expires    time.Time // of the principal; zero for never
	leaves     bool      // a client goes elsewhere when it is told to (clause 8.4)
}

// appendTo appends the map of clause 3.3, or of clause 3.4 for a welcome.
func (h *hello) appendTo(b []byte, welcome bool) []byte {
	n := 13
	if h.token != nil {
		n++
	}
	if h.resumes {
		n++
		if !welcome {
			n++ // the session
		}
	}
	switch {
	case welcome:
		n += 2
		if !h.expires.IsZero() {
			n++
		}
	default:
		if h.auth != "" {
			n += 2
		}
		if h.Client != "" {
			n++
		}
		if h.leaves {
			n++
		}
		if h.Connect != nil {
			n++
		}
	}
	if len(h.features) > 0 {
		n++
	}
	b = codec.AppendMapHeader(b, n)
	b = appendNumber(b, "v", h.version)
	b = appendText(b, "app", h.App)
	b = appendText(b, "appv", h.Version)
	b = appendNumber(b, "lanes", int64(h.lanes))
	b = appendNumber(b, "calls", int64(h.window.Calls))
	b = appendNumber(b, "msgs", int64(h.window.Messages))
	b = appendNumber(b, "large", int64(h.window.Large))
	b = appendNumber(b, "streams", int64(h.window.Streams))
	b = appendNumber(b, "stream", int64(h.window.Stream))
	b = appendNumber(b, "max", int64(h.window.MaxMessage))
	b = appendNumber(b, "names", int64(h.window.Names))
	b = appendNumber(b, "keep", h.keep.Milliseconds())
	if len(h.features) > 0 {
		b = codec.AppendString(b, "features")
		b = codec.AppendArrayHeader(b, len(h.features))
		for _, name := range h.features {
			b = codec.AppendString(b, name)
		}
	}
	if h.token != nil {
		b = appendBinary(b, "token", h.token[:])
	}
	if h.resumes {
		b = codec.AppendString(b, "nexts")
		b = codec.AppendArrayHeader(b, h.lanes)
		for _, next := range h.nexts[:h.lanes] {
			b = codec.AppendUint(b, next)
		}
		if !welcome {
			b = appendBinary(b, "session", h.session[:])
		}
	}
	if welcome {
		b = appendBinary(b, "session", h.session[:])
		b = appendNumber(b, "gen", int64(h.generation))
		b = appendNumber(b, "ping", h.heartbeat.Milliseconds())
		return appendExpires(b, h.expires)
	}
	if h.auth != "" {
		b = appendCredential(b, h.auth, h.credential)
	}
	b = appendBinary(b, "attempt", h.attempt[:])
	if h.Client != "" {
		b = appendText(b, "client", h.Client)
	}
	if h.leaves {
		b = codec.AppendString(b, "leaves")
		b = codec.AppendBool(b, true)
	}
	if h.Connect != nil {
		b = appendBinary(b, "connect", h.Connect)
	}
	return b
}

// appendNumber, appendText and appendBinary append a pair of such a map.
func appendNumber(b []byte, key string, v int64) []byte {
	return codec.AppendInt(codec.AppendString(b, key), v)
}

func appendText(b []byte, key, v string) []byte {
	return codec.AppendString(codec.AppendString(b, key), v)
}

func appendBinary(b []byte, key string, v []byte) []byte {
	return codec.AppendBytes(codec.AppendString(b, key), v)
}

// parseHello reads the payload of HELLO or WELCOME. Unknown keys are skipped.
func parseHello(payload []byte) (*hello, error) {
	h := &hello{lanes: 1}
	r := codec.NewReader(payload, nil)
	for n := r.MapHeader(); n > 0 && r.Err() == nil; n-- {
		switch key := r.MapKey(); string(key) {
		case "v":
			h.version = r.Int64()
		case "min":
			h.minVersion = r.Int64()
		case "app":
			h.App = r.Str()
		case "appv":
			h.Version = r.Str()
		case "client":
			h.Client = r.Str()
		case "attempt":
			r.BytesInto(h.attempt[:])
		case "session":
			r.BytesInto(h.session[:])
		case "gen":
			h.generation = r.Uint64()
		case "ping":
			h.heartbeat = time.Duration(r.Uint32()) * time.Millisecond
		case "lanes":
			h.lanes = count(r, 1, frame.MaxLanes)
		case "calls":
			h.window.Calls = count(r, 0, 1<<20)
		case "msgs":
			h.window.Messages = count(r, 0, 1<<20)
		case "large":
			h.window.Large = count(r, 0, 1<<30)
		case "streams":
			h.window.Streams = count(r, 0, 1<<16)
		case "stream":
			h.window.Stream = count(r, 0, 1<<30)
		case "max":
			h.window.MaxMessage = count(r, 0, maxMessage)
		case "names":
			h.window.Names = count(r, 0, names)
		case "keep":
			h.keep = time.Duration(r.Uint32()) * time.Millisecond
		case "token":
			h.token = new(machine.Token)
			r.BytesInto(h.token[:])
		case "nexts":
			h.resumes = true
			n := r.ArrayHeader()
			if n > frame.MaxLanes {
				r.Fail(codec.ErrRange, "at most 8 numbers")
			}
			for i := range min(n, frame.MaxLanes) {
				h.nexts[i] = r.Uint64()
			}
			r.Leave()
		case "auth":
			h.auth = r.Str()
		case "cred":
			h.credential = r.Bytes()
		case "expires":
			h.expires = readExpires(r)
		case "leaves":
			h.leaves = r.Bool()
		case "connect":
			h.Connect = r.Bytes()
		case "features":
			n := r.ArrayHeader()
			if n > maxFeatures {
				r.Fail(codec.ErrRange, "at most 16 features")
			}
			for range min(n, maxFeatures) {
				h.features = append(h.features, r.Str())
			}
			r.Leave()
		default:
			r.Skip()
		}
	}
	r.Leave()
	if err := r.Finish(); err != nil {
		return nil, twinwire.NewError(twinwire.ProtocolError, "malformed hello")
	}
	if h.minVersion == 0 {
		h.minVersion = h.version
	}
	switch {
	case h.version < 1, h.minVersion < 1, h.minVersion > h.version:
		return nil, twinwire.NewError(twinwire.ProtocolError, "hello without a protocol version")
	case len(h.App) > maxAppName, len(h.Version) > maxAppName, len(h.Client) > maxClient, len(h.Connect) > maxConnect, len(h.auth) > maxAuthMethod:
		return nil, twinwire.NewError(twinwire.TooLarge, "hello has a field over its limit")
	case h.window.Large < h.window.MaxMessage:
		return nil, twinwire.NewError(twinwire.ProtocolError, "hello with a window smaller than a message")
	}
	return h, nil
}

// count reads an integer of a hello: at least least, and what is beyond most
// counts as most, because a peer may have more to offer than is of use here.
func count(r *codec.Reader, least, most int) int {
	v := r.Int64()
	if v < int64(least) {
		r.Fail(codec.ErrRange, "a count")
		return least
	}
	return int(min(v, int64(most)))
}

// A RefusedError says that the server refused a session, and what it advised.
type RefusedError struct {
	// Code and Reason are what the server said.
	Code   twinwire.Code
	Reason string
	// RetryAfter is how long to wait before the next try, 0 for no advice.
	RetryAfter time.Duration
	// Never says that trying again unchanged cannot help, and Authenticate
	// that other credentials may.
	Never, Authenticate bool
}

// Error returns the reason and the code.
func (e *RefusedError) Error() string {
	if e.Reason == "" {
		return "refused by server: " + e.Code.String()
	}
	return "refused by server: " + e.Reason + ": " + e.Code.String()
}

// Unwrap returns the code.
func (e *RefusedError) Unwrap() error { return e.Code }

// refusedError is the error of a REFUSE frame.
func refusedError(f *frame.Frame) error {
	return &RefusedError{
		Code: twinwire.Code(f.Code), Reason: printable(f.Name),
		RetryAfter: time.Duration(min(f.Millis, 1<<40)) * time.Millisecond,
		Never:      f.Flags&frame.Never != 0, Authenticate: f.Flags&frame.WantAuth != 0,
	}
}
