// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/proto/message"
)

// ownedARN is an identity of another account.
const ownedARN = "arn:aws:ses:us-east-1:888888888888:identity/example.org"

var owner = scope.Scope{Account: "888888888888", Region: "us-east-1"}

// shared is a world in which another account's example.org is verified, and which lets
// everybody send with everything.
func shared() *world {
	return &world{identities: []identity.Identity{
		{Scope: owner, Name: "example.org", Verification: identity.Success},
		{Scope: owner, Name: "a@example.org", Verification: identity.Success},
		{Scope: sc, Name: "example.com", Verification: identity.Success},
	}}
}

// usesOf lists what access was asked about: owner's account, identity and address.
func usesOf(s access.Send) string {
	var all []string
	for _, u := range s.Uses {
		all = append(all, fmt.Sprintf("%s/%s for %s", u.Owner.Account[:1], u.Identity, u.Address))
	}
	return strings.Join(all, ", ")
}

// unique is uses without those that come again.
func unique(uses []access.Use) []access.Use {
	var all []access.Use
	for _, u := range uses {
		if !slices.Contains(all, u) {
			all = append(all, u)
		}
	}
	return all
}

func addr(s string) address.Address {
	a, err := address.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

func TestWhichIdentitiesAMessageIsSentUnder(t *testing.T) {
	t.Parallel()
	const org = "From: a@example.org\nTo: b@example.net\n\nx\n"
	arns := func(a intake.ARNs) func(*intake.Submission) { return func(s *intake.Submission) { s.ARNs = a } }
	source := func(a string) func(*intake.Submission) { return func(s *intake.Submission) { s.Source = addr(a) } }
	back := func(a string) func(*intake.Submission) { return func(s *intake.Submission) { s.ReturnPath = addr(a) } }
	for _, c := range []struct {
		name, raw string
		change    []func(*intake.Submission)
		uses      string // of all addresses
		account   string // of the message's identity, "" for its own
	}{
		{"one's own", simple, nil, "1/example.com for a@example.com", ""},
		{"one's own by its ARN", simple, []func(*intake.Submission){arns(intake.ARNs{Source: "arn:aws:ses:us-east-1:123456789012:identity/example.com"})}, "1/example.com for a@example.com", ""},
		{"SourceArn alone is for all addresses", org, []func(*intake.Submission){arns(intake.ARNs{Source: ownedARN})}, "8/example.org for a@example.org", owner.Account},
		{"FromArn alone is, where From is the source", org, []func(*intake.Submission){arns(intake.ARNs{From: ownedARN})}, "8/example.org for a@example.org", owner.Account},
		{"the identity that the ARN names, though another is nearer", org, []func(*intake.Submission){arns(intake.ARNs{Source: ownedARN})}, "8/example.org for a@example.org", owner.Account},
		{"an address identity", org, []func(*intake.Submission){arns(intake.ARNs{Source: strings.Replace(ownedARN, "/", "/a@", 1)})}, "8/a@example.org for a@example.org", owner.Account},
		{"an address identity, with a label", strings.Replace(org, "a@", "a+label@", 1), []func(*intake.Submission){arns(intake.ARNs{Source: strings.Replace(ownedARN, "/", "/a@", 1)})},
			"8/a@example.org for a+label@example.org", owner.Account},
		{"a subdomain of the identity", strings.Replace(org, "a@", "a@sub.", 1), []func(*intake.Submission){arns(intake.ARNs{From: ownedARN})}, "8/example.org for a@sub.example.org", owner.Account},
		{"the ARN's domain in capitals", org, []func(*intake.Submission){arns(intake.ARNs{From: strings.Replace(ownedARN, "example", "EXAMPLE", 1)})}, "8/example.org for a@example.org", owner.Account},
		{"a source of one's own beside a From of another's", org, []func(*intake.Submission){source("s@example.com"), arns(intake.ARNs{From: ownedARN})},
			"1/example.com for s@example.com, 8/example.org for a@example.org", owner.Account},
		{"a From of one's own beside a source of another's", simple, []func(*intake.Submission){source("s@example.org"), arns(intake.ARNs{Source: ownedARN})},
			"8/example.org for s@example.org, 1/example.com for a@example.com", ""},
		{"a Return-Path under SourceArn", org, []func(*intake.Submission){back("r@example.org"), arns(intake.ARNs{Source: ownedARN})},
			"8/example.org for a@example.org, 8/example.org for r@example.org", owner.Account},
		{"a Return-Path of one's own", org, []func(*intake.Submission){back("r@example.com"), arns(intake.ARNs{Source: ownedARN})},
			"8/example.org for a@example.org, 1/example.com for r@example.com", owner.Account},
		{"a Return-Path of another's alone", simple, []func(*intake.Submission){back("r@example.org"), arns(intake.ARNs{ReturnPath: ownedARN})},
			"1/example.com for a@example.com, 8/example.org for r@example.org", ""},
		{"a Sender of one's own", "Sender: s@example.com\n" + org, []func(*intake.Submission){arns(intake.ARNs{Source: ownedARN})},
			"8/example.org for a@example.org, 1/example.com for s@example.com", owner.Account},
		{"the header's ARNs", "X-SES-SOURCE-ARN: " + ownedARN + "\nX-SES-FROM-ARN: " + ownedARN + "\nX-SES-RETURN-PATH-ARN: " + ownedARN + "\n" + org, nil, "8/example.org for a@example.org", owner.Account},
		{"a parameter wins over the header, one by one", "X-SES-SOURCE-ARN: nonsense\nX-SES-RETURN-PATH-ARN: " + ownedARN + "\nReturn-Path: r@example.org\n" + org,
			[]func(*intake.Submission){arns(intake.ARNs{Source: ownedARN})}, "8/example.org for a@example.org, 8/example.org for r@example.org", owner.Account},
	} {
		w := shared()
		if _, err := w.intake().Accept(ctx, submission(c.raw, c.change...)); err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		w.asked[0].Uses = unique(w.asked[0].Uses)
		if got := usesOf(w.asked[0]); got != c.uses || w.kept[0].IdentityAccount != c.account {
			t.Errorf("%s: %s, kept for %q\nwant %s, %q", c.name, got, w.kept[0].IdentityAccount, c.uses, c.account)
		}
	}
}

func TestWhatIsWrongWithAnARN(t *testing.T) {
	t.Parallel()
	const from = "From: a@example.org\nTo: b@example.net\n\nx\n"
	long := "arn:aws:ses:us-east-1:888888888888:identity/" + strings.Repeat("x", 300)
	for _, c := range []struct{ name, arn, want string }{
		{"no ARN", "example.org", "Invalid identity ARN <example.org>."},
		{"another service's", "arn:aws:sns:us-east-1:888888888888:topic", "Invalid identity ARN <arn:aws:sns:us-east-1:888888888888:topic>."},
		{"another resource's", "arn:aws:ses:us-east-1:888888888888:template/example.org", "Invalid identity ARN <arn:aws:ses:us-east-1:888888888888:template/example.org>."},
		{"no identity's name", "arn:aws:ses:us-east-1:888888888888:identity/", "Invalid identity ARN <arn:aws:ses:us-east-1:888888888888:identity/>."},
		{"a pattern", "arn:aws:ses:us-east-1:888888888888:identity/*", "Invalid identity ARN <arn:aws:ses:us-east-1:888888888888:identity/*>."},
		{"a look-alike account", "arn:aws:ses:us-east-1:88888888888８:identity/example.org", "Invalid identity ARN <arn:aws:ses:us-east-1:88888888888?:identity/example.org>."},
		{"a line break", "arn:aws:ses:us-east-1:888888888888:identity/a\r\nb", "Invalid identity ARN <arn:aws:ses:us-east-1:888888888888:identity/a??b>."},
		{"a long one", long, "Invalid identity ARN <" + long[:100] + "...>."},
		{"another region's", strings.Replace(ownedARN, "us-east-1", "us-west-2", 1), "The identity <arn:aws:ses:us-west-2:888888888888:identity/example.org> is not in the region us-east-1."},
		{"another domain's", strings.Replace(ownedARN, "example.org", "example.info", 1), "The identity <arn:aws:ses:us-east-1:888888888888:identity/example.info> does not cover the address <a@example.org>."},
		{"a domain that only ends alike", strings.Replace(ownedARN, "example.org", "ple.org", 1), "The identity <arn:aws:ses:us-east-1:888888888888:identity/ple.org> does not cover the address <a@example.org>."},
		{"another address's", strings.Replace(ownedARN, "example.org", "b@example.org", 1), "The identity <arn:aws:ses:us-east-1:888888888888:identity/b@example.org> does not cover the address <a@example.org>."},
	} {
		w := shared()
		_, err := w.intake().Accept(ctx, submission(from, func(s *intake.Submission) { s.ARNs.From = c.arn }))
		if !fault.Is(err, fault.Invalid) || fault.PeerText(err) != c.want {
			t.Errorf("%s: %v\nwant %s", c.name, err, c.want)
		}
		if len(w.kept) != 0 || w.reserved != 0 || len(w.asked) != 0 {
			t.Errorf("%s: kept %d, reserved %d, asked %d", c.name, len(w.kept), w.reserved, len(w.asked))
		}
	}
}

func TestARefusalOfAccessLeavesNothing(t *testing.T) {
	t.Parallel()
	w := &world{accessErr: fault.New(fault.AccessDenied, "no")}
	if _, err := w.intake().Accept(ctx, submission(simple)); !fault.Is(err, fault.AccessDenied) {
		t.Errorf("%v", err)
	}
	if len(w.kept) != 0 || w.reserved != 0 {
		t.Errorf("kept %d, reserved %d", len(w.kept), w.reserved)
	}
}

// TestWhatAccessIsAsked looks at all that conditions may ask for.
func TestWhatAccessIsAsked(t *testing.T) {
	t.Parallel()
	w := &world{}
	_, err := w.intake().Accept(ctx, submission("From: =?utf-8?q?J=C3=B6?= <a@example.com>, two@example.com\nTo: x@example.net\nCc: y@example.net\nBcc: z@example.net\n\nx\n", func(s *intake.Submission) {
		s.Action, s.APIVersion, s.UserAgent, s.Secure, s.SourceIP, s.ReturnPath = "ses:SendRawEmail", "1", "curl", true, "192.0.2.7", addr("back@example.com")
	}))
	if err != nil {
		t.Fatal(err)
	}
	use := func(a string) access.Use {
		return access.Use{Owner: sc, Identity: "example.com", Address: addr(a), Nearest: true}
	}
	want := access.Send{
		Request: access.Request{
			Scope: sc, Principal: account.Principal{Account: sc.Account, User: "u", KeyID: "AKIA"}, SourceIP: "192.0.2.7", UserAgent: "curl", Secure: true, APIVersion: "1",
		},
		Action: "ses:SendRawEmail", Uses: []access.Use{use("a@example.com"), use("back@example.com"), use("a@example.com"), use("two@example.com")},
		From:       []message.Mailbox{{Name: "Jö", Address: addr("a@example.com")}, {Address: addr("two@example.com")}},
		ReturnPath: addr("back@example.com"), Recipients: []address.Address{addr("x@example.net"), addr("y@example.net"), addr("z@example.net")},
	}
	got := w.asked[0]
	got.Uses = unique(got.Uses)
	want.Uses = unique(want.Uses)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// TestAnotherAccountsIdentityIsNotToldAbout has access say no, and then yes: only then is
// it told that the identity is not verified, or gone.
func TestAnotherAccountsIdentityIsNotToldAbout(t *testing.T) {
	t.Parallel()
	const from = "From: a@example.org\nTo: b@example.net\n\nx\n"
	for name, state := range map[string][]identity.Identity{
		"pending": {{Scope: owner, Name: "example.org", Verification: identity.Pending}},
		"gone":    nil,
	} {
		w := &world{identities: state, accessErr: fault.New(fault.AccessDenied, "no")}
		send := func() error {
			_, err := w.intake().Accept(ctx, submission(from, func(s *intake.Submission) { s.ARNs.Source = ownedARN }))
			return err
		}
		if err := send(); !fault.Is(err, fault.AccessDenied) {
			t.Errorf("%s: %v", name, err)
		}
		w.accessErr = nil
		if err := send(); fault.PeerText(err) != "Email address is not verified. The following identities failed the check in region US-EAST-1: example.org" {
			t.Errorf("%s: %v", name, err)
		}
	}
}
