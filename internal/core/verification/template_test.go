// SPDX-License-Identifier: Apache-2.0

package verification_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/core/verification"
	"sesame/internal/testkit/storetest"
)

// world is templates, links and identities on one database. example.com is verified.
type world struct {
	clock      *clock.Fake
	identities *identity.Identities
	templates  *verification.Templates
	links      *verification.Links
	confirmer  *verification.Confirmer
	accounts   accounts
}

// accounts have all one state.
type accounts struct{ state account.State }

func (a *accounts) Account(_ context.Context, id string) (account.Account, error) {
	return account.Account{ID: id, State: a.state}, nil
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{clock: clock.NewFake(start), accounts: accounts{account.Active}}
	ring := keyring.Ephemeral()
	w.identities = identity.New(identity.Options{DB: db, Seal: ring, Clock: w.clock.Now, Random: rand.Reader})
	w.templates = verification.NewTemplates(db, w.identities, w.clock.Now)
	w.links = &verification.Links{Wrap: ring, Clock: w.clock.Now, Base: base}
	w.confirmer = &verification.Confirmer{Links: w.links, Identities: w.identities, Templates: w.templates, Accounts: &w.accounts}
	if _, err := w.identities.Create(t.Context(), home, "sender@example.com", identity.Settings{Confirmed: true}); err != nil {
		t.Fatal(err)
	}
	return w
}

func example(change ...func(*verification.Template)) verification.Template {
	t := verification.Template{
		Name: "welcome", From: "sender@example.com", Subject: "Bitte bestätigen", Content: "<p>Hi</p><!-- kept as it was given -->",
		SuccessURL: "https://example.com/ok?a=b", FailureURL: "http://example.com:8080/bad", Tags: []identity.Tag{{Key: "team", Value: "a"}},
	}
	for _, c := range change {
		c(&t)
	}
	return t
}

func TestATemplateIsKeptChangedAndRemoved(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		if err := w.templates.Create(ctx, home, example()); err != nil {
			t.Fatal(err)
		}
		want := example()
		want.Scope, want.CreatedAt, want.UpdatedAt = home, start, start
		if got, err := w.templates.Get(ctx, home, "welcome"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v", got, err)
		}
		if err := w.templates.Create(ctx, home, example()); !errors.Is(err, verification.ErrTemplateExists) ||
			fault.PeerText(err) != "Custom verification email template <welcome> already exists" {
			t.Errorf("made twice: %v", err)
		}

		w.clock.Advance(time.Second)
		subject := "Changed"
		if err := w.templates.Update(ctx, home, "welcome", verification.Change{Subject: &subject}); err != nil {
			t.Fatal(err)
		}
		want.Subject, want.UpdatedAt = subject, start.Add(time.Second)
		if got, err := w.templates.Get(ctx, home, "welcome"); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("one field changed: %+v, %v", got, err)
		}
		bad := "nowhere"
		if err := w.templates.Update(ctx, home, "none", verification.Change{SuccessURL: &bad}); fault.PeerText(err) != "The success redirection URL is invalid" {
			t.Errorf("fields are looked at before the name: %v", err)
		}
		for _, err := range []error{
			w.templates.Update(ctx, home, "none", verification.Change{}),
			w.templates.Update(ctx, scope.Scope{Account: home.Account, Region: "eu-west-2"}, "welcome", verification.Change{}),
			w.templates.Delete(ctx, scope.Scope{Account: "210987654321", Region: home.Region}, "welcome"),
			w.templates.Delete(ctx, home, "Welcome"),
		} {
			if !errors.Is(err, verification.ErrNoTemplate) || !fault.Is(err, fault.NotFound) {
				t.Errorf("a template that is not there: %v", err)
			}
		}
		if err := w.templates.Delete(ctx, home, "welcome"); err != nil {
			t.Error(err)
		}
		if _, err := w.templates.Get(ctx, home, "welcome"); fault.PeerText(err) != "Custom verification email template <welcome> does not exist" {
			t.Errorf("after its removal: %v", err)
		}
	})
}

func TestFiftyTemplatesInPages(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		name := func(n int) func(*verification.Template) {
			return func(t *verification.Template) { t.Name = fmt.Sprintf("t%02d", n) }
		}
		for n := range verification.MaxTemplates {
			if err := w.templates.Create(ctx, home, example(name(n))); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.templates.Create(ctx, home, example(name(50))); !fault.Is(err, fault.LimitExceeded) {
			t.Errorf("the 51st: %v", err)
		}
		if err := w.templates.Create(ctx, home, example(name(49))); !errors.Is(err, verification.ErrTemplateExists) {
			t.Errorf("one of the 50 again: %v", err)
		}
		var names []string
		for after, more := "", true; more; after = names[len(names)-1] {
			var page []verification.Template
			var err error
			if page, more, err = w.templates.List(ctx, home, after, 20); err != nil {
				t.Fatal(err)
			}
			for _, p := range page {
				if p.Content != "" || p.Subject != "Bitte bestätigen" || p.FailureURL == "" {
					t.Errorf("listed as %+v", p)
				}
				names = append(names, p.Name)
			}
		}
		if len(names) != 50 || names[0] != "t00" || names[49] != "t49" {
			t.Errorf("listed %v", names)
		}
	})
}

func TestTemplatesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	for _, c := range []struct {
		name   string
		change func(*verification.Template)
		cause  error
		text   string
	}{
		{"no name", func(t *verification.Template) { t.Name = " " }, nil, "TemplateName is required."},
		{"a name that is too long", func(t *verification.Template) { t.Name = strings.Repeat("n", 256) }, nil, "TemplateName is longer than 255 bytes"},
		{"a line break in a name", func(t *verification.Template) { t.Name = "a\nb" }, nil, "TemplateName has control characters"},
		{"no sender", func(t *verification.Template) { t.From = "" }, nil, "FromEmailAddress is required."},
		{"a display name", func(t *verification.Template) { t.From = "Example <sender@example.com>" }, nil, "Invalid email address<Example <sender@example.com>>."},
		{"a sender that is not verified", func(t *verification.Template) { t.From = "sender@example.net" }, verification.ErrFromNotVerified,
			"The from email address <sender@example.net> is not verified"},
		{"the sender comes before the URLs", func(t *verification.Template) { t.From, t.SuccessURL = "a@example.net", "x" }, verification.ErrFromNotVerified,
			"The from email address <a@example.net> is not verified"},
		{"no subject", func(t *verification.Template) { t.Subject = "" }, nil, "TemplateSubject is required."},
		{"a line break in the subject", func(t *verification.Template) { t.Subject = "a\r\nBcc: x@example.com" }, nil, "TemplateSubject has control characters"},
		{"no content", func(t *verification.Template) { t.Content = "" }, nil, "TemplateContent is required."},
		{"content that is too long", func(t *verification.Template) { t.Content = strings.Repeat("x", verification.MaxContent+1) }, verification.ErrContent,
			"TemplateContent is longer than 10485760 bytes"},
		{"content that is not UTF-8", func(t *verification.Template) { t.Content = "\xff" }, verification.ErrContent, "TemplateContent is not valid UTF-8 text"},
		{"a zero in the content", func(t *verification.Template) { t.Content = "a\x00" }, verification.ErrContent, "TemplateContent is not valid UTF-8 text"},
		{"content without anything to show", func(t *verification.Template) { t.Content = "<script>x</script>" }, verification.ErrContent,
			"The template content is invalid"},
		{"a URL that runs", func(t *verification.Template) { t.SuccessURL = "javascript:alert(1)" }, nil, "The success redirection URL is invalid"},
		{"a URL without a host", func(t *verification.Template) { t.SuccessURL = "https:///x" }, nil, "The success redirection URL is invalid"},
		{"a URL of a site", func(t *verification.Template) { t.FailureURL = "//example.com" }, nil, "The failure redirection URL is invalid"},
		{"a URL with a password", func(t *verification.Template) { t.FailureURL = "https://a:b@example.com" }, nil, "The failure redirection URL is invalid"},
		{"a line break in a URL", func(t *verification.Template) { t.FailureURL = "https://example.com/\r\nSet-Cookie: x" }, nil,
			"FailureRedirectionURL has control characters"},
	} {
		err := w.templates.Create(t.Context(), home, example(c.change))
		if fault.PeerText(err) != c.text || c.cause != nil && !errors.Is(err, c.cause) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	if list, _, err := w.templates.List(t.Context(), home, "", 50); err != nil || len(list) != 0 {
		t.Errorf("a refused template is kept: %v, %v", list, err)
	}
	if err := w.templates.Create(t.Context(), home, example(func(t *verification.Template) {
		t.Content = "<p>" + strings.Repeat("x", verification.MaxContent-3)
	})); err != nil {
		t.Errorf("content at the bound: %v", err)
	}
}

func TestTagsAreChangedUnderALock(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w, ctx := newWorld(t, db), t.Context()
		if err := w.templates.Create(ctx, home, example()); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		for i := range 20 {
			all.Go(func() {
				if err := w.templates.Tag(ctx, home, "welcome", []identity.Tag{{Key: fmt.Sprint(i), Value: "v"}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if tags, err := w.templates.Tags(ctx, home, "welcome"); err != nil || len(tags) != 21 {
			t.Errorf("%d tags, %v", len(tags), err)
		}
		if err := w.templates.Untag(ctx, home, "welcome", []string{"team", "0"}); err != nil {
			t.Error(err)
		}
		if got, err := w.templates.Get(ctx, home, "welcome"); err != nil || len(got.Tags) != 19 || !got.UpdatedAt.Equal(start) {
			t.Errorf("%+v, %v", got, err)
		}
	})
}
