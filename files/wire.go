package files

import (
	"strings"
	"unicode"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
)

// The slots of the conversations about the files of a call (clause 13.1).
const (
	slotUp   = 1 // the caller sends
	slotDown = 2 // the callee sends
)

// maxText bounds the text of an outcome, in bytes.
const maxText = 1024

// An outcome is how something ended: well, or with a code and a text for
// people. Several of the values below may have one.
type outcome struct {
	Code twinwire.Code
	Text string
}

func (o outcome) append(b []byte) []byte {
	b = codec.AppendUint(codec.AppendString(b, "code"), uint64(o.Code))
	return codec.AppendString(codec.AppendString(b, "text"), o.Text)
}

// readCode reads a code; one that means success is an error unless well.
func readCode(r *codec.Reader, well bool) twinwire.Code {
	c := twinwire.Code(r.Uint16())
	if c > twinwire.MaxCode || c == twinwire.Accepted && !well {
		r.Fail(codec.ErrRange, "code")
	}
	return c
}

// err returns what the peer said, nil if all is well.
func (o outcome) err() error {
	if o.Code == twinwire.Accepted {
		return nil
	}
	text := o.Text
	if len(text) > maxText {
		text = text[:maxText]
	}
	text = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '?'
		}
		return r
	}, strings.ToValidUTF8(text, "?"))
	return &twinwire.Error{Code: o.Code, Message: text}
}

// A head is the first value of the sender: how many files there are, or why
// there will be none (clause 13.2).
type head struct {
	Files int
	outcome
}

func (h head) AppendMsgpack(b []byte) ([]byte, error) {
	if h.Code != twinwire.Accepted {
		return h.append(codec.AppendMapHeader(b, 2)), nil
	}
	return codec.AppendInt(codec.AppendString(codec.AppendMapHeader(b, 1), "files"), int64(h.Files)), nil
}

func (h *head) ReadMsgpack(r *codec.Reader) error {
	*h = head{Files: -1}
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "files":
			h.Files = int(r.Uint32())
		case "code":
			h.Code = readCode(r, false)
		case "text":
			h.Text = r.Str()
		default:
			r.Skip()
		}
	}
	r.Leave()
	if h.Files < 0 == (h.Code == twinwire.Accepted) {
		r.Fail(codec.ErrRange, "number of files or a code")
	}
	return r.Err()
}

// A mark stands in the sender's stream where a content begins and where it
// ends (clauses 13.5 and 13.7).
type mark struct {
	Begin bool   // At is where the content begins; otherwise it has ended
	At    int64  // of Begin
	Size  int64  // at the end, if Code is Accepted
	Sum   []byte // the same
	outcome
}

func (m mark) AppendMsgpack(b []byte) ([]byte, error) {
	switch {
	case m.Begin:
		return codec.AppendInt(codec.AppendString(codec.AppendMapHeader(b, 1), "at"), m.At), nil
	case m.Code != twinwire.Accepted:
		return m.append(codec.AppendMapHeader(b, 2)), nil
	}
	b = codec.AppendInt(codec.AppendString(codec.AppendMapHeader(b, 2), "size"), m.Size)
	return codec.AppendBytes(codec.AppendString(b, "sum"), m.Sum), nil
}

func (m *mark) ReadMsgpack(r *codec.Reader) error {
	*m = mark{At: -1, Size: -1}
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "at":
			m.At = natural(r)
		case "size":
			m.Size = natural(r)
		case "sum":
			m.Sum = sum(r)
		case "code":
			m.Code = readCode(r, false)
		case "text":
			m.Text = r.Str()
		default:
			r.Skip()
		}
	}
	r.Leave()
	m.Begin = m.At >= 0
	whole := m.Size >= 0 && m.Sum != nil
	failed := m.Code != twinwire.Accepted
	if m.Begin && (whole || failed) || !m.Begin && whole == failed {
		r.Fail(codec.ErrRange, "beginning or end of a file")
	}
	return r.Err()
}

// A reply is what the receiver says of a file: from where it wants it, or how
// it ended (clauses 13.4 and 13.8).
type reply struct {
	File int
	Want bool
	At   int64  // of Want
	Sum  []byte // of the first At bytes, if that is not 0
	outcome
}

func (a reply) AppendMsgpack(b []byte) ([]byte, error) {
	n := 2
	if !a.Want || a.At > 0 {
		n = 3
	}
	b = codec.AppendInt(codec.AppendString(codec.AppendMapHeader(b, n), "file"), int64(a.File))
	if !a.Want {
		return a.append(b), nil
	}
	b = codec.AppendInt(codec.AppendString(b, "at"), a.At)
	if a.At > 0 {
		b = codec.AppendBytes(codec.AppendString(b, "sum"), a.Sum)
	}
	return b, nil
}

func (a *reply) ReadMsgpack(r *codec.Reader) error {
	*a = reply{File: -1, At: -1}
	ended := false
	for range r.MapHeader() {
		switch string(r.MapKey()) {
		case "file":
			a.File = int(r.Uint32())
		case "at":
			a.At = natural(r)
		case "sum":
			a.Sum = sum(r)
		case "code":
			a.Code, ended = readCode(r, true), true
		case "text":
			a.Text = r.Str()
		default:
			r.Skip()
		}
	}
	r.Leave()
	a.Want = a.At >= 0
	if a.File < 0 || a.Want == ended || a.Want && (a.At > 0) != (a.Sum != nil) {
		r.Fail(codec.ErrRange, "answer about a file")
	}
	return r.Err()
}
