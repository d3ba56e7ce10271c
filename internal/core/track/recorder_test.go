// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/track"
	"sesame/internal/testkit/storetest"
)

const browser = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"

// desk is a recorder with its clock, and what it has stored.
type desk struct {
	*track.Recorder
	t   *testing.T
	now *clock.Fake
	db  *store.DB
	ref track.Ref

	discard map[string]bool // by configuration set
}

func (d *desk) Effective(_ context.Context, _ scope.Scope, identity, configSet string) (setting.Values, error) {
	if configSet != "" && identity != "example.com" {
		return setting.Values{}, fmt.Errorf("the identity is %q", identity)
	}
	return setting.Values{DiscardEngagement: d.discard[configSet]}, nil
}

// newDesk has a message to one recipient, delivered at start.
func newDesk(t *testing.T, db *store.DB, maxHits int) *desk {
	t.Helper()
	d := &desk{t: t, now: clock.NewFake(start), db: db, discard: map[string]bool{}, ref: track.Ref{Scope: home, MessageID: newID(t)}}
	judge, err := track.NewJudge()
	if err != nil {
		t.Fatal(err)
	}
	d.Recorder = track.NewRecorder(track.RecorderOptions{DB: db, Clock: d.now.Now, Log: slog.New(slog.DiscardHandler), Judge: judge, Settings: d, MaxHits: maxHits})
	sp := spool.New(spool.Options{DB: db, Clock: d.now.Now, Node: "n", LeaseFor: time.Hour, InRow: 1 << 20})
	to, err := address.Parse("user@example.net")
	if err != nil {
		t.Fatal(err)
	}
	err = sp.Accept(t.Context(), &spool.Message{Scope: home, ID: d.ref.MessageID, AcceptedAt: start, Identity: "example.com", ConfigSet: "set",
		Content: []byte("x"), Recipients: []address.Address{to}})
	if err != nil {
		t.Fatal(err)
	}
	d.exec(`UPDATE recipients SET state = ?, settled_at = ?`, int(spool.Delivered), store.Millis(start))
	d.exec(`DELETE FROM outbox`)
	return d
}

func (d *desk) exec(query string, args ...any) {
	d.t.Helper()
	if err := d.db.Write(d.t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(query, args...); return err }); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) click(index int) {
	d.Record(track.Hit{Ref: d.ref, Kind: event.Click, URL: fmt.Sprintf("https://x.test/%d", index), Index: index, Tags: []track.Tag{{Key: "k", Value: "1"}, {Key: "k", Value: "2"}},
		Method: "GET", IP: "192.0.2.1", UserAgent: browser})
}

func (d *desk) open() {
	d.Record(track.Hit{Ref: d.ref, Kind: event.Open, Method: "GET", IP: "192.0.2.1", UserAgent: browser})
}

// stored are the events, in words.
func (d *desk) stored() (all []string) {
	d.t.Helper()
	rows, err := d.db.Query(d.t.Context(), `SELECT account, region, message_id, kind, at, payload FROM outbox ORDER BY at, kind, payload`)
	if err != nil {
		d.t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var account, region, id, kind, payload string
		var at int64
		if err := rows.Scan(&account, &region, &id, &kind, &at, &payload); err != nil {
			d.t.Fatal(err)
		}
		var detail event.Detail
		if err := json.Unmarshal([]byte(payload), &detail); err != nil {
			d.t.Fatal(err)
		}
		if account != home.Account || region != home.Region || id != d.ref.MessageID {
			d.t.Errorf("an event of %s %s %s", account, region, id)
		}
		e := detail.Engagement
		all = append(all, fmt.Sprintf("%s %v %v ip=%s agent=%t %s %v %s %s", kind, store.Time(at).Sub(start), detail.Recipients, e.IPAddress, e.UserAgent == browser, e.Link, e.LinkTags, e.Verdict, e.Reason))
	}
	if err := rows.Err(); err != nil {
		d.t.Fatal(err)
	}
	return all
}

func (d *desk) want(want ...string) {
	d.t.Helper()
	got := d.stored()
	if len(got) != len(want) {
		d.t.Fatalf("%d events: %q", len(got), got)
	}
	for i := range want {
		if got[i] != want[i] {
			d.t.Errorf("event %d is\n%s, want\n%s", i, got[i], want[i])
		}
	}
}

func (d *desk) flush() {
	d.t.Helper()
	if err := d.Flush(d.t.Context(), 2*time.Second); err != nil {
		d.t.Fatal(err)
	}
}

