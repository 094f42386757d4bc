package chromium

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// A Browser is a Chromium with windows that a test uses as a person does. Its
// methods, and those of its windows, fail the test where they cannot do what
// they are told.
type Browser struct {
	t    testing.TB
	pipe *pipe

	mu      sync.Mutex
	windows map[string]*Window // by the session of the DevTools protocol
}

// Open starts a browser, which ends with the test. It skips the test where
// there is no Chromium.
func Open(t testing.TB) *Browser {
	t.Helper()
	program := find()
	if program == "" {
		t.Skip("Chromium is missing: apt-get install chromium")
	}
	profile, err := os.MkdirTemp("", "chromium")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(profile) }) // a process of Chromium may still write there
	// The files have the numbers 3 and 4 there.
	toRead, in, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	out, toWrite, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	cmd := exec.CommandContext(ctx, program, append(slices.Clone(flags), "--user-data-dir="+profile, "--remote-debugging-pipe", "--window-size=1200,800")...)
	cmd.ExtraFiles = []*os.File{toRead, toWrite}
	cmd.WaitDelay = 5 * time.Second
	err = cmd.Start()
	_, _ = toRead.Close(), toWrite.Close() // they are the browser's now
	b := &Browser{t: t, windows: make(map[string]*Window)}
	b.pipe = newPipe(in, out, b.told)
	t.Cleanup(func() {
		if err == nil {
			_ = b.pipe.call("", "Browser.close", struct{}{}, nil)
			stop := time.AfterFunc(5*time.Second, cancel)
			_ = cmd.Wait() // how it ends is its own affair
			stop.Stop()
		}
		cancel()
		_, _ = in.Close(), out.Close()
		<-b.pipe.done
	})
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// told takes in what the browser says by itself.
func (b *Browser) told(session, method string, params json.RawMessage) {
	b.mu.Lock()
	defer b.mu.Unlock()
	w := b.windows[session]
	if w == nil {
		return
	}
	switch method {
	case "Runtime.exceptionThrown", "Runtime.consoleAPICalled", "Log.entryAdded":
		w.said = append(w.said, method+" "+string(params))
	}
	if method == "Runtime.exceptionThrown" {
		w.failed = true
	}
}

// A Window shows a page. Each has a profile of its own, as if it were another
// person's.
type Window struct {
	b       *Browser
	session string

	// Guarded by b.mu.
	said   []string
	failed bool
}

// Window opens a page in a window of so many pixels. An exception that nobody
// catches there fails the test.
func (b *Browser) Window(url string, width, height int) *Window {
	b.t.Helper()
	var profile struct {
		ID string `json:"browserContextId"`
	}
	b.call("", "Target.createBrowserContext", struct{}{}, &profile)
	var target struct {
		ID string `json:"targetId"`
	}
	b.call("", "Target.createTarget", map[string]any{"url": "about:blank", "browserContextId": profile.ID, "newWindow": true}, &target)
	var attached struct {
		Session string `json:"sessionId"`
	}
	b.call("", "Target.attachToTarget", map[string]any{"targetId": target.ID, "flatten": true}, &attached)
	w := &Window{b: b, session: attached.Session}
	b.mu.Lock()
	b.windows[w.session] = w
	b.mu.Unlock()
	b.t.Cleanup(func() {
		b.mu.Lock()
		defer b.mu.Unlock()
		if w.failed || b.t.Failed() {
			b.t.Errorf("%s said:\n%s", url, strings.Join(w.said, "\n"))
		}
	})
	w.call("Runtime.enable", struct{}{}, nil)
	w.call("Log.enable", struct{}{}, nil)
	w.call("Emulation.setFocusEmulationEnabled", map[string]any{"enabled": true}, nil)
	w.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1, "mobile": false}, nil)
	w.call("Browser.setDownloadBehavior", map[string]any{"behavior": "deny", "browserContextId": profile.ID}, nil)
	w.call("Page.navigate", map[string]any{"url": url}, nil)
	w.Await("document.readyState === 'complete' && location.href !== 'about:blank'")
	return w
}

