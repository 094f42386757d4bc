package arch

import (
	"os"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
)

// The module is as it was decided to be.
func TestModule(t *testing.T) {
	root := os.DirFS("../..")
	mod, err := os.ReadFile("../../go.mod")
	if err != nil || !strings.HasPrefix(string(mod), "module "+Module+"\n") {
		t.Fatalf("../.. is not the root of %s: %v", Module, err)
	}
	found, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range found {
		t.Error(v)
	}
}

// Each file is checked on its own; "" means that nothing is wrong with it.
func TestCheck(t *testing.T) {
	const (
		m         = Module
		msgpack   = "github.com/vmihailenco/msgpack/v5"
		gorilla   = "github.com/gorilla/websocket"
		quicgo    = "github.com/quic-go/quic-go"
		webt      = "github.com/quic-go/webtransport-go"
		noPackage = " must not know that package"
		noModule  = " must not know that module"
		noStd     = " must do without it"
	)
	tests := []struct {
		file, imported string
		want           string // of the objection
	}{
		{"a.go", "errors", ""},
		{"a.go", m + "/frame", "." + noPackage},
		{"frame/a.go", "encoding/binary", ""},
		{"frame/a.go", m, "frame" + noPackage},
		{"frame/a.go", "golang.org/x/sys/cpu", "frame" + noModule},
		{"codec/a.go", "math", ""},
		{"codec/a.go", m + "/frame", "codec" + noPackage},
		{"codec/a.go", msgpack, "codec" + noModule},
		{"codec/a.go", m + "/codec/reflective", "codec" + noPackage},
		{"codec/reflective/a.go", msgpack, ""},
		{"codec/reflective/a.go", msgpack + "/msgpcode", ""},
		{"codec/reflective/a.go", gorilla, "codec/reflective" + noModule},

		{"transport/a.go", m, ""},
		{"transport/a.go", m + "/frame", ""},
		{"transport/a.go", m + "/transport/mem", "transport" + noPackage},
		{"transport/a.go", m + "/core", "transport" + noPackage},
		{"transport/ws/a.go", m + "/transport", ""},
		{"transport/ws/a.go", m + "/transport/internal/deframe", ""},
		{"transport/ws/a.go", gorilla, ""},
		{"transport/ws/a.go", quicgo, "transport/ws" + noModule},
		{"transport/ws/a.go", m + "/transport/quic", "transport/ws" + noPackage},
		{"transport/quic/a.go", quicgo, ""},
		{"transport/quic/a.go", quicgo + "/quicvarint", ""},
		{"transport/quic/a.go", webt, ""},
		{"transport/quic/a.go", gorilla, "transport/quic" + noModule},
		{"transport/mem/a.go", gorilla, "transport/mem" + noModule},
		{"transport/mem/a.go", m + "/codec", "transport/mem" + noPackage},
		{"transport/browser/a.go", "syscall/js", ""},

		{"core/a.go", m + "/transport", ""},
		{"core/a.go", m + "/internal/machine", ""},
		{"core/a.go", m + "/codec/reflective", "core" + noPackage},
		{"core/a.go", m + "/transport/mem", "core" + noPackage},
		{"core/a.go", m + "/events", "core" + noPackage},
		{"core/a.go", "net/http", "core" + noStd},
		{"core/a.go", "net/http/httptrace", "core" + noStd},
		{"core/a_js.go", m + "/transport/ws", "core" + noPackage},
		{"events/a.go", m + "/core", ""},
		{"events/a.go", m + "/state", "events" + noPackage},
		{"state/a.go", m + "/core", ""},
		{"state/a.go", m + "/server", "state" + noPackage},
		{"state/reflective/a.go", m + "/state", ""},
		{"state/reflective/a.go", msgpack, "state/reflective" + noModule},
		{"events/a.go", m + "/internal/machine", "events" + noPackage},
		{"files/a.go", m + "/core", ""},
		{"files/a.go", m + "/events", "files" + noPackage},
		{"files/a.go", "net/http", "files" + noStd},

		{"client/a.go", m + "/transport/ws", ""},
		{"client/a.go", m + "/state", ""},
		{"client/a.go", m + "/server", "client" + noPackage},
		{"client/a.go", gorilla, "client" + noModule},
		{"server/a.go", m + "/transport/quic", ""},
		{"server/a.go", "net/http", ""},
		{"server/a.go", quicgo, "server" + noModule},
		{"server/a.go", m + "/internal/leak", "server" + noPackage},
		{"certs/a.go", "golang.org/x/crypto/acme/autocert", ""},
		{"examples/chat/a.go", m + "/server", ""},
		{"examples/chat/a.go", m + "/state/reflective", ""},
		{"examples/chat/a.go", m + "/transport/ws", "examples/chat" + noPackage},

		{"core/a_test.go", m + "/transport/mem", ""},
		{"server/a_test.go", gorilla, ""},
		{"codec/a_test.go", msgpack, "only codec/reflective knows that module"},
		{"codec/reflective/a_test.go", msgpack, ""},
		{"transport/a_test.go", "github.com/vmihailenco/tagparser/v2", "only codec/reflective knows that module"},

		{"internal/machine/a.go", m + "/frame", ""},
		{"internal/machine/a.go", "time", ""},
		{"internal/machine/a.go", m + "/transport", "internal/machine" + noPackage},
		{"internal/machine/a.go", "net", "internal/machine" + noStd},
		{"internal/machine/a.go", "net/netip", "internal/machine" + noStd},
		{"internal/machine/a.go", "net/http", "internal/machine" + noStd},
		{"internal/machine/a.go", "os", "internal/machine" + noStd},
		{"internal/machine/a.go", "sync", "internal/machine" + noStd},
		{"internal/machine/a.go", "sync/atomic", "internal/machine" + noStd},
		{"internal/machine/a.go", "context", "internal/machine" + noStd},
		{"internal/machine/a.go", "math/rand", "internal/machine" + noStd},
		{"internal/machine/a.go", "math/rand/v2", "internal/machine" + noStd},
		{"internal/machine/a.go", "crypto/rand", "internal/machine" + noStd},
		{"internal/machine/a.go", "log", "internal/machine" + noStd},
		{"internal/machine/a.go", "log/slog", "internal/machine" + noStd},
		{"internal/machine/sub/a.go", "os", "internal/machine/sub" + noStd},
		{"internal/machine/a_test.go", "os", ""},

		{"internal/other/a.go", "errors", "directory internal/other has no row in the table of internal/arch"},
		{"frames/a.go", "errors", "directory frames has no row in the table of internal/arch"},
		{"frame/testdata/a.go", m, ""},
		{"_old/a.go", m, ""},
		{".old/a.go", m, ""},
		{"ts/node_modules/a.go", m, ""},
	}
	for _, tt := range tests {
		t.Run(tt.file+" "+tt.imported, func(t *testing.T) {
			got := check(t, map[string]string{tt.file: "package a\n\nimport _ \"" + tt.imported + "\"\n"})
			switch {
			case tt.want == "":
				expect(t, got)
			case strings.HasPrefix(tt.want, "directory"):
				expect(t, got, tt.file+":1:1: "+tt.want)
			default:
				expect(t, got, tt.file+":3:8: import of "+tt.imported+": "+tt.want)
			}
		})
	}
}