func TestEachHitIsAnEvent(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		d := newDesk(t, db, 0)
		d.now.Advance(time.Minute)
		d.open()
		d.open()
		d.now.Advance(10 * time.Second)
		d.click(0)
		d.flush()
		if s := d.Stats(); s.Opens != 2 || s.Clicks != 0 || s.Waiting != 1 {
			t.Errorf("what is just in waits for what comes after it: %+v", s)
		}
		d.now.Advance(2 * time.Second)
		d.flush()
		const open = "Open 1m0s [user@example.net] ip=192.0.2.1 agent=true  map[] human "
		d.want(open, open, "Click 1m10s [user@example.net] ip=192.0.2.1 agent=true https://x.test/0 map[k:[1 2]] human ")
		if s := d.Stats(); s.Opens != 2 || s.Clicks != 1 || s.Waiting != 0 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAScannerIsSeenFromItsFirstLinkOn: the verdict on a click waits for what follows.
func TestAScannerIsSeenFromItsFirstLinkOn(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t), 0)
	d.now.Advance(time.Minute)
	d.click(0)
	d.now.Advance(500 * time.Millisecond)
	d.click(1)
	d.now.Advance(20 * time.Second)
	d.click(1)
	d.now.Advance(2 * time.Second)
	d.flush()
	const scanned = " map[k:[1 2]] automated timing: several links within a second"
	d.want("Click 1m0s [user@example.net] ip=192.0.2.1 agent=true https://x.test/0"+scanned, "Click 1m0.5s [user@example.net] ip=192.0.2.1 agent=true https://x.test/1"+scanned,
		"Click 1m20.5s [user@example.net] ip=192.0.2.1 agent=true https://x.test/1 map[k:[1 2]] human ")
}

// TestReadersOfOneMessageAreToldApart: with several recipients, by where they are.
func TestReadersOfOneMessageAreToldApart(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t), 0)
	d.ref.Recipient = -1
	d.now.Advance(time.Minute)
	for i, ip := range []string{"192.0.2.1", "192.0.2.2"} {
		d.Record(track.Hit{Ref: d.ref, Kind: event.Click, URL: "https://x.test/", Index: i, Method: "GET", IP: ip, UserAgent: browser})
	}
	d.now.Advance(2 * time.Second)
	d.flush()
	d.want("Click 1m0s [] ip=192.0.2.1 agent=true https://x.test/ map[] human ", "Click 1m0s [] ip=192.0.2.2 agent=true https://x.test/ map[] human ")
}

func TestDiscard(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		atSending bool
		set       string
		gone      bool // the message is not kept any more
		kept      bool
	}{
		"nobody wants it":                    {kept: true},
		"the sender wanted it, when it sent": {atSending: true},
		"the set wants it now":               {set: "set"},
		"another set wants it":               {set: "other", kept: true},
		"the account wants it, for old mail": {set: "", gone: true, kept: true},
		"it was wanted, for old mail":        {atSending: true, gone: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t, storetest.SQLite(t), 0)
			d.ref.Discard = c.atSending
			if c.set != "" {
				d.discard[c.set] = true
			}
			if c.gone {
				d.exec(`DELETE FROM recipients`)
				d.exec(`DELETE FROM messages`)
			}
			d.now.Advance(time.Minute)
			d.Record(track.Hit{Ref: d.ref, Kind: event.Open, Method: "GET", IP: "66.249.81.1", UserAgent: browser})
			d.now.Advance(2 * time.Second)
			d.flush()
			to, ip := "[user@example.net]", ""
			if c.gone {
				to = "[]"
			}
			if c.kept {
				ip = "66.249.81.1"
			}
			d.want(fmt.Sprintf("Open 1m0s %s ip=%s agent=%t  map[] proxied network: Google image proxy", to, ip, c.kept))
		})
	}
}

func TestHitsAreCountedFor60Days(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t), 0)
	d.now.Advance(track.Lifetime)
	d.open()
	d.now.Advance(time.Second)
	d.open()
	d.now.Advance(2 * time.Second)
	d.flush()
	if s := d.Stats(); s.Opens != 1 || s.Late != 1 {
		t.Errorf("%+v", s)
	}
}

// TestHitsWaitForTheDatabase: as many as there is room for.
func TestHitsWaitForTheDatabase(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t), 3)
	d.now.Advance(time.Minute)
	for range 5 {
		d.open()
	}
	d.now.Advance(2 * time.Second)
	down, cancel := context.WithCancel(t.Context())
	cancel()
	if err := d.Flush(down, 0); err == nil {
		t.Error("events were stored without a database")
	}
	if s := d.Stats(); s.Lost != 2 || s.Waiting != 3 || s.Failures != 1 || s.MaxWaiting != 3 {
		t.Errorf("%+v", s)
	}
	d.flush()
	d.open()
	if s := d.Stats(); s.Opens != 3 || s.Lost != 2 || s.Waiting != 1 {
		t.Errorf("%+v", s)
	}
}

// TestTheLastHitsAreStored: the end of a recorder stores what has not waited long enough.
func TestTheLastHitsAreStored(t *testing.T) {
	t.Parallel()
	d := newDesk(t, storetest.SQLite(t), 0)
	d.now.Advance(time.Minute)
	d.open()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.Run(ctx)
	if s := d.Stats(); s.Opens != 1 || s.Waiting != 0 {
		t.Errorf("%+v", s)
	}
}
