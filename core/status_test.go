package core_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/core"
	"github.com/twinwire/twinwire/transport/mem"
)

// watch notes all stages that a status goes through.
func watch(st *core.Status) <-chan []core.Stage {
	c := make(chan []core.Stage, 1)
	go func() { c <- slices.Collect(st.Changes(context.Background())) }()
	synctest.Wait()
	return c
}

// statusServer serves one call, and one message, at a time.
func statusServer(release <-chan struct{}) *core.Config {
	wait := func(context.Context, *core.Request) (codec.Marshaler, error) { <-release; return str("late"), nil }
	cfg, _ := serving(map[string]core.Handler{
		"test.Echo":   echo,
		"test.Wait":   wait,
		"test.Block":  block,
		"test.Note":   func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, nil },
		"test.Refuse": func(context.Context, *core.Request) (codec.Marshaler, error) { return nil, twinwire.NotFound },
	})
	cfg.Limits = &core.Limits{Calls: 1, Messages: 1, MessageSize: 64 << 10}
	return cfg
}

// Every way to every end of a call and of a message.
func TestStatusEnds(t *testing.T) {
	type attempt struct {
		p       *pair
		release chan struct{}
		do      func(ctx context.Context, method string) // in a goroutine
	}
	occupy := func(a *attempt, send bool) { // the window
		go func() {
			if send {
				_ = a.p.client.Send(context.Background(), "test.Wait", nil)
			} else {
				_ = a.p.client.Call(context.Background(), "test.Wait", nil, nil)
			}
		}()
		synctest.Wait()
	}
	tests := []struct {
		name   string
		oneWay bool
		do     func(t *testing.T, a *attempt, ctx context.Context)
		want   core.Stage
		code   twinwire.Code
		passed []core.Stage // before the end; nil if it does not matter
	}{
		{"answered", false, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "test.Echo") }, core.Answered, 0, nil},
		{"acknowledged", false, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "test.Note") }, core.Acknowledged, 0, nil},
		{"rejected", false, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "test.Refuse") }, core.Rejected, twinwire.NotFound, nil},
		{"no method", false, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "test.None") }, core.Rejected, twinwire.NotImplemented, nil},
		{"answered late", false, func(t *testing.T, a *attempt, ctx context.Context) {
			a.do(ctx, "test.Wait")
			time.Sleep(time.Second)
			close(a.release)
		}, core.Answered, 0, []core.Stage{core.Unsent, core.Sending, core.Sent, core.Received}},
		{"given up, and answered all the same", false, func(t *testing.T, a *attempt, ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			a.do(ctx, "test.Wait")
			cancel()
			synctest.Wait()
			close(a.release)
		}, core.Answered, 0, nil},
		{"given up, and rejected", false, func(t *testing.T, a *attempt, ctx context.Context) {
			ctx, cancel := context.WithTimeout(ctx, time.Second)
			t.Cleanup(cancel)
			a.do(ctx, "test.Block")
		}, core.Rejected, twinwire.DeadlineExceeded, nil},
		{"malformed name", false, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "no name") }, core.Failed, twinwire.BadRequest, []core.Stage{core.Unsent}},
		{"cannot be encoded", false, func(t *testing.T, a *attempt, ctx context.Context) {
			_ = a.p.client.Call(ctx, "test.Echo", broken{errors.New("broken")}, nil)
		}, core.Failed, twinwire.BadRequest, []core.Stage{core.Unsent}},
		{"context over before", false, func(t *testing.T, a *attempt, ctx context.Context) {
			ctx, cancel := context.WithCancel(ctx)
			cancel()
			a.do(ctx, "test.Echo")
		}, core.Failed, twinwire.Canceled, []core.Stage{core.Unsent}},
		{"given up before the window opened", false, func(t *testing.T, a *attempt, ctx context.Context) {
			occupy(a, false)
			ctx, cancel := context.WithCancel(ctx)
			a.do(ctx, "test.Echo")
			cancel()
		}, core.Failed, twinwire.Canceled, []core.Stage{core.Unsent, core.Sending}},
		{"queue full", false, func(t *testing.T, a *attempt, ctx context.Context) {
			occupy(a, false)
			occupy(a, false)
			a.do(ctx, "test.Echo")
		}, core.Failed, twinwire.ResourceExhausted, nil},
		{"too large", false, func(t *testing.T, a *attempt, ctx context.Context) {
			_ = a.p.client.Call(ctx, "test.Echo", str(string(make([]byte, 65<<10))), nil)
		}, core.Failed, twinwire.TooLarge, nil},
		{"session over before", false, func(t *testing.T, a *attempt, ctx context.Context) {
			_ = a.p.client.Close()
			a.do(ctx, "test.Echo")
		}, core.Failed, twinwire.Unavailable, []core.Stage{core.Unsent}},
		{"cut before it was sent", false, func(t *testing.T, a *attempt, ctx context.Context) {
			occupy(a, false)
			a.do(ctx, "test.Echo")
			a.p.cc.Cut()
		}, core.Failed, twinwire.Unavailable, []core.Stage{core.Unsent, core.Sending}},
		{"goodbye before it was received", false, func(t *testing.T, a *attempt, ctx context.Context) {
			time.Sleep(time.Second)
			a.p.cc.Stall(mem.AllLanes)
			a.do(ctx, "test.Echo")
			a.p.server.CloseWith(twinwire.Accepted, "", 0)
		}, core.Failed, twinwire.Unavailable, []core.Stage{core.Unsent, core.Sending, core.Sent}},
		{"cut on its way", false, func(t *testing.T, a *attempt, ctx context.Context) {
			a.p.cc.Stall(mem.AllLanes)
			a.do(ctx, "test.Echo")
			a.p.cc.Cut()
		}, core.OutcomeUnknown, twinwire.OutcomeUnknown, []core.Stage{core.Unsent, core.Sending, core.Sent}},
		{"cut while it ran", false, func(t *testing.T, a *attempt, ctx context.Context) {
			a.do(ctx, "test.Wait")
			time.Sleep(time.Second)
			a.p.sc.Cut()
			synctest.Wait()
			close(a.release)
		}, core.OutcomeUnknown, twinwire.OutcomeUnknown, []core.Stage{core.Unsent, core.Sending, core.Sent, core.Received}},
		{"silence", false, func(t *testing.T, a *attempt, ctx context.Context) {
			a.p.cc.Stall(mem.AllLanes)
			a.p.sc.Stall(mem.AllLanes)
			a.do(ctx, "test.Echo")
		}, core.OutcomeUnknown, twinwire.OutcomeUnknown, []core.Stage{core.Unsent, core.Sending, core.Sent}},

		{"message received", true, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "test.Note") }, core.Received, 0, nil},
		{"message that nobody handles", true, func(t *testing.T, a *attempt, ctx context.Context) { a.do(ctx, "test.None") }, core.Received, 0, nil},
		{"large message received", true, func(t *testing.T, a *attempt, ctx context.Context) {
			_ = a.p.client.Send(ctx, "test.Note", str(string(make([]byte, 60<<10))))
		}, core.Received, 0, nil},
		{"message that had to wait", true, func(t *testing.T, a *attempt, ctx context.Context) {
			occupy(a, true)
			a.do(ctx, "test.Note")
			close(a.release)
		}, core.Received, 0, nil},
		{"message cut before it was sent", true, func(t *testing.T, a *attempt, ctx context.Context) {
			occupy(a, true)
			a.do(ctx, "test.Note")
			a.p.cc.Cut()
		}, core.Failed, twinwire.Unavailable, []core.Stage{core.Unsent, core.Sending}},
		{"message after the end", true, func(t *testing.T, a *attempt, ctx context.Context) {
			_ = a.p.client.Close()
			a.do(ctx, "test.Note")
		}, core.Failed, twinwire.Unavailable, []core.Stage{core.Unsent}},
		{"message cut on its way", true, func(t *testing.T, a *attempt, ctx context.Context) {
			a.p.cc.Stall(mem.AllLanes)
			a.do(ctx, "test.Note")
			a.p.cc.Cut()
		}, core.OutcomeUnknown, twinwire.OutcomeUnknown, []core.Stage{core.Unsent, core.Sending, core.Sent}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			run(t, func(t *testing.T, o *mem.Options) {
				a := &attempt{release: make(chan struct{})}
				a.p = connect(t, o, statusServer(a.release), &core.Config{Limits: &core.Limits{QueuedCalls: 1}})
				a.do = func(ctx context.Context, method string) {
					go func() {
						if test.oneWay {
							_ = a.p.client.Send(ctx, method, str("x"))
						} else {
							_ = a.p.client.Call(ctx, method, str("x"), nil)
						}
					}()
					synctest.Wait()
				}
				defer func() {
					select {
					case <-a.release:
					default:
						close(a.release)
					}
				}()
				// Lanes of their own are open before anything is stalled.
				if err := a.p.client.Call(t.Context(), "test.Note", nil, nil); err != nil {
					t.Fatal(err)
				}
				var st core.Status
				stages := watch(&st)
				test.do(t, a, core.WithStatus(t.Context(), &st))
				got, err := st.Wait(t.Context(), core.OutcomeUnknown)
				if got != test.want || err != nil || st.Now() != got || !st.Final() {
					t.Fatalf("ended as %v (%v), now %v; want %v", got, err, st.Now(), test.want)
				}
				select {
				case <-st.Done():
				default:
					t.Error("Done is not closed")
				}
				if test.code == 0 && st.Err() != nil || test.code != 0 && !errors.Is(st.Err(), test.code) {
					t.Errorf("error is %v, want %v", st.Err(), test.code)
				}
				all := must(t, stages)
				if !slices.IsSorted(all) || all[len(all)-1] != got {
					t.Errorf("went through %v", all)
				}
				if test.passed != nil && !contains(all[:len(all)-1], test.passed) {
					t.Errorf("went through %v, want %v and the end", all, test.passed)
				}
				// It stays what it is, whatever happens to the session.
				_ = a.p.client.Close()
				if st.Now() != got {
					t.Errorf("%v became %v", got, st.Now())
				}
			})
		})
	}
}

