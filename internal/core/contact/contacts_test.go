// SPDX-License-Identifier: Apache-2.0

package contact_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

func TestAContact(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t, others...)
		const data = `{"Name": "John", "Location": "Seattle"}`
		must(t, w.Create(ctx, sc, "News", contact.Contact{Address: "John@EXAMPLE.net", Attributes: data, Preferences: says("Cycling+ Sports-")}))
		c, list, err := w.Get(ctx, sc, "News", "John@example.NET")
		must(t, err)
		if c.Address != "John@example.net" || c.Attributes != data || told(c) != "Sports- Cycling+" || !c.CreatedAt.Equal(start) || !c.UpdatedAt.Equal(start) ||
			list.Name != "News" || len(list.Defaults(c)) != 0 {
			t.Errorf("%+v", c)
		}
		refused(t, w.Create(ctx, sc, "News", contact.Contact{Address: "John@example.net"}), fault.AlreadyExists, "John@example.net already exists in List.")

		// Preferences are merged; the rest is replaced.
		w.clock.Advance(time.Hour)
		must(t, w.Update(ctx, sc, "News", contact.Contact{Address: "John@example.net", UnsubscribeAll: true, Preferences: says("Sports+")}))
		c, _, err = w.Get(ctx, sc, "News", "John@example.net")
		must(t, err)
		if c.Attributes != "" || told(c) != "none Sports+ Cycling+" || !c.CreatedAt.Equal(start) || !c.UpdatedAt.Equal(start.Add(time.Hour)) {
			t.Errorf("%+v", c)
		}

		for _, other := range others {
			_, _, err := w.Get(ctx, other, "News", "John@example.net")
			refused(t, err, fault.NotFound, "John@example.net doesn't exist in List.")
			refused(t, w.Update(ctx, other, "News", contact.Contact{Address: "John@example.net"}), fault.NotFound, "John@example.net doesn't exist in List.")
			refused(t, w.Delete(ctx, other, "News", "John@example.net"), fault.NotFound, "John@example.net doesn't exist in List.")
		}
		must(t, w.Delete(ctx, sc, "News", "John@example.net"))
		refused(t, w.Delete(ctx, sc, "News", "John@example.net"), fault.NotFound, "John@example.net doesn't exist in List.")
		if n := w.count(t, "contact_preferences"); n != 0 {
			t.Errorf("%d preferences are left", n)
		}
	})
}

// TestRefusalsComeInOrder: the address, the list, its topics, the attributes.
func TestRefusalsComeInOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	w.withList(t)
	const good = "a@example.net"
	for _, c := range []struct {
		name, list string
		contact    contact.Contact
		kind       fault.Kind
		text       string
	}{
		{"no address", "Other", contact.Contact{Preferences: says("X+")}, fault.Invalid, "EmailAddress can't be blank."},
		{"no address at all", "Other", contact.Contact{Address: "a\r\nb", Preferences: says("X+")}, fault.Invalid, "EmailAddress <a??b> is invalid"},
		{"a list that is not there", "Other", contact.Contact{Address: good, Preferences: says("X+")}, fault.NotFound, "List with name: Other doesn't exist."},
		{"a name that no list can have", "a b", contact.Contact{Address: good}, fault.Invalid,
			"ContactListName can contain up to 64 characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed."},
		{"a topic that is not there", "News", contact.Contact{Address: good, Preferences: says("X+"), Attributes: "["}, fault.Invalid, "List: News doesn't contain Topic: X"},
		{"a status that is none", "News", contact.Contact{Address: good, Preferences: []contact.Preference{{Topic: "Sports", Status: "MAYBE"}}}, fault.Invalid,
			"A subscription status is OPT_IN or OPT_OUT."},
		{"attributes that are no object", "News", contact.Contact{Address: good, Attributes: " [1]"}, fault.Invalid, "AttributesData must be a valid JSON object."},
		{"attributes that are no JSON", "News", contact.Contact{Address: good, Attributes: `{"a":}`}, fault.Invalid, "AttributesData must be a valid JSON object."},
		{"attributes that are long", "News", contact.Contact{Address: good, Attributes: `{"a":"` + strings.Repeat("x", contact.MaxAttributes) + `"}`}, fault.Invalid,
			"AttributesData can contain up to 10240 characters."},
	} {
		t.Run(c.name, func(t *testing.T) {
			refused(t, w.Create(ctx, sc, c.list, c.contact), c.kind, c.text)
			refused(t, w.Update(ctx, sc, c.list, c.contact), c.kind, c.text)
		})
	}
}

