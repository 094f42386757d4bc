//go:build !js

package conformance

import (
	"bufio"
	"context"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/twinwire/twinwire/certs"
	"github.com/twinwire/twinwire/client"
	"github.com/twinwire/twinwire/internal/chromium"
)

// serve runs the server of ts/testserver until the test ends, and returns what
// it says of itself.
func serve(t *testing.T) (line []byte, p place) {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "testserver")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "../../ts/testserver").CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	cmd := exec.Command(binary, "-origin", "*", "-cuts")
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close() // that ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("server: %v", err)
		}
	})
	line, err = bufio.NewReader(out).ReadBytes('\n')
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(line, &p); err != nil {
		t.Fatal(err)
	}
	return line, p
}

// The client in Go, over every wire.
func TestGo(t *testing.T) {
	_, p := serve(t)
	pin, err := p.pin()
	if err != nil {
		t.Fatal(err)
	}
	opts := &client.Options{Pins: []certs.Pin{pin}, Services: visitors()}
	for _, addr := range []string{"quic://" + p.TLS, "https://" + p.TLS, "wss://" + p.TLS, "ws://" + p.Plain} {
		t.Run(addr[:5], func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			s, err := client.Dial(ctx, addr, opts)
			if err != nil {
				t.Fatal(err)
			}
			if err := Play(ctx, s); err != nil {
				t.Error(err)
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
			<-s.Done()
		})
	}
}

// The client in Go in a browser, over both wires that it has there.
func TestGoInChromium(t *testing.T) {
	line, _ := serve(t)
	chromium.Test(t, chromium.Options{Host: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(line) })})
}
