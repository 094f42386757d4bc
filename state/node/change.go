package node

import "github.com/twinwire/twinwire/state"

// A verdict says what was appended for a thing that may have changed.
type verdict int

const (
	same verdict = iota
	patched
	replaced
)

// change appends what makes *prev equal to *next behind an operation that the
// caller has written and corrects: a patch if that is possible and short, the
// value otherwise, nothing if they are equal.
func change[T any, N Node[T]](w *Writer, n N, prev, next *T, levels int) verdict {
	c := patchOf(n, prev, next, levels)
	if c == nil {
		if n.Equal(prev, next) {
			return same
		}
		n.Write(w, next, levels)
		return replaced
	}
	start := len(w.B)
	w.B = state.OpenPatch(w.B)
	size := c.Items(w, prev, next, levels-1)
	if w.err != nil {
		return same
	}
	w.B = state.ClosePatch(w.B, start, size.Values)
	if size.Values == 0 {
		return same
	}
	if wholeIsShorter(w, n, next, levels, start, size) {
		return replaced
	}
	return patched
}

// patchOf returns n if *prev can be patched to become *next.
func patchOf[T any, N Node[T]](n N, prev, next *T, levels int) Container[T] {
	c, ok := any(n).(Container[T])
	if !ok || levels <= 0 || !c.Patchable(prev, next) {
		return nil
	}
	return c
}

// wholeIsShorter replaces the patch at w.B[start:] by the whole value if so
// much has changed that this is shorter.
func wholeIsShorter[T any, N Node[T]](w *Writer, n N, next *T, levels, start int, size Size) bool {
	if size.Items == 0 || 2*size.Changed < size.Parts {
		return false // a patch has no names and is shorter than a struct
	}
	end, around := len(w.B), w.stop
	w.stop = end + end - start
	n.Write(w, next, levels)
	shorter := w.err == nil && len(w.B) < w.stop
	w.stop = around
	if !shorter {
		w.B = w.B[:end]
		return false
	}
	w.B = append(w.B[:start], w.B[end:]...)
	return true
}

// WriteField appends what makes the field of this number and path equal in the
// new value, in a patch of a struct of this size. It returns false, and the
// patch ends there, if that fails.
func WriteField[T any, N Node[T]](w *Writer, size *Size, number int, path string, n N, prev, next *T, levels int) bool {
	start := len(w.B)
	c := patchOf(n, prev, next, levels)
	if c == nil {
		if !n.Equal(prev, next) {
			w.B = state.AppendTag(w.B, number, state.OpSet)
			n.Write(w, next, levels)
			size.Values += 2
			size.Changed++
			w.At(path)
		}
		return w.err == nil
	}
	w.B = state.OpenField(w.B, number)
	open := len(w.B)
	part := c.Items(w, prev, next, levels-1)
	if w.err != nil {
		w.At(path)
		return false
	}
	values := 2
	if part.Values > 0 && wholeIsShorter(w, n, next, levels, open, part) {
		w.B = append(state.SetField(w.B, start), w.B[open:]...)
	} else {
		w.B, values = state.CloseField(w.B, start, part.Items, part.Values)
	}
	if values > 0 {
		size.Values += values
		size.Changed++
	}
	return true
}
