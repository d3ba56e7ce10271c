// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/identity"
	"sesame/internal/core/importjob"
	"sesame/internal/core/quota"
	"sesame/internal/core/store"
	"sesame/internal/core/template"
	"sesame/internal/core/verification"
	"sesame/internal/edge/api"
	"sesame/internal/testkit/need"
)

// states are the servers whose refusals are looked at.
var states = map[string]func(t *testing.T) *world{
	"":             furnished,
	"no MAIL FROM": withoutMailFrom,
	"paused": func(t *testing.T) *world {
		w := withTemplate(t, sender)
		must(t, w.accounts.SetSending(t.Context(), home, "arn:aws:iam::123456789012:user/tester", false))
		return w
	},
	"sandbox": func(t *testing.T) *world {
		w := withTemplate(t, sender, func(s *settings) { s.sandbox = true })
		w.verifying.sandbox.in = true
		p := account.Profile{MailType: "MARKETING", WebsiteURL: "https://example.com", Language: "EN"}
		must(t, w.accounts.PutProfile(t.Context(), home, "arn:aws:iam::123456789012:user/tester", p, true))
		return w
	},
	"spent": func(t *testing.T) *world {
		w := withTemplate(t, sender, func(s *settings) { s.limits = quota.Limits{Daily: 1, Rate: 1} })
		_, err := w.sesv2Client(tester()).SendEmail(t.Context(), plain(sender, reader))
		must(t, err)
		return w
	},
	"sets": func(t *testing.T) *world {
		w := newWorld(t)
		w.insert(t, []rows{{configset.MaxSets,
			`INSERT INTO configuration_sets (account, region, options, tags, created_at, name) VALUES (?, 'us-east-1', '{}', '[]', 0, ? || ?)`}})
		return w
	},
	"busy":   busy,
	"broken": broken,
}

// withTemplate is a server with a template of verification mails, from an address.
func withTemplate(t *testing.T, from string, change ...func(*settings)) *world {
	t.Helper()
	w := newWorld(t, change...)
	w.letter(t, "t", from)
	w.withEmails(t)
	return w
}

func (w *world) letter(t *testing.T, name, from string) {
	t.Helper()
	must(t, w.templates.Create(t.Context(), home, verification.Template{
		Name: name, From: from, Subject: "Confirm", Content: "<p>Please confirm.</p>", SuccessURL: "https://example.com/yes", FailureURL: "https://example.com/no",
	}))
}

// withoutMailFrom has a domain whose mail is refused until its MAIL FROM domain is set up.
func withoutMailFrom(t *testing.T) *world {
	w := newWorld(t, func(s *settings) { s.pending = true })
	ctx := t.Context()
	_, err := w.identities.Create(ctx, home, "d.example.com", identity.Settings{})
	must(t, err)
	_, err = w.identities.MarkVerified(ctx, home, "d.example.com")
	must(t, err)
	must(t, w.identities.SetMailFrom(ctx, home, "d.example.com", "bounce.d.example.com", identity.RejectMessage))
	w.letter(t, "t", "a@d.example.com")
	return w
}

// busy has been called by every operation of SES v2 that does not send as often as may be.
func busy(t *testing.T) *world {
	var calls api.Calls
	w := newWorld(t, throttled, func(s *settings) { s.change = func(o *api.Options) { calls = o.Calls } })
	for _, d := range declared("sesv2") {
		for calls.Allow(home, "sesv2 "+d.operation) {
		}
	}
	return w
}

// broken has lost its users, roles and policies, after it has seen who calls.
func broken(t *testing.T) *world {
	w := newWorld(t)
	done(w.iamClient(tester()).GetUser(t.Context(), nil))(t)
	must(t, w.db.Write(t.Context(), func(tx *store.Tx) error {
		for _, table := range []string{"access_keys", "inline_policies", "policy_attachments", "policy_versions", "managed_policies", "roles", "users"} {
			if _, err := tx.Exec("DROP TABLE " + table); err != nil {
				return err
			}
		}
		return nil
	}))
	return w
}

