package main

import (
	"embed"
	"io/fs"
	"time"

	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/examples/cursors/cursors"
	"github.com/twinwire/twinwire/examples/internal/page"
	"github.com/twinwire/twinwire/server"
)

//go:generate go run -C ../../tools github.com/evanw/esbuild/cmd/esbuild ../examples/cursors/web/app.ts ../examples/cursors/web/app.css --outdir=../examples/cursors/web/built --bundle --minify --format=esm --target=es2022 --log-level=warning

// web has the document, and what go generate has made of the scripts and the
// style sheets beside it.
//
//go:embed web/index.html web/icon.svg web/built
var web embed.FS

// newServer returns the server of a board. Its Certs are nil: that is the
// certificate of the environment, else one for development, which is stored.
func newServer(b *board) *server.Server {
	srv := &server.Server{
		Limits: &core.Limits{
			ResumeTime: 30 * time.Second,
			Topics:     maxPeople + 1, // the board's, and the pointers of all others
			Rate:       500,           // pointers move with every frame that is drawn
		},
	}
	srv.Handle(cursors.NewService(b.hub, b.newGuest))
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the name is a constant
	}
	srv.Handler = page.Handler(files)
	return srv
}
