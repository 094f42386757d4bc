package twice

type Base struct{ ID int }

//twinwire:codec
type T struct {
	Base
	ID string
	A  int `msgpack:"x"`
	B  int `msgpack:"x"`
	C  int `msgpack:"c,alias:x"`
}

// want 8:2: field ID is "ID" on the wire, as another field of T is: rename one by a tag such as `msgpack:"other"`
// want 10:2: field B is "x" on the wire, as another field of T is: rename one by a tag such as `msgpack:"other"`
// want 11:2: field C is "x" on the wire, as another field of T is: rename one by a tag such as `msgpack:"other"`
