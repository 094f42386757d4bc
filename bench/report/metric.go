package report

// A Metric names a measured quantity.
type Metric string

// What is measured of calls, of events and of idle sessions. CPU time is user
// and system time of the server's process; allocations are its heap objects.
const (
	CallP50       Metric = "call_p50"
	CallP99       Metric = "call_p99"
	CallRate      Metric = "call_rate"
	CallCPU       Metric = "server_cpu_per_call"
	CallAllocs    Metric = "server_allocs_per_call"
	CallClientCPU Metric = "client_cpu_per_call"

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
