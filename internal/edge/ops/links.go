// SPDX-License-Identifier: Apache-2.0

package ops

import "github.com/prometheus/client_golang/prometheus"

// Links counts what comes of the links of mail that people and programs follow. It is safe
// for concurrent use.
type Links struct{ requests *prometheus.CounterVec }

// NewLinks returns counters at zero.
func NewLinks() *Links {
	return &Links{prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "sesame_link_requests_total", Help: "Requests for the links of mail, by where they lead and what came of them.",
	}, []string{"to", "result"})}
}

// Counter returns what counts the requests for one kind of links, of which these are the
// results.
func (l *Links) Counter(to string, results ...string) func(result string) {
	for _, r := range results { // so that a rate can be taken of the first, too
		l.requests.WithLabelValues(to, r)
	}
	return func(result string) { l.requests.WithLabelValues(to, result).Inc() }
}

// Collectors are for Sources.Extra.
func (l *Links) Collectors() []prometheus.Collector { return []prometheus.Collector{l.requests} }
