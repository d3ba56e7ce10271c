// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func TestAList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		tags := []identity.Tag{{Key: "team", Value: "a"}}
		must(t, w.CreateList(ctx, contact.List{Scope: sc, Name: "News", Description: "A list", Topics: topics(), Tags: tags}))
		list, err := w.List(ctx, sc, "News")
		must(t, err)
		if list.Name != "News" || list.Description != "A list" || !reflect.DeepEqual(list.Topics, topics()) || !reflect.DeepEqual(list.Tags, tags) ||
			!list.CreatedAt.Equal(start) || !list.UpdatedAt.Equal(start) {
			t.Errorf("%+v", list)
		}

		w.clock.Advance(time.Hour)
		other := "Another"
		one := topics()[:1]
		must(t, w.UpdateList(ctx, sc, "News", &other, nil))
		must(t, w.UpdateList(ctx, sc, "News", nil, &one))
		must(t, w.Tag(ctx, sc, "News", []identity.Tag{{Key: "team", Value: "b"}, {Key: "x", Value: "y"}}))
		must(t, w.Untag(ctx, sc, "News", []string{"x", "none"}))
		list, err = w.List(ctx, sc, "News")
		must(t, err)
		if list.Description != "Another" || len(list.Topics) != 1 || !list.CreatedAt.Equal(start) || !list.UpdatedAt.Equal(start.Add(time.Hour)) ||
			!reflect.DeepEqual(list.Tags, []identity.Tag{{Key: "team", Value: "b"}}) {
			t.Errorf("%+v", list)
		}

		for _, other := range others {
			all, err := w.All(ctx, other)
			if err != nil || len(all) != 0 {
				t.Errorf("%v has %+v, %v", other, all, err)
			}
			_, err = w.List(ctx, other, "News")
			refused(t, err, fault.NotFound, "List with name: News doesn't exist.")
			refused(t, w.DeleteList(ctx, other, "News"), fault.NotFound, "List with name: News doesn't exist.")
		}
		must(t, w.DeleteList(ctx, sc, "News"))
		refused(t, w.DeleteList(ctx, sc, "News"), fault.NotFound, "List with name: News doesn't exist.")
	})
}

func TestAnAccountHasOneList(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t, others...) // each has its own
		for _, name := range []string{"News", "Other"} {
			refused(t, w.CreateList(ctx, contact.List{Scope: sc, Name: name}), fault.Invalid, "A maximum of 1 Lists allowed per account.")
		}
	})
}

func TestWhatListsAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	many := func(n int) (all []contact.Topic) {
		for i := range n {
			all = append(all, contact.Topic{Name: fmt.Sprint("T", i), Default: contact.OptIn})
		}
		return all
	}
	const characters = "can contain up to 64 characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed."
	for _, c := range []struct {
		name string
		list contact.List
		text string
	}{
		{"no name", contact.List{}, "ContactListName can't be blank."},
		{"a long name", contact.List{Name: strings.Repeat("n", 65)}, "ContactListName " + characters},
		{"a name with a space, before anything else", contact.List{Name: "a b", Topics: many(21)}, "ContactListName " + characters},
		{"21 topics", contact.List{Name: "n", Topics: many(21)}, "Maximum of <20> topics allowed per ContactList"},
		{"a topic without a name", contact.List{Name: "n", Topics: []contact.Topic{{}}}, "TopicName can't be blank."},
		{"a topic of another form", contact.List{Name: "n", Topics: []contact.Topic{{Name: "a;b"}}}, "TopicName " + characters},
		{"a long display name", contact.List{Name: "n", Topics: []contact.Topic{{Name: "t", DisplayName: strings.Repeat("ä", 129)}}},
			"Topic DisplayName can contain up to <128> characters."},
		{"a long description of a topic", contact.List{Name: "n", Topics: []contact.Topic{{Name: "t", Description: strings.Repeat("ä", 501)}}},
			"Topic description can contain up to 500 characters."},
		{"a topic twice", contact.List{Name: "n", Topics: append(many(2), many(1)...)}, "Duplicate topic names are not allowed within a List."},
		{"a long description", contact.List{Name: "n", Description: strings.Repeat("ä", 501)}, "List description can contain up to 500 characters."},
		{"NUL", contact.List{Name: "n", Description: "a\x00"}, "Description has characters that are not allowed."},
	} {
		c.list.Scope = sc
		t.Run(c.name, func(t *testing.T) { refused(t, w.CreateList(ctx, c.list), fault.Invalid, c.text) })
	}
	must(t, w.CreateList(ctx, contact.List{Scope: sc, Name: strings.Repeat("n", 64), Topics: many(20), Description: strings.Repeat("ä", 500)}))
}

// TestADeletedListLeavesNothing: its contacts are not on one of the same name that comes
// after it, and Clean removes them, however many there are.
func TestADeletedListLeavesNothing(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t, others[0])
		must(t, w.Create(ctx, others[0], "News", contact.Contact{Address: "b@example.net", Preferences: says("Sports+")}))
		contacts := make([]contact.Contact, 1001)
		for i := range contacts {
			contacts[i] = contact.Contact{Address: fmt.Sprintf("a%d@example.net", i), Preferences: says("Sports+ Cycling+")}
		}
		errs, err := w.Import(sc, "News", contacts)
		must(t, errors.Join(append(errs, err)...))
		must(t, w.DeleteList(ctx, sc, "News"))
		w.withList(t)
		if got := w.state(t, "a7"); got != "nobody" {
			t.Errorf("a contact of the old list is %s", got)
		}
		w.add(t, "a7", "Cycling-")
		must(t, w.Clean(ctx))
		if c, p := w.count(t, "contacts"), w.count(t, "contact_preferences"); c != 2 || p != 2 {
			t.Errorf("%d contacts with %d preferences are left, want 2 and 2", c, p)
		}
		if got := w.state(t, "a7"); got != "Cycling-" {
			t.Errorf("the new list's contact is %s", got)
		}
	})
}
