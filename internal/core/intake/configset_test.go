// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/spool"
	"sesame/internal/core/template"
	"sesame/internal/proto/message"
)

// configSets are those of a world.
type configSets struct{ w *world }

func (c configSets) Get(_ context.Context, of scope.Scope, name string) (configset.Set, error) {
	if set, has := c.w.sets[name]; has && of == sc {
		set.Name = name
		return set, nil
	}
	return configset.Set{}, fault.InField(fault.ConfigSetNotFound, "ConfigurationSetName", "Configuration set <%s> does not exist.", name)
}

// TestWhichSetAMessageIsSentWith has the sets one, two and paused. The domain example.com
// has its default from the table, and that of an account that lends is two.
func TestWhichSetAMessageIsSentWith(t *testing.T) {
	t.Parallel()
	parameter := func(s *intake.Submission) { s.ConfigSet = "one" }
	const header = "X-SES-CONFIGURATION-SET: two\n"
	lent := func(s *intake.Submission) { s.ARNs.Source = owner.ARN("identity/shared.example") }
	for name, c := range map[string]struct {
		s    intake.Submission
		def  string // of example.com
		want string
		kind fault.Kind
		text string
	}{
		"none":                                    {s: submission(simple)},
		"that of the parameter":                   {s: submission(simple, parameter), def: "two", want: "one"},
		"that of the header":                      {s: submission(header + simple), def: "one", want: "two"},
		"the parameter's before the header's":     {s: submission(header+simple, parameter), want: "one"},
		"the default":                             {s: submission(simple), def: "one", want: "one"},
		"the owner's default is not a delegate's": {s: submission(strings.ReplaceAll(simple, "example.com", "shared.example"), lent), def: "one"},
		"a default that was deleted": {s: submission(simple), def: "gone", kind: fault.Invalid,
			text: "Configuration set <gone>, the default of the identity <example.com>, does not exist."},
		"a default that was deleted, and another": {s: submission(simple, parameter), def: "gone", want: "one"},
		"a paused one": {s: submission(simple, func(s *intake.Submission) { s.ConfigSet = "paused" }), kind: fault.ConfigSetPaused,
			text: "Sending is paused for configuration set paused"},
		"a paused default":              {s: submission(simple), def: "paused", kind: fault.ConfigSetPaused, text: "Sending is paused for configuration set paused"},
		"a paused default, and another": {s: submission(simple, parameter), def: "paused", want: "one"},
		"whether the sender may send is told first": {s: submission(strings.Replace(simple, "example.com", "example.org", 1), func(s *intake.Submission) { s.ConfigSet = "paused" }),
			kind: fault.Rejected, text: "Email address is not verified. The following identities failed the check in region US-EAST-1: a@example.org"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{sets: map[string]configset.Set{
				"one": {Options: configset.Default()}, "two": {Options: configset.Default()}, "paused": {},
			}, identities: []identity.Identity{
				{Scope: sc, Name: "example.com", ConfigSet: c.def, Verification: identity.Success},
				{Scope: owner, Name: "shared.example", ConfigSet: "two", Verification: identity.Success},
			}}
			_, err := w.intake().Accept(ctx, c.s)
			if c.text != "" {
				if !fault.Is(err, c.kind) || fault.PeerText(err) != c.text || len(w.kept) != 0 || w.reserved != 0 {
					t.Errorf("got %v, with %d messages and %d of the quota", err, len(w.kept), w.reserved)
				}
				return
			}
			if err != nil || w.kept[0].ConfigSet != c.want {
				t.Fatalf("%v, sent with %+v", err, w.kept)
			}
			if raw := string(w.kept[0].Content); strings.Contains(raw, "CONFIGURATION-SET") {
				t.Errorf("the header leaves with it:\n%s", raw)
			}
		})
	}
}