// contains reports whether got has no stage that is not wanted, and the last
// one: a stage that lasts for no time may be left out.
func contains(got, want []core.Stage) bool {
	for _, s := range got {
		if !slices.Contains(want, s) {
			return false
		}
	}
	return len(got) > 0 && got[len(got)-1] == want[len(want)-1]
}

// Wait returns at the stage that is asked for, and when its context is done.
func TestStatusWait(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		release := make(chan struct{})
		p := connect(t, o, statusServer(release), &core.Config{})
		var st core.Status
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if stage, err := st.Wait(ctx, core.Sent); stage != core.Unsent || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("nothing was sent: %v, %v", stage, err)
		}
		done := async(core.WithStatus(t.Context(), &st), p.client, "test.Wait")
		within(t, 25*time.Millisecond, func() { // the pace of acknowledgements, clause 4.2
			if stage, err := st.Wait(t.Context(), core.Received); stage != core.Received || err != nil {
				t.Errorf("the handler runs: %v, %v", stage, err)
			}
		})
		select {
		case <-st.Done():
			t.Error("done before its end")
		default:
		}
		close(release)
		<-st.Done()
		if err := must(t, done); err != nil || st.Now() != core.Answered {
			t.Errorf("%v, %v", st.Now(), err)
		}
		for stage := range st.Changes(t.Context()) {
			if stage != core.Answered {
				t.Errorf("a change to %v after the end", stage)
			}
		}
	})
}

