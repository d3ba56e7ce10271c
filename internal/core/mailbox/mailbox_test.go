// SPDX-License-Identifier: Apache-2.0

package mailbox_test

import (
	"context"
	"errors"
	"net/netip"
	"path/filepath"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/store"
	"sesame/internal/testkit/pgtest"
)

const account = "123456789012"

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// onBoth runs the test on each engine with a database of its own.
func onBoth(t *testing.T, test func(t *testing.T, db *store.DB)) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "sesame.db")}))
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, open(t, store.Options{URL: pgtest.URL(t)}))
	})
}

func open(t testing.TB, o store.Options) *store.DB {
	t.Helper()
	db, err := store.Open(context.Background(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func newBox(t testing.TB, db *store.DB, o mailbox.Options) *mailbox.Mailbox {
	t.Helper()
	if o.Account == "" {
		o.Account = account
	}
	if o.Clock == nil {
		o.Clock = clock.NewFake(start).Now
	}
	o.DB, o.Region = db, "eu-west-1"
	m, err := mailbox.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func envelope(t testing.TB, from string, to ...string) mailbox.Envelope {
	t.Helper()
	e := mailbox.Envelope{RemoteIP: netip.MustParseAddr("127.0.0.1"), TLS: "TLS 1.3"}
	if from != "" {
		e.From = addr(t, from)
	}
	for _, a := range to {
		e.To = append(e.To, addr(t, a))
	}
	return e
}

func addr(t testing.TB, s string) address.Address {
	t.Helper()
	a, err := address.Parse(s)
	if err != nil {
		t.Fatalf("%q: %v", s, err)
	}
	return a
}

func deliver(t testing.TB, m *mailbox.Mailbox, e mailbox.Envelope, message string) string {
	t.Helper()
	id, err := m.Deliver(context.Background(), e, []byte(message))
	if err != nil {
		t.Fatalf("deliver: %v", err)
	}
	return id
}

func list(t testing.TB, m *mailbox.Mailbox, q mailbox.Query) mailbox.Page {
	t.Helper()
	p, err := m.List(context.Background(), q)
	if err != nil {
		t.Fatalf("list %+v: %v", q, err)
	}
	return p
}

func ids(p mailbox.Page) []string {
	var all []string
	for _, s := range p.Messages {
		all = append(all, s.ID)
	}
	return all
}

const sesID = "0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000"

func TestDeliveredMailIsListedAndRead(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		m := newBox(t, db, mailbox.Options{})
		source := "Message-ID: <" + sesID + "@email.amazonses.com>\r\nFrom: =?utf-8?q?Al=C3=AFce?= <alice@example.com>\r\n" +
			"To: Bob <bob@example.net>, carol@example.net\r\nSubject: =?iso-8859-1?Q?Gr=FC=DFe?=\r\n\r\nHello\x00\xff\r\n"
		e := envelope(t, "bounce@example.org", "bob@example.net", "hidden@example.net")
		id := deliver(t, m, e, source)

		want := mailbox.Summary{
			ID: id, MessageID: sesID, From: "Alïce <alice@example.com>", To: []string{"Bob <bob@example.net>", "carol@example.net"},
			Subject: "Grüße", ReceivedAt: start, Size: int64(len(source)), Envelope: e,
		}
		want.Scope.Account, want.Scope.Region = account, "us-east-1"
		p := list(t, m, mailbox.Query{})
		if len(p.Messages) != 1 || !reflect.DeepEqual(p.Messages[0], want) || p.NextToken != "" {
			t.Errorf("listed %+v\nwant   %+v", p, want)
		}
		got, err := m.Get(t.Context(), id)
		if err != nil || !reflect.DeepEqual(got.Summary, want) || got.Mail.Text != "Hello\x00ÿ\n" {
			t.Errorf("got %+v, %v", got, err)
		}
		raw, err := m.Raw(t.Context(), id)
		if err != nil || string(raw) != source {
			t.Errorf("source %q, %v", raw, err)
		}
	})
}

func TestGarbageIsKept(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		m := newBox(t, db, mailbox.Options{})
		for _, source := range []string{
			"", "\x00", "no header", "Subject: \x00\xff=?utf-8?b?AAAA?=\r\nTo: \xff<\x00>,,<<>>\r\nFrom: =?x?y?z?=\r\nMessage-ID: <\x00@>\r\n\r\n",
			"Subject: " + strings.Repeat("ä", 100_000) + "\r\nTo: " + strings.Repeat("ä@b, ", 100_000) + "\r\n\r\n",
		} {
			id := deliver(t, m, envelope(t, "", "a@example.com"), source)
			raw, err := m.Raw(t.Context(), id)
			if err != nil || string(raw) != source {
				t.Errorf("source of %.40q: %.40q, %v", source, raw, err)
			}
			if _, err := m.Get(t.Context(), id); err != nil {
				t.Errorf("get %.40q: %v", source, err)
			}
		}
		if n := len(list(t, m, mailbox.Query{}).Messages); n != 5 {
			t.Errorf("%d mails are listed, want 5", n)
		}
	})
}

