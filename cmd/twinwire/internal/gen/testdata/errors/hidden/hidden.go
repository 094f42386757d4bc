package hidden

//twinwire:codec
type T struct {
	H Hidden
}

type Hidden struct{ a, b int }

// want 5:2: Hidden has no exported fields: export some, or give it AppendMsgpack and ReadMsgpack
