// Package core is the session: the conversation of one client with one server,
// the same type at both ends. Packages client and server make sessions; a
// program uses what is here to serve, to call and to send.
//
// # Serving
//
// A [Service] is a table of methods with an instance for each session; generated
// code makes one from a Go interface. By hand it needs no generated code: names
// are keys of Methods, Fallback has the names that are unknown, an [Interceptor]
// stands around all of them, Failed translates errors, and
// codec/reflective.Value reads and writes arguments of any type. Calls run
// beside each other; messages of a session are handled one after another.
// Every call is answered: a handler that panics, or that ends its goroutine
// with runtime.Goexit, is answered for with Internal.
//
// # Calling and sending
//
// [Session.Call] returns when the answer is there, or when its context is done.
// A call runs once or not at all, and its error says which, or OutcomeUnknown
// where nobody can know. [Session.Send] returns when the message is queued.
// What else is to be said about a call travels in its context: [WithMetadata],
// [WithPriority], and [WithStatus] for how far it has come. A [Prepared] is
// encoded once for many sessions, or many times.
//
// # Goroutines and memory
//
// A session has a goroutine that reads, others while something is written or
// served, and none of its own when it is idle. All end with the session. What a
// handler gets of a [Request] is borrowed until it returns. Every queue has a
// bound in [Limits].
package core
