// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/template"
	"sesame/internal/proto/message"
)

// nobody decides nothing.
type nobody struct{}

func (nobody) MaySend(context.Context, access.Send) error { return nil }
func (nobody) Reserve(context.Context, scope.Scope, quota.Load) (quota.Hold, error) {
	return quota.Hold{}, nil
}
func (nobody) Settle(quota.Hold, bool) {}

// slowSpool accepts nothing before it is opened.
type slowSpool struct {
	inside atomic.Int64
	open   chan struct{}
}

func (s *slowSpool) Accept(context.Context, *spool.Message) error {
	s.inside.Add(1)
	<-s.open
	return nil
}

// bulk is a call for n destinations, of a template that is all its text.
func bulk(n int, text string) intake.Bulk {
	b := intake.Bulk{Templated: intake.Templated{
		Formatted: intake.Formatted{From: "a@example.com"}, Template: intake.TemplateRef{Content: &template.Content{Subject: "s", Text: text}},
	}, Entries: make([]intake.Entry, n)}
	for n := range b.Entries {
		b.Entries[n].To = []string{"b@example.net"}
	}
	return b
}

// quiet is an account of which nothing waits.
var quiet = scope.Scope{Account: "210987654321", Region: sc.Region}

// othersWait has the messages of all others wait for their quota until it is opened.
type othersWait struct {
	nobody
	open chan struct{}
}

func (q othersWait) Reserve(ctx context.Context, of scope.Scope, load quota.Load) (quota.Hold, error) {
	switch {
	case of == quiet:
		return quota.Hold{}, nil
	case !load.Delay:
		return quota.Hold{}, fault.New(fault.Throttled, "Maximum sending rate exceeded.")
	}
	select {
	case <-q.open:
		return quota.Hold{}, nil
	case <-ctx.Done():
		return quota.Hold{}, ctx.Err()
	}
}

// othersAreSlow takes nothing of the others before it is opened.
type othersAreSlow struct{ open chan struct{} }

func (s othersAreSlow) Accept(_ context.Context, m *spool.Message) error {
	if m.Scope != quiet {
		<-s.open
	}
	return nil
}

// TestNoAccountHoldsUpTheOthers: of some there are more messages under way than there are
// places, and the call of another one comes through.
func TestNoAccountHoldsUpTheOthers(t *testing.T) {
	t.Parallel()
	second := scope.Scope{Account: "111122223333", Region: sc.Region}
	large := strings.Repeat("x", 300<<10)
	waits := func(o *intake.Options, open chan struct{}) { o.Quotas = othersWait{open: open} }
	slow := func(o *intake.Options, open chan struct{}) { o.Spool = othersAreSlow{open} }
	for name, c := range map[string]struct {
		text    string
		calls   []scope.Scope
		entries int // of a call
		change  func(o *intake.Options, open chan struct{})
	}{
		"those of two wait for their quotas":       {"hi", []scope.Scope{sc, second, sc, second}, intake.MaxEntries, waits},
		"large ones of two wait for their quotas":  {large, []scope.Scope{sc, second}, 4, waits},
		"those of one take long to be stored":      {"hi", []scope.Scope{sc, sc, sc}, intake.MaxEntries, slow},
		"large ones of one take long to be stored": {large, []scope.Scope{sc}, 5, slow},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				open := make(chan struct{})
				in := (&world{}).intake(func(o *intake.Options) {
					o.Spool, o.Quotas, o.Access, o.Settings = nowhere{}, nobody{}, nobody{}, patient{}
					o.Templates = template.New(nil, clock.NewFake(now).Now)
					c.change(o, open)
				})
				send := func(of scope.Scope, entries int) chan error {
					done := make(chan error, 1)
					go func() {
						s := submission("")
						s.Scope = of
						results, err := in.AcceptBulk(t.Context(), s, bulk(entries, c.text))
						for _, r := range results {
							err = errors.Join(err, r.Err)
						}
						done <- err
					}()
					synctest.Wait()
					return done
				}
				var others []chan error
				for _, of := range c.calls {
					others = append(others, send(of, c.entries))
				}
				select {
				case err := <-send(quiet, 2):
					if err != nil {
						t.Error(err)
					}
				default:
					t.Error("the call does not come through")
				}
				close(open)
				for _, done := range others {
					if err := <-done; err != nil {
						t.Error(err)
					}
				}
			})
		})
	}
}