func TestRegionComesFromTheMessageID(t *testing.T) {
	t.Parallel()
	m := newBox(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")}), mailbox.Options{})
	for _, c := range []struct{ name, header, region, messageID string }{
		{"the domain of us-east-1", "<" + sesID + "@email.amazonses.com>", "us-east-1", sesID},
		{"the domain of another region", "<" + sesID + "@ap-south-1.amazonses.com>", "ap-south-1", sesID},
		{"an id that is not ours", "<x@ap-south-1.amazonses.com>", "eu-west-1", "x@ap-south-1.amazonses.com"},
		{"a domain that is not ours", "<" + sesID + "@example.com>", "eu-west-1", sesID + "@example.com"},
		{"a domain that the sender chose", "<" + sesID + "@example.com>\r\nFeedback-ID: spring:a:1.eu-west-2.aGFzaA==:AmazonSES", "eu-west-2", sesID},
		{"and another service's Feedback-ID", "<" + sesID + "@example.com>\r\nFeedback-ID: 1.spring:a:b:c", "eu-west-1", sesID + "@example.com"},
		{"a region that can be none", "<" + sesID + "@A.amazonses.com>", "eu-west-1", sesID + "@A.amazonses.com"},
		{"no Message-ID", "", "eu-west-1", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			id := deliver(t, m, envelope(t, "", "a@example.com"), "Message-ID: "+c.header+"\r\n\r\n")
			got, err := m.Get(t.Context(), id)
			if err != nil || got.Scope.Region != c.region || got.MessageID != c.messageID {
				t.Errorf("region %q, message id %q, %v", got.Scope.Region, got.MessageID, err)
			}
		})
	}
}

func TestCopyIsFoundByItsRecipientAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		m := newBox(t, db, mailbox.Options{})
		message := "From: a@example.com\r\nTo: to@example.net\r\nCc: cc@example.net\r\nSubject: one for each\r\n\r\n"
		for _, to := range []string{"cc@example.net", "hidden@example.net", "to@example.net"} {
			id := deliver(t, m, envelope(t, "", to), message)
			if got := ids(list(t, m, mailbox.Query{To: to})); !reflect.DeepEqual(got, []string{id}) {
				t.Errorf("%s has %v, want %s", to, got, id)
			}
		}
	})
}

