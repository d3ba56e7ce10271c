// SPDX-License-Identifier: Apache-2.0

package template_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/core/template"
	"sesame/internal/testkit/storetest"
)

var (
	ctx  = context.Background()
	home = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	now  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func hello(name string) template.Template {
	return template.Template{Name: name, Content: template.Content{Subject: "Hi {{name}}", Text: "Dear {{name}}"}}
}

// rendered is the text that a stored template makes of a name.
func rendered(t *testing.T, s *template.Templates, sc scope.Scope, name string) string {
	t.Helper()
	c, err := s.Load(ctx, sc, name)
	must(t, err)
	data := `{"name":"Anaya"}`
	d, err := template.ParseData("TemplateData", &data)
	must(t, err)
	r, err := c.Render(d)
	must(t, err)
	return *r.Text
}

func TestTheMostTemplates(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := template.New(db, clock.NewFake(now).Now)
	must(t, db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO templates (account, region, name, tags, created_at, updated_at, subject, text_part, html_part)
			WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
			SELECT ?, ?, 'n' || i, '[]', 1, 1, 'x', 'x', '' FROM n`, template.MaxTemplates-1, home.Account, home.Region)
		return err
	}))
	must(t, s.Create(ctx, home, hello("last")))
	if err := s.Create(ctx, home, hello("over")); !fault.Is(err, fault.LimitExceeded) || fault.PeerText(err) != "You have reached the maximum of 20000 templates." {
		t.Errorf("one more than there may be: %v", err)
	}
	must(t, s.Create(ctx, scope.Scope{Account: home.Account, Region: "eu-west-1"}, hello("over")))
}

func TestTemplatesLiveInOneAccountAndRegion(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		time := clock.NewFake(now)
		s := template.New(db, time.Now)
		elsewhere := scope.Scope{Account: home.Account, Region: "eu-west-1"}
		must(t, s.Create(ctx, home, hello("greeting")))
		for what, err := range map[string]error{
			"another region": second(s.Get(ctx, elsewhere, "greeting")),
			"a name with a NUL, which no database may see": second(s.Get(ctx, home, "greet\x00ing")),
			"loading":  second(s.Load(ctx, elsewhere, "greeting")),
			"updating": s.Update(ctx, elsewhere, "greeting", hello("").Content),
			"deleting": s.Delete(ctx, elsewhere, "greeting"),
			"tagging":  s.Tag(ctx, elsewhere, "greeting", []identity.Tag{{Key: "a"}}),
		} {
			if !fault.Is(err, fault.TemplateNotFound) {
				t.Errorf("%s: %v", what, err)
			}
		}
		if err := s.Create(ctx, home, hello("greeting")); !fault.Is(err, fault.AlreadyExists) || !errors.Is(err, template.ErrExists) {
			t.Errorf("twice: %v", err)
		}
		time.Advance(1e9)
		must(t, s.Update(ctx, home, "greeting", template.Content{Subject: "Bye", HTML: "<p>"}))
		got, err := s.Get(ctx, home, "greeting")
		must(t, err)
		if got.Content != (template.Content{Subject: "Bye", HTML: "<p>"}) || !got.CreatedAt.Equal(now) || !got.UpdatedAt.Equal(now.Add(1e9)) {
			t.Errorf("%+v", got)
		}
		must(t, s.Tag(ctx, home, "greeting", []identity.Tag{{Key: "a", Value: "b"}, {Key: "c"}}))
		must(t, s.Untag(ctx, home, "greeting", []string{"c"}))
		if tags, err := s.Tags(ctx, home, "greeting"); err != nil || fmt.Sprint(tags) != "[{a b}]" {
			t.Errorf("%v, %v", tags, err)
		}
		must(t, s.Delete(ctx, home, "greeting"))
		if list, more, err := s.List(ctx, home, "", 10); err != nil || len(list) != 0 || more {
			t.Errorf("%v, %v, %v", list, more, err)
		}
	})
}

func second[T any](_ T, err error) error { return err }

// TestAnotherNodesChangeIsSeenWithinASecond has two nodes on one database.
func TestAnotherNodesChangeIsSeenWithinASecond(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		time := clock.NewFake(now)
		one, two := template.New(db, time.Now), template.New(db, time.Now)
		must(t, one.Create(ctx, home, hello("greeting")))
		if got := rendered(t, two, home, "greeting"); got != "Dear Anaya" {
			t.Errorf("%q", got)
		}
		must(t, one.Update(ctx, home, "greeting", template.Content{Subject: "x", Text: "Bye {{name}}"}))
		if got := rendered(t, one, home, "greeting"); got != "Bye Anaya" {
			t.Errorf("who changed it renders %q", got)
		}
		time.Advance(1e9)
		if got := rendered(t, two, home, "greeting"); got != "Bye Anaya" {
			t.Errorf("the other renders %q", got)
		}
		must(t, one.Delete(ctx, home, "greeting"))
		time.Advance(1e9)
		if _, err := two.Load(ctx, home, "greeting"); !fault.Is(err, fault.TemplateNotFound) {
			t.Errorf("it is gone: %v", err)
		}
		must(t, one.Create(ctx, home, hello("greeting")))
		time.Advance(1e9)
		if got := rendered(t, two, home, "greeting"); got != "Dear Anaya" {
			t.Errorf("it is back: %q", got)
		}
	})
}

// TestWhatIsCompiledIsBounded has more templates than are kept, each of which is rendered
// all the same.
func TestWhatIsCompiledIsBounded(t *testing.T) {
	t.Parallel()
	s := template.New(storetest.SQLite(t), clock.NewFake(now).Now)
	large := strings.Repeat("{{name}}", 10_000) // 5.2 MB of the 64 that may be kept
	for n := range 15 {
		must(t, s.Create(ctx, home, template.Template{Name: fmt.Sprint("t", n), Content: template.Content{Subject: "x", Text: fmt.Sprint(n, large)}}))
	}
	for n := range 15 {
		if got := rendered(t, s, home, fmt.Sprint("t", n)); !strings.HasPrefix(got, fmt.Sprint(n, "Anaya")) {
			t.Errorf("%d: %.20q", n, got)
		}
	}
	if kept, weight := s.Kept(); kept != 12 || weight > 64<<20 {
		t.Errorf("%d are kept, of %d bytes", kept, weight)
	}
}

func TestATemplateHasABoundedNumberOfExpressions(t *testing.T) {
	t.Parallel()
	s := template.New(nil, clock.NewFake(now).Now)
	c := template.Content{Subject: "{{a}}", Text: strings.Repeat("{{a}}", 5000), HTML: strings.Repeat("{{a}}", 4999)}
	if _, err := s.Compile(c); err != nil {
		t.Fatal(err)
	}
	c.HTML += "{{a}}"
	if _, err := s.Compile(c); !fault.Is(err, fault.Invalid) || !errors.Is(err, template.ErrInvalid) {
		t.Errorf("one more: %v", err)
	}
}

func TestRendering(t *testing.T) {
	t.Parallel()
	s := template.New(storetest.SQLite(t), clock.NewFake(now).Now)
	for _, c := range []struct {
		name, subject, text, data string
		want                      string // subject and text
		cause                     error
		reason                    string
	}{
		{"attributes", "Hi {{a}}", "{{b.c}}", `{"a":"x","b":{"c":1}}`, "Hi x|1", nil, ""},
		{"a subject is one line", "{{a}}\n{{a}}", "x", `{"a":"1\r\n\r\nBcc: x@example.com"}`, "1 Bcc: x@example.com 1 Bcc: x@example.com|x", nil, ""},
		{"what is put in later stays", "x", "{{amazonSESUnsubscribeUrl}} {{ses:openTracker}}", `{"amazonSESUnsubscribeUrl":"no"}`,
			"x|{{amazonSESUnsubscribeUrl}} {{ses:openTracker}}", nil, ""},
		{"partials are a part's own", `{{#* inline "p"}}s{{/inline}}{{> p}}`, `{{#* inline "p"}}t{{/inline}}{{> p}}`, `{}`, "s|t", nil, ""},
		{"what is not there", "x", "{{a.b}}", `{"a":{}}`, "", template.ErrMissing, "Attribute 'a.b' is not present in the rendering data."},
		{"a subject that is too long", "{{#each a}}{{@root.b}}{{@root.b}}{{/each}}", "x", `{"a":[1,2,3,4,5,6,7,8,9,10],"b":"` + strings.Repeat("b", 1000) + `"}`, "",
			template.ErrData, "The template can't be rendered: the rendered text is too large."},
	} {
		made, err := s.Compile(template.Content{Subject: c.subject, Text: c.text})
		must(t, err)
		data, err := template.ParseData("TemplateData", &c.data)
		must(t, err)
		r, err := made.Render(data)
		if c.cause != nil {
			if !errors.Is(err, c.cause) || !fault.Is(err, fault.Invalid) || fault.PeerText(err) != c.reason {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		must(t, err)
		if got := r.Subject + "|" + *r.Text; got != c.want || r.HTML != nil {
			t.Errorf("%s: %q", c.name, got)
		}
	}
}

func TestNamesOfARNs(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]fault.Kind{
		"arn:aws:ses:us-east-1:210987654321:template/a": fault.TemplateNotFound,
		"arn:aws:ses:eu-west-1:123456789012:template/a": fault.TemplateNotFound,
		"arn:aws:ses:us-east-1:123456789012:identity/a": fault.Invalid,
		"arn:aws:ses:us-east-1:123456789012:template":   fault.Invalid,
		"a": fault.Invalid,
	} {
		if _, err := template.NameOf(home, arn); !fault.Is(err, want) {
			t.Errorf("%s: %v", arn, err)
		}
	}
	if name, err := template.NameOf(home, "arn:aws:ses:us-east-1:123456789012:template/a/b"); err != nil || name != "a/b" {
		t.Errorf("%q, %v", name, err)
	}
}
