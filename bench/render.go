// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"
)

// group is all runs of one scenario.
type group struct {
	scenario
	runs []result // those that are summarised
	all  int
}

// grouped collects results by scenario in the order of their first run. Disturbed
// and failed runs are left out of the summary; when only disturbed ones exist they
// are better than nothing, and kept() shows it.
func grouped(results []result) []group {
	var groups []group
	index := map[string]int{}
	for _, r := range results {
		i, ok := index[r.name()]
		if !ok {
			i = len(groups)
			index[r.name()] = i
			groups = append(groups, group{scenario: r.scenario})
		}
		groups[i].all++
		if r.ok() {
			groups[i].runs = append(groups[i].runs, r)
		}
	}
	for i := range groups {
		if len(groups[i].runs) > 0 {
			continue
		}
		for _, r := range results {
			if r.name() == groups[i].name() && r.Error == "" {
				groups[i].runs = append(groups[i].runs, r)
			}
		}
	}
	return groups
}

// kept tells how many runs count out of all; an asterisk says that all were disturbed.
func (g group) kept() string {
	if len(g.runs) > 0 && !g.runs[0].ok() {
		return fmt.Sprintf("0/%d*", g.all)
	}
	return fmt.Sprintf("%d/%d", len(g.runs), g.all)
}

// of summarises one quantity over the runs.
func (g group) of(quantity func(result) float64) spread {
	values := make([]float64, len(g.runs))
	for i, r := range g.runs {
		values[i] = quantity(r)
	}
	return spreadOf(values)
}

// Quantities of a run.
func accepted(r result) float64       { return r.Accepted }
func endToEnd(r result) float64       { return r.EndToEnd }
func cpuPerMail(r result) float64     { return r.perMessage(r.Usage.System) }
func harnessPerMail(r result) float64 { return r.perMessage(r.Usage.Sink + r.Usage.Loader) }
func peakMB(r result) float64         { return float64(r.Usage.PeakPSS) / 1e6 }
func median50(r result) float64       { return r.P50.Seconds() * 1000 }
func median99(r result) float64       { return r.P99.Seconds() * 1000 }

// format writes a spread with its range when there is one.
func (s spread) format(decimals int) string {
	switch s.n {
	case 0:
		return "failed"
	case 1:
		return fmt.Sprintf("%.*f", decimals, s.median)
	}
	return fmt.Sprintf("**%.*f** (%.*f–%.*f)", decimals, s.median, decimals, s.low, decimals, s.high)
}

// render writes everything that was measured as Markdown.
func render(m machine, results []result) string {
	var b strings.Builder
	groups := grouped(results)
	renderMachine(&b, m, results)
	renderBars(&b, groups)
	renderRelay(&b, groups)
	renderAPI(&b, groups)
	renderNotes(&b, results)
	return b.String()
}

func renderMachine(b *strings.Builder, m machine, results []result) {
	var speed []float64
	for _, r := range results {
		speed = append(speed, r.Calibrate.Seconds()*1000)
	}
	s := spreadOf(speed)
	fmt.Fprintf(b, "Measured on %s with `%s` (%d rounds).\n\n", m.Date.Format("2 January 2006"), m.Command, m.Rounds)
	fmt.Fprintf(b, "- Machine: %d × %s, %.0f GiB of memory, %s, Linux %s, queues on %s.\n",
		m.CPUs, m.CPU, float64(m.Memory)/(1<<30), m.System, m.Kernel, m.Disk)
	fmt.Fprintf(b, "- Latency of a 4 KiB append with fsync there: p50 %.2f ms, p99 %.2f ms.\n",
		spreadOf(m.SyncP50).median, spreadOf(m.SyncP99).median)
	fmt.Fprintf(b, "- Evenness of the machine: a fixed piece of work on all processors before each run took %.0f ms (%.0f–%.0f).\n",
		s.median, s.low, s.high)
	fmt.Fprintf(b, "- Programs: %s.\n\n", strings.Join(m.Versions, ", "))
}

// has tells whether any of the groups satisfies a condition.
func has(groups []group, condition func(group) bool) bool {
	return slices.ContainsFunc(groups, condition)
}

