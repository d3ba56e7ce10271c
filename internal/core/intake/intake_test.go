// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/proto/message"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	now = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// world is what an intake stands in: one verified domain, example.com, and a spool
// that keeps what it is given.
type world struct {
	kept     []*spool.Message
	spoolErr error
	quotaErr error
	reserved int
	load     quota.Load
	details  map[string]account.Details // by account
	settings setting.Values
	setFor   []string // identities whose settings were asked for

	switchedOff            bool // by the owner
	accountErr, settingErr error
	mailFrom               identity.MailFrom

	identities []identity.Identity      // that are known by their ARNs
	sets       map[string]configset.Set // of sc
	accessErr  error
	asked      []access.Send // what access was asked

	tracking intake.Tracking
}

func (w *world) Accept(_ context.Context, m *spool.Message) error {
	if w.spoolErr == nil {
		w.kept = append(w.kept, m)
	}
	return w.spoolErr
}

func (w *world) Resolve(_ context.Context, _ scope.Scope, a address.Address) (identity.Identity, error) {
	if a.Domain == "example.com" {
		return identity.Identity{Name: "example.com"}, nil
	}
	return identity.Identity{}, fault.New(fault.NotFound, "no")
}

func (w *world) MailFrom(context.Context, scope.Scope, address.Address) (identity.MailFrom, error) {
	return w.mailFrom, nil
}

func (w *world) Get(_ context.Context, sc scope.Scope, name string) (identity.Identity, error) {
	for _, id := range w.identities {
		if id.Scope == sc && id.Name == name {
			return id, nil
		}
	}
	return identity.Identity{}, fault.New(fault.NotFound, "no")
}

func (w *world) MaySend(_ context.Context, s access.Send) error {
	w.asked = append(w.asked, s)
	return w.accessErr
}

func (w *world) Reserve(_ context.Context, _ scope.Scope, load quota.Load) (quota.Hold, error) {
	if w.quotaErr == nil {
		w.load = load
		w.reserved += load.Recipients
	}
	return quota.Hold{}, w.quotaErr
}

func (w *world) Settle(_ quota.Hold, accepted bool) {
	if !accepted {
		w.reserved -= w.load.Recipients
	}
}

func (w *world) Details(_ context.Context, sc scope.Scope) (account.Details, error) {
	d := w.details[sc.Account]
	d.SendingEnabled = !w.switchedOff
	return d, w.accountErr
}

