// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"time"
	"unicode/utf8"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// MaxTemplates is how many templates an account may have in a region (SES: service quotas).
const MaxTemplates = 50

// ListKind is the kind of the tokens of lists of templates.
const ListKind = "custom-verification-email-template"

// Bounds of a template's fields, in bytes. SES names none; what is longer fits no link,
// no header line and no browser.
const (
	maxName    = 255
	maxSubject = 900
	maxURL     = 2048
)

// What is at fault, for the version of the API that has an error type for each: the cause
// of the fault.
var (
	ErrTemplateExists     = errors.New("verification: the template exists")
	ErrNoTemplate         = errors.New("verification: no such template")
	ErrFromNotVerified    = errors.New("verification: the template's sender is not verified")
	ErrContent            = errors.New("verification: the content is of no use")
	ErrNoProductionAccess = errors.New("verification: the account is in the sandbox")
)

// Template is a custom verification email template.
type Template struct {
	Scope      scope.Scope
	Name       string
	From       string // an address without a display name
	Subject    string
	Content    string // HTML or text, as it was given; not in a list
	SuccessURL string
	FailureURL string
	Tags       []identity.Tag
	CreatedAt  time.Time
	UpdatedAt  time.Time
}

// Change is what an update gives; nil leaves a field as it is.
type Change struct {
	From, Subject, Content, SuccessURL, FailureURL *string
}

// Resolver finds the identity that an address is sent as.
type Resolver interface {
	Resolve(ctx context.Context, sc scope.Scope, a address.Address) (identity.Identity, error)
}

// Templates keeps the templates. It is safe for concurrent use.
type Templates struct {
	db         *store.DB
	identities Resolver
	now        clock.Clock
	render     renderer
}

// NewTemplates returns the templates kept in db.
func NewTemplates(db *store.DB, identities Resolver, now clock.Clock) *Templates {
	return &Templates{db: db, identities: identities, now: now, render: renderer{newPolicy()}}
}

