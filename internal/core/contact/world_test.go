// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/event"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
)

var (
	ctx    = context.Background()
	sc     = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	others = []scope.Scope{{Account: "123456789012", Region: "eu-west-1"}, {Account: "210987654321", Region: "us-east-1"}}
	start  = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// world is a node with lists.
type world struct {
	*contact.Lists
	db    *store.DB
	clock *clock.Fake
	ring  *keyring.Ring
}

func newWorld(db *store.DB) *world {
	w := &world{db: db, clock: clock.NewFake(start), ring: keyring.Ephemeral()}
	w.Lists = w.node()
	return w
}

// node is another node on the same database, with the same keyring.
func (w *world) node() *contact.Lists {
	return contact.New(contact.Options{DB: w.db, Clock: w.clock.Now, Sign: w.ring, MailDomain: "ses.example.net", Base: func(region string, set configset.Set) string {
		return "https://" + cmp.Or(set.TrackingHost(), "r."+region+".ses.example.net")
	}})
}

// topics are one that contacts get unless they say otherwise, and one that they don't.
func topics() []contact.Topic {
	return []contact.Topic{
		{Name: "Sports", DisplayName: "Sports Newsletter", Description: "All about sports", Default: contact.OptIn},
		{Name: "Cycling", DisplayName: "Cycling News", Default: contact.OptOut},
	}
}

// withList makes the account's list.
func (w *world) withList(t testing.TB, scopes ...scope.Scope) {
	t.Helper()
	for _, of := range append(scopes, sc) {
		must(t, w.CreateList(ctx, contact.List{Scope: of, Name: "News", Description: "A list", Topics: topics()}))
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// refused demands a fault of a kind with a text.
func refused(t testing.TB, err error, kind fault.Kind, text string) {
	t.Helper()
	if !fault.Is(err, kind) || fault.PeerText(err) != text {
		t.Errorf("got  %v\nwant %s", err, text)
	}
}

// says is what contacts say: "Sports+ Cycling-".
func says(s string) (all []contact.Preference) {
	for _, word := range strings.Fields(s) {
		p := contact.Preference{Topic: word[:len(word)-1], Status: contact.OptIn}
		if word[len(word)-1] == '-' {
			p.Status = contact.OptOut
		}
		all = append(all, p)
	}
	return all
}

// told is the reverse of says; a contact that wants nothing has "none" before it.
func told(c contact.Contact) string {
	var words []string
	if c.UnsubscribeAll {
		words = append(words, "none")
	}
	for _, p := range c.Preferences {
		words = append(words, p.Topic+map[contact.Status]string{contact.OptIn: "+", contact.OptOut: "-"}[p.Status])
	}
	return strings.Join(words, " ")
}

// add puts a contact on the list.
func (w *world) add(t testing.TB, local, said string) {
	t.Helper()
	c := contact.Contact{Address: local + "@example.net", Preferences: says(strings.TrimPrefix(said, "none"))}
	c.UnsubscribeAll = strings.HasPrefix(said, "none")
	must(t, w.Create(ctx, sc, "News", c))
}

// state is what the list has of a contact.
func (w *world) state(t testing.TB, local string) string {
	t.Helper()
	c, _, err := w.Get(ctx, sc, "News", local+"@example.net")
	if fault.Is(err, fault.NotFound) {
		return "nobody"
	}
	must(t, err)
	return told(c)
}

func mailbox(t testing.TB, local string) address.Address {
	t.Helper()
	a, err := address.Parse(local + "@example.net")
	must(t, err)
	return a
}

const messageID = "0100019b7c8a1d88-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"

// sent puts a message into the database as the spool does.
func (w *world) sent(t testing.TB) {
	t.Helper()
	must(t, w.db.Write(ctx, func(tx *store.Tx) error {
		_, err := tx.Exec(`INSERT INTO messages (account, region, id, accepted_at, operation, caller, source_ip, return_path, sender, identity,
			identity_account, subject, original_id, config_set, tags, size, header_size, eight_bit, blob, content)
			VALUES (?, ?, ?, 0, '', '', '', '', '', '', '', '', '', '', '', 0, 0, 0, '', '')`, sc.Account, sc.Region, messageID)
		return err
	}))
}

// offer has a message sent to one recipient, and returns the token of its links.
func (w *world) offer(t testing.TB, topic, local string) string {
	t.Helper()
	s, err := w.ForSend(ctx, sc, "News", topic, []address.Address{mailbox(t, local)})
	must(t, err)
	if s.Enlist != nil {
		must(t, w.db.Write(ctx, s.Enlist))
	}
	_, token, _ := strings.Cut(s.Offer(0, messageID, configset.Set{}).URL, contact.Path)
	return token
}

// fact is a line of the outbox.
type fact struct {
	kind, message string
	at            time.Time
	detail        event.Detail
}

// events are the outbox.
func (w *world) events(t testing.TB) (all []fact) {
	t.Helper()
	rows, err := w.db.Query(ctx, `SELECT kind, message_id, at, payload FROM outbox ORDER BY seq`)
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var e fact
		var at int64
		var payload string
		must(t, rows.Scan(&e.kind, &e.message, &at, &payload))
		must(t, json.Unmarshal([]byte(payload), &e.detail))
		e.at = store.Time(at)
		all = append(all, e)
	}
	must(t, rows.Err())
	return all
}

func names(contacts []contact.Contact) string {
	var all []string
	for _, c := range contacts {
		all = append(all, strings.TrimSuffix(c.Address, "@example.net"))
	}
	return strings.Join(all, " ")
}

// count is how many rows a table has.
func (w *world) count(t testing.TB, table string) (n int) {
	t.Helper()
	must(t, w.db.QueryRow(ctx, fmt.Sprintf(`SELECT count(*) FROM %s`, table)).Scan(&n))
	return n
}

// Import writes contacts at once and returns their errors.
func (w *world) Import(of scope.Scope, list string, contacts []contact.Contact) ([]error, error) {
	return w.write(w.Adding(ctx, of, list, contacts))
}

// Remove removes them.
func (w *world) Remove(of scope.Scope, list string, contacts []contact.Contact) ([]error, error) {
	return w.write(w.Removing(ctx, of, list, contacts))
}

func (w *world) write(write func(*store.Tx) error, errs []error, err error) ([]error, error) {
	if err == nil {
		err = w.db.Write(ctx, write)
	}
	return errs, err
}