// A status is that of one call; the next is told so, and not run.
func TestStatusOnce(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{})
		var st core.Status
		ctx := core.WithStatus(t.Context(), &st)
		if _, err := call(ctx, p.client, "test.Echo", ""); err != nil {
			t.Error(err)
		}
		_, err := call(ctx, p.client, "test.None", "")
		wantCode(t, err, twinwire.FailedPrecondition)
		if st.Now() != core.Answered {
			t.Errorf("became %v", st.Now())
		}
	})
}

// What an interceptor answers by itself has a status too; what it lets through
// has that of the call.
func TestStatusIntercepted(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		cfg, _ := serving(map[string]core.Handler{"test.Echo": echo})
		p := connect(t, o, cfg, &core.Config{CallInterceptors: []core.CallInterceptor{
			func(ctx context.Context, out *core.Outgoing, next core.Invoker) error {
				switch out.Method {
				case "cached":
					return nil
				case "forbidden":
					return twinwire.PermissionDenied
				}
				return next(ctx, out)
			},
		}})
		for method, want := range map[string]core.Stage{
			"cached": core.Answered, "forbidden": core.Failed, "test.Echo": core.Answered, "test.None": core.Rejected,
		} {
			var st core.Status
			_, _ = call(core.WithStatus(t.Context(), &st), p.client, method, "")
			if st.Now() != want {
				t.Errorf("%s: %v, want %v", method, st.Now(), want)
			}
		}
		var st core.Status
		if err := p.client.Send(core.WithStatus(t.Context(), &st), "cached", nil); err != nil || st.Now() != core.Received {
			t.Errorf("message: %v, %v", st.Now(), err)
		}
	})
}

