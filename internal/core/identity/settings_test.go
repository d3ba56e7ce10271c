// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"fmt"
	"reflect"
	"sync"
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

const (
	bounces    = "arn:aws:sns:us-east-1:123456789012:bounces"
	complaints = "arn:aws:sns:us-east-1:123456789012:complaints"
)

func read(t *testing.T, ids *identity.Identities, name string) identity.Identity {
	t.Helper()
	id, err := ids.Read(ctx, sc, name)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func TestSettingsAreKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := open(db, clock.System, false)
		create(t, ids, "a@example.com")
		for _, err := range []error{
			ids.SetConfigSet(ctx, sc, "a@example.com", "set"),
			ids.SetTopic(ctx, sc, "a@example.com", identity.Bounce, bounces),
			ids.SetTopic(ctx, sc, "a@example.com", identity.Complaint, complaints),
			ids.SetTopic(ctx, sc, "a@example.com", identity.Delivery, bounces),
			ids.SetHeaders(ctx, sc, "a@example.com", identity.Complaint, true),
			ids.SetTopic(ctx, sc, "a@example.com", identity.Delivery, ""),
			ids.SetForwarding(ctx, sc, "a@example.com", false),
			ids.Tag(ctx, sc, "a@example.com", []identity.Tag{{Key: "x", Value: "1"}, {Key: "k", Value: "new"}}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		want := identity.Notifications{Bounce: identity.Notification{Topic: bounces}, Complaint: identity.Notification{Topic: complaints, Headers: true}}
		other := open(db, clock.System, false) // another node, with nothing in its cache
		for _, id := range []identity.Identity{read(t, ids, "a@example.com"), read(t, other, "a@example.com")} {
			if id.ConfigSet != "set" || id.Forwarding || id.Notifications != want || id.Verification != identity.Pending ||
				!reflect.DeepEqual(id.Tags, []identity.Tag{{Key: "k", Value: "new"}, {Key: "x", Value: "1"}}) {
				t.Errorf("%+v", id)
			}
		}
		for _, err := range []error{
			ids.SetConfigSet(ctx, sc, "a@example.com", ""),
			ids.SetForwarding(ctx, sc, "a@example.com", true),
			ids.Untag(ctx, sc, "a@example.com", []string{"k", "gone"}),
		} {
			if err != nil {
				t.Fatal(err)
			}
		}
		if id := read(t, other, "a@example.com"); id.ConfigSet != "" || !id.Forwarding || len(id.Tags) != 1 {
			t.Errorf("%+v", id)
		}
	})
}

func TestSettingsOfNothing(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	create(t, ids, "example.com")
	for where, at := range map[string]scope.Scope{"nowhere": sc, "in another region": {Account: sc.Account, Region: "eu-west-1"}, "of another account": {Account: "210987654321", Region: sc.Region}} {
		name := "example.com"
		if at == sc {
			name = "gone.example.com"
		}
		for n, err := range []error{
			ids.SetConfigSet(ctx, at, name, "set"), ids.SetConfigSet(ctx, at, name, ""), ids.SetForwarding(ctx, at, name, false),
			ids.StopForwarding(ctx, at, name), ids.SetTopic(ctx, at, name, identity.Bounce, bounces), ids.SetHeaders(ctx, at, name, identity.Bounce, true),
			ids.Tag(ctx, at, name, nil), ids.Untag(ctx, at, name, nil),
			ids.PutPolicy(ctx, at, name, identity.Upsert, identity.Policy{Name: "p", Document: "{}"}), ids.DeletePolicy(ctx, at, name, "p"),
		} {
			if !fault.Is(err, fault.NotFound) {
				t.Errorf("%s, %d: %v", where, n, err)
			}
		}
		if _, err := ids.Policies(ctx, at, name); !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", where, err)
		}
		if set, err := ids.PolicySet(ctx, at, name); err != nil || !set.Empty() {
			t.Errorf("%s: %v, %v", where, set, err)
		}
	}
	if err := ids.SetForwarding(ctx, sc, "no name", false); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if id := read(t, ids, "example.com"); !id.Forwarding || id.Notifications != (identity.Notifications{}) {
		t.Errorf("somebody else's change arrived: %+v", id)
	}
}

func TestForwardingStopsOnlyWhereTopicsHear(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	create(t, ids, "a@example.com")
	for _, step := range []struct {
		f       identity.Feedback
		topic   string
		refused bool
	}{
		{identity.Delivery, bounces, true},
		{identity.Bounce, bounces, true},
		{identity.Complaint, complaints, false},
	} {
		if err := ids.SetTopic(ctx, sc, "a@example.com", step.f, step.topic); err != nil {
			t.Fatal(err)
		}
		err := ids.StopForwarding(ctx, sc, "a@example.com")
		if fault.Is(err, fault.Invalid) != step.refused || read(t, ids, "a@example.com").Forwarding != step.refused {
			t.Errorf("after the topic for %s: %v", step.f, err)
		}
	}
}

func TestTagsAreBounded(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	create(t, ids, "a@example.com") // with one tag
	var tags []identity.Tag
	for n := range identity.MaxTags - 1 {
		tags = append(tags, identity.Tag{Key: fmt.Sprint(n)})
	}
	if err := ids.Tag(ctx, sc, "a@example.com", tags); err != nil {
		t.Fatal(err)
	}
	if err := ids.Tag(ctx, sc, "a@example.com", []identity.Tag{{Key: "one more"}}); !fault.Is(err, fault.Invalid) {
		t.Errorf("%v", err)
	}
	if err := ids.Tag(ctx, sc, "a@example.com", []identity.Tag{{Key: "k", Value: "changed"}}); err != nil {
		t.Errorf("a change is no more tags: %v", err)
	}
	if id := read(t, ids, "a@example.com"); len(id.Tags) != identity.MaxTags || id.Tags[0].Value != "changed" {
		t.Errorf("%v", id.Tags)
	}
}

// TestChangesAtOnceAreAllKept has two nodes change the same row.
func TestChangesAtOnceAreAllKept(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		create(t, open(db, clock.System, true), "a@example.com")
		var all sync.WaitGroup
		for n := range 20 {
			ids := open(db, clock.System, true)
			all.Go(func() {
				if err := ids.Tag(ctx, sc, "a@example.com", []identity.Tag{{Key: fmt.Sprint(n)}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		if id := read(t, open(db, clock.System, true), "a@example.com"); len(id.Tags) != 21 {
			t.Errorf("%d tags: %v", len(id.Tags), id.Tags)
		}
	})
}
