package ws

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/gorilla/websocket"
)

// Upgrade makes a carrier of a request. Where it returns an error it has
// answered the request: with status 400 if the client does not speak
// twinwire.1 over WebSocket, with 403 if its origin is not welcome.
//
// The handler should return once it has the carrier, and Receive should run in
// a goroutine of its own: what net/http keeps for a request is freed only when
// the handler has returned.
//
// A request for the second connection of a carrier (clause 10.7) gives that
// carrier to Twins, and returns nil without an error, and a channel that is closed
// when the connection has ended. It is answered with 404 where Twins does not know
// the first one.
func Upgrade(w http.ResponseWriter, r *http.Request, o *UpgradeOptions) (_ *Carrier, second <-chan struct{}, _ error) {
	opt := o.withDefaults()
	if !opt.CheckOrigin(r) {
		return nil, nil, refuse(w, http.StatusForbidden, "origin is not allowed")
	}
	id := opt.Twins.asked(r)
	if id == "" || !slices.Contains(websocket.Subprotocols(r), twinSubprotocol) {
		c, err := upgrade(w, r, &opt, Subprotocol)
		if err == nil && id != "" {
			opt.Twins.add(id, c)
		}
		return c, nil, err
	}
	first := opt.Twins.find(id)
	if first == nil {
		return nil, nil, refuse(w, http.StatusNotFound, "there is no such connection to be the second of")
	}
	c, err := upgrade(w, r, &opt, twinSubprotocol)
	if err != nil {
		return nil, nil, err
	}
	return nil, first.twin.join(c), nil
}

// upgrade is Upgrade for one connection, which speaks a subprotocol.
func upgrade(w http.ResponseWriter, r *http.Request, opt *UpgradeOptions, subprotocol string) (*Carrier, error) {
	if websocket.IsWebSocketUpgrade(r) && !slices.Contains(websocket.Subprotocols(r), subprotocol) {
		return nil, refuse(w, http.StatusBadRequest, "this endpoint speaks the WebSocket subprotocol "+subprotocol)
	}
	u := websocket.Upgrader{
		HandshakeTimeout: writeHandshake,
		ReadBufferSize:   readAhead, // it reads nothing
		WriteBufferPool:  &unused,
		Subprotocols:     []string{subprotocol},
		CheckOrigin:      func(*http.Request) bool { return true }, // done above
		Error: func(w http.ResponseWriter, _ *http.Request, status int, reason error) {
			w.Header().Set("Sec-WebSocket-Version", "13")
			http.Error(w, reason.Error(), status)
		},
	}
	conn, err := u.Upgrade(w, r, opt.Header)
	if err != nil {
		return nil, fmt.Errorf("ws: upgrade: %w", err)
	}
	c := newCarrier(conn, false, opt.SendTimeout, opt.Congestion)
	if opt.RemoteAddr != "" {
		c.info.RemoteAddr = opt.RemoteAddr
	}
	_, c.info.Secure = conn.NetConn().(*tls.Conn)
	return c, nil
}

func refuse(w http.ResponseWriter, status int, text string) error {
	http.Error(w, text, status)
	return errors.New("ws: upgrade: " + text)
}
