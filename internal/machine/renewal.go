package machine

import "github.com/twinwire/twinwire/frame"

// A renewal is the exchange of frames of the handshake in a session (clause
// 15.8). What the frames say is the driver's; the machine knows whose turn it
// is, so that a peer can queue one at most.
type renewal struct {
	asked      bool // a HELLO waits for its answer
	challenged bool // a CHALLENGE waits for its PROOF
	// kind and payload, or code and reason, are the frame that waits to be sent.
	waits   bool
	kind    frame.Kind
	payload []byte
	code    uint16
	flags   frame.Flags
	reason  string
}

// due reports whether a frame waits to be sent.
func (r *renewal) due() bool { return r != nil && r.waits }

func (m *Machine) renewal() *renewal {
	if m.control.renewal == nil {
		m.control.renewal = new(renewal)
	}
	return m.control.renewal
}

// A RenewalIn is a frame of a renewal that has arrived.
type RenewalIn struct {
	Kind    frame.Kind
	Payload []byte // owned
	// Code, Flags and Reason are those of REFUSE.
	Code   uint16
	Flags  frame.Flags
	Reason []byte // owned
	Millis uint64
}

// Renew has a client send a HELLO with this payload. It reports false if one
// waits for its answer already, or the session takes nothing.
func (m *Machine) Renew(payload []byte) bool {
	r := m.renewal()
	if r.asked || m.detached || m.takesNothing() {
		return false
	}
	r.asked = true
	r.queue(frame.Hello, payload)
	return true
}

// Prove has a client answer a CHALLENGE. It does nothing if none waits.
func (m *Machine) Prove(payload []byte) {
	if r := m.renewal(); r.asked && r.challenged {
		r.challenged = false
		r.queue(frame.Proof, payload)
	}
}

// Challenge has a server answer a HELLO by a CHALLENGE. It reports false if
// none waits for that.
func (m *Machine) Challenge(payload []byte) bool {
	r := m.renewal()
	if !r.asked || r.challenged {
		return false
	}
	r.challenged = true
	r.queue(frame.Challenge, payload)
	return true
}

// Renewed has a server answer a HELLO by a WELCOME with this payload, or, with
// a code other than 0, by a REFUSE. It does nothing if none waits.
func (m *Machine) Renewed(payload []byte, code uint16, flags frame.Flags, reason string) {
	r := m.renewal()
	if !r.asked {
		return
	}
	r.asked, r.challenged = false, false
	r.queue(frame.Welcome, payload)
	if code != 0 {
		r.kind, r.code, r.flags, r.reason = frame.Refuse, code, flags, cut(reason, frame.MaxReason)
	}
}

func (r *renewal) queue(kind frame.Kind, payload []byte) {
	r.waits, r.kind, r.payload = true, kind, payload
}

// batchRenewal appends the frame that waits.
func (m *Machine) batchRenewal() {
	r := m.control.renewal
	if !r.due() {
		return
	}
	f := &frame.Frame{Kind: r.kind, Payload: r.payload}
	if !m.client() && r.kind == frame.Refuse {
		f = &frame.Frame{Kind: r.kind, Code: r.code, Flags: r.flags, Name: []byte(r.reason)}
	}
	m.append(0, f)
	r.waits, r.payload = false, nil
}

// receiveRenewal takes a frame of the handshake in a session.
func (m *Machine) receiveRenewal(f *frame.Frame, eff *Effects) error {
	r := m.renewal()
	// What waits to be sent has not been answered.
	turn := false
	switch f.Kind {
	case frame.Hello:
		turn = !m.client() && !r.asked && !r.waits
		r.asked = true
	case frame.Proof:
		turn = !m.client() && r.challenged && !r.waits
		r.challenged = false
	case frame.Challenge:
		turn = m.client() && r.asked && !r.challenged && !r.waits
		r.challenged = true
	default: // WELCOME, REFUSE
		turn = m.client() && r.asked && !r.challenged && !r.waits
		r.asked = false
	}
	if !turn {
		return protocolError("handshake frame out of turn")
	}
	eff.Renewal = append(eff.Renewal, RenewalIn{
		Kind: f.Kind, Payload: append([]byte(nil), f.Payload...),
		Code: f.Code, Flags: f.Flags, Reason: append([]byte(nil), f.Name...), Millis: f.Millis,
	})
	return nil
}