func TestSearch(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		now := clock.NewFake(start)
		m := newBox(t, db, mailbox.Options{Clock: now.Now})
		mails := []struct{ to, message string }{
			{"bob@example.net", "From: Shop <shop@example.com>\r\nTo: Bob Jones <bob@example.net>\r\nSubject: =?utf-8?q?Ihre_BESTELLUNG_=C3=9Cbersicht?=\r\n\r\n"},
			{"Jim.Bob@Example.net", "From: a@example.org\r\nCc: copy@example.net\r\nSubject: 100% off_now!\r\n\r\n"},
			{"zoe@example.net", "From: b@example.org\r\nTo: undisclosed:;\r\nMessage-ID: <unique-17@mid.test>\r\nSubject: Hello\r\n\r\n"},
		}
		var all []string
		for _, mail := range mails {
			all = append(all, deliver(t, m, envelope(t, "return@path.test", mail.to), mail.message))
			now.Advance(time.Minute)
		}
		one, two, three := all[0], all[1], all[2]
		for _, c := range []struct {
			name string
			q    mailbox.Query
			want []string
		}{
			{"nothing finds all, the newest first", mailbox.Query{}, []string{three, two, one}},
			{"a subject in other case", mailbox.Query{Subject: "bestellung ü"}, []string{one}},
			{"a part of a recipient", mailbox.Query{To: "bob"}, []string{two, one}},
			{"an address is found from its beginning", mailbox.Query{To: "bob@example.net"}, []string{one}},
			{"an address in other case", mailbox.Query{To: "jim.bob@EXAMPLE.net"}, []string{two}},
			{"a domain", mailbox.Query{To: "@example.net"}, []string{three, two, one}},
			{"a display name", mailbox.Query{To: "jones"}, []string{one}},
			{"a part of a Cc", mailbox.Query{To: "copy"}, []string{two}},
			{"an address finds what was for it, not what names it", mailbox.Query{To: "copy@example.net"}, nil},
			{"text in a Cc", mailbox.Query{Text: "copy@example.net"}, []string{two}},
			{"wild cards are no wild cards", mailbox.Query{Subject: "%"}, []string{two}},
			{"an underscore is itself", mailbox.Query{Subject: "f_n"}, []string{two}},
			{"the escape character is itself", mailbox.Query{Subject: "now!"}, []string{two}},
			{"text in the subject", mailbox.Query{Text: "hello"}, []string{three}},
			{"text in a recipient", mailbox.Query{Text: "zoe@"}, []string{three}},
			{"text in the From", mailbox.Query{Text: "shop <"}, []string{one}},
			{"text in the reverse-path", mailbox.Query{Text: "RETURN@path"}, []string{three, two, one}},
			{"text in the message id", mailbox.Query{Text: "unique-17"}, []string{three}},
			{"everything must hold", mailbox.Query{To: "bob", Subject: "off"}, []string{two}},
			{"since a time", mailbox.Query{Since: start.Add(time.Minute)}, []string{three, two}},
			{"no such mail", mailbox.Query{To: "nobody@"}, nil},
			{"control characters in a search", mailbox.Query{Text: "\x00\r\n\xff"}, nil},
		} {
			t.Run(c.name, func(t *testing.T) {
				if got := ids(list(t, m, c.q)); !reflect.DeepEqual(got, c.want) {
					t.Errorf("found %v, want %v", got, c.want)
				}
			})
		}
	})
}

func TestPages(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		m := newBox(t, db, mailbox.Options{})
		var want []string
		for range 7 {
			want = append([]string{deliver(t, m, envelope(t, "", "a@example.com"), "Subject: x\r\n\r\n")}, want...)
		}
		var got []string
		q := mailbox.Query{Limit: 3}
		for pages := 1; ; pages++ {
			p := list(t, m, q)
			got = append(got, ids(p)...)
			if q.NextToken = p.NextToken; q.NextToken == "" {
				if pages != 3 {
					t.Errorf("%d pages, want 3", pages)
				}
				break
			}
		}
		if !reflect.DeepEqual(got, want) {
			t.Errorf("listed %v, want %v", got, want)
		}
	})
}

