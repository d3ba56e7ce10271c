// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"regexp"
	"time"
)

// The systems, as the tables name them.
const (
	sesame  = "Sesame"
	postfix = "Postfix + OpenDKIM"
	haraka  = "Haraka + dkim"
	harakas = "Haraka + dkim, a process per processor"
	standIn = "aws-ses-v2-local"
)

// The kinds of case.
const (
	kindRelay  = "relay"  // SMTP in, SMTP out; ends with the last message at the sink
	kindAccept = "accept" // API in, nothing delivered; ends with the last answer
	kindAPI    = "api"    // API in, SMTP out; ends with the last message at the sink
)

// scenario is one row of a table: one system at one task.
type scenario struct {
	System   string
	Kind     string
	Size     int // octets of body
	Sessions int // connections kept open
	Count    int // messages measured
	WarmUp   int // messages sent before, not measured
	start    starter
}

// name identifies a scenario, for -only.
func (s scenario) name() string {
	return fmt.Sprintf("%s/%s/%dKiB/%d", s.Kind, s.System, s.Size>>10, s.Sessions)
}

// result is one run of a scenario.
type result struct {
	scenario
	Round     int
	At        time.Time
	Accepted  float64 // messages a second until the last was accepted
	EndToEnd  float64 // messages a second until the last was at the sink; 0 where nothing is delivered
	P50, P99  time.Duration
	Usage     usage
	Calibrate time.Duration
	Extra     int    // second copies at the sink
	Error     string // why the run failed; empty when it did not
}

// ok tells whether a run counts.
func (r result) ok() bool { return r.Error == "" && !r.Usage.disturbed() }

// perMessage spreads a time over the messages of the run, in milliseconds.
func (r result) perMessage(d time.Duration) float64 {
	return d.Seconds() * 1000 / float64(r.Count)
}

// plan lists all scenarios in the order of one round: systems that are compared run
// one after the other.
func plan(o options) []scenario {
	n, warm, calls, warmCalls := 5000, 500, 20000, 3000
	tasks := []scenario{{Size: 4 << 10, Sessions: 20}, {Size: 4 << 10, Sessions: 100}, {Size: 50 << 10, Sessions: 20}, {Size: 50 << 10, Sessions: 100}}
	if o.quick {
		n, warm, calls, warmCalls = 500, 100, 2000, 500
		tasks = tasks[:1]
	}
	cache, binary := o.path(nodeCache), o.sesame
	var all []scenario
	for _, t := range tasks {
		t.Kind, t.Count, t.WarmUp = kindRelay, n, warm
		all = append(all,
			t.by(sesame, startSesame(binary, false)),
			t.by(postfix, startPostfix),
			t.by(haraka, startHaraka(cache, false)))
		if t.Size == barSize && t.Sessions == barSessions {
			all = append(all, t.by(harakas, startHaraka(cache, true)))
		}
	}
	accept := scenario{Kind: kindAccept, Size: 4 << 10, Sessions: 20, Count: calls, WarmUp: warmCalls}
	through := scenario{Kind: kindAPI, Size: 4 << 10, Sessions: 20, Count: n, WarmUp: warm}
	all = append(all,
		accept.by(sesame, startSesame(binary, true)),
		accept.by(standIn, startStandIn(cache)),
		through.by(sesame, startSesame(binary, false)))
	return all
}

func (s scenario) by(system string, start starter) scenario {
	s.System, s.start = system, start
	return s
}

// choose keeps the scenarios whose name matches; a nil pattern keeps all.
func choose(all []scenario, only *regexp.Regexp) []scenario {
	var kept []scenario
	for _, s := range all {
		if only == nil || only.MatchString(s.name()) {
			kept = append(kept, s)
		}
	}
	return kept
}