func (w *world) Effective(_ context.Context, _ scope.Scope, identity, _ string) (setting.Values, error) {
	w.setFor = append(w.setFor, identity)
	return w.settings, w.settingErr
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

func (w *world) intake(change ...func(*intake.Options)) *intake.Intake {
	o := intake.Options{
		Spool: w, Identities: w, Access: w, Quotas: w, Accounts: w, Settings: w, Clock: clock.NewFake(now).Now, Random: zeros{},
		Tracking: w.tracking,
		MAC:      func(purpose string, data []byte) []byte { return []byte(purpose) }, ConfigSets: configSets{w},
	}
	for _, c := range change {
		c(&o)
	}
	return intake.New(o)
}

func submission(raw string, change ...func(*intake.Submission)) intake.Submission {
	s := intake.Submission{
		Scope: sc, Principal: account.Principal{Account: sc.Account, User: "u", KeyID: "AKIA"}, Operation: "SendRawEmail",
		MaxBytes: intake.MaxBytesV1, Raw: []byte(strings.ReplaceAll(raw, "\n", "\r\n")),
	}
	for _, c := range change {
		c(&s)
	}
	return s
}

const simple = "From: a@example.com\nTo: b@example.net\nSubject: Hi\n\nhello\n"

func TestAcceptedMessageIsRewrittenAndCounted(t *testing.T) {
	t.Parallel()
	w := &world{}
	raw := "Date: Mon, 1 Jan 2001 00:00:00 +0000\nMessage-ID: <mine@x>\nBcc: c@example.net\nX-SES-MESSAGE-TAGS: a=b\n" + simple
	id, err := w.intake().Accept(ctx, submission(raw))
	if err != nil {
		t.Fatal(err)
	}
	m := w.kept[0]
	if !msgid.Valid(id) || m.ID != id || m.OriginalID != "<mine@x>" || m.Subject != "Hi" || m.Identity != "example.com" ||
		len(m.Recipients) != 2 || w.reserved != 2 || m.Tags[0] != (spool.Tag{Name: "a", Value: "b"}) {
		t.Errorf("%+v, reserved %d", m, w.reserved)
	}
	text := string(m.Content)
	for _, want := range []string{
		"Date: Fri, 2 Jan 2026 03:04:05 +0000\r\n", "Message-ID: <" + id + "@email.amazonses.com>\r\n",
		"Feedback-ID: 1.us-east-1.", "\r\n\r\nhello\r\n",
	} {
		if !strings.Contains(text, want) {
			t.Errorf("no %q in\n%s", want, text)
		}
	}
	for _, gone := range []string{"Bcc", "X-SES-MESSAGE-TAGS", "mine@x", "2001"} {
		if strings.Contains(text, gone) {
			t.Errorf("%q is left in\n%s", gone, text)
		}
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	many := make([]address.Address, 51)
	for i := range many {
		many[i] = address.Address{Local: fmt.Sprint("u", i), Domain: "example.net"}
	}
	cases := []struct {
		name string
		s    intake.Submission
		kind fault.Kind
		text string
	}{
		{"sender is no verified identity", submission(strings.Replace(simple, "a@example.com", "a@other.example", 1)), fault.Rejected,
			"Email address is not verified. The following identities failed the check in region US-EAST-1: a@other.example"},
		{"From, Sender and Return-Path all count", submission("Sender: s@s.example\nReturn-Path: <r@r.example>\n" + simple), fault.Rejected,
			"Email address is not verified. The following identities failed the check in region US-EAST-1: r@r.example, s@s.example"},
		{"no From in a raw message", submission("To: b@example.net\n\nx"), fault.Invalid, "Missing required header 'From'."},
		{"no recipient anywhere", submission("From: a@example.com\n\nx"), fault.Invalid, "There are no recipients specified"},
		{"51 recipients", submission(simple, func(s *intake.Submission) { s.Recipients = many }), fault.Invalid, "Recipient count exceeds 50."},
		{"over the door's size", submission(simple, func(s *intake.Submission) { s.MaxBytes = 10 }), fault.TooLarge, "Message length is more than 10 bytes long: '62'."},
		{"nothing at all", submission(""), fault.Invalid, "Empty message"},
		{"unknown configuration set by parameter", submission(simple, func(s *intake.Submission) { s.ConfigSet = "none" }), fault.ConfigSetNotFound,
			"Configuration set <none> does not exist."},
		{"unknown configuration set by header", submission("X-SES-CONFIGURATION-SET: none\n" + simple), fault.ConfigSetNotFound,
			"Configuration set <none> does not exist."},
		{"a control header that is not built", submission("X-SES-TENANT: t\n" + simple), fault.NotImplemented,
			"The header X-SES-TENANT is not implemented by this server."},
		{"a bad tag", submission(simple, func(s *intake.Submission) { s.Tags = []spool.Tag{{Name: "a b", Value: "v"}} }), fault.Invalid,
			"Invalid tag name <a b>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			_, err := w.intake().Accept(ctx, c.s)
			if fault.KindOf(err) != c.kind || fault.PeerText(err) != c.text {
				t.Errorf("got %v %q", fault.KindOf(err), fault.PeerText(err))
			}
			if len(w.kept) != 0 || w.reserved != 0 {
				t.Errorf("a refused message left %d messages and %d of the quota", len(w.kept), w.reserved)
			}
		})
	}
}

// The folded To field is that of the message with which nodemailer asks whether its SES
// transport works. It takes one refusal of API v2 for a yes: that of the sender.
func TestUnverifiedSourceBeforeBadContent(t *testing.T) {
	t.Parallel()
	const probe = "From: <invalid@invalid>\nTo: <invalid@invalid>\n Subject: Invalid\n\nInvalid"
	const verified = "From: <a@example.com>\nTo: <b@example.net>\n Subject: Invalid\n\nInvalid"
	nobody, somebody := address.Address{Local: "invalid", Domain: "invalid"}, address.Address{Local: "a", Domain: "example.com"}
	cases := []struct {
		name        string
		raw         string
		source      address.Address
		sourceFirst bool
		kind        fault.Kind
		text        string
	}{
		{"API v2 names the source", probe, nobody, true, fault.Rejected,
			"Email address is not verified. The following identities failed the check in region US-EAST-1: invalid@invalid"},
		{"API v1 names the field", probe, nobody, false, fault.Invalid, "Illegal address"},
		{"a verified source leaves the field", verified, somebody, true, fault.Invalid, "Illegal address"},
		{"no source leaves the field", probe, address.Address{}, true, fault.Invalid, "Illegal address"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			_, err := w.intake().Accept(ctx, submission(c.raw, func(s *intake.Submission) {
				s.Source, s.SourceFirst, s.Recipients = c.source, c.sourceFirst, []address.Address{nobody}
			}))
			if fault.KindOf(err) != c.kind || fault.PeerText(err) != c.text || len(w.kept) != 0 {
				t.Errorf("got %v %q", fault.KindOf(err), fault.PeerText(err))
			}
		})
	}
}

