package page

import (
	"fmt"

	"github.com/twinwire/twinwire/bench/report"
)

// A Plot is one picture of the page.
type Plot struct {
	Name    string // of its file, without .svg
	Title   string
	Caption string
	SVG     string
}

// A chart is how a plot is drawn.
type chart struct {
	plot Plot
	draw func(*report.Report, string) string
}

// Plots draws what was measured. A picture without figures is left out.
func Plots(r *report.Report) []Plot {
	charts := loopbackCharts(r.Settings)
	if r.Settings.Networks {
		charts = networkCharts()
	}
	var all []Plot
	for _, c := range charts {
		if c.plot.SVG = c.draw(r, c.plot.Title); c.plot.SVG != "" {
			all = append(all, c.plot)
		}
	}
	return all
}

func loopbackCharts(s report.Settings) []chart {
	return []chart{
		{Plot{
			Name:    "calls",
			Title:   "Calls a second",
			Caption: "Closed loop, payloads of 32 bytes there and back. More is better.",
		}, bars{
			{title: "64 in flight", workload: report.SomeInFlight, metrics: one(report.CallRate)},
			{title: "1,024 in flight", workload: report.ManyInFlight, metrics: one(report.CallRate)},
			{title: "100 connections x 16", workload: report.ManyConns, metrics: one(report.CallRate)},
		}.draw},
		{Plot{
			Name:    "latency",
			Title:   "One call in flight, µs",
			Caption: "Much of each time is that of waking a sleeping CPU, twice. Less is better.",
		}, bars{
			{title: "p50", workload: report.OneInFlight, metrics: one(report.CallP50), digits: 0},
			{title: "p99", workload: report.OneInFlight, metrics: one(report.CallP99), digits: 0},
		}.draw},
		{Plot{
			Name:  "schedule",
			Title: "Latency of calls on a fixed schedule",
			Caption: "Open loop: a call's time counts from when it was due, so nothing is left out while a peer is stuck. " +
				"Dashed: it does not keep up with the schedule.",
		}, lines{
			{title: "5,000 calls/s", workload: report.PacedSlow},
			{title: "20,000 calls/s", workload: report.PacedMedium},
			{title: "100,000 calls/s", workload: report.PacedFast},
		}.draw},
		{Plot{
			Name:  "cpu",
			Title: "CPU time of a call, µs",
			Caption: "User and system time of the server (full) and of the client (pale): as many seconds for a million calls. " +
				"Less is better.",
		}, bars{
			{title: "64 in flight", workload: report.SomeInFlight, metrics: both(report.CallCPU, report.CallClientCPU), digits: 1},
			{title: "1,024 in flight", workload: report.ManyInFlight, metrics: both(report.CallCPU, report.CallClientCPU), digits: 1},
		}.draw},
		{Plot{
			Name:    "allocations",
			Title:   "Allocations of a call",
			Caption: "Heap objects of the server (full) and of the client (pale). Less is better.",
		}, bars{
			{title: "64 in flight", workload: report.SomeInFlight, metrics: both(report.CallAllocs, report.CallClientAllocs), digits: 1},
			{title: "1,024 in flight", workload: report.ManyInFlight, metrics: both(report.CallAllocs, report.CallClientAllocs), digits: 1},
		}.draw},
		{Plot{
			Name:  "fan-out",
			Title: "Fan-out of events",
			Caption: fmt.Sprintf("One publisher. The latency is at %s deliveries a second to %s subscribers, from when each event was due.",
				report.Number(float64(s.EventRate), 0), report.Number(float64(s.Subscribers), 0)),
		}, bars{
			{title: report.Number(float64(s.Subscribers), 0) + " subscribers, deliveries/s", workload: report.FanOut, metrics: one(report.EventRate)},
			{title: report.Number(float64(s.ManySubscribers), 0) + " subscribers, deliveries/s", workload: report.FanOutMany, metrics: one(report.EventRate)},
			{title: "p99, ms", workload: report.FanOut, metrics: one(report.EventP99), digits: 1},
		}.draw},
		{Plot{
			Name:    "payloads",
			Title:   "Payloads of 1 MiB, MiB/s",
			Caption: "Echoed: as much goes back. More is better.",
		}, bars{
			{title: "one in flight", workload: report.OnePayload, metrics: one(report.PayloadRate)},
			{title: "4 in flight", workload: report.FourPayloads, metrics: one(report.PayloadRate)},
		}.draw},
		{Plot{
			Name:    "values",
			Title:   "What is not answered one by one",
			Caption: "64 bytes each, counted where they are handled. More is better.",
		}, bars{
			{title: "values of a stream a second", workload: report.ValueStream, metrics: one(report.ValueRate)},
			{title: "one-way messages a second", workload: report.Messages, metrics: one(report.MessageRate)},
		}.draw},
		{Plot{
			Name:    "sessions",
			Title:   "Sessions",
			Caption: fmt.Sprintf("The server's resident memory of each of %s idle sessions, and how many begin a second.", report.Number(float64(s.IdleSessions), 0)),
		}, bars{
			{title: "KiB of an idle session", workload: report.Idle, metrics: one(report.IdleResident), digits: 1},
			{title: "connects a second", workload: report.Idle, metrics: one(report.IdleConnectRate)},
		}.draw},
	}
}

func one(m report.Metric) []report.Metric { return []report.Metric{m} }

func both(server, client report.Metric) []report.Metric { return []report.Metric{server, client} }
