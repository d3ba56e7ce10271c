// SPDX-License-Identifier: Apache-2.0

package track

import (
	"context"
	"database/sql"
	"errors"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
)

// about is what the database knows of a message that was opened. A message that is kept no
// longer has nothing.
type about struct {
	identity, configSet string
	recipient           string    // of a message with one
	delivered           time.Time // to the first; zero if to nobody yet
	discard             bool
}

// store makes events of a batch, in one commit.
func (r *Recorder) store(ctx context.Context, batch []judged) error {
	ctx, cancel := context.WithTimeout(ctx, lookTimeout)
	defer cancel()
	known := map[string]about{}
	events := make([]event.Event, 0, len(batch))
	for _, h := range batch {
		a, ok := known[h.MessageID]
		if !ok {
			var err error
			if a, err = r.about(ctx, h.Ref); err != nil {
				return err
			}
			known[h.MessageID] = a
		}
		events = append(events, r.event(h, a))
	}
	return r.o.DB.Write(ctx, func(tx *store.Tx) error {
		for _, e := range events {
			if err := event.Append(tx, e); err != nil {
				return err
			}
		}
		return nil
	})
}

func (r *Recorder) about(ctx context.Context, ref Ref) (a about, err error) {
	sc := ref.Scope
	err = r.o.DB.QueryRow(ctx, `SELECT CASE WHEN identity_account = '' THEN identity ELSE '' END, config_set FROM messages WHERE account = ? AND region = ? AND id = ?`,
		sc.Account, sc.Region, ref.MessageID).Scan(&a.identity, &a.configSet)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return a, store.Wrap("track.about", err)
	}
	var settled sql.NullInt64
	err = r.o.DB.QueryRow(ctx, `SELECT MIN(settled_at) FROM recipients WHERE account = ? AND region = ? AND message_id = ? AND state = ?`,
		sc.Account, sc.Region, ref.MessageID, int(spool.Delivered)).Scan(&settled)
	if err != nil {
		return a, store.Wrap("track.about", err)
	}
	if settled.Valid {
		a.delivered = store.Time(settled.Int64)
	}
	if ref.Recipient >= 0 {
		err = r.o.DB.QueryRow(ctx, `SELECT address FROM recipients WHERE account = ? AND region = ? AND message_id = ? AND n = ?`,
			sc.Account, sc.Region, ref.MessageID, ref.Recipient).Scan(&a.recipient)
		if err != nil && !errors.Is(err, sql.ErrNoRows) {
			return a, store.Wrap("track.about", err)
		}
	}
	a.discard, err = r.discards(ctx, sc, a)
	return a, err
}

func (r *Recorder) discards(ctx context.Context, sc scope.Scope, a about) (bool, error) {
	if r.o.Settings == nil {
		return false, nil
	}
	v, err := r.o.Settings.Effective(ctx, sc, a.identity, a.configSet)
	return v.DiscardEngagement, err
}

func (r *Recorder) event(h judged, a about) event.Event {
	g := &event.Engagement{Link: h.URL, LinkIndex: h.Index}
	g.Verdict, g.Reason = r.o.Judge.verdict(h.Hit, a.delivered, h.near)
	if !h.Discard && !a.discard {
		g.IPAddress, g.UserAgent = h.IP, h.UserAgent
	}
	for _, t := range h.Tags {
		if g.LinkTags == nil {
			g.LinkTags = map[string][]string{}
		}
		g.LinkTags[t.Key] = append(g.LinkTags[t.Key], t.Value)
	}
	d := event.Detail{Engagement: g}
	if a.recipient != "" {
		d.Recipients = []string{a.recipient}
	}
	return event.Event{Scope: h.Scope, Kind: h.Kind, MessageID: h.MessageID, At: h.At, Detail: d}
}
