// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"context"
	"path/filepath"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/store"
)

// FuzzQuery shows that no search breaks the list, and that Wait's rule in memory is
// the same as that of the list in SQL.
func FuzzQuery(f *testing.F) {
	db, err := store.Open(context.Background(), store.Options{Path: filepath.Join(f.TempDir(), "db")})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { db.Close() })
	m, err := New(Options{DB: db, Clock: clock.System, Account: "123456789012", Region: "us-east-1"})
	if err != nil {
		f.Fatal(err)
	}
	e := Envelope{To: []address.Address{{Local: "Bob", Domain: "example.com"}}}
	message := []byte("Subject: H\xc3\xa4llo 100% _! \xc4\xb0\r\nFrom: \xff <a@example.com>\r\nTo: Jones <x@example.com>\r\n\r\n")
	if _, err := m.Deliver(context.Background(), e, message); err != nil {
		f.Fatal(err)
	}
	r := newRow("123456789012", "us-east-1", e, message)

	f.Add("bob@example.com", "hä", "100%", "", 1)
	f.Add("jones", "", "_!", "", 500)
	f.Add("!%_\x00", "\xff", "İ", "bTE6MQ", -1)
	f.Add("\n", "\n", "\r\n", "", 0)
	f.Fuzz(func(t *testing.T, to, subject, text, token string, limit int) {
		q := Query{To: to, Subject: subject, Text: text, NextToken: token, Limit: limit}
		p, err := m.List(t.Context(), q)
		if err != nil {
			if !fault.Is(err, fault.Invalid) {
				t.Fatal(err)
			}
			return
		}
		filter, err := q.filter()
		if err != nil {
			t.Fatal(err)
		}
		if found := len(p.Messages) == 1; token == "" && found != filter.matches(r) {
			t.Errorf("the list has %d mails, but matches says %v", len(p.Messages), !found)
		}
	})
}
