package arch

import (
	"path"
	"slices"
	"strings"
)

// A rule says what the packages of some directories may import. Patterns are
// directories relative to the module's root, "." being the root itself; with
// /... at the end they stand for the directory and all below it.
type rule struct {
	dirs    string
	own     []string // packages of this module, besides those of dirs
	modules []string // modules of others
	not     []string // packages of the standard library that are forbidden
}

// Groups of packages that stand in several rows.
var (
	vocabulary = []string{".", "frame"}
	wires      = []string{"transport/ws", "transport/quic", "transport/mem", "transport/browser"}
	carrying   = []string{".", "frame", "transport", "transport/internal/..."}
	coreNeeds  = []string{".", "frame", "codec", "transport", "internal/plain"}
	ends       = slices.Concat(coreNeeds, wires, []string{"core", "events", "state", "certs"})
	public     = []string{".", "codec/...", "core", "events", "state/...", "files", "auth/...", "client", "server", "certs", "compress/..."}
)

// machine is the session state machine, which purity.go speaks of.
const machine = "internal/machine/..."

// impure are the packages that would give the machine a clock, chance, I/O or
// company.
var impure = []string{
	"context", "crypto/rand", "log/...", "math/rand/...", "net/...", "os/...", "sync/...", "syscall", "testing/...",
}

// noHTTP keeps what a browser runs small.
var noHTTP = []string{"net/http/..."}

// table is the import direction of the module:
//
//	root, frame <- transport <- {ws, quic, mem, browser}
//	root, frame, codec, transport <- core <- {events, state} <- {client, server}
//	core <- files, compress
//	core <- auth <- {auth/token, server}
//
// with internal/machine between root, frame, codec and core. A third party's
// module is named in the one row of the directory that may know it. The most
// specific row counts. It is read only.
var table = []rule{
	{dirs: "."},
	{dirs: "frame"},
	{dirs: "codec"},
	{dirs: "codec/internal/...", own: []string{"codec"}},
	{dirs: "codec/reflective", own: []string{"codec"}, modules: []string{"github.com/vmihailenco/msgpack/v5"}},

	{dirs: "transport", own: vocabulary},
	{dirs: "transport/internal/...", own: carrying},
	{dirs: "transport/transporttest", own: slices.Concat(carrying, []string{"internal/leak"})},
	{dirs: "transport/mem", own: carrying},
	{dirs: "transport/browser", own: slices.Concat(carrying, []string{"internal/plain"})},
	{dirs: "transport/ws", own: carrying, modules: []string{"github.com/gorilla/websocket", "golang.org/x/sys"}},
	{dirs: "transport/quic", own: carrying,
		modules: []string{"github.com/quic-go/quic-go", "github.com/quic-go/webtransport-go", "golang.org/x/sys"}},

	{dirs: machine, own: []string{".", "frame", "codec"}, not: impure},
	{dirs: "core/...", own: slices.Concat(coreNeeds, []string{"internal/machine"}), modules: []string{"golang.org/x/time"}, not: noHTTP},
	{dirs: "events/...", own: slices.Concat(coreNeeds, []string{"core"}), not: noHTTP},
	{dirs: "state/...", own: slices.Concat(coreNeeds, []string{"core"}), not: noHTTP},
	{dirs: "files/...", own: []string{".", "frame", "codec", "core"}, not: noHTTP},

	{dirs: "compress/...", own: []string{".", "frame", "codec", "core"}, not: noHTTP},
	{dirs: "compress/zstd", own: []string{".", "frame", "core"}, modules: []string{"github.com/klauspost/compress"}, not: noHTTP},

	{dirs: "certs/...", own: []string{"."}, modules: []string{"golang.org/x/crypto"}},
	{dirs: "auth", own: slices.Concat(coreNeeds, []string{"core"})},
	{dirs: "auth/token", own: slices.Concat(coreNeeds, []string{"core", "auth"}), modules: []string{"github.com/golang-jwt/jwt/v5"}},
	{dirs: "client/...", own: ends},
	{dirs: "server/...", own: slices.Concat(ends, []string{"auth"}), modules: []string{"github.com/pires/go-proxyproto", "golang.org/x/time"}},

	{dirs: "examples/...", own: public},
	{dirs: "ts/...", own: public}, // the server that the TypeScript client is tested against
	{dirs: "ts/testserver/echo", own: []string{"certs"}, // what the measurements in browsers compare with
		modules: []string{"github.com/gorilla/websocket", "github.com/quic-go/quic-go", "github.com/quic-go/webtransport-go"}},
	{dirs: "internal/arch"},
	{dirs: "internal/leak"},
	{dirs: "internal/plain"},
	{dirs: "internal/chromium"},
	{dirs: "internal/conformance", own: []string{".", "core", "events", "ts/..."}},
	{dirs: "internal/zoo"},
	{dirs: "internal/sim/...", own: slices.Concat(coreNeeds,
		[]string{"transport/mem", "transport/internal/...", "core", "events", "state", "internal/machine", "internal/leak"})},
}

