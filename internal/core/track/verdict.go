// SPDX-License-Identifier: Apache-2.0

package track

import (
	_ "embed"
	"fmt"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"sesame/internal/core/event"
)

//go:embed agents.txt
var agentsText string

//go:embed networks.txt
var networksText string

// Times that tell programs from people.
const (
	soonOpen  = 2 * time.Second // after delivery: nobody opens a message so soon
	soonClick = 5 * time.Second // or follows a link

	burst       = time.Second // in it nobody follows two links
	inOrder     = 4           // links one after the other as they stand in the message
	orderWithin = 10 * time.Second
)

// Judge tells people from programs. It is safe for concurrent use.
type Judge struct {
	agents   []agent
	networks []network
}

type agent struct {
	verdict event.Verdict
	text    string // in lower case
	whole   bool
}

type network struct {
	verdict event.Verdict
	prefix  netip.Prefix
	owner   string
}

// NewJudge returns a judge that knows the agents and networks of this package's lists.
func NewJudge() (*Judge, error) {
	j := &Judge{}
	for line := range lines(agentsText) {
		verdict, text, _ := strings.Cut(line, " ")
		text, whole := strings.CutPrefix(strings.ToLower(strings.TrimSpace(text)), "=")
		j.agents = append(j.agents, agent{event.Verdict(verdict), text, whole})
	}
	for line := range lines(networksText) {
		f := strings.Fields(line)
		if len(f) < 3 {
			return nil, fmt.Errorf("track: networks: %q", line)
		}
		prefix, err := netip.ParsePrefix(f[1])
		if err != nil {
			return nil, fmt.Errorf("track: networks: %w", err)
		}
		j.networks = append(j.networks, network{event.Verdict(f[0]), prefix, strings.Join(f[2:], " ")})
	}
	return j, nil
}

// lines are those of a list without comments.
func lines(text string) func(yield func(string) bool) {
	return func(yield func(string) bool) {
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" && line[0] != '#' && !yield(line) {
				return
			}
		}
	}
}

// step is a click on a message: when, and on which link.
type step struct {
	at    time.Time
	index int
}

// verdict judges a hit by what is known of it: when the message was delivered, zero if
// nobody knows, and which links of it were followed about then, itself included. The
// first rule that is met decides.
func (j *Judge) verdict(h Hit, delivered time.Time, near []step) (event.Verdict, string) {
	click := h.Kind == event.Click
	if h.Method != http.MethodGet {
		return event.Automated, "method: " + h.Method
	}
	if h.Prefetch {
		return event.Automated, "method: prefetch"
	}
	if v, reason := j.origin(h); v != "" {
		if click {
			v = event.Automated // who fetches pictures for people follows no links for them
		}
		return v, reason
	}
	soon := soonOpen
	if click {
		soon = soonClick
	}
	if after := h.At.Sub(delivered); !delivered.IsZero() && after < soon {
		return event.Automated, fmt.Sprintf("timing: %.1f s after delivery", max(after, 0).Seconds())
	}
	if click {
		if reason := pattern(h, near); reason != "" {
			return event.Automated, reason
		}
	}
	return event.Human, ""
}

// origin judges the agent and the network.
func (j *Judge) origin(h Hit) (event.Verdict, string) {
	text := strings.ToLower(h.UserAgent)
	if text == "" {
		return event.Automated, "agent: none"
	}
	for _, a := range j.agents {
		if text == a.text || !a.whole && strings.Contains(text, a.text) {
			return a.verdict, "agent: " + a.text
		}
	}
	addr, err := netip.ParseAddr(h.IP)
	if err != nil {
		return "", ""
	}
	for _, n := range j.networks {
		if n.prefix.Contains(addr.Unmap()) {
			return n.verdict, "network: " + n.owner
		}
	}
	return "", ""
}

// pattern looks for what people do not do with the links of a message.
func pattern(h Hit, near []step) string {
	run := map[int]bool{}
	for _, s := range near {
		gap := s.at.Sub(h.At).Abs()
		if s.index != h.Index && gap < burst {
			return "timing: several links within a second"
		}
		if gap < orderWithin {
			run[s.index] = true
		}
	}
	first, last := h.Index, h.Index
	for run[first-1] {
		first--
	}
	for run[last+1] {
		last++
	}
	if last-first+1 >= inOrder {
		return "order: links one after the other"
	}
	return ""
}
