package main

import (
	"embed"
	"io/fs"
	"net/http"

	"github.com/twinwire/twinwire/examples/internal/page"
)

//go:generate go run -C ../../tools github.com/evanw/esbuild/cmd/esbuild ../examples/chat/web/app.ts ../examples/chat/web/app.css --outdir=../examples/chat/web/built --bundle --minify --format=esm --target=es2022 --log-level=warning

// web has the document, and what go generate has made of the scripts and the
// style sheets beside it.
//
//go:embed web/index.html web/icon.svg web/built
var web embed.FS

// pageHandler serves the page.
func pageHandler() http.Handler {
	files, err := fs.Sub(web, "web")
	if err != nil {
		panic(err) // the name is a constant
	}
	return page.Handler(files)
}