// TestTheServicesOwnMailHasNoSet: it is no customer's.
func TestTheServicesOwnMailHasNoSet(t *testing.T) {
	t.Parallel()
	w := &world{identities: []identity.Identity{{Scope: sc, Name: "example.com", ConfigSet: "gone"}}}
	if _, err := w.intake().Accept(ctx, submission(simple, func(s *intake.Submission) { s.System = true })); err != nil || w.kept[0].ConfigSet != "" {
		t.Errorf("%v", err)
	}
}

// TestWhichSetTheMessagesOfABulkCallAreSentWith has the sets one, two and paused; the default
// of example.com does not exist.
func TestWhichSetTheMessagesOfABulkCallAreSentWith(t *testing.T) {
	t.Parallel()
	named := func(name string) []message.NameValue {
		return []message.NameValue{{Name: "x-ses-configuration-set", Value: name}}
	}
	const gone = "Configuration set <gone>, the default of the identity <example.com>, does not exist."
	const paused = "Sending is paused for configuration set paused"
	for name, c := range map[string]struct {
		parameter string
		headers   []message.NameValue
		entries   [][]message.NameValue
		want      []string // of each entry: its set, or its refusal
		refused   string   // of the call
	}{
		"no headers":                     {entries: make([][]message.NameValue, 2), refused: gone},
		"the headers of all":             {headers: named("one"), entries: make([][]message.NameValue, 2), want: []string{"one", "one"}},
		"those of an entry before":       {headers: named("one"), entries: [][]message.NameValue{nil, named("two")}, want: []string{"one", "two"}},
		"the parameter before them":      {parameter: "one", headers: named("paused"), entries: [][]message.NameValue{nil, named("two")}, want: []string{"one", "one"}},
		"a paused one for all":           {headers: named("paused"), entries: make([][]message.NameValue, 2), refused: paused},
		"a paused one for each":          {entries: [][]message.NameValue{named("paused"), named("paused")}, refused: paused},
		"a paused one for one":           {headers: named("one"), entries: [][]message.NameValue{named("paused"), nil}, want: []string{paused, "one"}},
		"one that does not exist, twice": {headers: named("none"), entries: make([][]message.NameValue, 2), refused: "Configuration set <none> does not exist."},
		"the default of one":             {entries: [][]message.NameValue{nil, named("two")}, want: []string{gone, "two"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{sets: map[string]configset.Set{
				"one": {Options: configset.Default()}, "two": {Options: configset.Default()}, "paused": {},
			}, identities: []identity.Identity{{Scope: sc, Name: "example.com", ConfigSet: "gone", Verification: identity.Success}}}
			var sent sets
			in := w.intake(func(o *intake.Options) {
				o.Spool, o.Quotas, o.Access, o.Settings = &sent, nobody{}, nobody{}, nil
				o.Templates = template.New(nil, clock.NewFake(now).Now)
			})
			b := bulk(len(c.entries), "hi")
			b.Headers = c.headers
			for n := range b.Entries {
				b.Entries[n].Headers = c.entries[n]
				b.Entries[n].To = []string{fmt.Sprintf("b%d@example.net", n)}
			}
			results, err := in.AcceptBulk(ctx, submission("", func(s *intake.Submission) { s.ConfigSet = c.parameter }), b)
			if c.refused != "" {
				if err == nil || fault.PeerText(err) != c.refused {
					t.Errorf("%v, %v; want the refusal %q", results, err, c.refused)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			for n, r := range results {
				set, _ := sent.Load(fmt.Sprintf("b%d@example.net", n))
				if set != c.want[n] && (r.Err == nil || fault.PeerText(r.Err) != c.want[n]) {
					t.Errorf("entry %d is sent with %v, %v; want %q", n, set, r.Err, c.want[n])
				}
			}
		})
	}
}

// sets are those that messages were sent with, by their recipient.
type sets struct{ sync.Map }

func (s *sets) Accept(_ context.Context, m *spool.Message) error {
	s.Store(m.Recipients[0].String(), m.ConfigSet)
	return nil
}
