package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"runtime/debug"
	"slices"
	"time"
)

// A figure is what one cell came to, in the order of the rounds.
type figure struct {
	shape     *shape
	cell      cell
	n         int       // operations in a run
	nanos     []float64 // for one operation, of each round
	allocs    float64   // for one operation, the least of all rounds
	allocated float64   // bytes, likewise
}

// figures makes one for each cell of the shapes.
func figures(all []shape) []*figure {
	var list []*figure
	for i := range all {
		for _, op := range operations {
			for _, lib := range libraries {
				for _, c := range all[i].cells {
					if c.operation == op && c.library == lib {
						list = append(list, &figure{shape: &all[i], cell: c})
					}
				}
			}
		}
	}
	return list
}

func (f *figure) name() string {
	return fmt.Sprintf("%s/%s/%s", f.shape.name, f.cell.operation, f.cell.library)
}

// run measures one round of f. The first one finds out how many operations
// take about d.
func (f *figure) run(d time.Duration) error {
	for f.n == 0 {
		if err := f.calibrate(d); err != nil {
			return err
		}
	}
	// The garbage collector runs between runs. Within them it would come once or
	// twice, by chance, in runs that are this short. The first loop is not
	// measured: it finds the caches cold, and memory that the kernel has to map.
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	runtime.GC()
	if err := f.cell.loop(f.n); err != nil {
		return fmt.Errorf("%s: %w", f.name(), err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	begin := time.Now()
	err := f.cell.loop(f.n)
	took := time.Since(begin)
	runtime.ReadMemStats(&after)
	if err != nil {
		return fmt.Errorf("%s: %w", f.name(), err)
	}
	// What the runtime allocates for itself falls into some rounds only, and is
	// less than one for each operation: as with go test, the rest is not shown.
	allocs := float64((after.Mallocs - before.Mallocs) / uint64(f.n))
	allocated := float64((after.TotalAlloc - before.TotalAlloc) / uint64(f.n))
	if len(f.nanos) == 0 || allocs < f.allocs {
		f.allocs = allocs
	}
	if len(f.nanos) == 0 || allocated < f.allocated {
		f.allocated = allocated
	}
	f.nanos = append(f.nanos, float64(took.Nanoseconds())/float64(f.n))
	return nil
}

func (f *figure) calibrate(d time.Duration) error {
	for n := 64; ; n *= 4 {
		begin := time.Now()
		if err := f.cell.loop(n); err != nil {
			return fmt.Errorf("%s: %w", f.name(), err)
		}
		if took := time.Since(begin); took >= d/8 {
			f.n = max(1, int(float64(n)*float64(d)/float64(took)))
			return nil
		}
	}
}

// measure goes through all figures in each round, in an order that is another
// in each: what one leaves behind, in caches and in the heap, is not always
// found by the same other.
func measure(ctx context.Context, list []*figure, o options, show func(round int)) error {
	rng := rand.New(rand.NewPCG(1, 2))
	for round := range o.rounds {
		show(round)
		for _, i := range rng.Perm(len(list)) {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			if err := list[i].run(o.measure); err != nil {
				return err
			}
		}
	}
	return nil
}

// find returns the figure of a cell, nil if it was not measured.
func find(list []*figure, shape string, op operation, lib library) *figure {
	for _, f := range list {
		if f.shape.name == shape && f.cell.operation == op && f.cell.library == lib && len(f.nanos) > 0 {
			return f
		}
	}
	return nil
}

// ratio returns the median over the rounds of f to other, 0 if there is none.
func (f *figure) ratio(other *figure) float64 {
	if f == nil || other == nil {
		return 0
	}
	var all []float64
	for i := range min(len(f.nanos), len(other.nanos)) {
		all = append(all, f.nanos[i]/other.nanos[i])
	}
	return quantile(all, 0.5)
}

// quantile returns the value below which the part q of all is.
func quantile(all []float64, q float64) float64 {
	if len(all) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(all))
	return sorted[int(q*float64(len(sorted)-1)+0.5)]
}
