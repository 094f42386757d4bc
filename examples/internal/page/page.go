// Package page serves the pages of the examples. What they have in common is
// beside it: how a page reaches its server, the switch that cuts the wire
// (wire.ts, panel.ts), and how they look (base.css).
package page

import (
	"io/fs"
	"net/http"
)

// policy lets a page load and run what comes from its own server, and nothing
// else; WebTransport may be at another address of that.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self' ws: wss: https:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Handler serves the files of a page, whose document is index.html.
func Handler(files fs.FS) http.Handler {
	serve := http.FileServerFS(files)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-cache") // another version of the program has another page
		serve.ServeHTTP(w, r)
	})
}