func renderBars(b *strings.Builder, groups []group) {
	if !has(groups, func(g group) bool { return g.System == sesame }) {
		return
	}
	b.WriteString("### The bars\n\n| At 4 KiB and 20 sessions | wanted | measured | |\n|---|---|---|---|\n")
	for _, x := range bars(groups) {
		fmt.Fprintf(b, "| %s | %s | %s | %s |\n", x.what, x.wanted, x.measured, x.verdict)
	}
	b.WriteString("\n")
}

func renderRelay(b *strings.Builder, groups []group) {
	if !has(groups, func(g group) bool { return g.Kind == kindRelay }) {
		return
	}
	b.WriteString("### Signing relay: SMTP in, queue on disk, DKIM, SMTP out\n\n")
	b.WriteString("| body | sessions | system | runs | end-to-end msg/s | accepted msg/s | CPU ms/msg | peak memory MB | loader + sink CPU ms/msg |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|\n")
	for _, g := range groups {
		if g.Kind == kindRelay {
			fmt.Fprintf(b, "| %d KiB | %d | %s | %s | %s | %s | %s | %s | %.2f |\n", g.Size>>10, g.Sessions, g.System, g.kept(),
				g.of(endToEnd).format(0), g.of(accepted).format(0), g.of(cpuPerMail).format(2), g.of(peakMB).format(0),
				g.of(harnessPerMail).median)
		}
	}
	b.WriteString("\n")
}

func renderAPI(b *strings.Builder, groups []group) {
	if !has(groups, func(g group) bool { return g.Kind != kindRelay }) {
		return
	}
	b.WriteString("### API: SES v2 SendEmail over HTTP, 4 KiB of HTML and text, 20 connections\n\n")
	b.WriteString("| system | measured | runs | accepted/s | end-to-end/s | CPU ms/msg | p50 ms | p99 ms | peak memory MB | client (+ sink) CPU ms/msg |\n")
	b.WriteString("|---|---|---|---|---|---|---|---|---|---|\n")
	for _, g := range groups {
		what, through := "accepting, delivery held", "–"
		switch {
		case g.Kind == kindRelay:
			continue
		case g.Kind == kindAPI:
			what, through = "accepting, signing and delivering", g.of(endToEnd).format(0)
		case g.System == standIn:
			what = "keeping in memory"
		}
		fmt.Fprintf(b, "| %s | %s | %s | %s | %s | %s | %.1f | %.1f | %s | %.2f |\n", g.System, what, g.kept(), g.of(accepted).format(0),
			through, g.of(cpuPerMail).format(2), g.of(median50).median, g.of(median99).median, g.of(peakMB).format(0),
			g.of(harnessPerMail).median)
	}
	b.WriteString("\n")
}

// renderNotes lists what went wrong, so that no run disappears silently.
func renderNotes(b *strings.Builder, results []result) {
	for _, r := range results {
		name := fmt.Sprintf("%s, round %d (%s)", r.name(), r.Round, r.At.UTC().Format(time.TimeOnly))
		switch {
		case r.Error != "":
			fmt.Fprintf(b, "- Failed: %s: %s\n", name, strings.SplitN(r.Error, "\n", 2)[0])
		case r.Usage.disturbed():
			fmt.Fprintf(b, "- Disturbed: %s: other processes %.0f %% of the machine, host %.0f %%\n", name, 100*r.Usage.Others, 100*r.Usage.Steal)
		}
		if r.Extra > 0 {
			fmt.Fprintf(b, "- Second copies: %s: %d\n", name, r.Extra)
		}
	}
}

const (
	beginMarker = "<!-- measured: begin (written by go run ./bench) -->"
	endMarker   = "<!-- measured: end -->"
)

// writeBetweenMarkers replaces what stands between the markers of a page, which
// must exist.
func writeBetweenMarkers(path, text string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	head, rest, ok := strings.Cut(string(b), beginMarker)
	_, end, ok2 := strings.Cut(rest, endMarker)
	if !ok || !ok2 {
		return errors.New(path + " lacks the markers to write between")
	}
	text = head + beginMarker + "\n\n" + strings.TrimSpace(text) + "\n\n" + endMarker + end
	return os.WriteFile(path, []byte(text), 0o644)
}
