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

// Query asks for a page of contacts.
type Query struct {
	Filter
	Behind string // an address; "" for the first page
	Limit  int
}

// Page is a part of a list, in the order of the addresses.
type Page struct {
	List     List
	Contacts []Contact
	More     bool // others follow
}

// Contacts returns a page of the contacts of a list.
func (l *Lists) Contacts(ctx context.Context, sc scope.Scope, name string, q Query) (p Page, err error) {
	if p.List, err = l.List(ctx, sc, name); err != nil {
		return Page{}, err
	}
	where, args, err := q.where(p.List)
	if err != nil {
		return Page{}, err
	}
	args = append(append([]any{sc.Account, sc.Region, p.List.id, q.Behind}, args...), q.Limit+1)
	rows, err := l.o.DB.Query(ctx, contactQuery+` AND c.address > ?`+where+` ORDER BY c.address LIMIT ?`, args...)
	if err != nil {
		return Page{}, store.Wrap("contact.Contacts", err)
	}
	defer rows.Close()
	for rows.Next() {
		var c Contact
		if err := scanContact(rows, &c); err != nil {
			return Page{}, store.Wrap("contact.Contacts", err)
		}
		p.Contacts = append(p.Contacts, c)
	}
	if err := rows.Err(); err != nil {
		return Page{}, store.Wrap("contact.Contacts", err)
	}
	if len(p.Contacts) > q.Limit {
		p.Contacts, p.More = p.Contacts[:q.Limit], true
	}
	return p, store.Wrap("contact.Contacts", l.addPreferences(ctx, p.List, p.Contacts))
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
