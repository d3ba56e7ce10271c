// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"database/sql"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Hit is a recipient that nothing is sent to.
type Hit struct {
	N     int // its index
	Entry Entry
	Rule  Rule
}

// Check finds the recipients of a message, whose configuration set says p, that nothing
// is sent to, in their order. In the steady state it costs no query, unless some may be on
// the list that decides, and then one.
func (l *Lists) Check(ctx context.Context, sc scope.Scope, p Policy, recipients []address.Address) ([]Hit, error) {
	o := l.states.of(sc)
	reasons, err := l.reasonsOf(ctx, sc, o)
	if err != nil {
		return nil, err
	}
	rule, f := decide(reasons, p), o.filter
	switch rule.List {
	case NoList:
		return nil, nil
	case GlobalList:
		f, err = l.global, l.followGlobal(ctx)
	default:
		err = l.followOwn(ctx, sc, f)
	}
	if err != nil {
		return nil, err
	}
	var may []string
	for _, r := range recipients {
		if key := r.Folded().String(); f.may(l.hash(sc.Region, key)) {
			may = append(may, key)
		}
	}
	if len(may) == 0 {
		return nil, nil
	}
	found, err := l.find(ctx, sc, rule.List, may)
	if err != nil || len(found) == 0 {
		return nil, err
	}
	var hits []Hit
	for n, r := range recipients {
		if e, ok := found[r.Folded().String()]; ok && rule.suppresses(e) {
			hits = append(hits, Hit{N: n, Entry: e.seenBy(sc.Account), Rule: rule})
		}
	}
	return hits, nil
}

// find returns those of some addresses, at least one, that are on a list now.
func (l *Lists) find(ctx context.Context, sc scope.Scope, list List, addresses []string) (map[string]Entry, error) {
	query, args := selectOwn+` AND address IN `, []any{sc.Account, sc.Region}
	if list == GlobalList {
		query, args = selectGlobal+` AND address IN `, []any{sc.Region}
	}
	// The number of values is rounded up, so that there are few different queries.
	width := 1
	for width < len(addresses) {
		width *= 2
	}
	for i := range width {
		args = append(args, addresses[min(i, len(addresses)-1)])
	}
	rows, err := l.o.DB.Query(ctx, query+`(?`+strings.Repeat(`, ?`, width-1)+`)`, args...)
	if err != nil {
		return nil, store.Wrap("suppression.find", err)
	}
	found := map[string]Entry{}
	err = each(rows, list, func(e Entry) error {
		if list == AccountList || e.ExpiresAt.After(l.now()) {
			found[e.Address] = e
		}
		return nil
	})
	return found, store.Wrap("suppression.find", err)
}

const (
	selectOwn = `SELECT address, reason, source, updated_at, feedback_id, message_id, response FROM suppressed
		WHERE account = ? AND region = ? AND tenant = ''`
	selectGlobal = `SELECT address, bounced_at, bounces, expires_at, caused_by, message_id, response FROM suppressed_globally
		WHERE region = ?`
)

// each calls fn with the entries of selectOwn or selectGlobal, and closes the rows.
func each(rows *sql.Rows, list List, fn func(Entry) error) error {
	defer rows.Close()
	for rows.Next() {
		e := Entry{List: list, Reason: Bounce, Source: FromBounce}
		var at, expires int64
		into := []any{&e.Address, &e.Reason, &e.Source, &at, &e.FeedbackID, &e.MessageID, &e.Response}
		if list == GlobalList {
			into = []any{&e.Address, &at, &e.Bounces, &expires, &e.CausedBy, &e.MessageID, &e.Response}
		}
		if err := rows.Scan(into...); err != nil {
			return err
		}
		e.UpdatedAt, e.ExpiresAt = store.Time(at), store.Time(expires)
		if err := fn(e); err != nil {
			return err
		}
	}
	return rows.Err()
}
