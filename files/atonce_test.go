package files_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/files"
)

// A session receives files in four calls at once; all others come to their
// turn.
func TestCallsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		var receiving, most atomic.Int32
		p := connect(t, nil, handlers{"put": func(ctx context.Context, r *core.Request) (codec.Marshaler, error) {
			for _, err := range files.Incoming(ctx, r, nil) {
				if err != nil {
					return nil, err
				}
				most.Store(max(most.Load(), receiving.Add(1)))
				<-release
				receiving.Add(-1)
			}
			return nil, nil
		}})
		const calls = 10
		failed := make(chan error, calls)
		for range calls {
			go func() {
				failed <- files.Call(t.Context(), p.client, "put", nil, nil, []files.Source{files.Bytes("a", []byte("x"))}, nil)
			}()
		}
		synctest.Wait()
		if n := receiving.Load(); n != 4 {
			t.Errorf("%d calls receive files at once, want 4", n)
		}
		close(release)
		for range calls {
			// The handlers do not want the file.
			<-failed
		}
		if n := most.Load(); n > 4 {
			t.Errorf("%d calls received files at once", n)
		}
	})
}
