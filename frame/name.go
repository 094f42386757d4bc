package frame

// ValidMethod reports whether name may be the name of a method (clause 6.2).
func ValidMethod[T string | []byte](name T) bool { return validName(name, true) && len(name) > 0 }

// ValidType reports whether name may be the name of an event type (clause
// 6.2).
func ValidType[T string | []byte](name T) bool { return validName(name, true) }

func validName[T string | []byte](s T, upper bool) bool {
	if len(s) > MaxName {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z', c >= '0' && c <= '9', c == '.', c == '_', c == '/', c == '-':
		case c >= 'A' && c <= 'Z' && upper:
		default:
			return false
		}
	}
	return true
}