func TestLongListOfUnverifiedIdentitiesIsCut(t *testing.T) {
	t.Parallel()
	raw := strings.Replace(simple, "a@example.com", strings.Repeat("someone@some.where.example, ", 1)+
		strings.Repeat("x", 60)+"@a.example, "+strings.Repeat("y", 60)+"@b.example, "+strings.Repeat("z", 60)+"@c.example, "+
		strings.Repeat("v", 60)+"@d.example, "+strings.Repeat("w", 60)+"@e.example", 1)
	_, err := (&world{}).intake().Accept(ctx, submission(raw))
	if text := fault.PeerText(err); !strings.HasSuffix(text, "...") || len(text) > 450 {
		t.Errorf("%d: %s", len(text), text)
	}
}

func TestTextThatDatabasesRefuseIsCleaned(t *testing.T) {
	t.Parallel()
	w := &world{}
	raw := "Message-ID: <caf\xe9@x>\n" + strings.Replace(simple, "Subject: Hi", "Subject: =?utf-8?q?a=00b?=", 1)
	if _, err := w.intake().Accept(ctx, submission(raw)); err != nil {
		t.Fatal(err)
	}
	if m := w.kept[0]; m.Subject != "ab" || m.OriginalID != "<caf\ufffd@x>" {
		t.Errorf("%q %q", m.Subject, m.OriginalID)
	}
}

func TestFailedCommitGivesTheQuotaBack(t *testing.T) {
	t.Parallel()
	w := &world{spoolErr: errors.New("disk")}
	if _, err := w.intake().Accept(ctx, submission(simple)); err == nil || w.reserved != 0 {
		t.Errorf("%v, reserved %d", err, w.reserved)
	}
}

func TestOverQuotaNothingIsKept(t *testing.T) {
	t.Parallel()
	w := &world{quotaErr: fault.New(fault.Throttled, "Maximum sending rate exceeded.")}
	if _, err := w.intake().Accept(ctx, submission(simple)); !fault.Is(err, fault.Throttled) || len(w.kept) != 0 {
		t.Errorf("%v", err)
	}
}

func TestMessageWithoutHeaderSectionOverSMTP(t *testing.T) {
	t.Parallel()
	w := &world{}
	_, err := w.intake().Accept(ctx, submission("\nSubject: Hi there\n\nbody\n", func(s *intake.Submission) {
		s.HeaderOptional, s.Source = true, address.Address{Local: "a", Domain: "example.com"}
		s.Recipients = []address.Address{{Local: "b", Domain: "example.net"}}
	}))
	if err != nil {
		t.Fatal(err)
	}
	if text := string(w.kept[0].Content); !strings.Contains(text, "From: a@example.com\r\n") || !strings.Contains(text, "\r\n\r\nSubject: Hi there\r\n\r\nbody\r\n") {
		t.Errorf("sent\n%s", text)
	}
}

