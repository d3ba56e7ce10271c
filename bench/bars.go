// SPDX-License-Identifier: Apache-2.0

package main

import "fmt"

// bar is a figure that Sesame has to reach, and whether it does.
type bar struct {
	what, wanted, measured, verdict string
}

// The bars, and the task that they hold for.
const (
	barSize        = 4 << 10
	barSessions    = 20
	barTimesPeer   = 3.0 // end-to-end rate, times each peer's
	barCPU         = 1.4 // milliseconds of processor time a message
	barTimesMemory = 0.7 // accept rate over the API, times the in-memory stand-in's
)

// bars compares medians of the groups at that task.
func bars(groups []group) []bar {
	find := func(kind, system string) group {
		for _, g := range groups {
			if g.Kind == kind && g.System == system && g.Size == barSize && g.Sessions == barSessions {
				return g
			}
		}
		return group{}
	}
	relay := find(kindRelay, sesame)
	return []bar{
		ratio("relay, end-to-end rate against "+postfix, relay.of(endToEnd), find(kindRelay, postfix).of(endToEnd), barTimesPeer),
		ratio("relay, end-to-end rate against "+haraka, relay.of(endToEnd), find(kindRelay, haraka).of(endToEnd), barTimesPeer),
		atMost("relay, CPU time a message", relay.of(cpuPerMail), barCPU),
		ratio("API, accept rate against "+standIn, find(kindAccept, sesame).of(accepted), find(kindAccept, standIn).of(accepted), barTimesMemory),
	}
}

func ratio(what string, ours, theirs spread, want float64) bar {
	b := bar{what: what, wanted: fmt.Sprintf("≥ %.1f ×", want), measured: "not measured", verdict: "–"}
	if ours.n > 0 && theirs.median > 0 {
		got := ours.median / theirs.median
		b.measured, b.verdict = fmt.Sprintf("%.2f ×", got), verdict(got >= want)
	}
	return b
}

func atMost(what string, ours spread, want float64) bar {
	b := bar{what: what, wanted: fmt.Sprintf("≤ %.1f ms", want), measured: "not measured", verdict: "–"}
	if ours.n > 0 {
		b.measured, b.verdict = fmt.Sprintf("%.2f ms", ours.median), verdict(ours.median <= want)
	}
	return b
}

func verdict(met bool) string {
	if met {
		return "met"
	}
	return "**missed**"
}