func TestBadQueriesAreRefused(t *testing.T) {
	t.Parallel()
	m := newBox(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")}), mailbox.Options{})
	for _, c := range []struct {
		name, field string
		q           mailbox.Query
	}{
		{"a negative limit", "Limit", mailbox.Query{Limit: -1}},
		{"a limit that is too high", "Limit", mailbox.Query{Limit: mailbox.MaxLimit + 1}},
		{"a token that is no token", "NextToken", mailbox.Query{NextToken: "x"}},
		{"a token of another list", "NextToken", mailbox.Query{NextToken: "eDE6MQ"}},
		{"a token without end", "NextToken", mailbox.Query{NextToken: strings.Repeat("A", 1<<20)}},
		{"a search without end", "Subject", mailbox.Query{Subject: strings.Repeat("A", 501)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := m.List(t.Context(), c.q)
			var f *fault.Error
			if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != c.field {
				t.Errorf("error %v, want an invalid %s", err, c.field)
			}
		})
	}
}

func TestDelete(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		m := newBox(t, db, mailbox.Options{})
		other := newBox(t, db, mailbox.Options{Account: "999999999999"})
		theirs := deliver(t, other, envelope(t, "", "a@example.com"), "\r\n")
		id := deliver(t, m, envelope(t, "", "a@example.com"), "\r\n")

		for _, bad := range []string{theirs, "", "0", "-1", "+" + id, "0" + id, "x", "99999999999999999999", "9223372036854775807"} {
			if err := m.Delete(t.Context(), bad); !fault.Is(err, fault.NotFound) {
				t.Errorf("delete %q: %v, want NotFound", bad, err)
			}
			if _, err := m.Get(t.Context(), bad); !fault.Is(err, fault.NotFound) {
				t.Errorf("get %q: %v, want NotFound", bad, err)
			}
		}
		if err := m.Delete(t.Context(), id); err != nil {
			t.Error(err)
		}
		if err := m.Delete(t.Context(), id); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted twice: %v", err)
		}
		for range 3 {
			deliver(t, m, envelope(t, "", "a@example.com"), "\r\n")
		}
		if n, err := m.DeleteAll(t.Context()); n != 3 || err != nil {
			t.Errorf("deleted %d, %v, want 3", n, err)
		}
		if n, err := m.DeleteAll(t.Context()); n != 0 || err != nil {
			t.Errorf("deleted %d, %v, want 0", n, err)
		}
		if _, err := other.Get(t.Context(), theirs); err != nil {
			t.Errorf("another account's mail: %v", err)
		}
	})
}