func TestEnvelopeAndFeedback(t *testing.T) {
	t.Parallel()
	parse := func(s string) address.Address {
		a, err := address.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	cases := []struct {
		name                string
		s                   intake.Submission
		recipients, return_ string
	}{
		{"from the header fields", submission("Cc: c@example.net\nBcc: d@example.net\n" + simple), "b@example.net c@example.net d@example.net", "a@example.com"},
		{"given recipients replace the header's", submission(simple, func(s *intake.Submission) {
			s.Recipients = []address.Address{parse("x@example.net")}
		}), "x@example.net", "a@example.com"},
		{"an address named twice gets one copy", submission("Cc: b@example.net\n" + simple), "b@example.net", "a@example.com"},
		{"the source gets the feedback", submission(simple, func(s *intake.Submission) { s.Source = parse("s@example.com") }), "b@example.net", "s@example.com"},
		{"Return-Path gets the feedback", submission("Return-Path: <r@example.com>\n" + simple), "b@example.net", "r@example.com"},
		{"the parameter beats the header", submission("Return-Path: <r@example.com>\n"+simple, func(s *intake.Submission) { s.ReturnPath = parse("p@example.com") }),
			"b@example.net", "p@example.com"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			if _, err := w.intake().Accept(ctx, c.s); err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, r := range w.kept[0].Recipients {
				got = append(got, r.String())
			}
			if strings.Join(got, " ") != c.recipients || w.kept[0].ReturnPath.String() != c.return_ {
				t.Errorf("to %v, feedback to %v", got, w.kept[0].ReturnPath)
			}
		})
	}
}

func TestFormattedMessages(t *testing.T) {
	t.Parallel()
	text := &message.Content{Data: "hello"}
	good := intake.Formatted{From: "A <a@example.com>", To: []string{"b@example.net"}, Bcc: []string{"c@example.net"},
		Subject: message.Content{Data: "Hi"}, Text: text}
	w := &world{}
	if _, err := w.intake().AcceptFormatted(ctx, submission(""), good); err != nil {
		t.Fatal(err)
	}
	if m := w.kept[0]; len(m.Recipients) != 2 || strings.Contains(string(m.Content), "c@example.net") || !strings.Contains(string(m.Content), "From: A <a@example.com>\r\n") {
		t.Errorf("%+v\n%s", m, m.Content)
	}
	bad := []struct {
		name   string
		change func(*intake.Formatted)
		text   string
	}{
		{"header injection through the subject", func(f *intake.Formatted) { f.Subject.Data = "x\r\nBcc: y@example.net" }, ""},
		{"header injection through a name", func(f *intake.Formatted) { f.From = "x\r\nBcc: y@z <a@example.com>" }, ""},
		{"header injection through an address", func(f *intake.Formatted) { f.To = []string{"b@example.net\r\nBcc: y@z"} }, ""},
		{"header injection through a custom header's value", func(f *intake.Formatted) { f.Headers = []message.NameValue{{Name: "X-A", Value: "x\r\nBcc: y@z"}} }, ""},
		{"header injection through a custom header's name", func(f *intake.Formatted) { f.Headers = []message.NameValue{{Name: "X-A: b\r\nBcc", Value: "y@z"}} }, ""},
		{"header injection through a file name", func(f *intake.Formatted) {
			f.Files = []message.Attachment{{FileName: "a\r\nBcc: y@z", Data: []byte("x")}}
		}, ""},
		{"header injection through a reply-to", func(f *intake.Formatted) { f.ReplyTo = []string{"b@example.net\nBcc: y@z"} }, ""},
		{"no body", func(f *intake.Formatted) { f.Text = nil }, "At least one of Text and Html must be given in Body."},
		{"no recipients", func(f *intake.Formatted) { f.To, f.Bcc = nil, nil }, "There are no recipients specified"},
		{"non-ASCII address", func(f *intake.Formatted) { f.To = []string{"ü@example.net"} }, "There are non-ASCII characters in the email address"},
	}
	for _, c := range bad {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w, f := &world{}, good
			c.change(&f)
			_, err := w.intake().AcceptFormatted(ctx, submission(""), f)
			if !fault.Is(err, fault.Invalid) || c.text != "" && fault.PeerText(err) != c.text || len(w.kept) != 0 {
				t.Errorf("got %v", err)
			}
			if strings.ContainsAny(fault.PeerText(err), "\r\n") {
				t.Errorf("the refusal has line breaks: %q", fault.PeerText(err))
			}
		})
	}
}

