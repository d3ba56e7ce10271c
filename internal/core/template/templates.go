// SPDX-License-Identifier: Apache-2.0

package template

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// Templates serves the templates of one server. It is safe for concurrent use. A change
// made by another node is seen within a second.
type Templates struct {
	db       *store.DB
	now      clock.Clock
	changes  *fresh.Changes
	digests  *fresh.Cache[key, digest]
	compiled *compiled
}

type key struct {
	scope scope.Scope
	name  string
}

const maxDigests = 50_000 // names whose contents are known

// New returns the templates kept in db.
func New(db *store.DB, now clock.Clock) *Templates {
	changes := fresh.NewChanges(db, now)
	return &Templates{
		db: db, now: now, changes: changes, compiled: newCompiled(maxWeight),
		digests: fresh.NewCache[key](changes, fresh.Options[digest]{
			Size: maxDigests, Absent: func(err error) bool { return fault.Is(err, fault.TemplateNotFound) },
		}),
	}
}

// Create adds a template, whose Scope and times it sets. A template that can't be rendered
// whatever the data is refused here, with line and column.
func (s *Templates) Create(ctx context.Context, sc scope.Scope, t Template) error {
	if err := s.check(t.Name, t.Content); err != nil {
		return err
	}
	tags, err := json.Marshal(t.Tags)
	if err != nil {
		return store.Wrap("template.Create", err)
	}
	at := store.Millis(s.now())
	var refusal error
	err = s.write(ctx, sc, func(tx *store.Tx) error {
		refusal = nil
		var n int64
		if err := tx.Get([]any{&n}, `SELECT count(*) FROM templates WHERE account = ? AND region = ? AND name <> ?`, sc.Account, sc.Region, t.Name); err != nil {
			return err
		}
		if n >= MaxTemplates {
			refusal = fault.New(fault.LimitExceeded, "You have reached the maximum of %d templates.", MaxTemplates)
			return nil
		}
		n, err := tx.Exec(`INSERT INTO templates (account, region, name, tags, created_at, updated_at, subject, text_part, html_part)
			VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
			sc.Account, sc.Region, t.Name, string(tags), at, at, t.Content.Subject, t.Content.Text, t.Content.HTML)
		if err == nil && n == 0 {
			refusal = because(ErrExists, fault.InField(fault.AlreadyExists, "TemplateName", "Template %s already exists.", fault.Printable(t.Name)))
		}
		return err
	})
	return cmp.Or(err, refusal)
}

// check looks at a template as a whole.
func (s *Templates) check(name string, c Content) error {
	if err := checkName(name); err != nil {
		return err
	}
	if err := c.check(); err != nil {
		return err
	}
	_, err := s.compiled.of(c.digest(), c)
	return err
}

// Update replaces the whole content of a template: a part that is not given is gone.
func (s *Templates) Update(ctx context.Context, sc scope.Scope, name string, c Content) error {
	if err := s.check(name, c); err != nil {
		return err
	}
	return s.one(ctx, key{sc, name}, `UPDATE templates SET subject = ?, text_part = ?, html_part = ?, updated_at = ?`,
		c.Subject, c.Text, c.HTML, store.Millis(s.now()))
}

// Delete removes a template.
func (s *Templates) Delete(ctx context.Context, sc scope.Scope, name string) error {
	return s.one(ctx, key{sc, name}, `DELETE FROM templates`)
}

// one runs a change of one template, or returns TemplateNotFound.
func (s *Templates) one(ctx context.Context, k key, change string, args ...any) error {
	if !nameable(k.name) {
		return notFound(k.name)
	}
	args = append(args, k.scope.Account, k.scope.Region, k.name)
	var n int64
	err := s.write(ctx, k.scope, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(change+` WHERE account = ? AND region = ? AND name = ?`, args...)
		return err
	})
	if err == nil && n == 0 {
		return notFound(k.name)
	}
	return err
}

// write makes a change of the templates of a scope, which all nodes then see.
func (s *Templates) write(ctx context.Context, sc scope.Scope, fn func(tx *store.Tx) error) error {
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		if err := fresh.Changed(tx, sc.Account); err != nil {
			return err
		}
		return fn(tx)
	})
	s.changes.Forget(sc.Account)
	return store.Wrap("template.write", err)
}

// Get returns a template with its content, as the database has it now.
func (s *Templates) Get(ctx context.Context, sc scope.Scope, name string) (Template, error) {
	if !nameable(name) {
		return Template{}, notFound(name)
	}
	t := Template{Scope: sc, Name: name}
	var tags string
	var created, updated int64
	err := s.db.QueryRow(ctx, `SELECT tags, created_at, updated_at, subject, text_part, html_part FROM templates
		WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name).
		Scan(&tags, &created, &updated, &t.Content.Subject, &t.Content.Text, &t.Content.HTML)
	if errors.Is(err, sql.ErrNoRows) {
		return Template{}, notFound(name)
	}
	if err == nil {
		err = json.Unmarshal([]byte(tags), &t.Tags)
	}
	t.CreatedAt, t.UpdatedAt = store.Time(created), store.Time(updated)
	return t, store.Wrap("template.Get", err)
}

// List returns up to limit templates by name, without contents and tags, from the first
// after the name after. More reports whether others follow.
func (s *Templates) List(ctx context.Context, sc scope.Scope, after string, limit int) (list []Template, more bool, err error) {
	if !nameable(after) {
		return nil, false, nil
	}
	rows, err := s.db.Query(ctx, `SELECT name, created_at, updated_at FROM templates
		WHERE account = ? AND region = ? AND name > ? ORDER BY name LIMIT ?`, sc.Account, sc.Region, after, limit+1)
	if err != nil {
		return nil, false, store.Wrap("template.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		t := Template{Scope: sc}
		var created, updated int64
		if err := rows.Scan(&t.Name, &created, &updated); err != nil {
			return nil, false, store.Wrap("template.List", err)
		}
		t.CreatedAt, t.UpdatedAt = store.Time(created), store.Time(updated)
		list = append(list, t)
	}
	if len(list) > limit {
		list, more = list[:limit], true
	}
	return list, more, store.Wrap("template.List", rows.Err())
}

// Load returns a stored template, ready to be rendered. In the steady state it asks no
// database.
func (s *Templates) Load(ctx context.Context, sc scope.Scope, name string) (*Compiled, error) {
	if checkName(name) != nil { // it would fill the cache
		return nil, notFound(name)
	}
	var read *Content // by this call
	d, err := s.digests.Get(ctx, sc.Account, key{sc, name}, func() (digest, error) {
		t, err := s.Get(ctx, sc, name)
		read = &t.Content
		return t.Content.digest(), err
	})
	if err != nil {
		return nil, err
	}
	if c := s.compiled.get(d); c != nil {
		return c, nil
	}
	if read == nil || read.digest() != d { // another call has read it, and it is compiled no more
		t, err := s.Get(ctx, sc, name)
		if err != nil {
			return nil, err
		}
		read, d = &t.Content, t.Content.digest()
	}
	return s.compiled.of(d, *read)
}

// Compile returns a template that comes with a call, ready to be rendered.
func (s *Templates) Compile(c Content) (*Compiled, error) {
	if err := c.checkBody(); err != nil {
		return nil, err
	}
	return s.compiled.of(c.digest(), c)
}

// Tags are the tags of a template.
func (s *Templates) Tags(ctx context.Context, sc scope.Scope, name string) ([]identity.Tag, error) {
	t, err := s.Get(ctx, sc, name)
	return t.Tags, err
}

// Tag adds tags to a template, or changes those that it has.
func (s *Templates) Tag(ctx context.Context, sc scope.Scope, name string, tags []identity.Tag) error {
	if !nameable(name) {
		return notFound(name)
	}
	return s.tagged().Tag(ctx, sc, name, tags)
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (s *Templates) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	if !nameable(name) {
		return notFound(name)
	}
	return s.tagged().Untag(ctx, sc, name, keys)
}

func (s *Templates) tagged() identity.Tagged {
	return identity.Tagged{DB: s.db, Table: "templates", Missing: notFound}
}
