package family

//twinwire:events
type Open interface{ Do() }

//twinwire:events
type Nobody interface{ isNobody() }

//twinwire:events
type Number int

//twinwire:events name=a:b
type Misnamed struct{}

//twinwire:events
type Event interface{ isEvent() }

type ByPointer struct{}

func (*ByPointer) isEvent() {}

type Text string

func (Text) isEvent() {}

type Generic[T any] struct{ V T }

func (Generic[T]) isEvent() {}

// want 4:6: events Open is an interface that any type may implement: seal it by an unexported method such as isOpen()
// want 7:6: events Nobody has no types: declare a struct with the method isNobody()
// want 9:1: events Nobody and Number are both called "family" on the wire: give one a name by //twinwire:events name=
// want 10:6: events Number is neither a sealed interface nor a struct: make it one of these
// want 12:1: "a:b" cannot be the name of a family of events: use letters, digits and any of . _ / -, at most 100
// want 15:1: events Nobody and Event are both called "family" on the wire: give one a name by //twinwire:events name=
// want 18:6: event ByPointer implements Event by its pointer only: give its methods value receivers
// want 22:6: event Text is no struct of this package: make it one
// want 26:6: event Generic is generic: declare a type for each kind of event
