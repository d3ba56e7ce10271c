// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"context"
	"database/sql"
	"encoding/base64"
	"math"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// Bounds of a Query.
const (
	DefaultLimit = 50
	MaxLimit     = 500
	maxNeedle    = 500
)

// Query selects mails. All that is set must hold. Searches are for a part of the text
// without regard to case, in at most 500 bytes.
type Query struct {
	To      string // in the recipients of the envelope and of To, Cc and Bcc; local@domain in the envelope alone, from its beginning
	Subject string
	Text    string // in the subject, the senders, the recipients or the message id
	Since   time.Time

	NextToken string // of the page before; "" begins with the newest
	Limit     int    // 1 to MaxLimit; 0 means DefaultLimit
}

// Page is a part of a listing.
type Page struct {
	Messages  []Summary
	NextToken string // "" on the last page
}

// List returns the mails that match, the newest first.
func (m *Mailbox) List(ctx context.Context, q Query) (Page, error) {
	f, err := q.filter()
	if err != nil {
		return Page{}, err
	}
	before, err := decodeToken(q.NextToken)
	if err != nil {
		return Page{}, err
	}
	limit := q.Limit
	if limit == 0 {
		limit = DefaultLimit
	}
	if limit < 0 || limit > MaxLimit {
		return Page{}, fault.InField(fault.Invalid, "Limit", "The limit is from 1 to %d.", MaxLimit)
	}
	all, err := m.find(ctx, f, window{before: before, limit: limit + 1})
	if err != nil {
		return Page{}, err
	}
	p := Page{Messages: all}
	if len(all) > limit {
		p.Messages = all[:limit]
		p.NextToken = encodeToken(p.Messages[limit-1].ID)
	}
	return p, nil
}

// window is the part of the table to look at: after < seq < before.
type window struct {
	after, before int64
	limit         int
}

func (m *Mailbox) find(ctx context.Context, f filter, w window) ([]Summary, error) {
	rows, err := m.db.Query(ctx, `SELECT `+summaryColumns+` FROM mailbox
		WHERE account = ? AND seq > ? AND seq < ? AND received_at >= ?
		AND find_to LIKE ? ESCAPE '!' AND find_subject LIKE ? ESCAPE '!'
		AND (find_subject LIKE ? ESCAPE '!' OR find_to LIKE ? ESCAPE '!' OR find_other LIKE ? ESCAPE '!')
		ORDER BY seq DESC LIMIT ?`,
		m.account, w.after, w.before, f.since, like(f.to), like(f.subject), like(f.text), like(f.text), like(f.text), w.limit)
	if err != nil {
		return nil, fault.Wrap("mailbox.find", err)
	}
	defer rows.Close()
	return scanSummaries(rows)
}

func scanSummaries(rows *sql.Rows) ([]Summary, error) {
	var all []Summary
	for rows.Next() {
		var r row
		if err := rows.Scan(r.columns()...); err != nil {
			return nil, fault.Wrap("mailbox.find", err)
		}
		all = append(all, r.summary())
	}
	return all, fault.Wrap("mailbox.find", rows.Err())
}

// filter is a Query made ready: what it searches is in lower case.
type filter struct {
	to, subject, text string
	since             int64
}

func (q Query) filter() (filter, error) {
	for _, n := range []struct{ field, value string }{{"To", q.To}, {"Subject", q.Subject}, {"Text", q.Text}} {
		if len(n.value) > maxNeedle {
			return filter{}, fault.InField(fault.Invalid, n.field, "A search has at most %d characters.", maxNeedle)
		}
	}
	f := filter{to: needle(q.To), subject: needle(q.Subject), text: needle(q.Text), since: store.Millis(q.Since)}
	if strings.IndexByte(f.to, '@') > 0 {
		// A recipient's mail is the copy that was for it: a mail to two is two, and either
		// copy names both in its header. Nor is a@example.com meant to find aa@example.com.
		f.to = "\n" + f.to
	}
	return f, nil
}

func needle(s string) string { return strings.ToLower(clean(s)) }

// matches is the condition of find, for a mail that was just delivered here.
func (f filter) matches(r *row) bool {
	return r.receivedAt >= f.since && strings.Contains(r.findTo, f.to) && strings.Contains(r.findSubject, f.subject) &&
		(strings.Contains(r.findSubject, f.text) || strings.Contains(r.findTo, f.text) || strings.Contains(r.findOther, f.text))
}

// like is the pattern for "contains s". Both sides are in lower case already, since
// the engines disagree about what LIKE does with case.
func like(s string) string {
	return "%" + strings.NewReplacer("!", "!!", "%", "!%", "_", "!_").Replace(s) + "%"
}

func encodeToken(id string) string { return base64.RawURLEncoding.EncodeToString([]byte("m1:" + id)) }

func decodeToken(token string) (int64, error) {
	if token == "" {
		return math.MaxInt64, nil
	}
	invalid := fault.InField(fault.Invalid, "NextToken", "The next token is not one of this list.")
	if len(token) > 100 {
		return 0, invalid
	}
	b, err := base64.RawURLEncoding.DecodeString(token)
	if err != nil {
		return 0, invalid
	}
	id, ok := strings.CutPrefix(string(b), "m1:")
	seq, err := strconv.ParseInt(id, 10, 64)
	if !ok || err != nil || seq <= 0 {
		return 0, invalid
	}
	return seq, nil
}