func TestStageString(t *testing.T) {
	var got []string
	for s := core.Unsent; s <= core.OutcomeUnknown+1; s++ {
		got = append(got, s.String())
	}
	want := []string{"unsent", "sending", "sent", "received", "answered", "acknowledged", "rejected", "failed", "outcome unknown", "unknown stage"}
	if !slices.Equal(got, want) {
		t.Errorf("%q", got)
	}
}

// A call with streams has a status as any other, also when it is given up.
func TestStatusOfStreams(t *testing.T) {
	run(t, func(t *testing.T, o *mem.Options) {
		release := make(chan struct{})
		p := connect(t, o, statusServer(release), &core.Config{})
		begin := func(method string, st *core.Status) *core.Exchange {
			t.Helper()
			x, err := p.client.Begin(core.WithStatus(t.Context(), st), method, str("x"))
			if err != nil {
				t.Fatal(err)
			}
			return x
		}
		var answered, failed, canceled, refused core.Status
		x := begin("test.Wait", &answered)
		if stage, err := answered.Wait(t.Context(), core.Received); stage != core.Received || err != nil {
			t.Errorf("%v, %v", stage, err)
		}
		begin("test.Echo", &failed).Cancel() // behind the window
		if failed.Now() != core.Failed || !errors.Is(failed.Err(), twinwire.Canceled) {
			t.Errorf("%v: %v", failed.Now(), failed.Err())
		}
		close(release)
		if err := x.Result(nil); err != nil || answered.Now() != core.Answered {
			t.Errorf("%v, %v", answered.Now(), err)
		}
		x = begin("test.Block", &canceled)
		synctest.Wait()
		x.Cancel()
		if stage, _ := canceled.Wait(t.Context(), core.Answered); stage != core.Rejected || !errors.Is(canceled.Err(), twinwire.Canceled) {
			t.Errorf("%v: %v", stage, canceled.Err())
		}
		if _, err := p.client.Begin(core.WithStatus(t.Context(), &refused), "no name", nil); err == nil || refused.Now() != core.Failed {
			t.Errorf("%v, %v", refused.Now(), err)
		}
	})
}
