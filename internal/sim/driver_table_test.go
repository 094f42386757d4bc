package sim

// drivers are bugs of the driver around the machine, which the tests of core
// have to find: its histories, or one that was written for the clause. Their
// files are of core.
var drivers = []Mutant{
	// A carrier takes the place of another.
	{"what a carrier delivers that was left is taken", "receive.go", "\tif s.bind != b {\n\t\ts.mu.Unlock()\n\t\treturn false, &transport.CloseError{Code: twinwire.Replaced, Reason: replaced}\n\t}\n", "", "4.5"},
	{"batches go out by a carrier that was left", "write.go", "\tif s.bind != b {\n\t\tb.writing &^= 1 << pipe\n\t\ts.mu.Unlock()\n\t\treturn false\n\t}\n", "", "4.5"},
	{"the end of a carrier that was left is that of the newest", "binding.go", "\tcase s.bind != b || s.ended:\n", "\tcase s.ended:\n", "4.5"},
	{"the failure of a carrier that was left is that of the session", "session.go", "\tif s.err == nil && !s.ended && s.bind == b {\n", "\tif s.err == nil && !s.ended {\n", "4.5"},
	{"the carrier before stays open", "binding.go", "\tif before != nil {\n\t\tbefore.carrier.Close(twinwire.Replaced, replaced)\n\t}\n", "\t_ = before\n", "14.2"},
	{"Replaced ends the session", "binding.go", "closed.Code == twinwire.Replaced || closed.Code == twinwire.PeerDead", "closed.Code == twinwire.PeerDead", "14.1"},
	{"PeerDead ends the session", "binding.go", "closed.Code == twinwire.Replaced || closed.Code == twinwire.PeerDead", "closed.Code == twinwire.Replaced", "14.1"},
	{"a carrier that was closed for good does not end the session", "binding.go", "return closed.Code == twinwire.Replaced || closed.Code == twinwire.PeerDead", "return true", "14.1"},
	{"the session does not wait for a carrier", "binding.go", "case s.ending || s.keep == nil || !lost(err)", "case s.ending || s.keep != nil || !lost(err)", "14.1"},
	{"the session waits for ever", "keeper.go", "\tk.timer = time.AfterFunc(k.time, k.expire)\n", "\tk.timer = time.AfterFunc(1<<62, k.expire)\n", "14.1"},
	{"the wait goes on when there is a carrier", "keeper.go", "\tif k.timer != nil {\n\t\tk.timer.Stop()\n\t\tk.timer = nil\n\t}\n\tk.unparkLocked()", "\tk.unparkLocked()", "14.1"},
	{"nobody looks for another carrier", "keeper.go", "\tif k.reconnect != nil {\n", "\tif k.reconnect == nil {\n", "14.1"},
	{"room of those that wait is not given back", "park.go", "\tp.taken -= int64(n)\n", "", "14.1"},
	{"the timer sleeps on with a new carrier", "binding.go", "\ts.armed = 0\n\ts.arm(now)\n\tif s.keep != nil {\n", "\ts.armed = 1\n\tif s.keep != nil {\n", "14.5"},
	{"what waits is not sent again until something else is", "binding.go", "\ts.kick(caller)\n\ts.carryOut(nil, &eff)\n", "\ts.mu.Unlock()\n\ts.carryOut(nil, &eff)\n", "14.4"},
	{"the watchdog sleeps", "write.go", "\tif s.watches || s.m.Regulated() {\n", "\tif s.m.Regulated() {\n", "14.5"},

	// Hellos, tokens and principals.
	{"each carrier of an attempt begins a session", "accept.go", "\tfirst := !v.attempt.begun\n", "\tfirst := true\n", "3.6"},
	{"attempts are forgotten at once", "attempts.go", "now.Sub(t.at) <= attemptTime &&", "now.Sub(t.at) < 0 &&", "3.6"},
	{"other carriers of an attempt are kept", "accept.go", "\t\tif c != v.carrier {\n\t\t\tc.Close(twinwire.Replaced, replaced)\n\t\t}\n", "\t\t_ = c\n", "3.6"},
	{"an ATTACH that does not count goes on", "resumption.go", "\tif !counts {\n", "\tif false {\n", "14.2"},
	{"an ATTACH of another generation goes on", "accept.go", "\tif attach.ID != v.resume.Generation {\n", "\tif false {\n", "4.5"},
	{"a client keeps the token that it has used", "dial.go", "\ts.keep.ticket.Adopt(*o.welcome.token, machine.Attempt(NewAttempt()))\n", "", "14.3"},
	{"each dial presents the token as another attempt", "dial.go", "\to.own.attempt, o.own.token = ID(t.Attempt), &t.Token\n", "\to.own.attempt, o.own.token = NewAttempt(), &t.Token\n", "14.2"},
	{"a stolen token ends nothing", "resumption.go", "\t\tgo s.CloseWith(twinwire.Unauthorized, \"resume token was used twice\", 0)\n", "", "14.3"},
	{"a token is good for any principal", "accept.go", "\tcase s.Principal().id() != v.principal.id():\n\t\treturn errOther // whatever the token: nothing changes (clause 15.6)\n", "", "15.6"},
	{"the principal stays that of the first carrier", "resumption.go", "\t\ts.ownedLocked(p)\n", "", "15.6"},
	{"the client is told that nothing has arrived", "resumption.go", "nexts: h.nexts, told: s.m.Nexts()}", "nexts: h.nexts}", "14.2"},
	{"numbers of the WELCOME are ignored", "dial.go", "\t\tNexts: o.welcome.nexts, Told: o.told,\n", "\t\tTold: o.told,\n", "14.4"},
	{"numbers of the HELLO are ignored", "resumption.go", "Heartbeat: heartbeat, Nexts: r.nexts, Told: r.told,", "Heartbeat: heartbeat, Told: r.told,", "14.4"},
	{"another server's session takes the place of one that never began", "afresh.go", "return h.session == other.session && h.generation == other.generation &&\n\t\th.keep == other.keep && *h.token == *other.token &&", "return h.generation == other.generation &&\n\t\th.keep == other.keep &&", "3.8"},
	{"a session that was heard of begins afresh", "afresh.go", "return s.keep != nil && s.keep.first != nil && s.m.Unheard()", "return s.keep != nil && s.keep.first != nil", "3.8"},

	// The end.
	{"calls are lost when a carrier breaks after a goodbye", "end.go", "\ts.m.End(&eff)\n", "", "8.3"},
	{"a goodbye waits for ever", "end.go", "time.AfterFunc(s.limits.CloseTime, func()", "time.AfterFunc(1<<62, func()", "8.2"},
	{"a session that drains does not wait for its client", "leave.go", "if all && s.bind != nil && s.m.Has(&sent) {", "if s.bind == nil || all && s.m.Has(&sent) {", "8.4"},
	{"a session that drains does not wait for acknowledgements", "leave.go", "s.bind != nil && s.m.Has(&sent) {", "s.bind != nil && (true || s.m.Has(&sent)) {", "8.4"},
}
