// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"log/slog"
	"maps"
	"slices"
	"sync/atomic"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/store"
)

// Updater changes a zone at somebody else's server. It removes records and adds others
// at once or not at all; doing it twice is doing it once.
type Updater interface {
	Update(ctx context.Context, remove, add []mdns.RR) error
}

// PushOptions configure a Pusher.
type PushOptions struct {
	Zone    *Zone
	DB      *store.DB
	Updater Updater
	Every   time.Duration // how often the zone is looked at; 0 means 10 s
	Log     *slog.Logger
}

// Pusher keeps the records of a zone at a server of somebody else, by dynamic updates: the
// fixed ones, and keys as they are made, rotated and deleted. The zone's SOA and NS are
// that server's. Records at our names that we did not put there stay.
//
// What has been pushed is kept in the database, so that it can be taken back. After a
// start everything is pushed once more: the other server may have lost it.
type Pusher struct {
	o     PushOptions
	begun bool // everything has been pushed since the start
	stats struct{ changes, failures atomic.Int64 }
}

// NewPusher returns a pusher.
func NewPusher(o PushOptions) *Pusher {
	if o.Every == 0 {
		o.Every = 10 * time.Second
	}
	return &Pusher{o: o}
}

// PushStats are counters since the start.
type PushStats struct {
	Changes  int64 // records added or removed
	Failures int64 // pushes that failed; each is tried again
}

// Stats returns the counters.
func (p *Pusher) Stats() PushStats {
	return PushStats{p.stats.changes.Load(), p.stats.failures.Load()}
}

// maxWait bounds the wait after failures.
const maxWait = 5 * time.Minute

// Run pushes until the end of ctx; after a failure it waits longer each time.
func (p *Pusher) Run(ctx context.Context) {
	for wait := p.o.Every; ; {
		switch n, err := p.Push(ctx); {
		case ctx.Err() != nil:
			return
		case err != nil:
			p.stats.failures.Add(1)
			p.o.Log.Warn("zone update", "error", err, "again in", wait)
			wait = min(2*wait, maxWait)
		default:
			wait = p.o.Every
			if n > 0 {
				p.o.Log.Info("zone updated", "records", n)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// change is what differs at a name.
type change struct{ remove, add []mdns.RR }

func (c change) size() int { return len(c.remove) + len(c.add) }

// maxBatch is records in one update: far less than 64 kB, which is what a message holds.
const maxBatch = 50

// Push brings the other server up to date, once, and returns how many records were added
// or removed. It must not run more than once at a time.
func (p *Pusher) Push(ctx context.Context) (int, error) {
	changes, err := p.changes(ctx)
	if err != nil {
		return 0, err
	}
	done := 0
	var batch change
	flush := func() error {
		if batch.size() == 0 {
			return nil
		}
		if err := p.o.Updater.Update(ctx, batch.remove, batch.add); err != nil {
			return err
		}
		if err := p.remember(ctx, batch); err != nil {
			return err
		}
		done += batch.size()
		p.stats.changes.Add(int64(batch.size()))
		batch = change{}
		return nil
	}
	// What differs at one name goes together: a key that is rotated has no gap.
	for _, name := range slices.Sorted(maps.Keys(changes)) {
		c := changes[name]
		if batch.size()+c.size() > maxBatch {
			if err := flush(); err != nil {
				return done, err
			}
		}
		batch.remove, batch.add = append(batch.remove, c.remove...), append(batch.add, c.add...)
	}
	if err := flush(); err != nil {
		return done, err
	}
	p.begun = true
	return done, nil
}

// changes compares the zone with what has been pushed, by name.
func (p *Pusher) changes(ctx context.Context) (map[string]change, error) {
	pushed, err := p.pushed(ctx)
	if err != nil {
		return nil, err
	}
	changes := map[string]change{}
	want := func(rr mdns.RR) error {
		d := digest(rr)
		_, there := pushed[d]
		if delete(pushed, d); !there || !p.begun {
			c := changes[rr.Header().Name]
			c.add = append(c.add, rr)
			changes[rr.Header().Name] = c
		}
		return nil
	}
	for _, rr := range p.o.Zone.Fixed() {
		_ = want(rr)
	}
	if err := p.o.Zone.EachKey(ctx, func(rr *mdns.TXT) error { return want(rr) }); err != nil {
		return nil, err
	}
	var others change
	for _, text := range pushed {
		rr, err := mdns.NewRR(text)
		if err != nil {
			return nil, err
		}
		if !mdns.IsSubDomain(p.o.Zone.apex, rr.Header().Name) { // the zone had another name
			others.remove = append(others.remove, rr)
			continue
		}
		c := changes[rr.Header().Name]
		c.remove = append(c.remove, rr)
		changes[rr.Header().Name] = c
	}
	if others.size() == 0 {
		return changes, nil
	}
	p.o.Log.Warn("records of a zone that is not ours any more are left where they are", "records", others.size())
	return changes, p.remember(ctx, others)
}

func digest(rr mdns.RR) string {
	sum := sha256.Sum256([]byte(rr.String()))
	return hex.EncodeToString(sum[:])
}

// pushed are the records at the other server, by digest.
func (p *Pusher) pushed(ctx context.Context) (map[string]string, error) {
	rows, err := p.o.DB.Query(ctx, `SELECT digest, record FROM dns_pushed`)
	if err != nil {
		return nil, store.Wrap("zone.Push", err)
	}
	defer rows.Close()
	all := map[string]string{}
	for rows.Next() {
		var d, text string
		if err := rows.Scan(&d, &text); err != nil {
			return nil, store.Wrap("zone.Push", err)
		}
		all[d] = text
	}
	return all, store.Wrap("zone.Push", rows.Err())
}

// remember writes down what has been done. A crash before it costs an update that changes
// nothing.
func (p *Pusher) remember(ctx context.Context, c change) error {
	return p.o.DB.Write(ctx, func(tx *store.Tx) error {
		for _, rr := range c.remove {
			if _, err := tx.Exec(`DELETE FROM dns_pushed WHERE digest = ?`, digest(rr)); err != nil {
				return err
			}
		}
		for _, rr := range c.add {
			if _, err := tx.Exec(`INSERT INTO dns_pushed (digest, record) VALUES (?, ?) ON CONFLICT (digest) DO NOTHING`, digest(rr), rr.String()); err != nil {
				return err
			}
		}
		return nil
	})
}
