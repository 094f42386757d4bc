package suite

import (
	"fmt"
	"time"

	"github.com/twinwire/twinwire/bench/child"
	"github.com/twinwire/twinwire/bench/report"
)

const mib = 1 << 20

// transfer keeps streams under way while work runs, and stops whatever runs
// then.
func (m *measurement) transfer(r child.Request, work func() error) error {
	r.Do = child.Transfer
	if _, err := m.client.Do(r); err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	_, err := m.client.Do(child.Request{Do: child.Stop})
	return err
}

// streams sends one stream after another.
func (m *measurement) streams(size int) (report.Values, error) {
	if err := m.dialWith(child.Request{Conns: 1, Streams: true}); err != nil {
		return nil, err
	}
	var w window
	c, err := m.account(uploaded, func() error {
		return m.transfer(child.Request{Parallel: 1, Size: size}, func() (err error) {
			w, err = m.observe(m.settings.Warm, uploaded)
			return err
		})
	})
	return report.Values{
		report.StreamRate:      w.rate / mib,
		report.StreamCPU:       c.serverCPU * mib,
		report.StreamAllocs:    c.serverAllocs * mib,
		report.StreamClientCPU: c.clientCPU * mib,
	}, err
}

// loaded measures streams alone, and then with calls beside them.
func (m *measurement) loaded(size int, down bool) (report.Values, error) {
	if err := m.dialWith(child.Request{Conns: 1, Streams: true}); err != nil {
		return nil, err
	}
	bytes := uploaded
	if down {
		bytes = downloaded
	}
	var alone, both window
	err := m.transfer(child.Request{Parallel: loadedStreams, Size: size, Down: down}, func() (err error) {
		if alone, err = m.observe(m.settings.Warm, bytes); err != nil {
			return err
		}
		if _, err := m.client.Do(child.Request{Do: child.Call, PerConn: 1}); err != nil {
			return err
		}
		both, err = m.observe(m.settings.Warm, bytes, answered)
		return err
	})
	return report.Values{
		report.LoadedP50:        micro(both.latency.P50),
		report.LoadedP99:        micro(both.latency.P99),
		report.LoadedStreamRate: both.rate / mib,
		report.AloneStreamRate:  alone.rate / mib,
	}, err
}

// items sends values, or messages.
func (m *measurement) items(values bool) (report.Values, error) {
	if err := m.dialWith(child.Request{Conns: 1}); err != nil {
		return nil, err
	}
	var w window
	c, err := m.account(handled, func() error {
		if _, err := m.client.Do(child.Request{Do: child.Send, Values: values}); err != nil {
			return err
		}
		var err error
		if w, err = m.observe(m.settings.Warm, handled); err != nil {
			return err
		}
		if _, err = m.client.Do(child.Request{Do: child.Stop}); err != nil {
			return err
		}
		return m.settle()
	})
	rate := report.MessageRate
	if values {
		rate = report.ValueRate
	}
	return report.Values{
		rate:                    w.rate,
		report.ItemCPU:          c.serverCPU,
		report.ItemAllocs:       c.serverAllocs,
		report.ItemClientCPU:    c.clientCPU,
		report.ItemClientAllocs: c.clientAllocs,
	}, err
}

const (
	// settleTries is how often the server is asked whether it has handled
	// everything, and settlePause the time between.
	settleTries = 100
	settlePause = 20 * time.Millisecond
)

// settle waits until the server has handled what the client has sent.
func (m *measurement) settle() error {
	for range settleTries {
		both, err := m.marks()
		if err != nil {
			return err
		}
		sent, got := both.client.Items, both.server.Items
		if got == sent {
			return nil
		}
		if got > sent {
			return fmt.Errorf("%d were sent and %d handled", sent, got)
		}
		if err := m.wait(settlePause); err != nil {
			return err
		}
	}
	return fmt.Errorf("not everything that was sent was handled in order within %v", settleTries*settlePause)
}
