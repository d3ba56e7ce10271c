// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// prepare looks at a contact in SES's order (address, list, topics), and puts its address
// into the form that is kept.
func (l *Lists) prepare(ctx context.Context, sc scope.Scope, name string, c *Contact) (list List, err error) {
	if c.Address, err = ParseAddress(c.Address); err != nil {
		return List{}, err
	}
	if list, err = l.List(ctx, sc, name); err != nil {
		return List{}, err
	}
	return list, cmp.Or(list.checkPreferences(c.Preferences), checkAttributes(c.Attributes))
}

// Create puts a contact on a list; its times are now.
func (l *Lists) Create(ctx context.Context, sc scope.Scope, list string, c Contact) error {
	on, err := l.prepare(ctx, sc, list, &c)
	if err != nil {
		return err
	}
	c.CreatedAt, c.handle = l.now(), l.newHandle(on, c.Address)
	var n int64
	err = l.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = insert(tx, on, c)
		return err
	})
	if err == nil && n == 0 {
		return fault.InField(fault.AlreadyExists, "EmailAddress", "%s already exists in List.", c.Address)
	}
	return store.Wrap("contact.Create", err)
}

// insert writes a contact, unless it is on the list already.
func insert(tx *store.Tx, list List, c Contact) (int64, error) {
	at := store.Millis(c.CreatedAt)
	n, err := tx.Exec(`INSERT INTO contacts (account, region, list, address, handle, unsubscribed, attributes, created_at, updated_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (account, region, list, address) DO NOTHING`,
		list.Scope.Account, list.Scope.Region, list.id, c.Address, c.handle, store.Flag(c.UnsubscribeAll), c.Attributes, at, at)
	if err != nil || n == 0 {
		return n, err
	}
	return n, prefer(tx, list, c.Address, c.Preferences)
}

// prefer writes what a contact says of topics; of others stays what it has said.
func prefer(tx *store.Tx, list List, address string, all []Preference) error {
	for _, p := range all {
		_, err := tx.Exec(`INSERT INTO contact_preferences (account, region, list, address, topic, opted_out) VALUES (?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, region, list, address, topic) DO UPDATE SET opted_out = excluded.opted_out`,
			list.Scope.Account, list.Scope.Region, list.id, address, p.Topic, store.Flag(p.Status == OptOut))
		if err != nil {
			return err
		}
	}
	return nil
}

// Update replaces whether a contact wants nothing, and its attributes. Of the topics that
// it names it changes what the contact says (as SES does).
func (l *Lists) Update(ctx context.Context, sc scope.Scope, list string, c Contact) error {
	on, err := l.prepare(ctx, sc, list, &c)
	if err != nil {
		return err
	}
	c.UpdatedAt = l.now()
	var n int64
	err = l.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = update(tx, on, c)
		return err
	})
	if err == nil && n == 0 {
		return noContact(c.Address)
	}
	return store.Wrap("contact.Update", err)
}

func update(tx *store.Tx, list List, c Contact) (int64, error) {
	n, err := tx.Exec(`UPDATE contacts SET unsubscribed = ?, attributes = ?, updated_at = ? WHERE account = ? AND region = ? AND list = ? AND address = ?`,
		store.Flag(c.UnsubscribeAll), c.Attributes, store.Millis(c.UpdatedAt), list.Scope.Account, list.Scope.Region, list.id, c.Address)
	if err != nil || n == 0 {
		return n, err
	}
	return n, prefer(tx, list, c.Address, c.Preferences)
}

// Delete takes a contact off a list.
func (l *Lists) Delete(ctx context.Context, sc scope.Scope, list, address string) error {
	c := Contact{Address: address}
	on, err := l.prepare(ctx, sc, list, &c)
	if err != nil {
		return err
	}
	var n int64
	err = l.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = remove(tx, on, c.Address)
		return err
	})
	if err == nil && n == 0 {
		return noContact(c.Address)
	}
	return store.Wrap("contact.Delete", err)
}

