// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"context"
	"database/sql"
	"errors"
	"math"
	"strconv"

	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// deleteChunk bounds the mails that one transaction removes, so that deliveries do
// not wait long for it.
const deleteChunk = 500

// Message is one mail, read.
type Message struct {
	Summary
	Mail Mail
}

// Get returns one mail. Without it the error is of kind NotFound.
func (m *Mailbox) Get(ctx context.Context, id string) (Message, error) {
	r, raw, err := m.load(ctx, id)
	if err != nil {
		return Message{}, err
	}
	return Message{Summary: r.summary(), Mail: Parse(raw)}, nil
}

// Raw returns a mail's source as it was delivered.
func (m *Mailbox) Raw(ctx context.Context, id string) ([]byte, error) {
	_, raw, err := m.load(ctx, id)
	return raw, err
}

// Attachment returns one attachment of a mail, by its Index.
func (m *Mailbox) Attachment(ctx context.Context, id string, index int) (Attachment, error) {
	msg, err := m.Get(ctx, id)
	if err != nil {
		return Attachment{}, err
	}
	if index < 0 || index >= len(msg.Mail.Attachments) {
		return Attachment{}, fault.New(fault.NotFound, "Message %s has no attachment %d.", id, index)
	}
	return msg.Mail.Attachments[index], nil
}

func (m *Mailbox) load(ctx context.Context, id string) (*row, []byte, error) {
	seq, err := number(id)
	if err != nil {
		return nil, nil, err
	}
	var r row
	var raw []byte
	err = m.db.QueryRow(ctx, `SELECT `+summaryColumns+`, data FROM mailbox WHERE account = ? AND seq = ?`, m.account, seq).
		Scan(append(r.columns(), &raw)...)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, nil, unknown(id)
	}
	if err != nil {
		return nil, nil, fault.Wrap("mailbox.load", err)
	}
	return &r, raw, nil
}

// Delete removes one mail. Without it the error is of kind NotFound.
func (m *Mailbox) Delete(ctx context.Context, id string) error {
	seq, err := number(id)
	if err != nil {
		return err
	}
	err = m.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`DELETE FROM mailbox WHERE account = ? AND seq = ?`, m.account, seq)
		if err == nil && n == 0 {
			return unknown(id)
		}
		return err
	})
	return fault.Wrap("mailbox.Delete", err)
}

// DeleteAll removes what is in the mailbox now and returns how many mails that were.
func (m *Mailbox) DeleteAll(ctx context.Context) (int, error) {
	last, err := m.newest(ctx)
	if err != nil {
		return 0, err
	}
	n, err := m.deleteUpTo(ctx, last)
	return n, fault.Wrap("mailbox.DeleteAll", err)
}

// newest is the greatest number in the mailbox, 0 if it is empty.
func (m *Mailbox) newest(ctx context.Context) (int64, error) {
	var seq int64
	err := m.db.QueryRow(ctx, `SELECT COALESCE(MAX(seq), 0) FROM mailbox WHERE account = ?`, m.account).Scan(&seq)
	return seq, fault.Wrap("mailbox.newest", err)
}

// tooOld is the greatest number of a mail beyond the bounds, 0 if there is none. The
// newest mail stays whatever its size.
func (m *Mailbox) tooOld(ctx context.Context) (int64, error) {
	var seq int64
	err := m.db.QueryRow(ctx, `SELECT seq FROM (
			SELECT seq, ROW_NUMBER() OVER w AS n, SUM(size) OVER w AS total FROM mailbox WHERE account = ?
			WINDOW w AS (ORDER BY seq DESC)) AS kept
		WHERE n > 1 AND (n > ? OR total > ?) ORDER BY seq DESC LIMIT 1`, m.account, m.keep.messages, m.keep.bytes).Scan(&seq)
	if errors.Is(err, sql.ErrNoRows) {
		return 0, nil
	}
	return seq, err
}

func (m *Mailbox) deleteUpTo(ctx context.Context, last int64) (int, error) {
	for total := 0; ; {
		var n int64
		err := m.db.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(`DELETE FROM mailbox WHERE seq IN
				(SELECT seq FROM mailbox WHERE account = ? AND seq <= ? ORDER BY seq LIMIT ?)`, m.account, last, deleteChunk)
			return err
		})
		total += int(n)
		if err != nil || n < deleteChunk {
			return total, err
		}
	}
}

// number is the inverse of an ID's form. Others belong to no mail.
func number(id string) (int64, error) {
	seq, err := strconv.ParseUint(id, 10, 63)
	if err != nil || seq == 0 || seq == math.MaxInt64 || strconv.FormatUint(seq, 10) != id {
		return 0, unknown(id)
	}
	return int64(seq), nil
}

func unknown(id string) error {
	return fault.New(fault.NotFound, "Message %s does not exist.", cut(oneLine(id), 50))
}
