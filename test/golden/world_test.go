// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/outgoing"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/core/template"
	"sesame/internal/core/track"
	"sesame/internal/core/zone"
	"sesame/internal/edge/api"
	"sesame/internal/edge/api/admin"
	v1 "sesame/internal/edge/api/ses"
	v2 "sesame/internal/edge/api/sesv2"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/awswire"
	"sesame/internal/proto/rsasign"
	"sesame/internal/proto/smtpclient/smtptest"
	"sesame/internal/proto/smtpserver"
)

// What every world has. Nothing in it is left to chance: the clock stands, the random
// source of messages gives the same octets, and the keyring is always the same one.
const (
	accountID = "123456789012"
	keyID     = "AKIAEXAMPLEEXAMPLE01"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	region    = "us-east-1"

	sender = "sender@example.com" // an identity
	reader = "reader@example.net"

	serviceZone = "ses.example.net"
)

var (
	home = scope.Scope{Account: accountID, Region: region}
	noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
)

// world is the three doors with everything real behind them, up to what is written to a
// recipient's server.
type world struct {
	db    *store.DB
	clock *clock.Fake
	spool *spool.Spool
	out   *outgoing.Outgoing
	api   *api.Door
	smtp  *submission.Backend

	tracker *track.Tracker

	address string                // of the SMTP door, once it is open
	due     map[turn]*spool.Entry // leased
}

// origin is a database with the account and the sender in it, which worlds begin with.
type origin struct {
	folder, file, keyring string
	services              [2]*awswire.Service
}

var prepared origin

func TestMain(m *testing.M) {
	code, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
	os.Exit(code)
}

func run(m *testing.M) (code int, err error) {
	prepared.folder, err = os.MkdirTemp("", "golden")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(prepared.folder)
	if err := prepared.prepare(); err != nil {
		return 1, err
	}
	return m.Run(), nil
}

func (o *origin) prepare() (err error) {
	for i, compile := range []func() (*awswire.Service, error){awswire.NewSES, awswire.NewSESv2} {
		if o.services[i], err = compile(); err != nil {
			return err
		}
	}
	o.file, o.keyring = filepath.Join(o.folder, "origin.db"), filepath.Join(o.folder, "keyring")
	const ring = `{"version":1,"keys":[{"id":1,"created":"2026-03-04T12:00:00Z","secret":"AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}]}`
	if err := os.WriteFile(o.keyring, []byte(ring), 0o600); err != nil {
		return err
	}
	ctx := context.Background()
	db, err := store.Open(ctx, store.Options{Path: o.file})
	if err != nil {
		return err
	}
	w, err := build(db)
	if err != nil {
		return err
	}
	_, err = w.accounts.CreateUser(ctx, account.NewUser{
		Account: accountID, Name: "tester", KeyID: keyID, Secret: secretKey, Policies: []string{account.AdministratorAccess},
	})
	if err == nil {
		_, err = w.identities.Create(ctx, home, sender, identity.Settings{})
	}
	return errors.Join(err, db.Close())
}

// newWorld opens a world of its own for a test.
func newWorld(t testing.TB) *world {
	t.Helper()
	file := filepath.Join(t.TempDir(), "sesame.db")
	content, err := os.ReadFile(prepared.file)
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	db, err := store.Open(t.Context(), store.Options{Path: file})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	p, err := build(db)
	if err != nil {
		t.Fatal(err)
	}
	return p.world
}

// parts are what a world is put together from.
type parts struct {
	*world
	accounts   *account.Accounts
	identities *identity.Identities
	configSets *configset.Sets
	settings   *setting.Settings
}

