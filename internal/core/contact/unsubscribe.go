// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
)

// ErrGone says that the contact of a link is not on the list any more.
var ErrGone = errors.New("contact: the contact is not on the list")

// Subscription is what the holder of a link gets to see: a contact and its list.
type Subscription struct {
	Contact
	List  List
	Topic string // that the mail was about; "" for the list as a whole, or one that is gone
}

// target is whom and what a token is about.
type target struct {
	reference
	list    List
	address string
}

// Look returns the subscription of a token. The errors are ErrBroken, ErrGone, and those
// of the database.
func (l *Lists) Look(ctx context.Context, token string) (Subscription, error) {
	t, err := l.target(ctx, token)
	if err != nil {
		return Subscription{}, err
	}
	c, list, err := l.Get(ctx, t.list.Scope, t.list.Name, t.address)
	if fault.Is(err, fault.NotFound) {
		return Subscription{}, ErrGone
	}
	return Subscription{Contact: c, List: list, Topic: t.topicIn(list)}, err
}

// target finds who a token is about.
func (l *Lists) target(ctx context.Context, token string) (t target, err error) {
	if t.reference, err = l.read(token); err != nil {
		return t, err
	}
	var sc scope.Scope
	var list int64
	err = l.o.DB.QueryRow(ctx, `SELECT c.account, c.region, c.list, c.address FROM contacts c JOIN contact_lists l ON l.id = c.list
		WHERE c.handle = ? LIMIT 1`, t.handle).Scan(&sc.Account, &sc.Region, &list, &t.address)
	if errors.Is(err, sql.ErrNoRows) {
		return t, ErrGone
	}
	if err != nil {
		return t, store.Wrap("contact.target", err)
	}
	t.list, err = l.only(ctx, sc)
	if fault.Is(err, fault.NotFound) || err == nil && t.list.id != list {
		return t, ErrGone
	}
	return t, err
}

// topicIn is the topic of a token, or "".
func (t target) topicIn(list List) string {
	for _, topic := range list.Topics {
		if topicHash(topic.Name) == t.topic {
			return topic.Name
		}
	}
	return ""
}

// Unsubscribe does what the unsubscribe button of a mail program asks for (RFC 8058): the
// contact opts out of the topic that the mail was about, or wants nothing of the list if it
// was about none. It returns what then holds. That it held already is no error; a topic
// that is gone has no mail any more.
func (l *Lists) Unsubscribe(ctx context.Context, token string) (Subscription, error) {
	return l.decide(ctx, token, event.UnsubscribeHeader, func(t target, c *Contact) {
		if t.topic == ([topicSize]byte{}) {
			c.UnsubscribeAll = true
			return
		}
		if topic := t.topicIn(t.list); topic != "" {
			c.say(topic, OptOut)
		}
	})
}

// Choice is what a recipient decides on the page of its subscriptions.
type Choice struct {
	UnsubscribeAll bool
	Topics         []Preference // others stay as they are
}

// Choose does what a recipient decides, and returns what then holds. Topics that the list
// does not have are left out.
func (l *Lists) Choose(ctx context.Context, token string, choice Choice) (Subscription, error) {
	return l.decide(ctx, token, event.UnsubscribeFooter, func(t target, c *Contact) {
		c.UnsubscribeAll = choice.UnsubscribeAll
		for _, p := range choice.Topics {
			if _, ok := t.list.topic(p.Topic); ok {
				c.say(p.Topic, p.Status)
			}
		}
	})
}

// say sets what a contact says of a topic.
func (c *Contact) say(topic string, s Status) {
	c.Preferences = slices.DeleteFunc(slices.Clone(c.Preferences), func(p Preference) bool { return p.Topic == topic })
	c.Preferences = append(c.Preferences, Preference{topic, s})
}

