package core

import (
	"context"
	"errors"
	"strconv"
	"sync/atomic"

	"github.com/twinwire/twinwire"
	"github.com/twinwire/twinwire/codec"
	"github.com/twinwire/twinwire/frame"
)

// A Service is a set of methods that one end of a session serves to the other,
// with one value, the instance, for each session. Generated code makes one
// from a Go interface; by hand it is a table of functions.
type Service struct {
	// Name is what the methods' names begin with; it is for people and logs.
	Name string
	// Open makes the instance for a session. It is called when the session has
	// begun, in a goroutine of its own, and before any of the session's calls
	// is served; it may call the peer. An error refuses the session: the peer
	// sees its code and text. Nil means that methods get a nil instance.
	Open func(s *Session) (instance any, err error)
	// Close is called after the session has ended and its handlers have
	// returned, with why it ended. It may be nil.
	Close func(instance any, cause error)
	// Methods are the handlers by full name (clause 6.2), such as
	// "counter.Increment".
	Methods map[string]Method
	// Fallback serves the names that no service has; Request.Name says which it
	// is. One service at most may have one. Without it such a call is answered
	// with NotImplemented.
	Fallback Method
	// Failed turns the error with which a call or message of this service ended
	// into the one that its caller gets, or its log; nil acknowledges it after
	// all. It is told of panics, as *PanicError, and of results that cannot be
	// encoded, and is called when the interceptors have returned. A nil Failed
	// leaves errors as they are.
	Failed func(ctx context.Context, instance any, r *Request, err error) error
}

// A Method serves the calls or the messages of one name with the instance of
// the session. See Handler.
type Method func(ctx context.Context, instance any, r *Request) (codec.Marshaler, error)

// A Handler serves one call or message. What it returns is the answer; a nil
// result with a nil error is a bare acknowledgement. An error reaches the
// caller with its code and text if it has a twinwire.Code, and as Internal
// without any text if not. A message has no answer: its result is ignored, its
// error logged. A panic is answered with Internal, and logged.
//
// Handlers of calls run beside each other; messages of one session are handled
// one after another. ctx ends when the caller gives up, when its deadline has
// passed, when the session ends, and when the handler has returned.
type Handler func(ctx context.Context, r *Request) (codec.Marshaler, error)

// An Interceptor stands around every call and message of the peer, those of
// unknown names too. It calls next once, or not at all to answer by itself;
// what stands before next is done before the handler, and what stands behind
// it, after.
type Interceptor func(ctx context.Context, r *Request, next Handler) (codec.Marshaler, error)

// A Mux finds the handler of a method. It is made once and serves any number
// of sessions.
type Mux struct {
	services []*Service
	targets  map[string]*target
	fallback *target // of names that are not in targets; nil for none
	lookout  lookout
}

// A target is one method, with the interceptors around it.
type target struct {
	service int
	method  Method
	handle  Handler
	streak  atomic.Int32 // how often in a row it was short; negative after a long run
	mean    atomic.Int64 // how long it takes, in nanoseconds; a long run counts as a short one
	replies size
}

// bad is the error of a service that NewMux does not take.
func (svc *Service) bad(why string) error {
	return errors.New("core: service " + svc.Name + ": " + why)
}

// NewMux returns the mux of some services. It fails if a name is malformed or
// there twice, or a fallback is.
func NewMux(services []*Service, interceptors []Interceptor) (*Mux, error) {
	m := &Mux{services: services, targets: make(map[string]*target)}
	for i, svc := range services {
		for name, method := range svc.Methods {
			switch {
			case !frame.ValidMethod(name):
				return nil, svc.bad(strconv.Quote(name) + " cannot be the name of a method")
			case m.targets[name] != nil:
				return nil, svc.bad("method " + name + " is there twice")
			case method == nil:
				return nil, svc.bad("method " + name + " is nil")
			}
			m.targets[name] = newTarget(i, method, interceptors)
		}
		if svc.Fallback != nil {
			if m.fallback != nil {
				return nil, svc.bad("there is another fallback")
			}
			m.fallback = newTarget(i, svc.Fallback, interceptors)
		}
	}
	if m.fallback == nil && len(interceptors) > 0 {
		m.fallback = &target{service: none, handle: chain(interceptors, noMethod)}
	}
	return m, nil
}

// none is the service of names that nobody serves.
const none = -1

func newTarget(service int, method Method, interceptors []Interceptor) *target {
	t := &target{service: service, method: method}
	t.handle = chain(interceptors, func(ctx context.Context, r *Request) (codec.Marshaler, error) {
		return t.method(ctx, r.session.instances[t.service], r)
	})
	return t
}

// noMethod answers the names that nobody serves.
func noMethod(_ context.Context, r *Request) (codec.Marshaler, error) {
	return nil, twinwire.NewError(twinwire.NotImplemented, "no method "+r.method)
}

func chain(interceptors []Interceptor, last Handler) Handler {
	for i := len(interceptors) - 1; i >= 0; i-- {
		f, next := interceptors[i], last
		last = func(ctx context.Context, r *Request) (codec.Marshaler, error) { return f(ctx, r, next) }
	}
	return last
}

// resolve is the machine's: it returns a *target, or nil.
func (m *Mux) resolve(method string) any {
	if t := m.targets[method]; t != nil {
		return t
	}
	if m.fallback != nil {
		return m.fallback
	}
	return nil
}

// open makes the instances of a session. What was opened before a failure is
// closed by the session's end.
func (s *Session) open() error {
	for _, svc := range s.mux.services {
		var instance any
		if svc.Open != nil {
			var err error
			s.guardApart("open of service "+svc.Name, func() {
				err = twinwire.Internal // what a panic or runtime.Goexit leaves behind
				instance, err = svc.Open(s)
			})
			if err != nil {
				return err
			}
		}
		s.instances = append(s.instances, instance)
	}
	return nil
}

// closeInstances tells the services that the session has ended. The one that
// serves has returned from open before.
func (s *Session) closeInstances(cause error) {
	for i := len(s.instances) - 1; i >= 0; i-- {
		if f := s.mux.services[i].Close; f != nil {
			s.guardApart("close of service "+s.mux.services[i].Name, func() { f(s.instances[i], cause) })
		}
	}
}
