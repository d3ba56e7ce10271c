// SPDX-License-Identifier: Apache-2.0

package zone_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/testkit/storetest"
)

// other is somebody else's server: a set of records.
type other struct {
	records map[string]bool
	updates int
	err     error // of the next update that has something at the name failAt
	failAt  string
	atOnce  int // records in the largest update
}

func (o *other) Update(_ context.Context, remove, add []mdns.RR) error {
	for _, rr := range slices.Concat(remove, add) {
		if o.err != nil && strings.HasPrefix(rr.Header().Name, o.failAt) {
			return o.err
		}
	}
	o.updates++
	o.atOnce = max(o.atOnce, len(remove)+len(add))
	for _, rr := range remove {
		delete(o.records, rr.String())
	}
	for _, rr := range add {
		o.records[rr.String()] = true
	}
	return nil
}

func (o *other) has(t *testing.T, z *zone.Zone) {
	t.Helper()
	want := map[string]bool{}
	for _, rr := range z.Fixed() {
		want[rr.String()] = true
	}
	if err := z.EachKey(t.Context(), func(rr *mdns.TXT) error { want[rr.String()] = true; return nil }); err != nil {
		t.Fatal(err)
	}
	for rr := range want {
		if !o.records[rr] {
			t.Errorf("missing: %s", rr)
		}
	}
	for rr := range o.records {
		if !want[rr] && !strings.HasPrefix(rr, "foreign.") {
			t.Errorf("left over: %s", rr)
		}
	}
}

func push(t *testing.T, p *zone.Pusher) int {
	t.Helper()
	n, err := p.Push(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func TestPush(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		o, published := options(), keys{}
		for i := range 120 {
			published[fmt.Sprintf("t%03d", i)] = fmt.Sprintf("v=DKIM1; p=%d", i)
		}
		o.Keys = published
		z, server := zone.New(o), &other{records: map[string]bool{"foreign.ses.example.net. 60 IN A 192.0.2.99": true}}
		p := zone.NewPusher(zone.PushOptions{Zone: z, DB: db, Updater: server, Log: slog.New(slog.DiscardHandler)})

		if n := push(t, p); n != len(server.records)-1 {
			t.Errorf("%d records are new, the server has %d", n, len(server.records))
		}
		server.has(t, z)
		if server.atOnce > 50 {
			t.Errorf("%d records in one update", server.atOnce)
		}
		if n := push(t, p); n != 0 {
			t.Errorf("%d changes where nothing has changed", n)
		}

		delete(published, "t000")
		published["t001"] = "v=DKIM1; p=rotated"
		published["t999"] = "v=DKIM1; p=new"
		server.updates = 0
		if n := push(t, p); n != 4 || server.updates != 1 {
			t.Errorf("%d changes in %d updates, want one removed, one replaced and one added, at once", n, server.updates)
		}
		server.has(t, z)

		// Keys that go away while nobody looks are taken back, and what was lost comes again.
		delete(published, "t999")
		clear(server.records)
		again := zone.NewPusher(zone.PushOptions{Zone: z, DB: db, Updater: server, Log: slog.New(slog.DiscardHandler)})
		push(t, again)
		server.has(t, z)
	})
}

func TestAPushThatFailsGoesOnWhereItWas(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	o, published := options(), keys{}
	for i := range 120 {
		published[fmt.Sprintf("t%03d", i)] = "v=DKIM1; p=x"
	}
	o.Keys = published
	z, server := zone.New(o), &other{records: map[string]bool{}, err: errors.New("REFUSED"), failAt: "t100."}
	p := zone.NewPusher(zone.PushOptions{Zone: z, DB: db, Updater: server, Log: slog.New(slog.DiscardHandler)})
	n, err := p.Push(t.Context())
	if !errors.Is(err, server.err) || n == 0 || n > 120 {
		t.Fatalf("%d, %v", n, err)
	}
	server.err = nil
	push(t, p)
	server.has(t, z)
	if s := p.Stats(); s.Changes == 0 || s.Failures != 0 {
		t.Errorf("%+v", s)
	}
}

func TestAZoneThatIsRenamed(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	server := &other{records: map[string]bool{}}
	o := options()
	push(t, zone.NewPusher(zone.PushOptions{Zone: zone.New(o), DB: db, Updater: server, Log: slog.New(slog.DiscardHandler)}))
	old := len(server.records)
	o.Names.Zone = "other.example.net"
	server.err, server.failAt = errors.New("NOTZONE"), "ses.example.net."
	p := zone.NewPusher(zone.PushOptions{Zone: zone.New(o), DB: db, Updater: server, Log: slog.New(slog.DiscardHandler)})
	if n := push(t, p); n == 0 || len(server.records) != old+n {
		t.Errorf("%d records, %d before and %d new", len(server.records), old, n)
	}
	if n := push(t, p); n != 0 {
		t.Errorf("%d changes more", n)
	}
}

func TestRunTriesAgain(t *testing.T) {
	t.Parallel()
	server := &moody{left: 2, done: make(chan struct{})}
	p := zone.NewPusher(zone.PushOptions{
		Zone: zone.New(options()), DB: storetest.SQLite(t), Updater: server, Every: time.Millisecond, Log: slog.New(slog.DiscardHandler),
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); p.Run(ctx) }()
	<-server.done
	cancel()
	<-ended
	if s := p.Stats(); s.Failures != 2 {
		t.Errorf("%+v", s)
	}
}

// moody refuses some updates before it takes one.
type moody struct {
	left int
	done chan struct{}
}

func (f *moody) Update(context.Context, []mdns.RR, []mdns.RR) error {
	if f.left--; f.left >= 0 {
		return errors.New("REFUSED")
	}
	if f.left == -1 {
		close(f.done)
	}
	return nil
}