// Eval evaluates an expression of JavaScript, and what it promises, and stores
// the result, unless that is nil.
func (w *Window) Eval(expression string, result any) {
	w.b.t.Helper()
	if err := w.eval(expression, result); err != nil {
		w.b.t.Fatalf("%s: %v", expression, err)
	}
}

func (w *Window) eval(expression string, result any) error {
	var got struct {
		Result struct {
			Value json.RawMessage `json:"value"`
		} `json:"result"`
		Exception *struct {
			Text      string `json:"text"`
			Exception struct {
				Description string `json:"description"`
			} `json:"exception"`
		} `json:"exceptionDetails"`
	}
	params := map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true}
	if err := w.b.pipe.call(w.session, "Runtime.evaluate", params, &got); err != nil {
		return err
	}
	if got.Exception != nil {
		return fmt.Errorf("%s %s", got.Exception.Text, got.Exception.Exception.Description)
	}
	if result == nil || len(got.Result.Value) == 0 {
		return nil
	}
	return json.Unmarshal(got.Result.Value, result)
}

// Await waits until an expression is true, for at most 15 s.
func (w *Window) Await(expression string) {
	w.b.t.Helper()
	var ok bool
	// A document that is replaced takes the promise with it: then it is asked again.
	for range 3 {
		err := w.eval(`new Promise((resolve) => {
			const until = performance.now() + 15000;
			const look = () => {
				let ok = false;
				try { ok = !!(`+expression+`); } catch {}
				if (ok || performance.now() > until) resolve(ok);
				else setTimeout(look, 10);
			};
			look();
		})`, &ok)
		if err == nil {
			break
		}
	}
	if !ok {
		w.b.t.Fatalf("in vain: %s", expression)
	}
}

// Type types text where the focus is.
func (w *Window) Type(text string) {
	w.b.t.Helper()
	w.call("Input.insertText", map[string]any{"text": text}, nil)
}

// keys are those that Press knows, with their numbers.
var keys = map[string]int{"Enter": 13, "Escape": 27, " ": 32, "Tab": 9, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40}

// Press presses keys and lets them go: "Enter", "ArrowLeft", " ".
func (w *Window) Press(names ...string) {
	w.b.t.Helper()
	for _, name := range names {
		params := map[string]any{"type": "keyDown", "key": name, "code": name, "windowsVirtualKeyCode": keys[name]}
		switch name {
		case "Enter":
			params["text"] = "\r"
		case " ":
			params["text"], params["code"] = " ", "Space"
		}
		w.call("Input.dispatchKeyEvent", params, nil)
		delete(params, "text")
		params["type"] = "keyUp"
		w.call("Input.dispatchKeyEvent", params, nil)
	}
}

// Upload gives a file of this machine to an input.
func (w *Window) Upload(selector, path string) {
	w.b.t.Helper()
	var got struct {
		Result struct {
			ID string `json:"objectId"`
		} `json:"result"`
	}
	quoted, _ := json.Marshal(selector) // a string always can
	w.call("Runtime.evaluate", map[string]any{"expression": "document.querySelector(" + string(quoted) + ")"}, &got)
	w.call("DOM.setFileInputFiles", map[string]any{"files": []string{path}, "objectId": got.Result.ID}, nil)
}

// Shot saves what the window shows, as PNG.
func (w *Window) Shot(path string) {
	w.b.t.Helper()
	var got struct {
		Data string `json:"data"`
	}
	w.call("Page.captureScreenshot", map[string]any{"format": "png"}, &got)
	b, err := base64.StdEncoding.DecodeString(got.Data)
	if err == nil {
		err = os.WriteFile(path, b, 0o644)
	}
	if err != nil {
		w.b.t.Fatal(err)
	}
}

func (w *Window) call(method string, params, result any) {
	w.b.t.Helper()
	w.b.call(w.session, method, params, result)
}

func (b *Browser) call(session, method string, params, result any) {
	b.t.Helper()
	if err := b.pipe.call(session, method, params, result); err != nil {
		b.t.Fatal(err)
	}
}
