// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// ListKind is the kind of the tokens of lists of sets.
const ListKind = "configuration-set"

// Domains tells which domains are verified.
type Domains interface {
	ResolveDomain(ctx context.Context, sc scope.Scope, d address.Domain) (identity.Identity, error)
}

// Sets serves the configuration sets of one server. It is safe for concurrent use. A
// change made by another node is seen within a second.
type Sets struct {
	db      *store.DB
	now     clock.Clock
	domains Domains
	changes *fresh.Changes
	cache   *fresh.Cache[key, Set]
}

type key struct {
	scope scope.Scope
	name  string
}

const cacheSize = 20_000 // sets that are kept, and names of which there is none

// New returns the sets kept in db.
func New(db *store.DB, now clock.Clock, domains Domains) *Sets {
	changes := fresh.NewChanges(db, now)
	return &Sets{db: db, now: now, domains: domains, changes: changes,
		cache: fresh.NewCache[key](changes, fresh.Options[Set]{
			Size: cacheSize, Absent: func(err error) bool { return fault.Is(err, fault.ConfigSetNotFound) },
		})}
}

// Get returns the set of a name, or ConfigSetNotFound; a name that no set can have is
// Invalid. What it returns is shared and must not be changed. In the steady state it asks
// no database.
func (s *Sets) Get(ctx context.Context, sc scope.Scope, name string) (Set, error) {
	if err := checkName(name); err != nil { // it would fill the cache
		return Set{}, err
	}
	return s.cache.Get(ctx, sc.Account, key{sc, name}, func() (Set, error) { return s.Read(ctx, sc, name) })
}

// Read is Get past the cache: it sees what any node has changed. Operations that show a
// set take it, since their callers expect to read what they have written.
func (s *Sets) Read(ctx context.Context, sc scope.Scope, name string) (Set, error) {
	if err := checkName(name); err != nil {
		return Set{}, err
	}
	set := Set{Scope: sc}
	err := scan(s.db.QueryRow(ctx, setQuery, sc.Account, sc.Region, name), &set)
	if errors.Is(err, sql.ErrNoRows) {
		return Set{}, notFound(name)
	}
	if err == nil {
		var rows *sql.Rows
		if rows, err = s.db.Query(ctx, destinationsQuery, sc.Account, sc.Region, name); err == nil {
			set.Destinations, err = scanDestinations(rows)
		}
	}
	if err != nil {
		return Set{}, store.Wrap("configset.Read", err)
	}
	return set, nil
}

// Exists reports whether there is a set of a name, past the cache.
func (s *Sets) Exists(ctx context.Context, sc scope.Scope, name string) (bool, error) {
	_, err := s.Read(ctx, sc, name)
	if fault.Is(err, fault.ConfigSetNotFound) {
		return false, nil
	}
	return err == nil, err
}

// List returns the names of up to limit sets in their order, from the first after the
// name after, of those whose names contain a text, in whatever case. More reports whether
// others follow.
func (s *Sets) List(ctx context.Context, sc scope.Scope, after, containing string, limit int) (names []string, more bool, err error) {
	if !plain(after+containing, "_-") { // no name is or has that, and not every database takes it
		return nil, false, nil
	}
	containing = strings.ToLower(containing)
	rows, err := s.db.Query(ctx, `SELECT name FROM configuration_sets WHERE account = ? AND region = ? AND name > ?
		AND length(replace(lower(name), ?, '')) < length(name) + CASE WHEN ? = '' THEN 1 ELSE 0 END ORDER BY name LIMIT ?`,
		sc.Account, sc.Region, after, containing, containing, limit+1)
	if err != nil {
		return nil, false, store.Wrap("configset.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, false, store.Wrap("configset.List", err)
		}
		names = append(names, name)
	}
	if len(names) > limit {
		names, more = names[:limit], true
	}
	return names, more, store.Wrap("configset.List", rows.Err())
}

const (
	setQuery          = `SELECT name, options, tags, created_at FROM configuration_sets WHERE account = ? AND region = ? AND name = ?`
	destinationsQuery = `SELECT name, definition FROM event_destinations WHERE account = ? AND region = ? AND config_set = ? ORDER BY name`
)

// scan reads the columns of setQuery.
func scan(row interface{ Scan(...any) error }, set *Set) error {
	var options, tags string
	var created int64
	if err := row.Scan(&set.Name, &options, &tags, &created); err != nil {
		return err
	}
	set.CreatedAt = store.Time(created)
	return errors.Join(json.Unmarshal([]byte(options), &set.Options), json.Unmarshal([]byte(tags), &set.Tags))
}

// scanDestinations reads the rows of destinationsQuery and closes them.
func scanDestinations(rows *sql.Rows) (all []Destination, err error) {
	defer rows.Close()
	for rows.Next() {
		var d Destination
		var definition string
		if err := rows.Scan(&d.Name, &definition); err != nil {
			return nil, err
		}
		if err := json.Unmarshal([]byte(definition), &d); err != nil {
			return nil, err
		}
		all = append(all, d)
	}
	return all, rows.Err()
}
