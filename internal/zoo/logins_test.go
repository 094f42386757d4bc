package zoo

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/auth"
	"github.com/twinwire/twinwire/auth/token"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/frame"
	"github.com/twinwire/twinwire/server"
)

// audience is what tokens of the zoo are made out to.
const audience = "zoo"

// know has the server know clients by tokens that are good once, and by a
// secret; who says nothing is nobody.
func (set *setting) know(srv *server.Server) error {
	if set.Keys == nil {
		return nil
	}
	keys, err := token.ParsePublic(set.Keys)
	if err != nil {
		return err
	}
	v := &token.Verifier{Keys: token.NewKeySet(keys...), Audience: audience, Once: new(token.Register)}
	srv.Authenticate = auth.ByMethod(map[string]auth.Authenticator{
		"": auth.Nobody, core.MethodToken: v.Authenticate,
		core.MethodSecret: auth.Secrets(func(string) []byte { return nil }),
	})
	return nil
}

// signer makes the tokens.
var signer = sync.OnceValue(func() *token.Key {
	k, err := token.NewKey()
	if err != nil {
		panic(err)
	}
	return k
})

func publicKeys() []byte {
	b, err := token.MarshalPublic(signer().Public())
	if err != nil {
		panic(err)
	}
	return b
}

func signed(k *token.Key, g token.Grant) string {
	s, err := k.Sign(&g)
	if err != nil {
		panic(err)
	}
	return s
}

// showing is the hello of a client that shows a credential, and goes on with a
// session if there is one.
func showing(method string, credential []byte, session, resume []byte) []byte {
	n := 1
	if session != nil {
		n = 3
	}
	if method != "" {
		n += 2
	}
	return helloOf(func(b []byte) []byte {
		if method != "" {
			b = codec.AppendString(codec.AppendString(b, "auth"), method)
			b = codec.AppendBytes(codec.AppendString(b, "cred"), credential)
		}
		if session != nil {
			b = codec.AppendBytes(codec.AppendString(b, "session"), session)
			b = codec.AppendBytes(codec.AppendString(b, "token"), resume)
			b = append(codec.AppendArrayHeader(codec.AppendString(b, "nexts"), 5), 0, 0, 0, 0, 0)
			return b
		}
		return codec.AppendInt(codec.AppendString(b, "keep"), 60_000)
	}, n)
}

// told returns what a WELCOME says of the session.
func told(welcome []byte) (session, resume []byte, err error) {
	r := codec.NewReader(welcome, nil)
	for n := r.MapHeader(); n > 0 && r.Err() == nil; n-- {
		switch key := r.MapKey(); string(key) {
		case "session":
			session = bytes.Clone(r.Bytes())
		case "token":
			resume = bytes.Clone(r.Bytes())
		default:
			r.Skip()
		}
	}
	r.Leave()
	if err := r.Finish(); err != nil {
		return nil, nil, err
	}
	if len(session) != 16 || len(resume) != 32 {
		return nil, nil, errors.New("the session cannot be resumed")
	}
	return session, resume, nil
}

// turnedAway sends a hello from a carrier of its own, which is to be refused
// with one of the codes.
func (y *yard) turnedAway(wire string, sent *atomic.Int64, hello []byte, codes ...twinwire.Code) error {
	p, err := y.peer(wire, sent, false)
	if err != nil {
		return err
	}
	defer p.leave()
	f, err := p.ask(hello)
	if err != nil {
		return err
	}
	if f.Kind == frame.Refuse {
		for _, code := range codes {
			if f.Code == uint16(code) {
				return nil
			}
		}
	}
	return fmt.Errorf("answered with %v, code %d: %s", f.Kind, f.Code, f.Name)
}

// leave closes the carrier.
func (p *peer) leave() {
	p.Close(twinwire.Accepted, "")
	<-p.ended
}

// alive returns nil if the peer's session answers a call.
func (p *peer) alive(id uint64) error {
	if err := p.say(1, call(id, "zoo.Echo", []byte{0xc0})); err != nil {
		return err
	}
	select {
	case f := <-p.replies:
		if f.ID != id || f.Code != 0 {
			return fmt.Errorf("call %d was answered with %v", id, &f)
		}
		return nil
	case err := <-p.ended:
		p.ended <- err
		return fmt.Errorf("the session has ended: %w", err)
	case <-time.After(5 * time.Second):
		return errors.New("the session does not answer")
	}
}

