package core_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"testing/synctest"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
)

// So many receive files at once, the next waits, in its turn, and not beyond
// its context or the session.
func TestFilesAtOnce(t *testing.T) {
	for _, n := range []int{1, 2, 10} {
		t.Run(fmt.Sprint(n), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := connect(t, nil, &core.Config{Limits: &core.Limits{Files: n}}, new(core.Config))
				var ends []func()
				for range n {
					end, err := p.server.BeginFiles(t.Context())
					if err != nil {
						t.Fatal(err)
					}
					ends = append(ends, end)
				}
				began := make(chan func(), 3)
				failed := make(chan error, 3)
				begin := func(ctx context.Context) {
					end, err := p.server.BeginFiles(ctx)
					if err != nil {
						failed <- err
					} else {
						began <- end
					}
				}
				impatient, cancel := context.WithCancelCause(t.Context())
				go begin(impatient)
				synctest.Wait()
				go begin(t.Context())
				synctest.Wait()
				go begin(t.Context())
				synctest.Wait()
				if len(began) > 0 || len(failed) > 0 {
					t.Fatalf("%d of %d began", n+len(began), n)
				}
				mine := errors.New("mine")
				cancel(mine)
				synctest.Wait()
				if err := <-failed; err != mine {
					t.Errorf("who waits no longer is told %v", err)
				}
				ends[0]()
				synctest.Wait()
				if len(began) != 1 {
					t.Errorf("one has ended, and %d began", len(began))
				}
				_ = p.client.Close()
				synctest.Wait()
				if err := <-failed; !errors.Is(err, twinwire.Unavailable) {
					t.Errorf("when the session ends, who waits is told %v", err)
				}
			})
		})
	}
}
