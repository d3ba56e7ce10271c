// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Filter says which contacts a page has (SES API v2: ListContactsFilter). Zero members
// leave it open.
type Filter struct {
	// Status of Topic; without one, OptOut are the contacts that want nothing of the list,
	// and OptIn the others. Who wants nothing of the list has opted out of every topic.
	Status Status

	// Topic alone are those who have said something of it.
	Topic string

	// UseDefault takes for those who have said nothing of Topic the topic's default.
	UseDefault bool
}

// Page returns up to limit contacts of a list behind an address, in the order of their
// addresses, whether there are more, and the list.
func (l *Lists) Page(ctx context.Context, sc scope.Scope, name string, f Filter, behind string, limit int) (contacts []Contact, more bool, list List, err error) {
	if list, err = l.List(ctx, sc, name); err != nil {
		return nil, false, List{}, err
	}
	where, args, err := f.where(list)
	if err != nil {
		return nil, false, List{}, err
	}
	args = append(append([]any{sc.Account, sc.Region, list.id, behind}, args...), limit+1)
	rows, err := l.o.DB.Query(ctx, contactQuery+` AND c.address > ?`+where+` ORDER BY c.address LIMIT ?`, args...)
	if err != nil {
		return nil, false, List{}, store.Wrap("contact.Page", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Contact
		if err := scanContact(rows, &c); err != nil {
			return nil, false, List{}, store.Wrap("contact.Page", err)
		}
		contacts = append(contacts, c)
	}
	if err := rows.Err(); err != nil {
		return nil, false, List{}, store.Wrap("contact.Page", err)
	}
	if len(contacts) > limit {
		contacts, more = contacts[:limit], true
	}
	return contacts, more, list, store.Wrap("contact.Page", l.addPreferences(ctx, list, contacts))
}

const saidOf = `SELECT 1 FROM contact_preferences p WHERE p.account = c.account AND p.region = c.region AND p.list = c.list AND p.address = c.address AND p.topic = ?`

// where is the filter as a condition. The conditions are few, and all of this file.
func (f Filter) where(list List) (query string, args []any, err error) {
	if f.Topic == "" {
		if f.UseDefault {
			return "", nil, fault.InField(fault.Invalid, "TopicFilter", "TopicName can't be blank.")
		}
		switch f.Status {
		case OptOut:
			return ` AND c.unsubscribed = 1`, nil, nil
		case OptIn:
			return ` AND c.unsubscribed = 0`, nil, nil
		}
		return "", nil, nil
	}
	topic, ok := list.topic(f.Topic)
	if !ok {
		return "", nil, noTopic(list.Name, f.Topic)
	}
	if f.Status == "" {
		if f.UseDefault {
			return "", nil, nil
		}
		return ` AND EXISTS (` + saidOf + `)`, []any{f.Topic}, nil
	}
	said := `EXISTS (` + saidOf + ` AND p.opted_out = ?)`
	args = []any{f.Topic, store.Flag(f.Status == OptOut)}
	if f.UseDefault && topic.Default == f.Status {
		said = `(` + said + ` OR NOT EXISTS (` + saidOf + `))`
		args = append(args, f.Topic)
	}
	if f.Status == OptOut {
		return ` AND (c.unsubscribed = 1 OR ` + said + `)`, args, nil
	}
	return ` AND c.unsubscribed = 0 AND ` + said, args, nil
}
