package report

// A Metric names a measured quantity.
type Metric string

// What is measured of calls, values, messages, streams, events and idle
// sessions. CPU time is user and system time of a process; a microsecond a call
// is a second for a million calls. Allocations are heap objects. Both are the
// server's unless the name says otherwise.
const (
	CallP50          Metric = "call_p50"
	CallP99          Metric = "call_p99"
	CallRate         Metric = "call_rate"
	CallCPU          Metric = "server_cpu_per_call"
	CallAllocs       Metric = "server_allocs_per_call"
	CallClientCPU    Metric = "client_cpu_per_call"
	CallClientAllocs Metric = "client_allocs_per_call"
	CallBothCPU      Metric = "cpu_per_call"

	// Calls on a schedule: the part of the schedule that was kept, and times
	// that count from when each call was due.
	PacedKept Metric = "paced_kept"
	PacedP50  Metric = "paced_p50"
	PacedP90  Metric = "paced_p90"
	PacedP99  Metric = "paced_p99"
	PacedP999 Metric = "paced_p999"
	PacedMax  Metric = "paced_max"

	// Calls with large payloads; MiB go there and come back.
	PayloadRate      Metric = "payload_rate"
	PayloadP50       Metric = "payload_p50"
	PayloadP99       Metric = "payload_p99"
	PayloadCPU       Metric = "server_cpu_per_payload_mib"
	PayloadClientCPU Metric = "client_cpu_per_payload_mib"
	PayloadAllocs    Metric = "server_allocs_per_payload_mib"

	// Values and one-way messages are counted where they are handled, and cost
	// what one of them costs.
	MessageRate      Metric = "message_rate"
	ValueRate        Metric = "value_rate"
	ItemCPU          Metric = "server_cpu_per_item"
	ItemAllocs       Metric = "server_allocs_per_item"
	ItemClientCPU    Metric = "client_cpu_per_item"
	ItemClientAllocs Metric = "client_allocs_per_item"

	// Streams are counted where they are read, and cost what 1 MiB costs.
	StreamRate      Metric = "stream_rate"
	StreamCPU       Metric = "server_cpu_per_mib"
	StreamAllocs    Metric = "server_allocs_per_mib"
	StreamClientCPU Metric = "client_cpu_per_mib"

	// Calls beside streams, and the streams with and without the calls.
	LoadedP50        Metric = "loaded_p50"
	LoadedP99        Metric = "loaded_p99"
	LoadedStreamRate Metric = "loaded_stream_rate"
	AloneStreamRate  Metric = "alone_stream_rate"

	// The first four are at the fixed rate, the rest as fast as it goes.
	EventP50       Metric = "event_p50"
	EventP99       Metric = "event_p99"
	EventFixedRate Metric = "event_fixed_rate"
	EventFixedCPU  Metric = "server_cpu_per_delivery_fixed_rate"
	EventRate      Metric = "event_rate"
	EventCPU       Metric = "server_cpu_per_delivery"
	EventAllocs    Metric = "server_allocs_per_delivery"
	EventClientCPU Metric = "client_cpu_per_delivery"

	IdleResident    Metric = "idle_resident"
	IdleHeap        Metric = "idle_heap"
	IdleStacks      Metric = "idle_stacks"
	IdleGoroutines  Metric = "idle_goroutines"
	IdleConnectRate Metric = "connect_rate"

	// Across bad networks: of calls or events, from when each was due, and of
	// streams, beside calls and without.
	NetP50   Metric = "network_p50"
	NetP99   Metric = "network_p99"
	NetMax   Metric = "network_max"
	NetRate  Metric = "network_rate"
	NetAlone Metric = "network_rate_alone"
	NetKept  Metric = "network_rate_kept" // the part of NetAlone that NetRate is

	// A cut: from the link's return to the first answer. A move: from when UDP
	// is swallowed to the first answer over WebSocket, and from UDP's return to
	// QUIC. Both: the longest that a call took.
	CutBack      Metric = "cut_back"
	CutLongest   Metric = "cut_longest"
	MoveAway     Metric = "move_away"
	MoveLongest  Metric = "move_longest"
	MoveBack     Metric = "move_back"
	MoveBackMost Metric = "move_back_longest"
	NetLost      Metric = "network_lost" // events
)

// A Better says which way a metric is better.
type Better int

const (
	// Less of it is better.
	Less Better = iota
	// More of it is better.
	More
	// Neither is: the figure explains others.
	Neither
)

