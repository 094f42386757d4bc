package generic

//twinwire:codec
type T[A any] struct{ V A }

// want 4:6: T is generic: put the directive on a type that is an instance of it
