// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/event"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func TestTheWaysOut(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	w.withList(t)
	s, err := w.ForSend(ctx, sc, "News", "Sports", []address.Address{mailbox(t, "somebody")})
	must(t, err)
	o := s.Offer(0, messageID, configset.Set{})
	token, ok := strings.CutPrefix(o.URL, "https://r.us-east-1.ses.example.net/unsubscribe/")
	if !ok || len(token) != 52 || o.Mailto != "mailto:unsubscribe-"+token+"@ses.example.net?subject=unsubscribe" {
		t.Errorf("%+v", o)
	}
	tracked := configset.Set{Options: configset.Options{TrackingDomain: "Links.example.com"}}
	if o := s.Offer(0, messageID, tracked); o.URL != "https://links.example.com/unsubscribe/"+token {
		t.Errorf("%+v", o)
	}
	to := strings.TrimSuffix(strings.TrimPrefix(o.Mailto, "mailto:"), "?subject=unsubscribe")
	for _, written := range []string{to, strings.ToUpper(to)} {
		a, err := address.Parse(written)
		must(t, err)
		if got, ok := w.TokenOf(a); !ok || got != token {
			t.Errorf("%s: %q, %v", written, got, ok)
		}
	}
	for _, other := range []string{"a@ses.example.net", "unsubscribe@ses.example.net", "unsubscribe-" + token + "@example.net"} {
		a, err := address.Parse(other)
		must(t, err)
		if _, ok := w.TokenOf(a); ok {
			t.Errorf("%s is no way out", other)
		}
	}
}

// TestTheUnsubscribeButton leaves the topic that the mail was about, or the list, once, and
// tells of what it has changed.
func TestTheUnsubscribeButton(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t)
		w.sent(t)
		for i, c := range []struct {
			name, before, topic, after string
			told                       bool
		}{
			{"the list, of mail about no topic", "Sports+", "", "none Sports+", true},
			{"the topic", "Sports+ Cycling+", "Sports", "Sports- Cycling+", true},
			{"a topic that nothing was said of", "Cycling+", "Sports", "Sports- Cycling+", true},
			{"a topic that was left already", "Sports-", "Sports", "Sports-", false},
			{"a list that was left already", "none", "", "none", false},
		} {
			who := fmt.Sprint("a", i)
			w.add(t, who, c.before)
			token, before := w.offer(t, c.topic, who), len(w.events(t))
			for range 2 { // programs ask twice
				s, err := w.Unsubscribe(ctx, token)
				must(t, err)
				if told(s.Contact) != c.after || s.Address != who+"@example.net" || s.List.Name != "News" || s.Topic != c.topic {
					t.Errorf("%s: %+v", c.name, s)
				}
			}
			if got := w.state(t, who); got != c.after {
				t.Errorf("%s: %s, want %s", c.name, got, c.after)
			}
			if n := len(w.events(t)) - before; n > 1 || c.told != (n == 1) {
				t.Errorf("%s: %d events", c.name, n)
			}
		}
	})
}

func TestTheEventTellsWhatChanged(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t)
		w.sent(t)
		w.add(t, "a", "Cycling+")
		w.clock.Advance(time.Hour)
		token := w.offer(t, "Sports", "a")
		_, err := w.Unsubscribe(ctx, token)
		must(t, err)
		_, err = w.Choose(ctx, token, contact.Choice{UnsubscribeAll: true, Topics: says("Sports+ Gone+")})
		must(t, err)
		in, out := func(s string) event.TopicStatus { return event.TopicStatus{Topic: s, Status: "OptIn"} }, event.TopicStatus{Topic: "Sports", Status: "OptOut"}
		first := event.TopicPreferences{Topics: []event.TopicStatus{in("Cycling")}, Defaults: []event.TopicStatus{in("Sports")}}
		second := event.TopicPreferences{Topics: []event.TopicStatus{out, in("Cycling")}}
		third := event.TopicPreferences{UnsubscribeAll: true, Topics: []event.TopicStatus{in("Sports"), in("Cycling")}}
		detail := func(source event.SubscriptionSource, before, after event.TopicPreferences) event.Detail {
			return event.Detail{Recipients: []string{"a@example.net"}, Subscription: &event.SubscriptionChange{ContactList: "News", Source: source, Old: before, New: after}}
		}
		want := []fact{
			{"Subscription", messageID, start.Add(time.Hour), detail("UnsubscribeHeader", first, second)},
			{"Subscription", messageID, start.Add(time.Hour), detail("UnsubscribeFooter", second, third)},
		}
		if got := w.events(t); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

