package core

// A host is the server of a session, an Acceptor. It is an interface so that a
// page, which has no server, has no code for one either: files of this package
// that only a server needs are not built for GOOS=js.
type host interface {
	// renew begins to answer a client that renews its credentials.
	renew(s *Session, payload []byte)
	// park takes room for n bytes that a session keeps while it waits for a
	// carrier, and unpark gives it back; see parking.
	park(s *Session, n int) (oldest *Session, ok bool)
	unpark(s *Session, n int)
}
