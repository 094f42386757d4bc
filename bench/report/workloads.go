package report

// The names of the workloads on loopback.
const (
	OneInFlight  = "calls-1"
	SomeInFlight = "calls-64"
	ManyInFlight = "calls-1024"
	ManyConns    = "calls-100x16"
	PacedSlow    = "paced-5k"
	PacedMedium  = "paced-20k"
	PacedFast    = "paced-100k"
	OnePayload   = "payload-1MiB-1"
	FourPayloads = "payload-1MiB-4"
	Messages     = "messages"
	ValueStream  = "values"
	SmallStreams = "stream-1MiB"
	LargeStreams = "stream-64MiB"
	Loaded       = "loaded"
	LoadedDown   = "loaded-down"
	FanOut       = "fan-out"
	FanOutMany   = "fan-out-many"
	Idle         = "idle"
)

// The names of the workloads across bad networks. Those that end in a hyphen
// have the name of the network behind them.
const (
	BesideTransfer = "transfer-" // calls beside one transfer
	OnTopics       = "topics-"   // events on 50 topics
	BesideMessages = "messages-" // calls beside large messages
	Bulk           = "bulk-"     // one transfer and nothing else
	SlowUp         = "slow-up"   // calls beside two streams to the server
	SlowDown       = "slow-down"
	ShortCut       = "cut-3s"
	LongCut        = "cut-12s"
	Move           = "move"
	Found          = "found" // one transfer, once the wires were compared
)

// The networks of the bars.
const (
	lossless  = "100mbit-40ms-0%"
	lossy     = "100mbit-40ms-2%"
	bulkLossy = "100mbit-40ms-1%"
)
