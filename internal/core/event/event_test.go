// SPDX-License-Identifier: Apache-2.0

package event_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	at  = time.Date(2026, 1, 2, 3, 4, 5, 678e6, time.UTC)
)

// outbox reads all events in their order.
func outbox(t *testing.T, db *store.DB) (events []event.Event) {
	t.Helper()
	rows, err := db.Query(ctx, `SELECT account, region, kind, message_id, at, payload FROM outbox ORDER BY seq`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var e event.Event
		var ms int64
		var payload string
		if err := rows.Scan(&e.Scope.Account, &e.Scope.Region, &e.Kind, &e.MessageID, &ms, &payload); err != nil {
			t.Fatal(err)
		}
		e.At = store.Time(ms)
		if err := json.Unmarshal([]byte(payload), &e.Detail); err != nil {
			t.Fatalf("%s: %v", payload, err)
		}
		events = append(events, e)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return events
}

func TestEventsAreKeptInTheirOrderWithAllTheySay(t *testing.T) {
	t.Parallel()
	want := []event.Event{
		{Scope: sc, Kind: event.Send, MessageID: "m1", At: at, Detail: event.Detail{Recipients: []string{"a@example.com", "b@example.com"}}},
		{Scope: sc, Kind: event.Delay, MessageID: "m1", At: at.Add(time.Second), Detail: event.Detail{
			Recipients: []string{"a@example.com"}, Code: 451, Enhanced: "4.7.1", Reply: "451 4.7.1 later", Remote: "mx.example.com", Cause: "reply", Attempt: 1,
		}},
		{Scope: sc, Kind: event.Delivery, MessageID: "m1", At: at.Add(time.Minute), Detail: event.Detail{
			Recipients: []string{"a@example.com"}, Code: 250, Reply: `250 "quoted" \ ok`, Remote: "mx.example.com", Attempt: 2,
		}},
		{Scope: sc, Kind: event.Bounce, MessageID: "m1", At: at.Add(time.Hour), Detail: event.Detail{
			Recipients: []string{"b@example.com"}, Cause: "timeout", Attempt: 7, Expired: true,
		}},
		{Scope: scope.Scope{Account: "210987654321", Region: "eu-west-1"}, Kind: event.Send, MessageID: "m2", At: at},
	}
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		for _, e := range want {
			if err := db.Write(ctx, func(tx *store.Tx) error { return event.Append(tx, e) }); err != nil {
				t.Fatal(err)
			}
		}
		if got := outbox(t, db); !reflect.DeepEqual(got, want) {
			t.Errorf("got  %+v\nwant %+v", got, want)
		}
	})
}

func TestAnEventGoesWithTheChangeThatItTellsOf(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		refused := errors.New("the change is refused")
		err := db.Write(ctx, func(tx *store.Tx) error {
			if err := event.Append(tx, event.Event{Scope: sc, Kind: event.Bounce, MessageID: "m1", At: at}); err != nil {
				return err
			}
			return refused
		})
		if !errors.Is(err, refused) {
			t.Fatal(err)
		}
		if got := outbox(t, db); len(got) != 0 {
			t.Errorf("an event of a change that did not happen: %+v", got)
		}
	})
}

func TestKindsHaveTheSpellingOfSES(t *testing.T) {
	t.Parallel()
	for kind, want := range map[event.Kind]string{
		event.Send: "Send", event.Reject: "Reject", event.Delivery: "Delivery", event.Bounce: "Bounce", event.Complaint: "Complaint",
		event.Delay: "DeliveryDelay", event.RenderingFailure: "Rendering Failure", event.Open: "Open", event.Click: "Click",
		event.Subscription: "Subscription",
	} {
		if string(kind) != want {
			t.Errorf("%q, want %q", kind, want)
		}
	}
}
