// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"context"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Sending is what a contact list says of a message.
type Sending struct {
	// Unwanted are the indices of the recipients that don't want the message.
	Unwanted []int

	// Enlist puts the recipients on the list that are not there, in the commit that accepts
	// the message. It may run more than once. Nil where all are there.
	Enlist func(tx *store.Tx) error

	lists         *Lists
	region, topic string
	handles       []int64 // of the recipients
}

// ForSend looks up the recipients of a message that is sent to a list, and for one of its
// topics unless that is "". A list that does not exist is NotFound, and a topic that does
// not is Invalid. Recipients that are not on the list yet get what the topic's default
// says.
func (l *Lists) ForSend(ctx context.Context, sc scope.Scope, name, topic string, recipients []address.Address) (Sending, error) {
	if err := checkName("ContactListName", name); err != nil {
		return Sending{}, err
	}
	list, err := l.current(ctx, sc)
	if fault.Is(err, fault.NotFound) || err == nil && list.Name != name {
		return Sending{}, noList(name)
	}
	if err != nil {
		return Sending{}, err
	}
	if _, ok := list.topic(topic); topic != "" && !ok {
		return Sending{}, noTopic(name, topic)
	}
	addresses := make([]string, len(recipients))
	for i, r := range recipients {
		addresses[i] = r.Folded().String()
	}
	there, err := l.lookUp(ctx, list, topic, addresses)
	if err != nil {
		return Sending{}, store.Wrap("contact.ForSend", err)
	}
	return l.sending(list, topic, addresses, there), nil
}

func (l *Lists) sending(list List, topic string, addresses []string, there map[string]Contact) Sending {
	s := Sending{lists: l, region: list.Scope.Region, topic: topic}
	var missing []Contact
	for n, a := range addresses {
		c, ok := there[a]
		if !ok {
			c = Contact{Address: a, CreatedAt: l.now(), handle: l.newHandle(list, a)}
			missing = append(missing, c)
		}
		s.handles = append(s.handles, c.handle)
		if !list.Wants(c, topic) {
			s.Unwanted = append(s.Unwanted, n)
		}
	}
	if len(missing) > 0 {
		s.Enlist = func(tx *store.Tx) error {
			for _, c := range missing {
				if _, err := insert(tx, list, c); err != nil {
					return err
				}
			}
			return nil
		}
	}
	return s
}

// lookUp reads what a message has to know of those of some addresses, at least one, that
// are on the list.
func (l *Lists) lookUp(ctx context.Context, list List, topic string, addresses []string) (map[string]Contact, error) {
	in, args := among(addresses)
	rows, err := l.o.DB.Query(ctx, `SELECT c.address, c.handle, c.unsubscribed, COALESCE((SELECT p.opted_out FROM contact_preferences p
		WHERE p.account = c.account AND p.region = c.region AND p.list = c.list AND p.address = c.address AND p.topic = ?), -1)
		FROM contacts c WHERE c.account = ? AND c.region = ? AND c.list = ? AND c.address`+in,
		append([]any{topic, list.Scope.Account, list.Scope.Region, list.id}, args...)...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	there := map[string]Contact{}
	for rows.Next() {
		var c Contact
		var out int
		if err := rows.Scan(&c.Address, &c.handle, &c.UnsubscribeAll, &out); err != nil {
			return nil, err
		}
		switch out {
		case 0:
			c.Preferences = []Preference{{topic, OptIn}}
		case 1:
			c.Preferences = []Preference{{topic, OptOut}}
		}
		there[c.Address] = c
	}
	return there, rows.Err()
}
