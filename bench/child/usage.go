package child

import (
	"context"
	"runtime"
	"runtime/debug"
	"time"
)

const (
	// settleEvery is the time between two looks at the memory, and
	// settleLooks how many there are at most.
	settleEvery = 200 * time.Millisecond
	settleLooks = 8
)

// usage returns what the process has used since it began. It stops the world
// for some microseconds.
func usage(began time.Time) (MarkReply, error) {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	cpu, err := cpuTime()
	return MarkReply{Uptime: time.Since(began), CPU: cpu, Mallocs: m.Mallocs}, err
}

// memory returns what the process holds after it has given back what it can.
// What timers of idle connections still let go of is waited for: it looks
// again until a look finds no less than 99 % of the one before.
func memory(ctx context.Context) (MemoryInfo, error) {
	last, err := look()
	pause := time.NewTimer(settleEvery)
	defer pause.Stop()
	for range settleLooks - 1 {
		if err != nil {
			return MemoryInfo{}, err
		}
		select {
		case <-pause.C:
			pause.Reset(settleEvery)
		case <-ctx.Done():
			return MemoryInfo{}, context.Cause(ctx)
		}
		before := last
		last, err = look()
		if last.Resident > before.Resident/100*99 {
			break
		}
	}
	return last, err
}

func look() (MemoryInfo, error) {
	// Pools keep what they hold through one collection.
	runtime.GC()
	debug.FreeOSMemory()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	resident, err := residentBytes()
	return MemoryInfo{
		Resident:   resident,
		Heap:       m.HeapAlloc,
		Stacks:     m.StackInuse,
		Goroutines: runtime.NumGoroutine(),
	}, err
}
