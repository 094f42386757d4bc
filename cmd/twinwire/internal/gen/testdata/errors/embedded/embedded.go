package embedded

type Base struct{ N int }

//twinwire:codec
type T struct {
	*Base
}

// want 7:3: T embeds a pointer: embed the struct, or give the field a name