func TestDeleteAllTakesSeveralSteps(t *testing.T) {
	t.Parallel()
	m := newBox(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")}), mailbox.Options{})
	const n = 1100 // more than two transactions remove
	fill(t, m, n, []byte("\r\n"))
	if got, err := m.DeleteAll(t.Context()); got != n || err != nil {
		t.Errorf("deleted %d, %v, want %d", got, err, n)
	}
}

// fill delivers n mails over 20 senders.
func fill(t testing.TB, m *mailbox.Mailbox, n int, message []byte) {
	e := envelope(t, "a@example.com", "b@example.com")
	var wg sync.WaitGroup
	for sender := range 20 {
		wg.Go(func() {
			for i := sender; i < n; i += 20 {
				if _, err := m.Deliver(context.Background(), e, message); err != nil {
					t.Errorf("deliver: %v", err)
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestTheOldestMailGoesFirst(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		for _, c := range []struct {
			name string
			o    mailbox.Options
			size int
			keep int
		}{
			{"over the number", mailbox.Options{MaxMessages: 3}, 10, 3},
			{"over the size", mailbox.Options{MaxBytes: 1000}, 400, 2},
			{"a single mail over the size stays", mailbox.Options{MaxBytes: 1000}, 4000, 1},
		} {
			t.Run(c.name, func(t *testing.T) {
				m := newBox(t, db, c.o)
				var want []string
				for range 6 {
					want = append([]string{deliver(t, m, envelope(t, "", "a@example.com"), strings.Repeat("x", c.size))}, want...)
				}
				if got := ids(list(t, m, mailbox.Query{})); !reflect.DeepEqual(got, want[:c.keep]) {
					t.Errorf("kept %v of %v, want the newest %d", got, want, c.keep)
				}
			})
		}
	})
}

func TestAFormerProcessesMailIsBoundedToo(t *testing.T) {
	t.Parallel()
	db := open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")})
	fill(t, newBox(t, db, mailbox.Options{}), 50, []byte("\r\n"))
	m := newBox(t, db, mailbox.Options{MaxMessages: 40})
	deliver(t, m, envelope(t, "", "a@example.com"), "\r\n")
	if n := len(list(t, m, mailbox.Query{}).Messages); n != 40 {
		t.Errorf("%d mails are left, want 40", n)
	}
}

type arrival struct {
	message mailbox.Message
	err     error
}

func waitFor(ctx context.Context, m *mailbox.Mailbox, q mailbox.Query) <-chan arrival {
	came := make(chan arrival, 1)
	go func() {
		message, err := m.Wait(ctx, q)
		came <- arrival{message, err}
	}()
	return came
}

func TestWait(t *testing.T) {
	onBoth(t, func(t *testing.T, db *store.DB) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		hour := mailbox.Options{Poll: time.Hour} // only Deliver wakes
		to := func(a string) mailbox.Query { return mailbox.Query{To: a} }

		t.Run("mail that is there is returned at once", func(t *testing.T) {
			m := newBox(t, db, hour)
			deliver(t, m, envelope(t, "", "there@example.com"), "Subject: old\r\n\r\n")
			id := deliver(t, m, envelope(t, "", "there@example.com"), "Subject: new\r\n\r\ntext")
			a := <-waitFor(ctx, m, to("there@example.com"))
			if a.err != nil || a.message.ID != id || a.message.Mail.Text != "text" {
				t.Errorf("%+v", a)
			}
		})
		t.Run("mail that comes later wakes whoever waits for it", func(t *testing.T) {
			m := newBox(t, db, hour)
			first, second := waitFor(ctx, m, to("first@example.com")), waitFor(ctx, m, to("second@example.com"))
			one := deliver(t, m, envelope(t, "", "first@example.com"), "\r\n")
			if a := <-first; a.err != nil || a.message.ID != one {
				t.Errorf("first: %+v", a)
			}
			two := deliver(t, m, envelope(t, "", "second@example.com"), "\r\n")
			if a := <-second; a.err != nil || a.message.ID != two {
				t.Errorf("second: %+v", a)
			}
		})
		t.Run("another process's mail is found by polling", func(t *testing.T) {
			m, other := newBox(t, db, mailbox.Options{Poll: 10 * time.Millisecond}), newBox(t, db, hour)
			came := waitFor(ctx, m, to("other@example.com"))
			id := deliver(t, other, envelope(t, "", "other@example.com"), "\r\n")
			if a := <-came; a.err != nil || a.message.ID != id {
				t.Errorf("%+v", a)
			}
		})
		t.Run("old mail does not count since a later time", func(t *testing.T) {
			now := clock.NewFake(start)
			m := newBox(t, db, mailbox.Options{Poll: time.Hour, Clock: now.Now})
			deliver(t, m, envelope(t, "", "since@example.com"), "\r\n")
			came := waitFor(ctx, m, mailbox.Query{To: "since@example.com", Since: now.Advance(time.Second)})
			id := deliver(t, m, envelope(t, "", "since@example.com"), "\r\n")
			if a := <-came; a.err != nil || a.message.ID != id {
				t.Errorf("%+v", a)
			}
		})
		t.Run("no mail in time is NotFound", func(t *testing.T) {
			m := newBox(t, db, hour)
			done, cancel := context.WithCancel(ctx)
			cancel()
			if a := <-waitFor(done, m, to("nobody@example.com")); !fault.Is(a.err, fault.NotFound) {
				t.Errorf("%+v", a)
			}
			short, cancel := context.WithTimeout(ctx, time.Millisecond)
			defer cancel()
			if a := <-waitFor(short, m, to("nobody@example.com")); !fault.Is(a.err, fault.NotFound) {
				t.Errorf("%+v", a)
			}
		})
		t.Run("a bad query is refused at once", func(t *testing.T) {
			if a := <-waitFor(ctx, newBox(t, db, hour), to(strings.Repeat("x", 1000))); !fault.Is(a.err, fault.Invalid) {
				t.Errorf("%+v", a)
			}
		})
	})
}

func TestTooManyWaitsAreThrottled(t *testing.T) {
	t.Parallel()
	m := newBox(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")}), mailbox.Options{MaxWaits: 2, Poll: time.Hour})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	// Of three Waits one is refused, whichever comes last.
	came := make(chan arrival, 3)
	for range 3 {
		go func() {
			message, err := m.Wait(ctx, mailbox.Query{To: "a@example.com"})
			came <- arrival{message, err}
		}()
	}
	if a := <-came; !fault.Is(a.err, fault.Throttled) {
		t.Errorf("%+v, want Throttled", a)
	}
	id := deliver(t, m, envelope(t, "", "a@example.com"), "\r\n")
	for range 2 {
		if a := <-came; a.err != nil || a.message.ID != id {
			t.Errorf("%+v", a)
		}
	}
	if a := <-waitFor(ctx, m, mailbox.Query{To: "a@example.com"}); a.err != nil {
		t.Errorf("after the others ended: %v", a.err)
	}
}

func TestIncompleteOptionsAreRefused(t *testing.T) {
	t.Parallel()
	db := open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")})
	for _, o := range []mailbox.Options{
		{Clock: clock.System, Account: account, Region: "us-east-1"},
		{DB: db, Account: account, Region: "us-east-1"},
		{DB: db, Clock: clock.System, Account: "1", Region: "us-east-1"},
		{DB: db, Clock: clock.System, Account: account},
	} {
		if m, err := mailbox.New(o); err == nil {
			t.Errorf("%+v was accepted: %v", o, m)
		}
	}
}

func TestAClosedStoreIsUnavailable(t *testing.T) {
	t.Parallel()
	db, err := store.Open(t.Context(), store.Options{Path: filepath.Join(t.TempDir(), "db")})
	if err != nil {
		t.Fatal(err)
	}
	m := newBox(t, db, mailbox.Options{})
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := m.Deliver(t.Context(), envelope(t, "", "a@example.com"), nil); !fault.Is(err, fault.Unavailable) {
		t.Errorf("error %v, want Unavailable", err)
	}
}

func TestAttachment(t *testing.T) {
	t.Parallel()
	m := newBox(t, open(t, store.Options{Path: filepath.Join(t.TempDir(), "db")}), mailbox.Options{})
	id := deliver(t, m, envelope(t, "", "a@example.com"), "Content-Type: text/csv; name=a.csv\r\n\r\n1,2")
	a, err := m.Attachment(t.Context(), id, 0)
	if err != nil || a.FileName != "a.csv" || string(a.Data) != "1,2" {
		t.Errorf("%+v, %v", a, err)
	}
	for _, index := range []int{-1, 1} {
		if _, err := m.Attachment(t.Context(), id, index); !fault.Is(err, fault.NotFound) {
			t.Errorf("attachment %d: %v, want NotFound", index, err)
		}
	}
}

// BenchmarkDeliver is what 20 senders of 4 KiB mails get.
func BenchmarkDeliver(b *testing.B) {
	m := newBox(b, open(b, store.Options{Path: filepath.Join(b.TempDir(), "db")}), mailbox.Options{})
	message := []byte("Message-ID: <" + sesID + "@email.amazonses.com>\r\nFrom: Alice <alice@example.com>\r\nTo: bob@example.com\r\nSubject: hello\r\n\r\n" +
		strings.Repeat("0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcd\r\n", 64))
	b.SetBytes(int64(len(message)))
	b.ResetTimer()
	fill(b, m, b.N, message)
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "mails/s")
}

// BenchmarkSearch is a search that finds nothing in a full mailbox.
func BenchmarkSearch(b *testing.B) {
	m := newBox(b, open(b, store.Options{Path: filepath.Join(b.TempDir(), "db")}), mailbox.Options{})
	fill(b, m, 50_000, []byte("Subject: hello\r\n\r\n"+strings.Repeat("x", 4096)))
	for b.Loop() {
		if _, err := m.List(context.Background(), mailbox.Query{Text: "nothing"}); err != nil {
			b.Fatal(err)
		}
	}
}
