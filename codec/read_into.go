package codec

import "unsafe"

// ReadSlice begins to read a slice: nil, or an array. It reports whether the
// caller has to read the elements, which then are zero and in place, and to
// call Leave:
//
//	if codec.ReadSlice(r, &v.Tags) {
//		for i := range v.Tags {
//			v.Tags[i] = r.Str()
//		}
//		r.Leave()
//	}
//
// The slice keeps its array if that is large enough, and a new one is charged
// to r. No old element survives, so what the sender left out is zero. After
// nil and after an error the slice is nil.
func ReadSlice[T any](r *Reader, p *[]T) bool {
	old := *p
	*p = nil
	if r.TryNil() {
		return false
	}
	n := r.ArrayHeader()
	if r.err != nil {
		return false
	}
	if old != nil && n <= cap(old) {
		old = old[:n]
		clear(old)
		*p = old
		return true
	}
	var zero T
	if !r.Charge(n, int(unsafe.Sizeof(zero))) {
		return false
	}
	*p = make([]T, n)
	return true
}

// ReadMap begins to read a map: nil, or a map of n entries. If ok the caller
// has to read n times a key and a value into the map, which is new and empty
// and charged to r, and to call Leave:
//
//	if n, ok := codec.ReadMap(r, &v.Scores); ok {
//		for range n {
//			key := r.Str()
//			v.Scores[key] = r.Int64()
//		}
//		r.Leave()
//	}
//
// Of two entries with one key the later wins. After nil and after an error the
// map is nil.
func ReadMap[K comparable, V any](r *Reader, p *map[K]V) (n int, ok bool) {
	*p = nil
	if r.TryNil() {
		return 0, false
	}
	n = r.MapHeader()
	if r.err != nil {
		return 0, false
	}
	var (
		key   K
		value V
	)
	// Of the places of a hash table between a half and an eighth are empty, and
	// each has a byte of its own.
	if !r.Charge(n, 2*(int(unsafe.Sizeof(key))+int(unsafe.Sizeof(value))+1)) {
		return 0, false
	}
	*p = make(map[K]V, n)
	return n, true
}

// ReadPointer begins to read what p points to: nil, or a value. It reports
// whether the caller has to read the value into **p, which is new, zero and
// charged to r:
//
//	if codec.ReadPointer(r, &v.Next) {
//		if err := v.Next.ReadMsgpack(r); err != nil {
//			return err
//		}
//	}
//
// After nil and after an error *p is nil.
func ReadPointer[T any](r *Reader, p **T) bool {
	*p = nil
	if r.TryNil() || r.err != nil {
		return false
	}
	var zero T
	if !r.Charge(1, int(unsafe.Sizeof(zero))) {
		return false
	}
	*p = new(T)
	return true
}
