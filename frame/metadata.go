package frame

import "bytes"

// MaxPairs is the most pairs of a metadata string (clause 6.3).
const MaxPairs = 64

// An EachPair function is given the pairs of a metadata string in order.
type EachPair func(key, value []byte)

// ParseMetadata checks a metadata string against clause 6.3 and gives its
// pairs to each, which borrows them. It stops at the first violation, with the
// pairs before it given, and returns ErrField.
func ParseMetadata(b []byte, each EachPair) error {
	if len(b) > MaxMetadata {
		return ErrField
	}
	var last []byte
	for n := 0; len(b) > 0; n++ {
		key, b1, ok1 := cut(b)
		value, b2, ok2 := cut(b1)
		if !ok1 || !ok2 || n == MaxPairs || !ValidKey(key) || bytes.Compare(key, last) <= 0 {
			return ErrField
		}
		each(key, value)
		last, b = key, b2
	}
	return nil
}

// AppendPair appends one pair to a metadata string. The caller keeps the keys
// valid and in ascending order, and the string within its limits.
func AppendPair(b []byte, key, value string) []byte {
	b = AppendVarint(b, uint64(len(key)))
	b = append(b, key...)
	b = AppendVarint(b, uint64(len(value)))
	return append(b, value...)
}

// ValidKey reports whether key may be a key of metadata (clause 6.3).
func ValidKey[T string | []byte](key T) bool { return validName(key, false) && len(key) > 0 }
