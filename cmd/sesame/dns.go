// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"strings"

	"sesame/internal/adminclient"
	"sesame/internal/app"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/edge/api/admin"
)

// dnsCmd is `sesame dns`.
type dnsCmd struct {
	place
	Name     string `arg:"" help:"Domain or address of the identity."`
	Account  string `help:"With --config or --dir: account id."`
	Region   string `help:"With --config or --dir: region (default: the server's first)."`
	JSON     bool   `name:"json" xor:"form" help:"Print JSON."`
	Zonefile bool   `xor:"form" help:"Print the wanted records as lines of a zone file, and look at nothing."`
}

// Run looks at the records, through the server that the environment names or on the data
// of --config or --dir. It fails unless all required records are in order.
func (c *dnsCmd) Run(out io.Writer) error {
	if c.Config == "" && c.Dir == "" {
		client, err := adminclient.New(os.Getenv)
		if err != nil {
			return fmt.Errorf("%w; or give --config or --dir", err)
		}
		return c.show(context.Background(), out, remote{client})
	}
	if c.Account == "" {
		return errors.New("give --account with --config or --dir")
	}
	return c.open(func(ctx context.Context, cfg config.Config, db *store.DB, ring *keyring.Ring) error {
		sc := scope.Scope{Account: c.Account, Region: c.Region}
		if sc.Region == "" {
			sc.Region = cfg.Regions[0]
		}
		ids, err := app.NewIdentities(cfg, db, ring, clock.System)
		if err != nil {
			return err
		}
		checks, err := app.DNSCheck(cfg, ids)
		if err != nil {
			return err
		}
		return c.show(ctx, out, local{checks, sc})
	})
}

// source is where reports come from.
type source interface {
	subject(ctx context.Context, name string) (dnscheck.Subject, error)
	report(ctx context.Context, name string) (dnscheck.Report, error)
}

// local checks by itself.
type local struct {
	checks *dnscheck.Identities
	scope  scope.Scope
}

func (l local) subject(ctx context.Context, name string) (dnscheck.Subject, error) {
	return l.checks.Subject(ctx, l.scope, name)
}

func (l local) report(ctx context.Context, name string) (dnscheck.Report, error) {
	return l.checks.Check(ctx, l.scope, name)
}

// remote lets the server check.
type remote struct{ client *adminclient.Client }

func (r remote) subject(ctx context.Context, name string) (s dnscheck.Subject, err error) {
	var list admin.RecordList
	err = r.client.Get(ctx, "/identities/"+url.PathEscape(name)+"/records", nil, &list)
	for _, rec := range list.Records {
		s.Wanted = append(s.Wanted, dnscheck.Wanted{Name: rec.Name, Type: rec.Type, Value: rec.Value, Purpose: rec.Purpose, Required: rec.Required})
	}
	return s, err
}

func (r remote) report(ctx context.Context, name string) (rep dnscheck.Report, err error) {
	err = r.client.Get(ctx, "/identities/"+url.PathEscape(name)+"/dns", nil, &rep)
	return rep, err
}

func (c *dnsCmd) show(ctx context.Context, out io.Writer, from source) error {
	if c.Zonefile {
		s, err := from.subject(ctx, c.Name)
		if err != nil {
			return err
		}
		return s.WriteZone(out)
	}
	r, err := from.report(ctx, c.Name)
	if err != nil {
		return err
	}
	if c.JSON {
		err = printJSON(out, r)
	} else {
		_, err = io.WriteString(out, adminclient.Printable(describe(r)))
	}
	if err == nil && r.Verdict != dnscheck.OK {
		err = fmt.Errorf("%s: %s", r.Domain, summary(r))
	}
	return err
}

// summary counts the records that are not in order.
func summary(r dnscheck.Report) string {
	all, bad := 0, 0
	for _, rec := range r.Records {
		if rec.Wanted.Required {
			all++
			if rec.Verdict != dnscheck.OK {
				bad++
			}
		}
	}
	return fmt.Sprintf("%d of %d required records are not in order", bad, all)
}

// describe is the report for people.
func describe(r dnscheck.Report) string {
	var b strings.Builder
	for _, rec := range r.Records {
		w := rec.Wanted
		fmt.Fprintf(&b, "%-11s %-5s %s  (%s)\n", strings.ToUpper(string(rec.Verdict)), w.Type, w.Name, purpose(w))
		if rec.Verdict == dnscheck.OK {
			continue
		}
		fmt.Fprintf(&b, "    wanted    %s\n", w.Value)
		for _, f := range rec.Servers {
			fmt.Fprintf(&b, "    %s  %s\n", strings.TrimSpace(cmp.Or(f.Server, "name servers")+" "+f.Address), has(f))
		}
		fmt.Fprintf(&b, "    resolver  %s\n", has(rec.Resolver))
		mistakes(&b, rec.Mistakes)
	}
	if s := r.SPF; s != nil {
		fmt.Fprintf(&b, "\nSPF of %s: %s\n", s.Domain, cmp.Or(s.Record, "none"))
		fmt.Fprintf(&b, "    %d of 10 look-ups", s.Lookups)
		if s.Result != "" {
			fmt.Fprintf(&b, "; mail from here: %s", s.Result)
		}
		b.WriteString("\n")
		mistakes(&b, s.Mistakes)
	}
	fmt.Fprintf(&b, "\nDMARC of %s: %s\n", r.DMARC.Domain, cmp.Or(r.DMARC.Record, "none"))
	fmt.Fprintf(&b, "    DKIM %s (%s): %s\n", aligned(r.DMARC.DKIM), r.DMARC.DKIM.Mode, r.DMARC.DKIM.Text)
	fmt.Fprintf(&b, "    SPF %s (%s): %s\n", aligned(r.DMARC.SPF), r.DMARC.SPF.Mode, r.DMARC.SPF.Text)
	mistakes(&b, r.DMARC.Mistakes)
	fmt.Fprintf(&b, "\nBIMI of %s: %s\n", r.BIMI.Domain, cmp.Or(r.BIMI.Record, "none"))
	mistakes(&b, r.BIMI.Mistakes)
	return b.String()
}

func aligned(a dnscheck.Alignment) string {
	if a.Aligned {
		return "aligned"
	}
	return "not aligned"
}

// purpose is what a record is for, and whether a status depends on it.
func purpose(w dnscheck.Wanted) string {
	if w.Required {
		return w.Purpose
	}
	return w.Purpose + ", advice"
}

// has is what a server has at the name.
func has(f dnscheck.Found) string {
	var parts []string
	if f.Alias != "" {
		parts = append(parts, "CNAME "+f.Alias)
	}
	parts = append(parts, f.Values...)
	if f.Error != "" {
		parts = append(parts, f.Error)
	}
	return strings.Join(parts, " | ")
}

func mistakes(b *strings.Builder, ms []dnscheck.Mistake) {
	for _, m := range ms {
		fmt.Fprintf(b, "    -> %s\n", m.Text)
	}
}