// patient are settings by which everybody waits for a quota.
type patient struct{}

func (patient) Effective(context.Context, scope.Scope, string, string) (setting.Values, error) {
	return setting.Values{QuotaMode: setting.Delay}, nil
}

func TestFewMessagesThatAreLargerThanTheirRequestsAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	few, many := `{"a":[1`+strings.Repeat(",1", 19)+`]}`, `{"b":[1`+strings.Repeat(",1", 40_000)+`]}`
	for _, c := range []struct {
		name  string
		text  string
		files []message.Attachment
		call  string // its data
		data  string // of each entry
		want  int64  // three quarters of the places, which one account may have
	}{
		{"small ones are not bounded", "hi", nil, few, `{"b":1}`, 20},
		{"a template that repeats itself", "{{#each a}}{{#each ../a}}" + strings.Repeat("x", 1000) + "{{/each}}{{/each}}", nil, few, `{}`, 3},
		{"files of the call, of which each message has a copy", "hi", []message.Attachment{{Data: make([]byte, 300<<10), FileName: "a.bin"}}, few, `{}`, 3},
		{"data of many values", "hi", nil, `{}`, many, 3},
		{"data of the call of many values", "hi", nil, many, `{}`, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, s := &world{}, &slowSpool{open: make(chan struct{})}
				in := w.intake(func(o *intake.Options) {
					o.Spool, o.Quotas, o.Access, o.Settings = s, nobody{}, nobody{}, nil
					o.Templates = template.New(nil, clock.NewFake(now).Now)
				})
				b := bulk(20, c.text)
				b.Files, b.Data = c.files, &c.call
				for n := range b.Entries {
					b.Entries[n].Data = &c.data
				}
				var results []intake.Result
				var err error
				go func() { results, err = in.AcceptBulk(t.Context(), submission(""), b) }()
				synctest.Wait()
				if n := s.inside.Load(); n != c.want {
					t.Errorf("%d are made at once, want %d", n, c.want)
				}
				close(s.open)
				synctest.Wait()
				if err != nil || len(results) != len(b.Entries) {
					t.Fatalf("%d results, %v", len(results), err)
				}
				for _, r := range results {
					if r.Err != nil {
						t.Fatal(r.Err)
					}
				}
			})
		})
	}
}

// oneStored has one content under any name.
type oneStored struct {
	*template.Templates
	template.Content
}

func (s oneStored) Load(context.Context, scope.Scope, string) (*template.Compiled, error) {
	return s.Compile(s.Content)
}

// TestLargeMailIsRenderedForATestInItsTurn: while an account has all places that it may
// have, its test waits for one, and that of another account does not.
func TestLargeMailIsRenderedForATestInItsTurn(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ text, data string }{
		"what comes of the template is large": {strings.Repeat("x", 300<<10), `{}`},
		"the data is":                         {"hi", `{"b":"` + strings.Repeat("x", 65<<10) + `"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				open := make(chan struct{})
				in := (&world{}).intake(func(o *intake.Options) {
					o.Spool, o.Quotas, o.Access, o.Settings = othersAreSlow{open}, nobody{}, nobody{}, nil
					o.Templates = oneStored{template.New(nil, clock.NewFake(now).Now), template.Content{Subject: "s", Text: c.text}}
				})
				go func() { _, _ = in.AcceptBulk(t.Context(), submission(""), bulk(3, strings.Repeat("x", 300<<10))) }()
				synctest.Wait()
				if _, err := in.TestRender(t.Context(), quiet, "t", &c.data); err != nil {
					t.Error(err)
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // of the bubble, in which time passes at once
				defer cancel()
				if _, err := in.TestRender(ctx, sc, "t", &c.data); !fault.Is(err, fault.Unavailable) {
					t.Errorf("it did not wait: %v", err)
				}
				close(open)
			})
		})
	}
}