// furnished has as much as there may be of everything: the user alice and the role mailer with
// tags and policies, ten of which are managed, the policy Send with tags and versions, the
// domain d.example.com with policies, templates, configuration sets, the contact list News
// with a contact, and import jobs.
func furnished(t *testing.T) *world {
	w := newWorld(t)
	ctx := t.Context()
	var tags []account.Tag
	for n := range account.MaxTags {
		tags = append(tags, account.Tag{Key: fmt.Sprint("t", n)})
	}
	send := done(w.accounts.CreatePolicy(ctx, account.Policy{Account: accountID, Name: "Send", Document: sendPolicy, Tags: tags}))(t)
	for range account.MaxVersions - 1 {
		done(w.accounts.CreateVersion(ctx, accountID, send.ARN(), sendPolicy, false))(t)
	}
	done(w.accounts.CreatePolicy(ctx, account.Policy{Account: accountID, Name: "Large", Document: padded(sendPolicy, 6000)}))(t)
	attached := []string{send.ARN()}
	for n := range account.MaxAttached - 1 {
		p := done(w.accounts.CreatePolicy(ctx, account.Policy{Account: accountID, Name: fmt.Sprint("p", n), Document: sendPolicy}))(t)
		attached = append(attached, p.ARN())
	}
	done(w.accounts.CreateUser(ctx, account.NewUser{Account: accountID, Name: "alice", Tags: tags, Policies: attached}))(t)
	done(w.accounts.CreateKey(ctx, accountID, "alice"))(t)
	done(w.accounts.CreateRole(ctx, account.Role{Account: accountID, Name: "mailer", Trust: trustPolicy, Tags: tags}))(t)
	for _, arn := range attached {
		must(t, w.accounts.Attach(ctx, account.Entity{Account: accountID, Kind: account.KindRole, Name: "mailer"}, arn))
	}
	done(w.identities.Create(ctx, home, "d.example.com", identity.Settings{}))(t)
	for n := range identity.MaxPolicies {
		must(t, w.identities.PutPolicy(ctx, home, "d.example.com", identity.Create, identity.Policy{Name: fmt.Sprint("p", n), Document: identityPolicy}))
	}
	done(w.identities.Create(ctx, home, "orphan@example.com", identity.Settings{}))(t)
	w.letter(t, "orphan", "orphan@example.com")
	must(t, w.identities.Delete(ctx, home, "orphan@example.com"))
	for n := range verification.MaxTemplates - 1 {
		w.letter(t, fmt.Sprint("t", n), sender)
	}
	w.withEmails(t)
	w.furnishSets(t)
	must(t, w.contacts.CreateList(ctx, contact.List{Scope: home, Name: "News", Topics: []contact.Topic{{Name: "Sports", Default: contact.OptIn}}}))
	must(t, w.contacts.Create(ctx, home, "News", contact.Contact{Address: reader}))
	w.upload(t, home, "lists", "addresses.csv", "")
	for range importjob.MaxWaiting {
		done(w.imports.Create(ctx, access.Request{Scope: home, Principal: account.Principal{Account: accountID, User: "tester"}}, importjob.Job{
			Destination: importjob.Suppression, Action: importjob.Put, Format: importjob.CSV, URL: "s3://lists/addresses.csv",
		}))(t)
	}
	w.crowd(t)
	return w
}

