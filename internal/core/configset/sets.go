// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"strings"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Sets serves the configuration sets of one server. It is safe for concurrent use. A
// change made by another node is seen within a second.
type Sets struct {
	db    *store.DB
	now   clock.Clock
	cache *cache
}

// New returns the sets kept in db.
func New(db *store.DB, now clock.Clock) *Sets {
	return &Sets{db: db, now: now, cache: &cache{scopes: map[scope.Scope]map[string]entry{}}}
}

// Get returns the set of a name, or ConfigSetNotFound. What it returns is shared and must
// not be changed. In the steady state it asks no database.
func (s *Sets) Get(ctx context.Context, sc scope.Scope, name string) (Set, error) {
	now := s.now()
	e, drops, ok, fresh := s.cache.get(sc, name, now)
	if !fresh {
		if err := s.cache.follow(ctx, s.db, now); err != nil {
			return Set{}, err
		}
		e, drops, ok, _ = s.cache.get(sc, name, now)
	}
	if !ok && !validName(name) { // fills no cache
		return Set{}, notFound(name)
	}
	if !ok {
		set, err := s.Read(ctx, sc, name)
		if err != nil && !fault.Is(err, fault.ConfigSetNotFound) {
			return Set{}, err
		}
		e = entry{set, err == nil}
		s.cache.put(sc, name, e, drops)
	}
	if !e.found {
		return Set{}, notFound(name)
	}
	return e.set, nil
}

// Read is Get past the cache: it sees what any node has changed. Operations that show a
// set take it, since their callers expect to read what they have written.
func (s *Sets) Read(ctx context.Context, sc scope.Scope, name string) (Set, error) {
	if !validName(name) { // as whatever a database takes for one
		return Set{}, notFound(name)
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

// notFound is SES's refusal of a set that does not exist.
func notFound(name string) error {
	return fault.InField(fault.ConfigSetNotFound, "ConfigurationSetName", "Configuration set <%s> does not exist.", printable(name))
}

// validName reports whether a set or a destination can have a name (SES: service
// quotas): up to MaxName letters and digits of ASCII, hyphens and underscores.
func validName(name string) bool {
	if name == "" || len(name) > MaxName {
		return false
	}
	return !strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '-' || r == '_')
	})
}

// printable is s for a text that goes to the peer: no control characters, and not long.
func printable(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
