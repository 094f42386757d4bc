package suite

import (
	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/report"
)

// call keeps calls under way as the workload says.
func (m *measurement) call(w Workload) (window, cost, error) {
	if err := m.dialWith(child.Request{Conns: w.conns, Large: w.size > 0}); err != nil {
		return window{}, cost{}, err
	}
	var seen window
	c, err := m.account(answered, func() error {
		_, err := m.client.Do(child.Request{Do: child.Call, PerConn: w.perConn, Size: w.size, Rate: w.rate})
		if err != nil {
			return err
		}
		if seen, err = m.observe(m.settings.Warm, answered); err != nil {
			return err
		}
		_, err = m.client.Do(child.Request{Do: child.Stop})
		return err
	})
	return seen, c, err
}

func (m *measurement) calls(w Workload) (report.Values, error) {
	seen, c, err := m.call(w)
	if err != nil {
		return nil, err
	}
	values := report.Values{
		report.CallRate:         seen.rate,
		report.CallCPU:          c.serverCPU,
		report.CallAllocs:       c.serverAllocs,
		report.CallClientCPU:    c.clientCPU,
		report.CallClientAllocs: c.clientAllocs,
		report.CallBothCPU:      c.serverCPU + c.clientCPU,
	}
	// A peer may be so slow that no caller finished a call whose time is
	// taken.
	if seen.latency.Count > 0 {
		values[report.CallP50] = micro(seen.latency.P50)
		values[report.CallP99] = micro(seen.latency.P99)
	}
	return values, nil
}

// paced makes calls at a fixed rate. The CPU time is not reported: much of it
// is that of the schedule's timers.
func (m *measurement) paced(w Workload) (report.Values, error) {
	seen, _, err := m.call(w)
	l := seen.latency
	return report.Values{
		report.PacedKept: min(1, seen.rate/float64(w.rate)),
		report.PacedP50:  micro(l.P50),
		report.PacedP90:  micro(l.P90),
		report.PacedP99:  micro(l.P99),
		report.PacedP999: micro(l.P999),
		report.PacedMax:  micro(l.Max),
	}, err
}

// payloads makes calls whose payloads and answers are large.
func (m *measurement) payloads(w Workload) (report.Values, error) {
	seen, c, err := m.call(w)
	size := float64(w.size) / mib
	return report.Values{
		report.PayloadRate:      seen.rate * size,
		report.PayloadP50:       milli(seen.latency.P50),
		report.PayloadP99:       milli(seen.latency.P99),
		report.PayloadCPU:       c.serverCPU / size,
		report.PayloadClientCPU: c.clientCPU / size,
		report.PayloadAllocs:    c.serverAllocs / size,
	}, err
}
