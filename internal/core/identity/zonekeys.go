// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"sesame/internal/core/store"
	"sesame/internal/core/zone"
)

var _ zone.Keys = (*Identities)(nil)

// KeyRecord is the TXT record of the key at a selector that this server made, over all
// accounts: what the name server answers at SELECTOR.dkim.ZONE. ok is false where there
// is none; keys that customers bring are theirs to publish.
func (s *Identities) KeyRecord(ctx context.Context, selector string) (txt string, ok bool, err error) {
	var a Algorithm
	var public string
	err = s.o.DB.QueryRow(ctx, `SELECT algorithm, public_key FROM dkim_keys WHERE selector = ? AND external = 0`, strings.ToLower(selector)).Scan(&a, &public)
	if errors.Is(err, sql.ErrNoRows) {
		return "", false, nil
	}
	if err != nil {
		return "", false, store.Wrap("identity.KeyRecord", err)
	}
	return record(a, public), true, nil
}

// KeyRecords are up to limit of the keys that KeyRecord knows: those whose selectors come
// after the given one, in order.
func (s *Identities) KeyRecords(ctx context.Context, after string, limit int) ([]zone.Key, error) {
	rows, err := s.o.DB.Query(ctx, `SELECT selector, algorithm, public_key FROM dkim_keys
		WHERE selector > ? AND external = 0 ORDER BY selector LIMIT ?`, after, limit)
	if err != nil {
		return nil, store.Wrap("identity.KeyRecords", err)
	}
	defer rows.Close()
	var keys []zone.Key
	for rows.Next() {
		var k zone.Key
		var a Algorithm
		var public string
		if err := rows.Scan(&k.Selector, &a, &public); err != nil {
			return nil, store.Wrap("identity.KeyRecords", err)
		}
		k.TXT = record(a, public)
		keys = append(keys, k)
	}
	return keys, store.Wrap("identity.KeyRecords", rows.Err())
}

// ServiceKeys are the keys of the service's own domain; none before EnsureService.
func (s *Identities) ServiceKeys(ctx context.Context) ([]zone.Key, error) {
	id, err := s.Get(ctx, serviceScope(), string(s.o.Names.Zone))
	if absent(err) {
		return nil, nil
	}
	var keys []zone.Key
	for _, k := range id.Keys {
		keys = append(keys, zone.Key{Selector: k.Selector, TXT: k.Record()})
	}
	return keys, err
}