// crowd fills what the account may have of users, roles, policies and identities.
func (w *world) crowd(t *testing.T) {
	t.Helper()
	w.insert(t, []rows{
		{account.MaxUsers, `INSERT INTO users (account, name, created_at, tags, id, path) VALUES (?, ?, 0, '[]', ?, '/')`},
		{account.MaxRoles, `INSERT INTO roles (account, name, id, path, trust, description, max_session, tags, created_at) VALUES (?, ?, ?, '/', '{}', '', 3600, '[]', 0)`},
		{account.MaxPolicies, `INSERT INTO managed_policies (account, name, id, path, description, tags, current, newest, created_at, updated_at)
			VALUES (?, ?, ?, '/', '', '[]', 1, 1, 0, 0)`},
		{identity.MaxPerRegion, `INSERT INTO identities (account, region, kind, verification, token, dkim_status, tags, created_at, name)
			VALUES (?, 'us-east-1', 'EMAIL_ADDRESS', 'SUCCESS', '', 'NOT_STARTED', 'null', 0, ? || ?)`},
		{template.MaxTemplates - 1, `INSERT INTO templates (account, region, name, tags, created_at, updated_at, subject, text_part, html_part)
			VALUES (?, 'us-east-1', ? || ?, '[]', 0, 0, 'x', 'x', '')`},
	})
}

// rows are many rows of a table. The query takes the account and two texts that differ from
// row to row.
type rows struct {
	number int
	query  string
}

func (w *world) insert(t *testing.T, tables []rows) {
	t.Helper()
	must(t, w.db.Write(t.Context(), func(tx *store.Tx) error {
		for _, table := range tables {
			for n := range table.number {
				if _, err := tx.Exec(table.query, accountID, fmt.Sprintf("crowd%d@", n), fmt.Sprintf("crowd%d.example.org", n)); err != nil {
					return err
				}
			}
		}
		return nil
	}))
}

// javaScript has the same calls made by the SDK for JavaScript.
func javaScript(t *testing.T, calls []refusedCall) {
	node := need.NPM(t, filepath.Join(clientsFolder, "node_modules"), "@aws-sdk/client-iam", "@aws-sdk/client-sts", "@aws-sdk/client-ses", "@aws-sdk/client-sesv2")
	runClient(t, calls, node, filepath.Join(clientsFolder, "scripts", "errors.mjs"))
}

// boto3 and the AWS CLI are Debian's, which are older.
func boto3(t *testing.T, calls []refusedCall) {
	runClient(t, slices.DeleteFunc(slices.Clone(calls), unknownToDebian), need.Module(t, need.Boto3), filepath.Join(clientsFolder, "scripts", "errors.py"))
}

// unknownToDebian are operations that came after Debian's release.
func unknownToDebian(c refusedCall) bool { return c.Operation == "PutConfigurationSetArchivingOptions" }

// awsCLI makes one call for each error of each service, since each takes long.
func awsCLI(t *testing.T, calls []refusedCall) {
	need.Program(t, need.AWSCLI)
	var some []refusedCall
	seen := map[string]bool{}
	for _, c := range calls {
		if kind := c.Service + " " + c.Error; !seen[kind] && !unknownToDebian(c) {
			seen[kind] = true
			some = append(some, c)
		}
	}
	runClient(t, some, need.Program(t, need.Python), filepath.Join(clientsFolder, "scripts", "errors_cli.py"))
}

// clientsFolder has the programs for other people's clients.
const clientsFolder = "../../../test/clients"

// runClient gives a program the calls, which prints what it did not catch and at last how
// many it did.
func runClient(t *testing.T, calls []refusedCall, program string, args ...string) {
	t.Helper()
	text, err := json.Marshal(calls)
	must(t, err)
	cmd := exec.CommandContext(t.Context(), program, args...)
	cmd.Stdin = strings.NewReader(string(text))
	var errs strings.Builder
	cmd.Stderr = &errs
	cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+keyID, "AWS_SECRET_ACCESS_KEY="+secretKey, "AWS_REGION="+region, "AWS_DEFAULT_REGION="+region,
		"AWS_CONFIG_FILE=/dev/null", "AWS_SHARED_CREDENTIALS_FILE=/dev/null", "AWS_MAX_ATTEMPTS=1")
	out, err := cmd.Output()
	if want := fmt.Sprintf("%d errors were caught by their types\n", len(calls)); err != nil || string(out) != want {
		t.Errorf("%v\n%s%s", err, out, errs.String())
	}
}