// Create adds a template, whose Scope and times it sets. The fields are looked at before
// the name (as SES does).
func (s *Templates) Create(ctx context.Context, sc scope.Scope, t Template) error {
	t.Scope, t.CreatedAt = sc, s.now()
	t.UpdatedAt = t.CreatedAt
	if err := s.check(ctx, t); err != nil {
		return err
	}
	tags, err := json.Marshal(t.Tags)
	if err != nil {
		return store.Wrap("verification.Create", err)
	}
	var refusal error
	err = s.db.Write(ctx, func(tx *store.Tx) error {
		refusal = nil
		var n int64
		if err := tx.Get([]any{&n}, `SELECT count(*) FROM verification_templates WHERE account = ? AND region = ? AND name <> ?`,
			sc.Account, sc.Region, t.Name); err != nil {
			return err
		}
		if n >= MaxTemplates {
			refusal = fault.New(fault.LimitExceeded, "You have reached the maximum of %d custom verification email templates.", MaxTemplates)
			return nil
		}
		n, err := tx.Exec(`INSERT INTO verification_templates
			(account, region, name, from_address, subject, success_url, failure_url, tags, created_at, updated_at, content)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			sc.Account, sc.Region, t.Name, t.From, t.Subject, t.SuccessURL, t.FailureURL, string(tags), store.Millis(t.CreatedAt),
			store.Millis(t.UpdatedAt), t.Content)
		if err == nil && n == 0 {
			refusal = because(ErrTemplateExists, fault.New(fault.AlreadyExists, "Custom verification email template <%s> already exists", safe(t.Name)))
		}
		return err
	})
	return cmp.Or(store.Wrap("verification.Create", err), refusal)
}

// Update changes the fields that are given, and looks at them before it looks for the
// template (as SES does).
func (s *Templates) Update(ctx context.Context, sc scope.Scope, name string, c Change) error {
	if err := s.checkChange(ctx, sc, name, c); err != nil {
		return err
	}
	var n int64
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(`UPDATE verification_templates SET from_address = coalesce(?, from_address), subject = coalesce(?, subject),
			success_url = coalesce(?, success_url), failure_url = coalesce(?, failure_url), content = coalesce(?, content), updated_at = ?
			WHERE account = ? AND region = ? AND name = ?`,
			nullable(c.From), nullable(c.Subject), nullable(c.SuccessURL), nullable(c.FailureURL), nullable(c.Content), store.Millis(s.now()),
			sc.Account, sc.Region, name)
		return err
	})
	if err == nil && n == 0 {
		return noTemplate(name)
	}
	return store.Wrap("verification.Update", err)
}

func nullable(s *string) sql.NullString {
	if s == nil {
		return sql.NullString{}
	}
	return sql.NullString{String: *s, Valid: true}
}

const columns = `name, from_address, subject, success_url, failure_url, tags, created_at, updated_at`

func scan(row interface{ Scan(...any) error }, t *Template, more ...any) error {
	var tags string
	var created, updated int64
	dest := append([]any{&t.Name, &t.From, &t.Subject, &t.SuccessURL, &t.FailureURL, &tags, &created, &updated}, more...)
	if err := row.Scan(dest...); err != nil {
		return err
	}
	t.CreatedAt, t.UpdatedAt = store.Time(created), store.Time(updated)
	return json.Unmarshal([]byte(tags), &t.Tags)
}

// Get returns a template with its content.
func (s *Templates) Get(ctx context.Context, sc scope.Scope, name string) (Template, error) {
	t := Template{Scope: sc}
	err := scan(s.db.QueryRow(ctx, `SELECT `+columns+`, content FROM verification_templates WHERE account = ? AND region = ? AND name = ?`,
		sc.Account, sc.Region, name), &t, &t.Content)
	if errors.Is(err, sql.ErrNoRows) {
		return Template{}, noTemplate(name)
	}
	return t, store.Wrap("verification.Get", err)
}

// List returns up to limit templates by name, without their contents, from the first
// after the name after. More reports whether others follow.
func (s *Templates) List(ctx context.Context, sc scope.Scope, after string, limit int) (list []Template, more bool, err error) {
	rows, err := s.db.Query(ctx, `SELECT `+columns+` FROM verification_templates
		WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?`, sc.Account, sc.Region, after, limit+1)
	if err != nil {
		return nil, false, store.Wrap("verification.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		t := Template{Scope: sc}
		if err := scan(rows, &t); err != nil {
			return nil, false, store.Wrap("verification.List", err)
		}
		list = append(list, t)
	}
	if len(list) > limit {
		list, more = list[:limit], true
	}
	return list, more, store.Wrap("verification.List", rows.Err())
}

// Delete removes a template.
func (s *Templates) Delete(ctx context.Context, sc scope.Scope, name string) error {
	var n int64
	err := s.db.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(`DELETE FROM verification_templates WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
		return err
	})
	if err == nil && n == 0 {
		return noTemplate(name)
	}
	return store.Wrap("verification.Delete", err)
}

func noTemplate(name string) error {
	return because(ErrNoTemplate, fault.New(fault.NotFound, "Custom verification email template <%s> does not exist", safe(name)))
}

// because gives a fault its cause.
func because(cause error, f *fault.Error) *fault.Error {
	f.Err = cause
	return f
}

// check looks at all fields, in SES's order.
func (s *Templates) check(ctx context.Context, t Template) error {
	return s.checkChange(ctx, t.Scope, t.Name, Change{&t.From, &t.Subject, &t.Content, &t.SuccessURL, &t.FailureURL})
}

// checkChange looks at the fields that are given.
func (s *Templates) checkChange(ctx context.Context, sc scope.Scope, name string, c Change) error {
	for _, f := range []struct {
		name  string
		value *string
		most  int
	}{
		{"TemplateName", &name, maxName}, {"FromEmailAddress", c.From, address.MaxAddress}, {"TemplateSubject", c.Subject, maxSubject},
		{"TemplateContent", c.Content, MaxContent}, {"SuccessRedirectionURL", c.SuccessURL, maxURL}, {"FailureRedirectionURL", c.FailureURL, maxURL},
	} {
		if f.value == nil {
			continue
		}
		if err := checkText(f.name, *f.value, f.most); err != nil {
			return err
		}
	}
	if c.From != nil {
		if err := s.checkFrom(ctx, sc, *c.From); err != nil {
			return err
		}
	}
	if c.SuccessURL != nil && !validURL(*c.SuccessURL) {
		return fault.InField(fault.Invalid, "SuccessRedirectionURL", "The success redirection URL is invalid")
	}
	if c.FailureURL != nil && !validURL(*c.FailureURL) {
		return fault.InField(fault.Invalid, "FailureRedirectionURL", "The failure redirection URL is invalid")
	}
	if c.Content != nil {
		// The link's length is not known yet and makes no difference.
		if _, err := s.render.render(*c.Content, ""); err != nil {
			return because(errors.Join(ErrContent, err), fault.InField(fault.Invalid, "TemplateContent", "The template content is invalid"))
		}
	}
	return nil
}

// checkText refuses what is empty, too long, or in a form that not every database and
// mail program takes.
func checkText(field, value string, most int) error {
	content := field == "TemplateContent"
	refuse := func(format string, args ...any) error {
		f := fault.InField(fault.Invalid, field, format, args...)
		if content {
			f.Err = ErrContent
		}
		return f
	}
	switch {
	case strings.TrimSpace(value) == "":
		return fault.InField(fault.Invalid, field, "%s is required.", field)
	case len(value) > most:
		return refuse("%s is longer than %d bytes", field, most)
	case !utf8.ValidString(value) || strings.ContainsRune(value, 0):
		return refuse("%s is not valid UTF-8 text", field)
	case !content && strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return refuse("%s has control characters", field)
	}
	return nil
}

// checkFrom wants an address that the account may send from, without a display name.
func (s *Templates) checkFrom(ctx context.Context, sc scope.Scope, from string) error {
	a, err := address.Parse(from)
	if err != nil {
		return fault.InField(fault.Invalid, "FromEmailAddress", "Invalid email address<%s>.", safe(from))
	}
	_, err = s.identities.Resolve(ctx, sc, a)
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return because(ErrFromNotVerified, fault.InField(fault.NotFound, "FromEmailAddress", "The from email address <%s> is not verified", from))
	}
	return err
}

// validURL accepts what a browser may be sent to: http and https with a host. Nothing is
// fetched from it.
func validURL(s string) bool {
	u, err := url.Parse(s)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Hostname() != "" && u.User == nil
}

// safe is s fit to be shown in an error.
func safe(s string) string {
	const most = 320
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
}