func remove(tx *store.Tx, list List, address string) (int64, error) {
	// The contact first: changes of one contact wait for each other at its row.
	n, err := tx.Exec(`DELETE FROM contacts WHERE account = ? AND region = ? AND list = ? AND address = ?`,
		list.Scope.Account, list.Scope.Region, list.id, address)
	if err != nil {
		return n, err
	}
	return n, forget(tx, list, address)
}

// forget removes all that a contact has said of topics.
func forget(tx *store.Tx, list List, address string) error {
	_, err := tx.Exec(`DELETE FROM contact_preferences WHERE account = ? AND region = ? AND list = ? AND address = ?`,
		list.Scope.Account, list.Scope.Region, list.id, address)
	return err
}

// Get returns a contact and the list that it is on.
func (l *Lists) Get(ctx context.Context, sc scope.Scope, list, address string) (Contact, List, error) {
	c := Contact{Address: address}
	on, err := l.prepare(ctx, sc, list, &c)
	if err != nil {
		return Contact{}, List{}, err
	}
	err = scanContact(l.o.DB.QueryRow(ctx, contactQuery+` AND c.address = ?`, sc.Account, sc.Region, on.id, c.Address), &c)
	if errors.Is(err, sql.ErrNoRows) {
		return Contact{}, List{}, noContact(c.Address)
	}
	if err == nil {
		one := []Contact{c}
		err = l.addPreferences(ctx, on, one)
		c = one[0]
	}
	return c, on, store.Wrap("contact.Get", err)
}

const (
	contactQuery = `SELECT c.address, c.unsubscribed, c.attributes, c.created_at, c.updated_at FROM contacts c WHERE c.account = ? AND c.region = ? AND c.list = ?`

	preferenceQuery = `SELECT address, topic, opted_out FROM contact_preferences WHERE account = ? AND region = ? AND list = ?`
)

func scanContact(row interface{ Scan(...any) error }, c *Contact) error {
	var created, updated int64
	err := row.Scan(&c.Address, &c.UnsubscribeAll, &c.Attributes, &created, &updated)
	c.CreatedAt, c.UpdatedAt = store.Time(created), store.Time(updated)
	return err
}

// among is IN and as many parameters as make room for some addresses, and these. Their
// number is rounded up, so that there are few different queries.
func among(addresses []string) (in string, args []any) {
	width := 1
	for width < len(addresses) {
		width *= 2
	}
	for i := range width {
		args = append(args, addresses[min(i, len(addresses)-1)])
	}
	return ` IN (?` + strings.Repeat(`, ?`, width-1) + `)`, args
}

// addPreferences reads what contacts have said of the list's topics, in the order of
// these.
func (l *Lists) addPreferences(ctx context.Context, list List, contacts []Contact) error {
	if len(contacts) == 0 || len(list.Topics) == 0 {
		return nil
	}
	addresses := make([]string, len(contacts))
	for i, c := range contacts {
		addresses[i] = c.Address
	}
	in, args := among(addresses)
	rows, err := l.o.DB.Query(ctx, preferenceQuery+` AND address`+in, append([]any{list.Scope.Account, list.Scope.Region, list.id}, args...)...)
	if err != nil {
		return err
	}
	said, err := scanPreferences(rows)
	if err != nil {
		return err
	}
	for i := range contacts {
		contacts[i].Preferences = list.order(said[contacts[i].Address])
	}
	return nil
}

// order puts what a contact has said into the order of the list's topics, and leaves out
// what it has said of others.
func (l List) order(said map[string]Status) []Preference {
	var all []Preference
	for _, t := range l.Topics {
		if s, ok := said[t.Name]; ok {
			all = append(all, Preference{t.Name, s})
		}
	}
	return all
}

// scanPreferences reads the rows of preferenceQuery, by address and topic, and closes
// them.
func scanPreferences(rows *sql.Rows) (map[string]map[string]Status, error) {
	defer rows.Close()
	all := map[string]map[string]Status{}
	for rows.Next() {
		var address, topic string
		var out bool
		if err := rows.Scan(&address, &topic, &out); err != nil {
			return nil, err
		}
		if all[address] == nil {
			all[address] = map[string]Status{}
		}
		all[address][topic] = OptIn
		if out {
			all[address][topic] = OptOut
		}
	}
	return all, rows.Err()
}