// No build constraint hides a file, and every import of it is seen.
func TestCheckSeesAllFiles(t *testing.T) {
	got := check(t, map[string]string{
		"core/a_windows.go": "//go:build never && !ever\n\npackage core\n\nimport _ \"net/http\"\n",
		"core/a_arm64.go":   "package core\n\nimport (\n\t. \"os\"\n\th \"net/http\"\n)\n\nimport \"net/http/pprof\"\n",
		"core/notes.txt":    "import \"net/http\"",
	})
	expect(t, got,
		"core/a_arm64.go:5:2: import of net/http: core must do without it",
		"core/a_arm64.go:8:8: import of net/http/pprof: core must do without it",
		"core/a_windows.go:5:8: import of net/http: core must do without it")
}

// The machine has no clock and no goroutines, whatever it calls package time.
func TestCheckPurity(t *testing.T) {
	tests := []struct {
		name, src string
		want      []string
	}{
		{"arithmetic", "import \"time\"\n\nfunc f(now time.Time) bool { return now.Add(time.Second).After(now) }", nil},
		{"names of others", "type clock struct{}\nfunc (clock) Now() {}\nfunc f(c clock) { c.Now() }", nil},
		{"now", "import \"time\"\n\nvar t = time.Now()", []string{"5:9: the machine must not use time.Now: it is given the time"}},
		{"as a value", "import \"time\"\n\nvar now = time.Now", []string{"5:11: the machine must not use time.Now: it is given the time"}},
		{"since", "import \"time\"\n\nvar d = time.Since(t)", []string{"5:9: the machine must not use time.Since: it is given the time"}},
		{"renamed", "import t \"time\"\n\nfunc f() { t.Sleep(1) }", []string{"5:12: the machine must not use time.Sleep: it is given the time"}},
		{"timers", "import \"time\"\n\nfunc f() {\n\ttime.AfterFunc(1, f)\n\ttime.NewTimer(1)\n\t<-time.After(1)\n}", []string{
			"6:2: the machine must not use time.AfterFunc: it is given the time",
			"7:2: the machine must not use time.NewTimer: it is given the time",
			"8:4: the machine must not use time.After: it is given the time",
		}},
		{"dot", "import . \"time\"\n\nvar t = Now()",
			[]string{"3:8: the machine must not import time under no name: its clock could not be told"}},
		{"go", "func f() { go f() }", []string{"3:12: the machine must not start goroutines"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := "package machine\n\n" + tt.src + "\n"
			for i := range tt.want {
				tt.want[i] = "internal/machine/a.go:" + tt.want[i]
			}
			expect(t, check(t, map[string]string{"internal/machine/a.go": src}), tt.want...)
			expect(t, check(t, map[string]string{"internal/machine/a_test.go": src, "core/a.go": src}))
		})
	}
}

