package reflective

import (
	"reflect"

	"github.com/twinwire/twinwire/state"
)

// A verdict says what a writer appended for a thing that may have changed.
type verdict int

const (
	same verdict = iota
	patched
	replaced
)

// change appends what makes prev equal to next behind an operation that the
// caller has written: a patch if that is possible and short, the value
// otherwise, nothing if they are equal. The caller corrects its operation.
func (w *writer) change(n node, prev, next reflect.Value, levels int) verdict {
	c := patchOf(n, prev, next, levels)
	if c == nil {
		if n.equal(prev, next) {
			return same
		}
		n.write(w, next, levels)
		return replaced
	}
	start := len(w.b)
	w.b = state.OpenPatch(w.b)
	size := c.items(w, prev, next, levels-1)
	if w.err != nil {
		return same
	}
	w.b = state.ClosePatch(w.b, start, size.values)
	if size.values == 0 {
		return same
	}
	if w.wholeIsShorter(n, next, levels, start, size) {
		return replaced
	}
	return patched
}

// patchOf returns n if prev can be patched to become next, in an array that is
// one of so many levels.
func patchOf(n node, prev, next reflect.Value, levels int) container {
	c, ok := n.(container)
	if !ok || levels <= 0 || !c.patchable(prev, next) {
		return nil
	}
	return c
}

// wholeIsShorter replaces the patch at w.b[start:] by the whole value and
// returns true, if so much has changed that the value is likely to be shorter,
// and if it is.
func (w *writer) wholeIsShorter(n node, next reflect.Value, levels, start int, size patchSize) bool {
	if size.items == 0 || 2*size.changed < size.parts {
		return false // a patch has no names and is shorter than a struct
	}
	end := len(w.b)
	around := w.stop
	w.stop = end + end - start
	n.write(w, next, levels)
	shorter := w.err == nil && len(w.b) < w.stop
	w.stop = around
	if !shorter {
		w.b = w.b[:end]
		return false
	}
	w.b = append(w.b[:start], w.b[end:]...)
	return true
}

// changeField appends what makes a field's value prev equal to next, and
// returns how many values it appended.
func (w *writer) changeField(number int, n node, prev, next reflect.Value, levels int) int {
	start := len(w.b)
	c := patchOf(n, prev, next, levels)
	if c == nil {
		if n.equal(prev, next) {
			return 0
		}
		w.b = state.AppendTag(w.b, number, state.OpSet)
		n.write(w, next, levels)
		return 2
	}
	w.b = state.OpenField(w.b, number)
	open := len(w.b)
	size := c.items(w, prev, next, levels-1)
	if w.err != nil {
		return 0
	}
	if size.values > 0 && w.wholeIsShorter(n, next, levels, open, size) {
		w.b = append(state.SetField(w.b, start), w.b[open:]...)
		return 2
	}
	b, values := state.CloseField(w.b, start, size.items, size.values)
	w.b = b
	return values
}