func build(db *store.DB) (*parts, error) {
	ring, err := keyring.Load(prepared.keyring)
	if err != nil {
		return nil, err
	}
	w := &parts{world: &world{db: db, clock: clock.NewFake(noon), due: map[turn]*spool.Entry{}}}
	now, log := w.clock.Now, slog.New(slog.DiscardHandler)
	w.accounts = account.New(db, ring, now, rand.Reader)
	w.identities = identity.New(identity.Options{DB: db, Seal: ring, Clock: now, Random: rand.Reader, VerifyAtOnce: true, Accounts: w.accounts})
	w.configSets = configset.New(db, now, w.identities)
	w.settings = setting.New(setting.Options{DB: db, Clock: now, Exists: w.exists})
	w.spool = spool.New(spool.Options{DB: db, Clock: now, Log: log, Node: "test/1", LeaseFor: time.Hour, InRow: 1 << 30})
	names := zone.Names{Zone: serviceZone}
	w.tracker = &track.Tracker{Wrap: ring, Host: names.TrackingHost, HTTP: true, HTTPS: true}
	contacts := contact.New(contact.Options{
		DB: db, Clock: now, Sign: ring, MailDomain: serviceZone, Base: func(region string, set configset.Set) string {
			return w.tracker.Base(region, track.Options{Domain: set.TrackingHost(), HTTPS: track.HTTPS(set.HTTPSPolicy)})
		},
	})
	suppressed := suppression.New(suppression.Options{DB: db, Clock: now, Random: rand.Reader, ConfigSets: w.configSets, Accounts: w.accounts})
	quotas := quota.New(quota.Options{DB: db, Clock: now, Accounts: w.accounts})
	emails := template.New(db, now)
	authorizer := access.New(access.Options{Policies: w.accounts, Identities: w.identities, Organizations: w.accounts, Clock: now})
	in := intake.New(intake.Options{
		Spool: w.spool, Identities: w.identities, Access: authorizer, Quotas: quotas, Clock: now, Random: &stream{}, MAC: ring.MAC,
		Accounts: w.accounts, Settings: w.settings, ConfigSets: w.configSets, Suppressed: suppressed, Once: idempotency.New(db, now),
		Templates: emails, Contacts: contacts, Tracking: tracking{w.tracker, track.NewRules(w.settings, w.accounts, now)},
	})
	w.api = api.New(api.Options{
		V1: api.Bind(prepared.services[0], &v1.API{
			Intake: in, Identities: w.identities, Quotas: quotas, Accounts: w.accounts, Statistics: w.spool, ConfigSets: w.configSets, EmailTemplates: emails,
		}),
		V2: api.Bind(prepared.services[1], &v2.API{
			Intake: in, Identities: w.identities, Quotas: quotas, Accounts: w.accounts, Suppression: suppressed, Contacts: contacts,
			ConfigSets: w.configSets, EmailTemplates: emails, VDM: w.accounts, Zone: names,
		}),
		Admin: admin.New(admin.Settings(w.settings)),
		Keys:  w.accounts, Access: authorizer, Clock: now, Random: rand.Reader, Log: log, MaxInFlightBytes: 1 << 30, Sandbox: w.accounts,
	})
	w.smtp = &submission.Backend{Auth: w.accounts, Keys: w.accounts, Intake: in, Region: region}
	w.out = &outgoing.Outgoing{
		Signers: identity.NewSigners(w.identities, rsasign.Open(rsasign.Options{})), MailFroms: w.identities, Clock: now, ReturnDomain: serviceZone,
		MAC: func(data []byte) []byte { return ring.MAC("verp", data) }, SourceIP: netip.MustParseAddr("192.0.2.25"),
	}
	return w, nil
}

type tracking struct {
	*track.Tracker
	*track.Rules
}

// exists knows identities and configuration sets.
func (w *parts) exists(ctx context.Context, r setting.Resource) error {
	if r.Kind == setting.ConfigurationSet {
		_, err := w.configSets.Get(ctx, r.Scope, r.Name)
		return err
	}
	_, err := w.identities.Get(ctx, r.Scope, r.Name)
	return err
}

// stream is a random source that always gives the same: the hashes of 0, 1, 2...
type stream struct {
	mu   sync.Mutex
	n    uint64
	left []byte
}

func (s *stream) Read(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range p {
		if len(s.left) == 0 {
			sum := sha256.Sum256(binary.BigEndian.AppendUint64(nil, s.n))
			s.n, s.left = s.n+1, sum[:]
		}
		p[i], s.left = s.left[0], s.left[1:]
	}
	return len(p), nil
}

