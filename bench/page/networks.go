package page

import (
	"github.com/twinwire/twinwire/bench/report"
	"github.com/twinwire/twinwire/bench/scenario"
)

// networkCharts are those of a run across networks.
func networkCharts() []chart {
	messages := func(loss float64) string { return report.BesideMessages + scenario.Lossy(loss).String() }
	return []chart{
		{Plot{
			Name:    "network-calls",
			Title:   "Calls beside a transfer: p99 by loss",
			Caption: "One call in flight beside one transfer to the server, by the part of the packets that is lost. Less is better.",
		}, lossLines{report.BesideTransfer, report.NetP99, milliseconds}.draw},
		{Plot{
			Name:    "network-transfer",
			Title:   "The transfer beside them, Mbit/s by loss",
			Caption: "What arrives of the transfer. More is better.",
		}, lossLines{report.BesideTransfer, report.NetRate, megabits}.draw},
		{Plot{
			Name:    "network-events",
			Title:   "Events on 50 topics: p99 by loss",
			Caption: "500 events a second to one subscriber, from when each was due to its arrival. floor-tls-cubic is one TLS stream with the same frames. Less is better.",
		}, lossLines{report.OnTopics, report.NetP99, milliseconds}.draw},
		{Plot{
			Name:    "network-messages",
			Title:   "Calls beside large messages: p99, ms",
			Caption: "50 calls a second beside five messages of 64 KiB a second, over 100 Mbit/s and 40 ms. Less is better.",
		}, bars{
			{title: "no loss", workload: messages(0), metrics: one(report.NetP99)},
			{title: "1 % lost", workload: messages(0.01), metrics: one(report.NetP99)},
			{title: "2 % lost", workload: messages(0.02), metrics: one(report.NetP99)},
			{title: "5 % lost", workload: messages(0.05), metrics: one(report.NetP99)},
		}.draw},
		{Plot{
			Name:    "network-bulk",
			Title:   "A transfer and nothing else, Mbit/s",
			Caption: "100 Mbit/s and 40 ms with 1 % of the packets lost. More is better.",
		}, bars{
			{title: "1 % lost", workload: report.Bulk + scenario.Lossy(0.01).String(), metrics: one(report.NetRate), digits: 1},
		}.draw},
		{Plot{
			Name:    "network-slow",
			Title:   "Calls beside two streams at 10 Mbit/s: p99, ms",
			Caption: "50 ms there and back, a queue of one bandwidth-delay product. Less is better.",
		}, bars{
			{title: "streams to the server", workload: report.SlowUp, metrics: one(report.NetP99)},
			{title: "streams from the server", workload: report.SlowDown, metrics: one(report.NetP99)},
		}.draw},
		{Plot{
			Name:    "network-cut",
			Title:   "After a cut: from the link's return to the first answer, ms",
			Caption: "50 calls and 500 events a second, over 100 Mbit/s and 40 ms; nothing is lost. Less is better.",
		}, bars{
			{title: "3 s dark", workload: report.ShortCut, metrics: one(report.CutBack)},
			{title: "12 s dark", workload: report.LongCut, metrics: one(report.CutBack)},
		}.draw},
		{Plot{
			Name:    "network-move",
			Title:   "A network swallows UDP, and gives it back, ms",
			Caption: "50 calls a second over 100 Mbit/s and 40 ms; all are answered. Less is better.",
		}, bars{
			{title: "to WebSocket, longest call", workload: report.Move, metrics: one(report.MoveLongest)},
			{title: "until it is on QUIC again", workload: report.Move, metrics: one(report.MoveBack)},
			{title: "longest call meanwhile", workload: report.Move, metrics: one(report.MoveBackMost)},
		}.draw},
	}
}
