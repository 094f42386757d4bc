// Package browser has the carriers of a Go program that runs in a browser, as
// WebAssembly (GOOS=js GOARCH=wasm): WebSocket (docs/protocol.md, clause 10.1)
// and WebTransport (clause 10.5), as the browser has them. On any other platform
// the package is empty.
//
// A page has to be a secure context for WebTransport: one of https, or of
// http://localhost. Browsers send no header that a program could choose; who the
// client is stands in the hello.
//
// Bytes cross the boundary to JavaScript a batch at a time, in arrays that are
// used again. Nothing is queued without a bound: a Send waits until less than
// 64 KiB wait in a WebSocket, and on WebTransport until the stream has taken the
// batch. A browser cannot hold back the sender of a WebSocket; what has arrived
// and was not received stays in the browser's memory up to 64 MiB, more than the
// windows of a session let come, and then the carrier ends.
//
// A WebSocket of a browser does not say when it has sent something. A Send that
// waits for it looks when something arrives, and after 1 to 16 ms. A page in the
// background has timers that run once a second, or once a minute.
package browser