// loginRows pretend to be others.
func loginRows() []row {
	unauthorized, expired := twinwire.Unauthorized, twinwire.Expired
	return []row{
		{name: "tokens that are stolen, replayed, expired or forged", attack: func(_ context.Context, y *yard, wire string, sent *atomic.Int64) error {
			stranger, err := token.NewKey()
			if err != nil {
				return err
			}
			ann := token.Grant{Subject: "ann", Audience: audience}
			once := signed(signer(), ann)
			good, err := y.peer(wire, sent, false)
			if err != nil {
				return err
			}
			defer good.leave()
			if err := good.beginWith(showing(core.MethodToken, []byte(once), nil, nil)); err != nil {
				return fmt.Errorf("a good token: %w", err)
			}
			header := func(alg string) string {
				enc := base64.RawURLEncoding.EncodeToString
				claims := fmt.Sprintf(`{"sub":"ann","aud":%q,"jti":"x","exp":%d}`, audience, time.Now().Add(time.Minute).Unix())
				return enc(fmt.Appendf(nil, `{"alg":%q,"kid":"../../etc/passwd"}`, alg)) + "." + enc([]byte(claims)) + "."
			}
			old, far, early := ann, ann, ann
			old.NotBefore, old.Lifetime = time.Now().Add(-time.Hour), time.Minute
			far.Audience = "another"
			early.NotBefore = time.Now().Add(time.Hour)
			fresh := signed(signer(), ann)
			for name, bad := range map[string]struct {
				token string
				code  twinwire.Code
			}{
				"stolen and used again": {once, unauthorized},
				"expired":               {signed(signer(), old), expired},
				"not yet good":          {signed(signer(), early), unauthorized},
				"of another audience":   {signed(signer(), far), unauthorized},
				"of another key":        {signed(stranger, ann), unauthorized},
				"alg none":              {header("none"), unauthorized},
				"alg HS256":             {header("HS256") + "c2lnbmVk", unauthorized},
				"truncated":             {fresh[:len(fresh)-5], unauthorized},
				"with NUL":              {fresh + "\x00", unauthorized},
				"nothing":               {"", unauthorized},
			} {
				if err := y.turnedAway(wire, sent, showing(core.MethodToken, []byte(bad.token), nil, nil), bad.code); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return good.alive(1)
		}},
		{name: "a stolen resume token", attack: func(_ context.Context, y *yard, wire string, sent *atomic.Int64) error {
			show := func(who string) []byte {
				return []byte(signed(signer(), token.Grant{Subject: who, Audience: audience}))
			}
			victim, err := y.peer(wire, sent, false)
			if err != nil {
				return err
			}
			defer victim.leave()
			if err := victim.beginWith(showing(core.MethodToken, show("ann"), nil, nil)); err != nil {
				return err
			}
			session, resume, err := told(victim.welcome.Payload)
			if err != nil {
				return err
			}
			// An answer says that the session has begun.
			if err := victim.alive(1); err != nil {
				return err
			}
			// Not without credentials, nor with those of somebody else; and the
			// session stays where it is.
			for name, hello := range map[string][]byte{
				"nobody":  showing("", nil, session, resume),
				"mallory": showing(core.MethodToken, show("mallory"), session, resume),
			} {
				if err := y.turnedAway(wire, sent, hello, unauthorized); err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return victim.alive(2)
		}},
		{name: "a resume token of nobody in two hands", attack: func(_ context.Context, y *yard, wire string, sent *atomic.Int64) error {
			victim, err := y.peer(wire, sent, false)
			if err != nil {
				return err
			}
			defer victim.leave()
			if err := victim.beginWith(showing("", nil, nil, nil)); err != nil {
				return err
			}
			session, resume, err := told(victim.welcome.Payload)
			if err != nil {
				return err
			}
			thief, err := y.peer(wire, sent, false)
			if err != nil {
				return err
			}
			defer thief.leave()
			if f, err := thief.ask(showing("", nil, session, resume)); err != nil || f.Kind != frame.Welcome {
				return fmt.Errorf("who is nobody has nothing but its token, and got %v, %w", f.Kind, err)
			}
			attach := frame.Frame{Kind: frame.Attach, ID: 2}
			if wire == "websocket" {
				attach.Flags = frame.AllLanes
			}
			if err := thief.say(0, attach); err != nil {
				return err
			}
			if err := victim.refused(twinwire.Replaced); err != nil {
				return err
			}
			// The owner comes back with what it has: now two have had the token, and
			// the session ends for both.
			if err := y.turnedAway(wire, sent, showing("", nil, session, resume), unauthorized); err != nil {
				return err
			}
			return thief.refused(unauthorized)
		}},
		{name: "silent after CHALLENGE", wires: quicOnly, attack: func(_ context.Context, y *yard, wire string, sent *atomic.Int64) error {
			p, err := y.peer(wire, sent, false)
			if err != nil {
				return err
			}
			defer p.leave()
			f, err := p.ask(showing(core.MethodSecret, []byte("nobody\x00here"), nil, nil))
			if err != nil || f.Kind != frame.Challenge {
				return fmt.Errorf("answered with %v, %w", f.Kind, err)
			}
			return p.refused(twinwire.DeadlineExceeded, twinwire.Unauthorized)
		}},
		{name: "proofs of nothing", attack: func(_ context.Context, y *yard, wire string, sent *atomic.Int64) error {
			for name, proof := range map[string][]byte{"zeros": make([]byte, 32), "empty": {}, "large": make([]byte, frame.MaxPayload)} {
				p, err := y.peer(wire, sent, false)
				if err != nil {
					return err
				}
				f, err := p.ask(showing(core.MethodSecret, []byte("ann"), nil, nil))
				if err == nil && f.Kind == frame.Challenge {
					_ = p.say(0, frame.Frame{Kind: frame.Proof, Payload: proof})
					select {
					case f := <-p.answer:
						if f.Kind != frame.Refuse || f.Code != uint16(unauthorized) {
							err = fmt.Errorf("answered with %v", &f)
						}
					case ended := <-p.ended: // more than a handshake may have
						p.ended <- ended
					case <-time.After(5 * time.Second):
						err = errors.New("no answer")
					}
				}
				p.leave()
				if err != nil {
					return fmt.Errorf("%s: %w", name, err)
				}
			}
			return nil
		}},
		{name: "renewals on top of each other", attack: with(func(_ context.Context, p *peer) error {
			hello := codec.AppendMapHeader(nil, 2)
			hello = codec.AppendString(codec.AppendString(hello, "auth"), core.MethodSecret)
			hello = codec.AppendBytes(codec.AppendString(hello, "cred"), []byte("ann"))
			press(func() error { return p.say(0, times(frame.Frame{Kind: frame.Hello, Payload: hello}, 100)...) })
			return p.refused(twinwire.ProtocolError)
		})},
	}
}
