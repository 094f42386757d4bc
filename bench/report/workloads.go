package report

// The names of the workloads.
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
