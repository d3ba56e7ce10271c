// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
)

const benchIdentities = 10_000

// open lets everybody send as anybody: what accepting costs without identities and
// policies.
type open struct{}

func (open) Resolve(_ context.Context, sc scope.Scope, a address.Address) (identity.Identity, error) {
	return identity.Identity{Scope: sc, Name: a.String(), Kind: identity.Address}, nil
}

func (open) Get(_ context.Context, sc scope.Scope, name string) (identity.Identity, error) {
	return identity.Identity{Scope: sc, Name: name}, nil
}

func (open) MailFrom(context.Context, scope.Scope, address.Address) (identity.MailFrom, error) {
	return identity.MailFrom{}, nil
}

func (open) MaySend(context.Context, access.Send) error { return nil }

// writePolicies makes a hundred policies, of which thirty are asked about each message:
// ten of the user, which is all that IAM allows, and twenty of the domain, which is all
// that SES allows. The rest belong to other users.
func writePolicies(b *testing.B, accounts *account.Accounts, ids *identity.Identities) {
	b.Helper()
	check := func(err error) {
		b.Helper()
		if err != nil {
			b.Fatal(err)
		}
	}
	for user := range 8 {
		name := fmt.Sprintf("u%d", user)
		if user == 0 {
			name = "u" // of the submissions
		}
		_, err := accounts.CreateUser(ctx, account.NewUser{Account: sc.Account, Name: name})
		check(err)
		for i := range 10 {
			document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[
				{"Effect":"Allow","Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"arn:aws:ses:*:123456789012:identity/*@d%d.example","Condition":{"StringLike":{"ses:FromAddress":"*.example"}}},
				{"Effect":"Deny","Action":"ses:Send*","Resource":"*","Condition":{"ForAnyValue:StringLike":{"ses:Recipients":"*@blocked%d.example"}}}]}`, 90+i, i)
			p, err := accounts.CreatePolicy(ctx, account.Policy{Account: sc.Account, Name: fmt.Sprintf("%sp%d", name, i), Document: document})
			check(err)
			check(accounts.Attach(ctx, account.Entity{Account: sc.Account, Kind: account.KindUser, Name: name}, p.ARN()))
		}
	}
	for i := range 20 {
		document := fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::%012d:user/u"},
			"Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"arn:aws:ses:us-east-1:123456789012:identity/d99.example","Condition":{"StringLike":{"ses:FromAddress":"*@d99.example"}}}]}`, i+1)
		check(ids.PutPolicy(ctx, sc, "d99.example", identity.Create, identity.Policy{Name: fmt.Sprintf("p%d", i), Document: document}))
	}
}

// side is one way of deciding about mail, with a database of its own.
type side struct {
	name       string
	db         *store.DB
	identities intake.Identities
	access     intake.Authorizer
	settings   intake.Settings
	accounts   intake.Accounts
	suppressed intake.Suppressed
	senders    int
}

// sides are accepting without identities and policies; with 10,000 identities and 100
// policies, from one sender; and from all senders in turn; and without those, with a
// suppression list of 10,000 addresses that nobody writes to. Each has its own copy of one
// database.
func sides(b *testing.B) []side {
	b.Helper()
	filled := b.TempDir() + "/filled.db"
	db := openAt(b, filled)
	_, ids, accounts := parts(db)
	fill(b, ids)
	writePolicies(b, accounts, ids)
	if err := db.Close(); err != nil {
		b.Fatal(err)
	}
	content, err := os.ReadFile(filled)
	if err != nil {
		b.Fatal(err)
	}
	all := []side{{name: "without", senders: 1}, {name: "1sender", senders: 1}, {name: "10000senders", senders: benchIdentities - 1}, {name: "10000suppressed", senders: 1}}
	for n := range all {
		s := &all[n]
		path := b.TempDir() + "/" + s.name + ".db"
		if err := os.WriteFile(path, content, 0o600); err != nil {
			b.Fatal(err)
		}
		s.db, s.identities, s.access = openAt(b, path), open{}, open{}
		b.Cleanup(func() { _ = s.db.Close() })
		switch s.name {
		case "10000suppressed":
			s.suppressed = suppressing(b, s.db)
		case "1sender", "10000senders":
			settings, ids, accounts := parts(s.db)
			s.settings, s.identities, s.accounts = settings, ids, accounts
			s.access = access.New(access.Options{Policies: accounts, Identities: ids, Organizations: accounts, Clock: clock.System})
		}
	}
	return all
}

// suppressing is a suppression list of an hour ago, which has been read.
func suppressing(b *testing.B, db *store.DB) intake.Suppressed {
	b.Helper()
	before := suppression.New(suppression.Options{DB: db, Clock: clock.NewFake(time.Now().Add(-time.Hour)).Now, Random: rand.Reader})
	var records []suppression.Record
	for i := range 10_000 {
		records = append(records, suppression.Record{Address: fmt.Sprintf("r%d@example.org", i), Reason: "BOUNCE"})
	}
	write, _ := before.Adding(sc, records)
	if err := db.Write(ctx, write); err != nil {
		b.Fatal(err)
	}
	now := clock.NewFake(time.Now())
	lists := suppression.New(suppression.Options{DB: db, Clock: now.Now, Random: rand.Reader})
	for range 2 {
		if _, err := lists.Check(ctx, sc, suppression.Policy{}, []address.Address{{Local: "b", Domain: "example.net"}}); err != nil {
			b.Fatal(err)
		}
		now.Advance(time.Second)
	}
	return lists
}

func openAt(b *testing.B, path string) *store.DB {
	b.Helper()
	db, err := store.Open(ctx, store.Options{Path: path})
	if err != nil {
		b.Fatal(err)
	}
	return db
}

// parts are what decides about mail, as the server puts it together.
func parts(db *store.DB) (*setting.Settings, *identity.Identities, *account.Accounts) {
	ring := keyring.Ephemeral()
	return setting.New(setting.Options{DB: db, Clock: clock.System}),
		identity.New(identity.Options{DB: db, Seal: ring, Clock: clock.System, Random: rand.Reader, VerifyAtOnce: true}),
		account.New(db, ring, clock.System, rand.Reader)
}

// intake is the side's way in, to a spool.
func (s side) intake(sp intake.Spool, quotas intake.Quotas) *intake.Intake {
	return intake.New(intake.Options{
		Spool: sp, Identities: s.identities, Access: s.access, Accounts: s.accounts, Settings: s.settings, Quotas: quotas, Suppressed: s.suppressed,
		Clock: clock.System, Random: rand.Reader, MAC: keyring.Ephemeral().MAC,
	})
}

// BenchmarkAccept accepts mail on SQLite. What identities and policies add is in
// cpu-µs/op; ns/op has the waits for the disk in it, which many share.
func BenchmarkAccept(b *testing.B) {
	for _, s := range sides(b) {
		b.Run(s.name, func(b *testing.B) {
			sp := spool.New(spool.Options{DB: s.db, Clock: clock.System, Node: "bench/1", LeaseFor: time.Hour, InRow: 1 << 30})
			acceptAll(b, s.intake(sp, quota.New(quota.Options{DB: s.db, Clock: clock.System})), s.senders)
		})
	}
}

// BenchmarkDecide is BenchmarkAccept without storing, by one client. A round is messages from
// each side in turn, so that whatever else the machine does meets all of them alike; what is
// reported is the median of the rounds: of one message without, and of what the others add.
func BenchmarkDecide(b *testing.B) {
	const messages = 500
	all := sides(b)
	ways := make([]*intake.Intake, len(all))
	added := make([][]float64, len(all))
	for n, s := range all {
		ways[n] = s.intake(nowhere{}, nowhere{})
		for i := range s.senders {
			accept(b, ways[n], i)
		}
	}
	sent := 0
	for b.Loop() {
		var first float64
		for n, s := range all {
			runtime.GC()
			before := cpu(b)
			for range messages {
				sent++
				accept(b, ways[n], sent%s.senders)
			}
			took := float64((cpu(b) - before).Nanoseconds()) / 1000 / messages
			if n == 0 {
				first = took
				added[n] = append(added[n], took)
			} else {
				added[n] = append(added[n], took-first)
			}
		}
	}
	for n, s := range all {
		slices.Sort(added[n])
		unit := "cpu-µs-added-by-" + s.name
		if n == 0 {
			unit = "cpu-µs-" + s.name
		}
		b.ReportMetric(added[n][len(added[n])/2], unit)
	}
	b.ReportMetric(0, "ns/op") // of all sides together: of no use
}

// nowhere takes any message and keeps none.
type nowhere struct{}

func (nowhere) Accept(context.Context, *spool.Message) error { return nil }

func (nowhere) Reserve(context.Context, scope.Scope, quota.Load) (quota.Hold, error) {
	return quota.Hold{}, nil
}

func (nowhere) Settle(quota.Hold, bool) {}

// acceptAll has many clients send from the senders in turn.
func acceptAll(b *testing.B, in *intake.Intake, senders int) {
	for n := range senders {
		accept(b, in, n)
	}
	var n atomic.Int64
	b.ResetTimer()
	b.SetParallelism(16)
	before := cpu(b)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			accept(b, in, int(n.Add(1))%senders)
		}
	})
	b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
}

// accept sends 4 KiB from a sender.
func accept(b *testing.B, in *intake.Intake, sender int) {
	s := submission("", func(s *intake.Submission) { s.Action = "ses:SendRawEmail" })
	s.Raw = fmt.Appendf(nil, "From: s%d@d99.example\r\nTo: b@example.net\r\nSubject: Hi\r\n\r\n%s\r\n", 1+sender, body)
	if _, err := in.Accept(ctx, s); err != nil {
		b.Error(err)
	}
}

var body = strings.Repeat("abcdefghijklmnopqrstuvwxyz0123456789 \n", 108)[:4096]

// fill makes the senders.
func fill(b *testing.B, ids *identity.Identities) {
	b.Helper()
	names := make(chan string)
	done := make(chan error)
	const workers = 64
	for range workers {
		go func() {
			var err error
			for name := range names {
				if err == nil {
					_, err = ids.Create(ctx, sc, name, identity.Settings{})
				}
			}
			done <- err
		}()
	}
	for i := range benchIdentities - 1 {
		names <- fmt.Sprintf("s%d@d99.example", i+1)
	}
	names <- "d99.example" // whose key would be read with each address
	close(names)
	for range workers {
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
}

// cpu is the processor time that the process has used.
func cpu(b *testing.B) time.Duration {
	b.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
