package main

import "fmt"

// The bars that the generated codec is held to with the flat message, against
// tinylib/msgp in the same run. With every message it is ahead of
// vmihailenco/msgpack, and checking allocates nothing.
const (
	maxEncode      = 0.6  // of tinylib/msgp, with no allocation
	maxDecode      = 1.05 // of tinylib/msgp
	maxCheckDecode = 1.3  // of tinylib/msgp's decoding, which checks nothing
	maxAllocs      = 6    // of decoding
)

// A bar is something that must hold.
type bar struct {
	name string
	held bool
	got  string
}

// bars judges what was measured; what a bar is about may be missing, and then
// the bar is too.
func bars(list []*figure) []bar {
	var all []bar
	ratio := func(name string, op, against operation, lib library, most float64) {
		f, other := find(list, "flat", op, Twinwire), find(list, "flat", against, lib)
		if f == nil || other == nil {
			return
		}
		got := f.ratio(other)
		all = append(all, bar{name, got <= most, fmt.Sprintf("%.2f x", got)})
	}
	allocs := func(shape string, op operation, most float64) {
		if f := find(list, shape, op, Twinwire); f != nil {
			all = append(all, bar{fmt.Sprintf("%s, %s: at most %.0f allocations", shape, op, most), f.allocs <= most, fmt.Sprint(f.allocs)})
		}
	}
	ratio(fmt.Sprintf("flat, encode: at most %g x tinylib/msgp", maxEncode), Encode, Encode, Tinylib, maxEncode)
	ratio(fmt.Sprintf("flat, decode: at most %g x tinylib/msgp", maxDecode), Decode, Decode, Tinylib, maxDecode)
	ratio(fmt.Sprintf("flat, check+decode: at most %g x tinylib/msgp's decode", maxCheckDecode), CheckDecode, Decode, Tinylib, maxCheckDecode)
	allocs("flat", Encode, 0)
	allocs("flat", Decode, maxAllocs)
	allocs("flat", Check, 0)
	for _, shape := range []string{"order", "scores", "track"} {
		allocs(shape, Check, 0)
	}
	for _, f := range list {
		if f.cell.library != Hooks && f.cell.library != Reflection {
			continue
		}
		mine := find(list, f.shape.name, f.cell.operation, Twinwire)
		if mine == nil || len(f.nanos) == 0 {
			continue
		}
		got := mine.ratio(f)
		all = append(all, bar{fmt.Sprintf("%s, %s: ahead of %s", f.shape.name, f.cell.operation, f.cell.library), got < 1, fmt.Sprintf("%.2f x", got)})
	}
	return all
}
