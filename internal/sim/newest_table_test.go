package sim

// newests are bugs in what the machine does with events of which only the
// newest counts. Most histories have none of them: they have their own.
var newests = []Mutant{
	{"a newer event waits behind an older one", "latest.go", "\tif l.waits != 0 {\n", "\tif false {\n", "7.6"},
	{"what took the place of an event has its version", "latest.go", "v.packed, v.version\n\t\treturn true", "v.packed, w.version\n\t\treturn true", "7.6"},
	{"the bytes of what is replaced stay counted", "latest.go", "\t\te.bytes += len(v.payload) - len(w.payload)\n", "", "7.6"},
	{"an event that was sent is replaced", "event.go", "\t\t\t\t\th.sub.latest.waits = 0\n", "", "7.6"},
	{"events that are replaced are not numbered", "event.go", "\t\ts.latest.version++\n\t\tv.version = s.latest.version\n\t\tif m.newest(&v) {\n\t\t\treturn m.events.last, nil\n\t\t}\n", "\t\tv.version = s.latest.version + 1\n\t\tif m.newest(&v) {\n\t\t\treturn m.events.last, nil\n\t\t}\n\t\ts.latest.version++\n", "7.6"},
	{"versions are not said", "event.go", "\t\t\t\t\tf.Flags |= frame.Versioned\n\t\t\t\t\tf.Version = h.version\n", "", "7.6"},
	{"versions are said to who does not know them", "event.go", "if h.version > 0 && m.cfg.Latest {", "if h.version > 0 {", "7.6"},
	{"the same event counts twice", "latest.go", "old := version <= t.newest", "old := version < t.newest", "7.7"},
	{"older events count", "latest.go", "\treturn old\n", "\treturn old && false\n", "7.7"},
	{"an older event makes older ones count", "latest.go", "\tt.newest = max(t.newest, version)\n", "\tt.newest = version\n", "7.7"},
	{"events by the lane are not looked at", "event.go", "\t\tif t.outdated(f.Version) {\n\t\t\treturn nil\n\t\t}\n", "", "7.7"},
	{"large events are not looked at", "event.go", "\tif !t.outdated(t.version) {\n", "\tif t.outdated(t.version); true {\n", "7.7"},
	{"datagrams before the topic is told", "latest.go", "!m.cfg.Latest || !l.told ||", "!m.cfg.Latest ||", "7.8"},
	{"datagrams without agreement", "latest.go", "if !m.cfg.Latest || !l.told", "if !l.told", "7.8"},
	{"datagrams that are too large", "latest.go", " || latestHead+len(v.typ)+len(v.payload) > int(m.cfg.Datagram)", "", "7.8"},
	{"more events than a datagram holds", "latest.go", "len(b)-start+n > int(m.cfg.Datagram)", "n < 0", "7.8"},
	{"any frame may come by datagram", "latest.go", "case f.Kind != frame.Latest, int(f.Lane)", "case int(f.Lane)", "7.8"},
	{"LATEST without a version is taken", "latest.go", "f.ID == 0, f.Version == 0:", "f.ID == 0:", "7.8"},
	{"LATEST of no topic is taken", "latest.go", "f.ID == 0, f.Version == 0:", "f.Version == 0:", "7.8"},
	{"LATEST on any lane is taken", "latest.go", "case f.Kind != frame.Latest, int(f.Lane) != m.role.event, f.ID", "case f.Kind != frame.Latest, f.ID", "7.8"},
	{"LATEST in a stream of frames is taken", "receive.go", "\t\treturn protocolError(\"LATEST outside of a datagram\")\n", "\t\treturn nil\n", "7.8"},
	{"a datagram is never repaired", "latest.go", "\t\t\tl.inQuiet = false\n\t\t\tm.settle(s)\n\t\t\tcontinue\n", "\t\t\tl.inQuiet = false\n\t\t\tcontinue\n", "7.9"},
	{"what is to be repaired later is forgotten", "latest.go", "\t\tm.events.latest.quiet = append(m.events.latest.quiet, s)\n\t}\n\tclear", "\t}\n\tclear", "7.9"},
	{"the repair is not newer than what follows it", "latest.go", "overflow: s.overflow, version: l.at}", "overflow: s.overflow, version: s.latest.version + 1}", "7.9"},
	{"a carrier that breaks takes datagrams with it", "latest.go", "\t\ts.latest.inFresh, s.latest.inQuiet = false, false\n\t\tm.settle(s)\n", "\t\ts.latest.inFresh, s.latest.inQuiet = false, false\n\t\tm.forget(s)\n", "7.9"},
	{"the end of a subscription takes its datagram with it", "event.go", "\tm.settle(s)\n", "\tm.forget(s)\n", "7.9"},
	{"a goodbye takes datagrams with it", "control.go", "\tm.settleAll() // a datagram is no promise\n", "", "7.9"},
}