// A MetricInfo says how a metric is written.
type MetricInfo struct {
	Metric Metric
	Unit   string
	Column string // heading in the table; empty where only the JSON has it
	Digits int    // after the point
	Better Better
}

// Metrics returns all metrics in the order in which they are shown.
func Metrics() []MetricInfo {
	return []MetricInfo{
		{CallRate, "calls/s", "calls/s", 0, More},
		{CallP50, "us", "p50 µs", 1, Less},
		{CallP99, "us", "p99 µs", 1, Less},
		{CallCPU, "us", "CPU µs", 2, Less},
		{CallClientCPU, "us", "client's", 2, Less},
		{CallAllocs, "objects", "allocs", 1, Less},
		{CallClientAllocs, "objects", "client's", 1, Less},
		{CallBothCPU, "us", "", 2, Less},

		{PacedKept, "ratio", "kept", 2, More},
		{PacedP50, "us", "p50 µs", 0, Less},
		{PacedP90, "us", "p90 µs", 0, Less},
		{PacedP99, "us", "p99 µs", 0, Less},
		{PacedP999, "us", "p99.9 µs", 0, Less},
		{PacedMax, "us", "max µs", 0, Neither},

		{PayloadRate, "MiB/s", "MiB/s", 0, More},
		{PayloadP50, "ms", "p50 ms", 2, Less},
		{PayloadP99, "ms", "p99 ms", 2, Less},
		{PayloadCPU, "us", "CPU µs/MiB", 0, Less},
		{PayloadClientCPU, "us", "client's", 0, Less},
		{PayloadAllocs, "objects", "allocs/MiB", 0, Less},

		{MessageRate, "messages/s", "messages/s", 0, More},
		{ValueRate, "values/s", "values/s", 0, More},
		{ItemCPU, "us", "CPU µs", 2, Less},
		{ItemClientCPU, "us", "client's", 2, Less},
		{ItemAllocs, "objects", "allocs", 1, Less},
		{ItemClientAllocs, "objects", "client's", 1, Less},

		{StreamRate, "MiB/s", "MiB/s", 0, More},
		{StreamCPU, "us", "CPU µs", 0, Less},
		{StreamClientCPU, "us", "client's", 0, Less},
		{StreamAllocs, "objects", "allocs", 1, Less},

		{LoadedP50, "us", "p50 µs", 1, Less},
		{LoadedP99, "us", "p99 µs", 1, Less},
		{LoadedStreamRate, "MiB/s", "MiB/s", 0, More},
		{AloneStreamRate, "MiB/s", "MiB/s without", 0, More},

		{EventRate, "deliveries/s", "most/s", 0, More},
		{EventFixedRate, "deliveries/s", "fixed rate/s", 0, Neither},
		{EventP50, "ms", "p50 ms", 2, Less},
		{EventP99, "ms", "p99 ms", 2, Less},
		{EventCPU, "us", "CPU µs", 2, Less},
		{EventClientCPU, "us", "client's", 2, Less},
		{EventAllocs, "objects", "allocs", 1, Less},
		{EventFixedCPU, "us", "", 2, Less},

		{IdleResident, "KiB/session", "KiB/session", 1, Less},
		{IdleGoroutines, "goroutines/session", "goroutines", 1, Less},
		{IdleConnectRate, "connects/s", "connects/s", 0, More},
		{IdleHeap, "KiB/session", "", 1, Less},
		{IdleStacks, "KiB/session", "", 1, Less},

		{NetP50, "ms", "p50 ms", 0, Less},
		{NetP99, "ms", "p99 ms", 0, Less},
		{NetMax, "ms", "max ms", 0, Neither},
		{NetRate, "Mbit/s", "Mbit/s", 2, More},
		{NetAlone, "Mbit/s", "without calls", 2, More},
		{NetKept, "ratio", "kept", 2, More},
		{CutBack, "ms", "first answer ms", 0, Less},
		{CutLongest, "ms", "longest call ms", 0, Less},
		{MoveAway, "ms", "to WebSocket ms", 0, Less},
		{MoveLongest, "ms", "longest call ms", 0, Less},
		{MoveBack, "ms", "back on QUIC ms", 0, Less},
		{MoveBackMost, "ms", "longest call ms", 0, Less},
		{NetLost, "events", "lost", 0, Less},
	}
}
