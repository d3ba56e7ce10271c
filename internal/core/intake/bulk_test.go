// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
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

func TestFewMessagesThatAreLargerThanTheirRequestsAreMadeAtOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		text  string
		files []message.Attachment
		data  string // of each entry
		want  int64
	}{
		{"small ones are not bounded", "hi", nil, `{"b":1}`, 20},
		{"a template that repeats itself", "{{#each a}}{{#each ../a}}" + strings.Repeat("x", 1000) + "{{/each}}{{/each}}", nil, `{}`, 4},
		{"files of the call, of which each message has a copy", "hi", []message.Attachment{{Data: make([]byte, 300<<10), FileName: "a.bin"}}, `{}`, 4},
		{"data of many values", "hi", nil, `{"b":[1` + strings.Repeat(",1", 150_000) + `]}`, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				w, s := &world{}, &slowSpool{open: make(chan struct{})}
				in := w.intake(func(o *intake.Options) {
					o.Spool, o.Quotas, o.Access, o.Settings = s, nobody{}, nobody{}, nil
					o.Templates = template.New(nil, clock.NewFake(now).Now)
				})
				data := `{"a":[` + strings.Repeat("1,", 19) + `1]}`
				b := intake.Bulk{Templated: intake.Templated{
					Formatted: intake.Formatted{From: "a@example.com", Files: c.files},
					Template:  intake.TemplateRef{Content: &template.Content{Subject: "s", Text: c.text}}, Data: &data,
				}, Entries: make([]intake.Entry, 20)}
				for n := range b.Entries {
					b.Entries[n].Data = &c.data
					b.Entries[n].To = []string{"b@example.net"}
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