// A module within the module has dependencies of its own.
func TestCheckNestedModules(t *testing.T) {
	const src = "package a\n\nimport _ \"github.com/gorilla/websocket\"\n"
	got := check(t, map[string]string{
		"bench/go.mod":    "module example.com/bench\n",
		"bench/peer/a.go": src,
		"bench/a.go":      src,
		"benches/a.go":    src,
	})
	expect(t, got, "benches/a.go:1:1: directory benches has no row in the table of internal/arch")
}

// What the generator writes is held to its own rule wherever it is.
func TestCheckGeneratedCode(t *testing.T) {
	const head = "// Code generated by twinwire gen. DO NOT EDIT.\n\npackage a\n\nimport (\n"
	const src = head + "\t\"context\"\n\t\"example.com/types\"\n\t\"" + Module + "\"\n\t\"" + Module + "/core\"\n\t\"" + Module + "/state\"\n"
	expect(t, check(t, map[string]string{"bench/go.mod": "", "bench/a.go": src + ")\n"}))
	for imported, want := range map[string]string{
		"net/http":                          "generated code must do without it",
		Module + "/codec/reflective":        "generated code must not know that package",
		Module + "/transport/ws":            "generated code must not know that package",
		Module + "/client":                  "generated code must not know that package",
		"github.com/quic-go/quic-go":        "generated code must not know that module",
		"github.com/vmihailenco/msgpack/v5": "generated code must not know that module",
	} {
		got := check(t, map[string]string{"bench/go.mod": "", "bench/a.go": src + "\t\"" + imported + "\"\n)\n"})
		expect(t, got, "bench/a.go:11:2: import of "+imported+": "+want)
	}
	others := strings.Replace(src, "twinwire gen", "protoc", 1) + "\t\"net/http\"\n)\n"
	expect(t, check(t, map[string]string{"bench/go.mod": "", "bench/a.go": others}))
}

func TestCheckFailsOnWhatItCannotRead(t *testing.T) {
	if _, err := Check(fstest.MapFS{"core/a.go": {Data: []byte("no Go")}}); err == nil {
		t.Error("no error for a file that does not parse")
	}
	if _, err := Check(os.DirFS("testdata/missing")); err == nil {
		t.Error("no error for a directory that is not there")
	}
}

// A row of the table names packages that have a row, or it is a slip.
func TestTable(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range table {
		if seen[r.dirs] {
			t.Errorf("%s has two rows", r.dirs)
		}
		seen[r.dirs] = true
		for _, own := range r.own {
			if _, ok := ruleOf(strings.TrimSuffix(own, "/...")); !ok {
				t.Errorf("%s may import %s, which has no row", r.dirs, own)
			}
		}
	}
}

func check(t *testing.T, files map[string]string) []string {
	t.Helper()
	root := fstest.MapFS{}
	for name, src := range files {
		root[name] = &fstest.MapFile{Data: []byte(src)}
	}
	found, err := Check(root)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, v := range found {
		got = append(got, v.String())
	}
	return got
}

func expect(t *testing.T, got []string, want ...string) {
	t.Helper()
	if !slices.Equal(got, want) {
		t.Errorf("Check found\n\t%s\nwant\n\t%s", strings.Join(got, "\n\t"), strings.Join(want, "\n\t"))
	}
}