func TestMailFromThatIsNotSetUp(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		mailFrom identity.MailFrom
		refused  bool
	}{
		{"none", identity.MailFrom{Behavior: identity.UseDefault}, false},
		{"set up", identity.MailFrom{Domain: "m.example.com", Status: identity.Success, Behavior: identity.RejectMessage}, false},
		{"not found yet, with the default domain instead", identity.MailFrom{Domain: "m.example.com", Status: identity.Pending, Behavior: identity.UseDefault}, false},
		{"not found yet", identity.MailFrom{Domain: "m.example.com", Status: identity.Pending, Behavior: identity.RejectMessage}, true},
		{"gone", identity.MailFrom{Domain: "m.example.com", Status: identity.TemporaryFailure, Behavior: identity.RejectMessage}, true},
		{"never found", identity.MailFrom{Domain: "m.example.com", Status: identity.Failed, Behavior: identity.RejectMessage}, true},
	} {
		w := &world{mailFrom: c.mailFrom}
		_, err := w.intake().Accept(ctx, submission(simple))
		if (err != nil) != c.refused || (len(w.kept) == 0) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		}
		if c.refused && (!fault.Is(err, fault.MailFromNotVerified) || fault.PeerText(err) != "Mail FROM domain is not verified" || w.reserved != 0) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

func TestTheServicesOwnMailAsksNobody(t *testing.T) {
	t.Parallel()
	w := &world{quotaErr: fault.New(fault.Throttled, "Daily message quota exceeded.")}
	s := submission("From: no-reply@service.example\nTo: b@example.net\n\nhello\n", func(s *intake.Submission) { s.System = true })
	if _, err := w.intake().Accept(ctx, s); err != nil {
		t.Fatal(err)
	}
	m := w.kept[0]
	if m.Scope != (scope.Scope{Account: scope.ServiceAccount, Region: sc.Region}) || m.Identity != "" || w.reserved != 0 ||
		m.Caller != "arn:aws:iam::000000000000:user/sesame" {
		t.Errorf("%+v, reserved %d", m, w.reserved)
	}
	if text := string(m.Content); !strings.Contains(text, "Message-ID: <"+m.ID) || !strings.Contains(text, "Feedback-ID: ") {
		t.Errorf("it was not made into what leaves like other mail:\n%s", text)
	}
	s.Raw = []byte("To: b@example.net\r\n\r\nhello\r\n")
	if _, err := w.intake().Accept(ctx, s); err == nil || len(w.kept) != 1 {
		t.Errorf("mail of the service without From: %v", err)
	}
}

// TestNoDoorSendsAsTheService reads the source: only the package that sends the
// service's own mail may name the member.
func TestNoDoorSendsAsTheService(t *testing.T) {
	t.Parallel()
	const root, sender, here = "../..", "core/servicemail", "core/intake"
	found := 0
	err := filepath.WalkDir(root, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		f, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
		if err != nil {
			return err
		}
		dir := strings.TrimPrefix(filepath.ToSlash(filepath.Dir(path)), root+"/")
		ast.Inspect(f, func(n ast.Node) bool {
			named := false
			switch n := n.(type) {
			case *ast.KeyValueExpr:
				id, ok := n.Key.(*ast.Ident)
				named = ok && id.Name == "System"
			case *ast.AssignStmt:
				for _, left := range n.Lhs {
					sel, ok := left.(*ast.SelectorExpr)
					named = named || ok && sel.Sel.Name == "System"
				}
			}
			if named && dir == sender {
				found++
			} else if named && dir != here {
				t.Errorf("%s sets System", path)
			}
			return true
		})
		return nil
	})
	if err != nil || found == 0 {
		t.Errorf("%v; the service's own mail is marked %d times", err, found)
	}
}
