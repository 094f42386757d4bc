package report

// A Metric names a measured quantity.
type Metric string

// What is measured of calls, values, messages, streams, events and idle
// sessions. CPU time is user
// and system time of the server's process; allocations are its heap objects.
const (
	CallP50       Metric = "call_p50"
	CallP99       Metric = "call_p99"
	CallRate      Metric = "call_rate"
	CallCPU       Metric = "server_cpu_per_call"
	CallAllocs    Metric = "server_allocs_per_call"
	CallClientCPU Metric = "client_cpu_per_call"

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
	EventP50        Metric = "event_p50"
	EventP99        Metric = "event_p99"
	EventFixedRate  Metric = "event_fixed_rate"
	EventFixedCPU   Metric = "server_cpu_per_delivery_fixed_rate"
	EventRate       Metric = "event_rate"
	EventCPU        Metric = "server_cpu_per_delivery"
	EventAllocs     Metric = "server_allocs_per_delivery"
	IdleResident    Metric = "idle_resident"
	IdleHeap        Metric = "idle_heap"
	IdleStacks      Metric = "idle_stacks"
	IdleGoroutines  Metric = "idle_goroutines"
	IdleConnectRate Metric = "connect_rate"
)

// A MetricInfo says how a metric is written.
type MetricInfo struct {
	Metric Metric
	Unit   string
	Column string // heading in the table; empty where only the JSON has it
	Digits int    // after the point
}

// Metrics returns all metrics in the order in which they are shown.
func Metrics() []MetricInfo {
	return []MetricInfo{
		{CallRate, "calls/s", "calls/s", 0},
		{CallP50, "us", "p50 µs", 1},
		{CallP99, "us", "p99 µs", 1},
		{CallCPU, "us", "CPU µs", 2},
		{CallAllocs, "objects", "allocs", 1},
		{CallClientCPU, "us", "", 2},

		{MessageRate, "messages/s", "messages/s", 0},
		{ValueRate, "values/s", "values/s", 0},
		{ItemCPU, "us", "CPU µs", 2},
		{ItemAllocs, "objects", "allocs", 1},
		{ItemClientCPU, "us", "client's CPU µs", 2},
		{ItemClientAllocs, "objects", "client's allocs", 1},

		{StreamRate, "MiB/s", "MiB/s", 0},
		{StreamCPU, "us", "CPU µs", 0},
		{StreamAllocs, "objects", "allocs", 1},
		{StreamClientCPU, "us", "client's CPU µs", 0},

		{LoadedP50, "us", "p50 µs", 1},
		{LoadedP99, "us", "p99 µs", 1},
		{LoadedStreamRate, "MiB/s", "MiB/s", 0},
		{AloneStreamRate, "MiB/s", "MiB/s without", 0},

		{EventRate, "deliveries/s", "most/s", 0},
		{EventFixedRate, "deliveries/s", "fixed rate/s", 0},
		{EventP50, "ms", "p50 ms", 2},
		{EventP99, "ms", "p99 ms", 2},
		{EventCPU, "us", "CPU µs", 2},
		{EventAllocs, "objects", "allocs", 1},
		{EventFixedCPU, "us", "", 2},

		{IdleResident, "KiB/session", "KiB/session", 1},
		{IdleGoroutines, "goroutines/session", "goroutines", 1},
		{IdleConnectRate, "connects/s", "", 0},
		{IdleHeap, "KiB/session", "", 1},
		{IdleStacks, "KiB/session", "", 1},
	}
}
