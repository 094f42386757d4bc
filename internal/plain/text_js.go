package plain

import "strconv"

// Text returns a value as text, such as somebody panicked with; other kinds than
// these have none.
func Text(v any) string {
	switch v := v.(type) {
	case nil:
		return "<nil>"
	case string:
		return v
	case error:
		return v.Error()
	case interface{ String() string }:
		return v.String()
	case int:
		return strconv.Itoa(v)
	}
	return "(a value without text)"
}