// decide lets a recipient change its contact, and tells of it if anything is then
// otherwise, in the same commit.
func (l *Lists) decide(ctx context.Context, token string, source event.SubscriptionSource, edit func(t target, c *Contact)) (Subscription, error) {
	t, err := l.target(ctx, token)
	if err != nil {
		return Subscription{}, err
	}
	message, err := l.message(ctx, t)
	if err != nil {
		return Subscription{}, err
	}
	now := l.now()
	var after Contact
	var gone bool
	err = l.o.DB.Write(ctx, func(tx *store.Tx) error {
		before, found, err := lockContact(tx, t.list, t.address)
		if gone = !found; err != nil || gone {
			return err
		}
		after = before
		edit(t, &after)
		after.Preferences = t.list.sorted(after.Preferences)
		if same(before, after) {
			return nil
		}
		after.UpdatedAt = now
		if _, err := update(tx, t.list, after); err != nil {
			return err
		}
		return event.Append(tx, change{t, message, source, before, after}.event())
	})
	if err == nil && gone {
		err = ErrGone
	}
	return Subscription{Contact: after, List: t.list, Topic: t.topicIn(t.list)}, store.Wrap("contact.decide", err)
}

func same(a, b Contact) bool {
	return a.UnsubscribeAll == b.UnsubscribeAll && slices.Equal(a.Preferences, b.Preferences)
}

// sorted is order of a list of preferences.
func (l List) sorted(all []Preference) []Preference {
	said := map[string]Status{}
	for _, p := range all {
		said[p.Topic] = p.Status
	}
	return l.order(said)
}

// lockContact reads a contact in a transaction that then is the only one to change it.
func lockContact(tx *store.Tx, list List, address string) (c Contact, found bool, err error) {
	sc := list.Scope
	n, err := tx.Exec(`UPDATE contacts SET updated_at = updated_at WHERE account = ? AND region = ? AND list = ? AND address = ?`,
		sc.Account, sc.Region, list.id, address)
	if err != nil || n == 0 {
		return c, false, err
	}
	var created, updated int64
	err = tx.Get([]any{&c.Address, &c.UnsubscribeAll, &c.Attributes, &created, &updated}, contactQuery+` AND c.address = ?`,
		sc.Account, sc.Region, list.id, address)
	if err != nil {
		return c, false, err
	}
	c.CreatedAt, c.UpdatedAt = store.Time(created), store.Time(updated)
	rows, err := tx.Query(preferenceQuery+` AND address = ?`, sc.Account, sc.Region, list.id, address)
	if err != nil {
		return c, false, err
	}
	said, err := scanPreferences(rows)
	c.Preferences = list.order(said[address])
	return c, true, err
}

// message is the id of the message that a token is from: the one that begins with what the
// token has of it ("g" comes behind all digits). One that is kept no longer has
// none.
func (l *Lists) message(ctx context.Context, t target) (id string, err error) {
	err = l.o.DB.QueryRow(ctx, `SELECT id FROM messages WHERE account = ? AND region = ? AND id > ? AND id < ? ORDER BY id LIMIT 1`,
		t.list.Scope.Account, t.list.Scope.Region, t.message, t.message+"g").Scan(&id)
	if errors.Is(err, sql.ErrNoRows) {
		return "", nil
	}
	return id, store.Wrap("contact.message", err)
}

// change is what a recipient has changed, by the link of a message.
type change struct {
	target
	message       string
	source        event.SubscriptionSource
	before, after Contact
}

func (c change) event() event.Event {
	return event.Event{
		Scope: c.list.Scope, Kind: event.Subscription, MessageID: c.message, At: c.after.UpdatedAt,
		Detail: event.Detail{Recipients: []string{c.address}, Subscription: &event.SubscriptionChange{
			ContactList: c.list.Name, Source: c.source, Old: c.list.told(c.before), New: c.list.told(c.after),
		}},
	}
}

// told is what events tell of a contact.
func (l List) told(c Contact) event.TopicPreferences {
	statuses := func(all []Preference) []event.TopicStatus {
		list := []event.TopicStatus{}
		for _, p := range all {
			s := "OptIn"
			if p.Status == OptOut {
				s = "OptOut"
			}
			list = append(list, event.TopicStatus{Topic: p.Topic, Status: s})
		}
		return list
	}
	return event.TopicPreferences{UnsubscribeAll: c.UnsubscribeAll, Topics: statuses(c.Preferences), Defaults: statuses(l.Defaults(c))}
}
