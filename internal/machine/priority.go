package machine

// A Priority says what is sent before what where much waits. None starves: each
// has a share of every batch.
type Priority uint8

const (
	Normal Priority = iota
	High
	Low
	Bulk

	priorities = iota
)

// order is the priorities, the most urgent first. Events go before Low.
var order = [priorities]Priority{High, Normal, Low, Bulk}
