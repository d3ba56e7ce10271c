// SPDX-License-Identifier: Apache-2.0

package track

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"sesame/internal/core/event"
)

// fixture is one case of testdata/verdicts.json. Times are in seconds: after delivery,
// and of the clicks near this one from it on, each with its link.
type fixture struct {
	Name      string
	Kind      event.Kind
	Method    string
	Prefetch  bool
	Agent, IP string
	After     *float64
	Index     int
	Near      [][2]float64
	Verdict   event.Verdict
	Reason    string
}

func TestVerdicts(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/verdicts.json")
	if err != nil {
		t.Fatal(err)
	}
	var all []fixture
	if err := json.Unmarshal(text, &all); err != nil {
		t.Fatal(err)
	}
	j, err := NewJudge()
	if err != nil {
		t.Fatal(err)
	}
	delivered := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	seconds := func(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
	for _, f := range all {
		t.Run(f.Name, func(t *testing.T) {
			t.Parallel()
			h := Hit{Kind: f.Kind, Method: "GET", Prefetch: f.Prefetch, UserAgent: f.Agent, IP: f.IP, Index: f.Index, At: delivered}
			if f.Method != "" {
				h.Method = f.Method
			}
			known := time.Time{}
			if f.After != nil {
				known = delivered
				h.At = delivered.Add(seconds(*f.After))
			}
			near := []step{{h.At, h.Index}}
			for _, n := range f.Near {
				near = append(near, step{h.At.Add(seconds(n[0])), int(n[1])})
			}
			if v, reason := j.verdict(h, known, near); v != f.Verdict || reason != f.Reason {
				t.Errorf("%s, %q; want %s, %q", v, reason, f.Verdict, f.Reason)
			}
		})
	}
}

// TestEveryListedAgentAndNetworkIsJudged: the lists have no line that means nothing.
func TestEveryListedAgentAndNetworkIsJudged(t *testing.T) {
	t.Parallel()
	j, err := NewJudge()
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range j.agents {
		if a.verdict != event.Proxied && a.verdict != event.Automated || len(a.text) < 4 {
			t.Errorf("%+v", a)
		}
	}
	for _, n := range j.networks {
		if n.verdict != event.Proxied && n.verdict != event.Automated || n.owner == "" || n.prefix != n.prefix.Masked() {
			t.Errorf("%+v", n)
		}
	}
	if len(j.agents) < 20 || len(j.networks) < 5 {
		t.Errorf("%d agents, %d networks", len(j.agents), len(j.networks))
	}
}