// TestAChoice is what the page of a recipient's subscriptions does.
func TestAChoice(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	w.withList(t)
	w.add(t, "a", "")
	token := w.offer(t, "", "a")
	for _, c := range []struct {
		name   string
		choice contact.Choice
		want   string
	}{
		{"some topics", contact.Choice{Topics: says("Sports- Cycling+")}, "Sports- Cycling+"},
		{"nothing at all", contact.Choice{UnsubscribeAll: true}, "none Sports- Cycling+"},
		{"back again", contact.Choice{Topics: says("Sports+")}, "Sports+ Cycling+"},
		{"a topic that is none", contact.Choice{Topics: says("X+")}, "Sports+ Cycling+"},
	} {
		s, err := w.Choose(ctx, token, c.choice)
		must(t, err)
		if got := w.state(t, "a"); told(s.Contact) != c.want || got != c.want {
			t.Errorf("%s: %s, and then %s, want %s", c.name, told(s.Contact), got, c.want)
		}
	}
	if s, err := w.Look(ctx, token); err != nil || told(s.Contact) != "Sports+ Cycling+" || len(s.List.Topics) != 2 {
		t.Errorf("%+v, %v", s, err)
	}
}

func TestLinksThatLeadNowhere(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t)
		token := w.offer(t, "Sports", "a")
		other := contact.New(contact.Options{DB: w.db, Clock: w.clock.Now, Sign: keyring.Ephemeral(), Base: func(string, configset.Set) string { return "" }})
		s, err := other.ForSend(ctx, sc, "News", "Sports", []address.Address{mailbox(t, "a")})
		must(t, err)
		forged := strings.TrimPrefix(s.Offer(0, messageID, configset.Set{}).URL, contact.Path)
		broken := []string{"", "a", token[:51], token + "a", forged, token[:51] + "0", strings.Repeat("a", 1<<16)}
		for i := range token {
			c := byte('a')
			if token[i] == c {
				c = 'b'
			}
			broken = append(broken, token[:i]+string(c)+token[i+1:])
		}
		for _, bad := range broken {
			_, err1 := w.Look(ctx, bad)
			_, err2 := w.Unsubscribe(ctx, bad)
			_, err3 := w.Choose(ctx, bad, contact.Choice{UnsubscribeAll: true})
			if !errors.Is(err1, contact.ErrBroken) || !errors.Is(err2, contact.ErrBroken) || !errors.Is(err3, contact.ErrBroken) {
				t.Errorf("%.60q: %v, %v, %v", bad, err1, err2, err3)
			}
		}
		if got := w.state(t, "a"); got != "" || len(w.events(t)) != 0 {
			t.Errorf("the contact is %q", got)
		}
	})
}

// TestALinkOutlivesItsMessage, and the time between the contact's removal and its return.
func TestALinkOutlivesItsMessage(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t)
		token := w.offer(t, "Sports", "a")
		w.clock.Advance(10 * 365 * 24 * time.Hour)
		must(t, w.Delete(ctx, sc, "News", "a@example.net"))
		gone := func(when string) {
			t.Helper()
			_, err1 := w.Look(ctx, token)
			_, err2 := w.Unsubscribe(ctx, token)
			if !errors.Is(err1, contact.ErrGone) || !errors.Is(err2, contact.ErrGone) {
				t.Errorf("%s: %v, %v", when, err1, err2)
			}
		}
		gone("without the contact")
		w.add(t, "a", "")
		must(t, w.DeleteList(ctx, sc, "News"))
		gone("without the list")
		w.withList(t)
		gone("with a new list")
		w.add(t, "a", "")
		_, err := w.Unsubscribe(ctx, token)
		must(t, err)
		if got := w.state(t, "a"); got != "Sports-" {
			t.Errorf("%s", got)
		}
		if all := w.events(t); len(all) != 1 || all[0].message != "" {
			t.Errorf("%+v", all)
		}
	})
}

// TestALinkOutlivesANewKey: the contact was there before the key.
func TestALinkOutlivesANewKey(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	w.withList(t)
	w.add(t, "a", "")
	w.Lists = contact.New(contact.Options{DB: w.db, Clock: w.clock.Now, Sign: keyring.Ephemeral(), Base: func(string, configset.Set) string { return "" }})
	_, err := w.Unsubscribe(ctx, w.offer(t, "Sports", "a"))
	must(t, err)
	if got := w.state(t, "a"); got != "Sports-" {
		t.Errorf("%s", got)
	}
}

func FuzzToken(f *testing.F) {
	w := newWorld(storetest.SQLite(f))
	w.withList(f)
	token := w.offer(f, "Sports", "a")
	for _, s := range []string{token, strings.ToUpper(token), "", "a"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		_, err := w.Look(ctx, s)
		if ours := strings.EqualFold(s, token); ours != (err == nil) || !ours && !errors.Is(err, contact.ErrBroken) {
			t.Errorf("%q: %v", s, err)
		}
	})
}
