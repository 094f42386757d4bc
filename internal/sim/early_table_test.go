package sim

// earlies are bugs in what the machine does with copies of frames.
var earlies = []Mutant{
	{"a copy overtakes what it must not", "early.go", "f.Seq < through || early.Next > through ||", "f.Seq < through ||", "17.4"},
	{"a copy is taken after its frame", "early.go", "!l.bound || f.Seq < through || early", "!l.bound || early", "17.1"},
	{"a frame is taken after its copy", "receive.go", "\tif !taken {\n", "\tif !taken || true {\n", "17.4"},
	{"any number of copies is remembered", "early.go", " || len(e.taken) == maxTaken", "", "17.4"},
	{"a copy may be of any frame", "early.go", " || !copied(&f) ||", " ||", "17.3"},
	{"a copy may be of another lane", "early.go", " || f.Lane != early.Lane ||", " ||", "17.3"},
	{"a copy may overtake itself", "early.go", " || early.Next > f.Seq {", " {", "17.3"},
	{"a copy in a lane is taken", "early.go", "if f.Lane != 0 || f.Next != 0 || len(f.Payload) > 0 {", "if false {", "17.2"},
	{"messages are overtaken", "early.go", "return f.Flags&frame.HasMore != 0 && !introduces(f)", "return true", "17.3"},
	{"large messages that introduce a name are overtaken", "early.go", " && !introduces(f)", "", "17.3"},
	{"states are overtaken", "early.go", "\tcase frame.State, frame.Topic, frame.Event, frame.Gap:\n\t\treturn false\n", "\tcase frame.Topic, frame.Event, frame.Gap:\n\t\treturn false\n", "17.3"},
	{"an early call has the ids before it taken for duplicates", "early.go", "in.lastID, m.str.early = last, streams", "_, m.str.early = last, streams", "17.5"},
	{"the id of a call that was early is free again", "early.go", "\t\tm.in.lastID = f.ID\n", "", "17.5"},
	{"a call that was early is run again under another number", "incoming.go", "if m.isEarly(f.ID) {", "if false {", "17.5"},
	{"streams of a call that was early and is over begin anew", "instream.go", " || m.isEarly(f.ID) {", " {", "17.5"},
	{"a call of which a copy was sent was not received", "end.go", " && !m.mayBeEarly(c.item.mark):", ":", "17.5"},
	{"copies are not announced", "early.go", "\tm.control.early = true\n", "", "17.2"},
	{"copies are of an earlier order", "early.go", "\tc.lanes[1].after = m.lanes[m.role.event].sent\n", "", "17.3"},
	{"anything may come in place of what was taken early", "early.go", "if t.kind != f.Kind || f.Kind == frame.Call && t.call != f.ID {", "if t.seq != f.Seq {", "17.4"},
	{"copies never pause", "early.go", "\t\tc.pause = c.now + copyPause\n", "", "17.1"},
	{"copies leave with their frames", "early.go", "\t\t\tc.due = c.now + copyTime\n", "", "17.1"},
}
