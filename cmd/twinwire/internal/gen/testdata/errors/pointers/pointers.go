package pointers

//twinwire:codec
type T struct {
	A **int
	B *[]int
	C *map[string]int
}

// want 5:2: **int can be nil in two ways, of which one can be carried: leave the pointer out
// want 6:2: *[]int can be nil in two ways, of which one can be carried: leave the pointer out
// want 7:2: *map[string]int can be nil in two ways, of which one can be carried: leave the pointer out
