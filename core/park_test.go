package core_test

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// Of the sessions of one client so many wait for another carrier; one more ends
// the one that has waited longest. One that goes on leaves its place.
func TestParkedSessions(t *testing.T) {
	for most, want := range map[int]int{0: 16, 1: 1, 2: 2, 10: 10, -1: 0} {
		t.Run(fmt.Sprint(most), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := acceptor(t, &core.Config{Limits: &core.Limits{Admission: core.Admission{ParkedSessions: most}}})
				var began []*core.Session // at the server
				a.Began = func(s *core.Session) { began = append(began, s) }
				begin := func(client string) *mem.Carrier {
					cc, sc := mem.Pipe(nil)
					go func() { _ = a.Serve(sc) }()
					cfg := &core.Config{Hello: core.Hello{Client: client}, Reconnect: func(*core.Session, error) {}}
					offer, err := greet(t, cc, cfg, core.NewAttempt())
					if err != nil {
						t.Fatal(err)
					}
					s := offer.Accept()
					t.Cleanup(func() { _ = s.Close() })
					synctest.Wait()
					return cc
				}
				alive := func(sessions []*core.Session) (ids []int) {
					synctest.Wait()
					for i, s := range sessions {
						if s.Err() == nil {
							ids = append(ids, i)
						}
					}
					return ids
				}
				for range 20 {
					begin("ann").Cut()
					time.Sleep(time.Second)
				}
				if got := alive(began); len(got) != want || want > 0 && got[0] != 20-want {
					t.Errorf("of ann's sessions %v are there, want the last %d", got, want)
				}
				for i, s := range began {
					if s.Err() != nil && want > 0 && twinwire.CodeOf(s.Err()) != twinwire.ResourceExhausted {
						t.Errorf("session %d ended with %v", i, s.Err())
					}
				}
				anns := len(began)
				for range 20 {
					begin("").Cut()
				}
				begin("bob").Cut()
				if n := len(alive(began[:anns])); n != want {
					t.Errorf("others' sessions have left %d of ann", n)
				}
				if n := len(alive(began[anns:])); want > 0 && n != 21 {
					t.Errorf("of the others %d are there, want 21", n)
				}
				for _, s := range began {
					s.CloseWith(twinwire.Accepted, "", 0)
				}
				begin("ann").Cut()
				if n := len(alive(began)); n != min(want, 1) {
					t.Errorf("%d sessions when all have ended but one", n)
				}
				for _, s := range began {
					s.CloseWith(twinwire.Accepted, "", 0)
				}
			})
		})
	}
}