// listen opens the SMTP door, with TLS from the first octet.
func (w *world) listen(t testing.TB) string {
	t.Helper()
	if w.address != "" {
		return w.address
	}
	cert, _ := smtptest.Certificate(t, "email-smtp.amazonaws.com")
	s, err := smtpserver.NewServer(smtpserver.Config{
		Hostname: "email-smtp.amazonaws.com", Greeting: "SimpleEmailService-d-TEST", TLS: &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS12},
		Implicit: true, RequireAuth: true, NewID: func() string { return "ID" }, Limits: smtpserver.Limits{MaxRecipients: 2 * intake.MaxRecipients, IdleTimeout: patience},
	}, w.smtp)
	if err != nil {
		t.Fatal(err)
	}
	l := loopback(t)
	w.address = l.Addr().String()
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := s.Serve(l); !errors.Is(err, smtpserver.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	return w.address
}

// departure is a message as the servers of its recipients get it, and what became of
// those who don't.
type departure struct {
	message  *spool.Message
	data     []byte   // nil if nobody gets it
	envelope []string // MAIL FROM and RCPT TO of each transaction
	settled  []string // recipients that nothing is sent to, and why
}

// departures are all messages that the spool has, in the order of their ids.
func (w *world) departures(t testing.TB) (all []departure) {
	t.Helper()
	for _, id := range w.stored(t) {
		all = append(all, w.departure(t, id))
	}
	return all
}

// departure is the message with an id.
func (w *world) departure(t testing.TB, id string) departure {
	t.Helper()
	r, err := w.spool.Record(t.Context(), home, id)
	if err != nil {
		t.Fatal(err)
	}
	d := departure{message: r.Message}
	for n, to := range r.Recipients {
		if to.State != spool.Queued {
			d.settled = append(d.settled, fmt.Sprintf("%s is %s: %s", to.Address, to.State, to.Tries[0].Reason))
			continue
		}
		d.send(t, w, n, to.Address)
	}
	return d
}

// send leases recipient n, as core/dispatch does, and has the message made ready for it.
func (d *departure) send(t testing.TB, w *world, n int, to string) {
	t.Helper()
	ctx := t.Context()
	e := w.leased(t, d.message.ID, n, to)
	from, err := w.out.ReturnPath(ctx, e.Message, n)
	if err != nil {
		t.Fatal(err)
	}
	prefix, err := w.out.Prepare(ctx, e.Message)
	if err != nil {
		t.Fatal(err)
	}
	d.envelope = append(d.envelope, "MAIL FROM:<"+from.String()+">", "RCPT TO:<"+to+">")
	d.data = slices.Concat(prefix, e.Message.Content)
}

// turn is a recipient of a message.
type turn struct {
	id string
	n  int
}

// leased takes what is due for a recipient's domain, for which nobody else will ask, and
// gives out the recipient's entry.
func (w *world) leased(t testing.TB, id string, n int, to string) *spool.Entry {
	t.Helper()
	a, err := address.Parse(to)
	if err != nil {
		t.Fatal(err)
	}
	if w.due[turn{id, n}] == nil {
		entries, _, err := w.spool.Lease(t.Context(), a.Domain, 1000, 1<<30)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range entries {
			w.due[turn{e.Message.ID, e.N}] = e
		}
	}
	e := w.due[turn{id, n}]
	if e == nil {
		t.Fatalf("%s is not due", to)
	}
	delete(w.due, turn{id, n})
	return e
}

// stored are the ids of the messages in the spool.
func (w *world) stored(t testing.TB) (ids []string) {
	t.Helper()
	rows, err := w.db.Query(t.Context(), `SELECT id FROM messages ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var id string
		if err := rows.Scan(&id); err != nil {
			t.Fatal(err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return ids
}

// traces are the rows of everything that a message leaves behind: none after a refusal.
func (w *world) traces(t testing.TB) string {
	t.Helper()
	var found []string
	for _, table := range []string{"messages", "recipients", "attempts", "outbox", "message_checks"} {
		var n int
		if err := w.db.QueryRow(t.Context(), `SELECT count(*) FROM `+table).Scan(&n); err != nil {
			t.Fatal(err)
		}
		if n > 0 {
			found = append(found, fmt.Sprintf("%d rows of %s", n, table))
		}
	}
	return strings.Join(found, ", ")
}
