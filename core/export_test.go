package core

// A Token lets tests present other tokens than a session's own.
type Token = token

func TokenOf(s *Session) Token {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.keep.token
}

func SetToken(s *Session, t Token) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keep.token = t
}
