// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"crypto/rand"
	"fmt"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/quota"
	"sesame/internal/core/spool"
	"sesame/internal/core/template"
	"sesame/internal/proto/message"
)

// BenchmarkBulk sends the same fifty messages by one bulk call with a stored template, and
// by fifty calls of SendEmail by as many clients with what the template makes. An operation
// is all fifty.
func BenchmarkBulk(b *testing.B) {
	for _, way := range []string{"bulk", "singles"} {
		b.Run(way, func(b *testing.B) {
			in, templates := bulkIntake(b)
			if err := templates.Create(ctx, sc, template.Template{Name: "news", Content: newsletter()}); err != nil {
				b.Fatal(err)
			}
			send := map[string]func(*testing.B, *intake.Intake){"bulk": sendBulk, "singles": sendSingles}[way]
			send(b, in) // fills the caches
			b.ReportAllocs()
			b.ResetTimer()
			before := cpu(b)
			for range b.N {
				send(b, in)
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N*intake.MaxEntries), "cpu-µs/message")
		})
	}
}

// bulkIntake is an intake with all that decides, on SQLite.
func bulkIntake(b *testing.B) (*intake.Intake, *template.Templates) {
	b.Helper()
	db := openAt(b, b.TempDir()+"/bulk.db")
	b.Cleanup(func() { _ = db.Close() })
	settings, ids, accounts := parts(db)
	if _, err := ids.Create(ctx, sc, "example.com", identity.Settings{}); err != nil {
		b.Fatal(err)
	}
	if _, err := accounts.CreateUser(ctx, account.NewUser{Account: sc.Account, Name: "u", Policies: []string{account.AdministratorAccess}}); err != nil {
		b.Fatal(err)
	}
	templates := template.New(db, clock.System)
	return intake.New(intake.Options{
		Spool:      spool.New(spool.Options{DB: db, Clock: clock.System, Node: "bench/1", LeaseFor: time.Hour, InRow: 1 << 30}),
		Identities: ids, Accounts: accounts, Settings: settings, Templates: templates, Quotas: quota.New(quota.Options{DB: db, Clock: clock.System}),
		Access: access.New(access.Options{Policies: accounts, Identities: ids, Organizations: accounts, Clock: clock.System}),
		Clock:  clock.System, Random: rand.Reader, MAC: keyring.Ephemeral().MAC,
	}), templates
}

const paragraph = "Lorem ipsum dolor sit amet, consectetur adipiscing elit, sed do eiusmod tempor incididunt ut labore et dolore magna aliqua.\n"

// newsletter is a template of about 4 KiB.
func newsletter() template.Content {
	list := "{{#each topics}}- {{this}}\n{{/each}}{{#if premium}}Thank you.{{else}}Upgrade.{{/if}}\n"
	c := template.Content{Subject: "News for {{name}}", Text: "Dear {{name}},\n" + list, HTML: "<p>Dear {{name}},</p>" + list}
	for range 16 {
		c.Text += paragraph
		c.HTML += "<p>" + paragraph + "</p>"
	}
	return c
}

const newsData = `{"name":"friend","topics":["Sports","Travel","Cooking"],"premium":false}`

func benchSubmission(action string) intake.Submission {
	return submission("", func(s *intake.Submission) { s.Action, s.Operation, s.Raw = "ses:"+action, action, nil })
}

func sendBulk(b *testing.B, in *intake.Intake) {
	b.Helper()
	data := newsData
	bulk := intake.Bulk{Templated: intake.Templated{
		Formatted: intake.Formatted{From: "news@example.com"}, Template: intake.TemplateRef{Name: "news"}, Data: &data,
	}}
	for n := range intake.MaxEntries {
		own := fmt.Sprintf(`{"name":"Reader %d"}`, n)
		bulk.Entries = append(bulk.Entries, intake.Entry{To: []string{fmt.Sprintf("r%d@example.net", n)}, Data: &own})
	}
	results, err := in.AcceptBulk(ctx, benchSubmission("SendBulkTemplatedEmail"), bulk)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

func sendSingles(b *testing.B, in *intake.Intake) {
	b.Helper()
	c := newsletter()
	var all sync.WaitGroup
	for n := range intake.MaxEntries {
		all.Go(func() {
			if _, err := in.AcceptFormatted(ctx, benchSubmission("SendEmail"), intake.Formatted{
				From: "news@example.com", To: []string{fmt.Sprintf("r%d@example.net", n)}, Subject: message.Content{Data: fmt.Sprintf("News for Reader %d", n)},
				Text: &message.Content{Data: c.Text}, HTML: &message.Content{Data: c.HTML},
			}); err != nil {
				b.Error(err)
			}
		})
	}
	all.Wait()
}