// ruleOf returns the most specific rule for dir.
func ruleOf(dir string) (best rule, ok bool) {
	for _, r := range table {
		if matches(r.dirs, dir) && (!ok || len(strings.TrimSuffix(r.dirs, "/...")) > len(strings.TrimSuffix(best.dirs, "/..."))) {
			best, ok = r, true
		}
	}
	return best, ok
}

// may returns what is wrong with an import of a file in dir, or "".
func (r *rule) may(dir, imported string) string {
	own := func(p string) bool { return matches(p, within(imported)) }
	in := func(m string) bool { return matches(m+"/...", imported) }
	switch origin(imported) {
	case fromHere:
		if !own(r.dirs) && !slices.ContainsFunc(r.own, own) {
			return dir + " must not know that package"
		}
	case fromOthers:
		if !slices.ContainsFunc(r.modules, in) {
			return dir + " must not know that module"
		}
	case fromStandard:
		if slices.ContainsFunc(r.not, func(p string) bool { return matches(p, imported) }) {
			return dir + " must do without it"
		}
	}
	return ""
}

// testMay is may for a test file: tests may know every wire, and what a peer
// or a reference is made of, but messages are decoded by reflection in one
// place.
func testMay(dir, imported string) string {
	if dir != "codec/reflective" && matches("github.com/vmihailenco/...", imported) {
		return "only codec/reflective knows that module"
	}
	return ""
}

// generatedMay is may for what the generator writes, wherever it stands: it
// imports whatever types the contract names, but nothing that would make a
// contract package large.
func generatedMay(imported string) string {
	switch origin(imported) {
	case fromHere:
		for _, p := range slices.Concat(wires, []string{"codec/reflective", "client", "server"}) {
			if matches(p+"/...", within(imported)) {
				return "generated code must not know that package"
			}
		}
	case fromStandard:
		if matches("net/http/...", imported) {
			return "generated code must do without it"
		}
	case fromOthers:
		for _, r := range table {
			for _, m := range r.modules {
				if matches(m+"/...", imported) {
					return "generated code must not know that module"
				}
			}
		}
	}
	return ""
}

const (
	fromStandard = iota
	fromHere
	fromOthers
)

// origin says whose package imported is: a path whose first element has no
// dot is the standard library's.
func origin(imported string) int {
	first, _, _ := strings.Cut(imported, "/")
	switch {
	case matches(Module+"/...", imported):
		return fromHere
	case strings.Contains(first, "."):
		return fromOthers
	}
	return fromStandard
}

// within returns the directory of a package of this module.
func within(imported string) string {
	return path.Join(".", strings.TrimPrefix(strings.TrimPrefix(imported, Module), "/"))
}

// matches reports whether name is what pattern stands for.
func matches(pattern, name string) bool {
	base, below := strings.CutSuffix(pattern, "/...")
	return name == base || below && strings.HasPrefix(name, base+"/")
}
