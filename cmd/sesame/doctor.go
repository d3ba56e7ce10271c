// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"sesame/internal/adminclient"
	"sesame/internal/app"
	"sesame/internal/doctor"
)

// doctorCmd is `sesame doctor`.
type doctorCmd struct {
	place
	JSON     bool          `name:"json" help:"Print JSON."`
	Address  string        `help:"Address that mail leaves from as the world sees it (default: this machine's)."`
	Outbound string        `help:"Domain, or host:port, whose mail server is called to see whether outgoing port 25 is open; none calls nobody (default: the smart host for all mail, or gmail.com; none in dev)."`
	NTP      string        `name:"ntp" help:"Time server to compare the clock with; none asks nobody." default:"pool.ntp.org"`
	Deadline time.Duration `help:"Time for each check." default:"10s"`
}

// none switches a check off.
const none = "none"

// Run examines the installation. It fails if a check does.
func (c *doctorCmd) Run(out io.Writer) error {
	cfg, err := c.config()
	if err != nil {
		r := doctor.Result{Check: "configuration", Verdict: doctor.Fail, Seen: err.Error(), Do: "Correct the file: see docs/serve.md."}
		return c.print(out, []doctor.Result{r})
	}
	o, err := app.DoctorOptions(cfg)
	if err != nil {
		return err
	}
	if c.Address != "" {
		if o.Source, err = netip.ParseAddr(c.Address); err != nil {
			return fmt.Errorf("--address: %w", err)
		}
	}
	switch {
	case c.Outbound != "":
		o.Outbound = c.Outbound
	case o.Outbound == "" && !cfg.Dev:
		o.Outbound = "gmail.com"
	}
	if o.Outbound == none {
		o.Outbound = ""
	}
	if o.NTP = c.NTP; o.NTP == none {
		o.NTP = ""
	}
	o.Deadline = c.Deadline
	loaded := doctor.Result{Check: "configuration", Verdict: doctor.OK, Seen: "is in order"}
	return c.print(out, append([]doctor.Result{loaded}, doctor.Run(context.Background(), o)...))
}

func (c *doctorCmd) print(out io.Writer, results []doctor.Result) error {
	failed, width := 0, 0
	for _, r := range results {
		width = max(width, len(r.Check))
		if r.Verdict == doctor.Fail {
			failed++
		}
	}
	if c.JSON {
		if err := printJSON(out, results); err != nil {
			return err
		}
	} else {
		var b strings.Builder
		for _, r := range results {
			fmt.Fprintf(&b, "%-4s  %-*s  %s\n", r.Verdict, width, r.Check, r.Seen)
			if r.Do != "" {
				fmt.Fprintf(&b, "      %-*s  -> %s\n", width, "", r.Do)
			}
		}
		if _, err := io.WriteString(out, adminclient.Printable(b.String())); err != nil {
			return err
		}
	}
	if failed > 0 {
		return errors.New(count(failed, "check failed", "checks failed"))
	}
	return nil
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
