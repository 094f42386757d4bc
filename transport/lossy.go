package transport

// Lossy is a carrier that knows what its path loses.
type Lossy interface {
	Carrier

	// Lost returns how many packets that this end has sent were lost, as far as it
	// knows now. It may become less when one turns out to have arrived late. It does
	// not wait for anything.
	Lost() uint64
}