// TestATopicThatComesBackFindsWhatContactsSaid: who did not want it does not get it.
func TestATopicThatComesBackFindsWhatContactsSaid(t *testing.T) {
	t.Parallel()
	w := newWorld(storetest.SQLite(t))
	w.withList(t)
	w.add(t, "a", "Sports- Cycling+")
	all, fewer := topics(), topics()[1:]
	must(t, w.UpdateList(ctx, sc, "News", nil, &fewer))
	if got := w.state(t, "a"); got != "Cycling+" {
		t.Errorf("without the topic: %s", got)
	}
	must(t, w.UpdateList(ctx, sc, "News", nil, &all))
	if got := w.state(t, "a"); got != "Sports- Cycling+" {
		t.Errorf("with the topic again: %s", got)
	}
}

func TestFilters(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(db)
		w.withList(t, others...)
		w.add(t, "a-silent", "")
		w.add(t, "b-in", "Sports+ Cycling+")
		w.add(t, "c-out", "Sports- Cycling-")
		w.add(t, "d-none", "none")
		w.add(t, "e-none-in", "none Sports+ Cycling+")
		for _, c := range []struct {
			name   string
			filter contact.Filter
			want   string
		}{
			{"everybody", contact.Filter{}, "a-silent b-in c-out d-none e-none-in"},
			{"who wants nothing of the list", contact.Filter{Status: contact.OptOut}, "d-none e-none-in"},
			{"who wants something of it", contact.Filter{Status: contact.OptIn}, "a-silent b-in c-out"},
			{"who has said something of a topic", contact.Filter{Topic: "Sports"}, "b-in c-out e-none-in"},
			{"with defaults that is everybody", contact.Filter{Topic: "Sports", UseDefault: true}, "a-silent b-in c-out d-none e-none-in"},
			{"who has said to want a topic", contact.Filter{Topic: "Sports", Status: contact.OptIn}, "b-in"},
			{"who gets a topic that is wanted by default", contact.Filter{Topic: "Sports", Status: contact.OptIn, UseDefault: true}, "a-silent b-in"},
			{"who gets a topic that is not", contact.Filter{Topic: "Cycling", Status: contact.OptIn, UseDefault: true}, "b-in"},
			{"who has said not to want a topic", contact.Filter{Topic: "Cycling", Status: contact.OptOut}, "c-out d-none e-none-in"},
			{"who does not get a topic that is not wanted by default", contact.Filter{Topic: "Cycling", Status: contact.OptOut, UseDefault: true}, "a-silent c-out d-none e-none-in"},
			{"who does not get a topic that is", contact.Filter{Topic: "Sports", Status: contact.OptOut, UseDefault: true}, "c-out d-none e-none-in"},
		} {
			t.Run(c.name, func(t *testing.T) {
				for size := 1; size <= 5; size++ {
					var all []contact.Contact
					for behind, more := "", true; more; {
						p, err := w.Contacts(ctx, sc, "News", contact.Query{Filter: c.filter, Behind: behind, Limit: size})
						must(t, err)
						n := len(p.Contacts)
						if n > size || p.More && n < size {
							t.Fatalf("a page of %d has %d", size, n)
						}
						if more = p.More; n > 0 {
							behind = p.Contacts[n-1].Address
						}
						all = append(all, p.Contacts...)
					}
					if got := names(all); got != c.want {
						t.Errorf("pages of %d: %s, want %s", size, got, c.want)
					}
					for _, x := range all {
						if strings.HasPrefix(x.Address, "c-out") && !slices.Equal(x.Preferences, says("Sports- Cycling-")) {
							t.Errorf("%+v", x)
						}
					}
				}
			})
		}
		_, err := w.Contacts(ctx, sc, "News", contact.Query{Filter: contact.Filter{Topic: "X"}, Limit: 5})
		refused(t, err, fault.Invalid, "List: News doesn't contain Topic: X")
		_, err = w.Contacts(ctx, sc, "News", contact.Query{Filter: contact.Filter{UseDefault: true}, Limit: 5})
		refused(t, err, fault.Invalid, "TopicName can't be blank.")
		for _, other := range others {
			if p, err := w.Contacts(ctx, other, "News", contact.Query{Limit: 5}); err != nil || len(p.Contacts) != 0 {
				t.Errorf("%v sees %s, %v", other, names(p.Contacts), err)
			}
		}
	})
}
