package codec

const (
	defaultDepth    = 32
	defaultElements = 1 << 20
	defaultMemory   = 8 << 20

	// maxDepth is the size of the stack that scan keeps in its frame.
	maxDepth = 64
	// maxElements leaves scan the top bit of a 32-bit count for itself.
	maxElements = 1 << 30
)

// Limits bound what one message may ask of the program that reads it. A nil
// *Limits and the zero value mean the defaults.
type Limits struct {
	// Depth is how many arrays and maps may stand one inside another. Zero
	// means 32, negative none; more than 64 is 64.
	Depth int

	// Elements is how many values the arrays and maps of the whole message may
	// declare together; an entry of a map counts as two. A message never
	// declares more of them than it has bytes, whatever is set here. Zero
	// means 1,048,576, negative none.
	Elements int

	// Memory is how many bytes the slices, maps and pointers built from one
	// message may take, counted by the size of their elements. Strings and
	// binaries do not count: their copies are never larger than the message.
	// [Check] builds nothing and ignores it. Zero means 8 MiB, negative none.
	Memory int
}

// resolved returns l with each zero replaced by its default and each value
// brought into the range that the readers can hold.
func (l *Limits) resolved() Limits {
	if l == nil {
		return Limits{Depth: defaultDepth, Elements: defaultElements, Memory: defaultMemory}
	}
	return Limits{
		Depth:    bounded(l.Depth, defaultDepth, maxDepth),
		Elements: bounded(l.Elements, defaultElements, maxElements),
		Memory:   bounded(l.Memory, defaultMemory, int(^uint(0)>>1)),
	}
}

func bounded(v, zero, most int) int {
	if v == 0 {
		return zero
	}
	return min(max(v, 0), most)
}
