// SPDX-License-Identifier: Apache-2.0

package submission_test

import (
	"cmp"
	"context"
	"strings"
	"sync"
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/proto/policy"
)

// policies are those of a world: the user may do everything until a test says otherwise,
// and identities have none.
type policies struct {
	*identity.Identities

	mu         sync.Mutex
	user       string            // of the user; "" allows everything
	identities map[string]string // by ARN
}

// everything is what a user may do by default.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

func (p *policies) authorizer(c clock.Clock) *access.Authorizer {
	return access.New(access.Options{Policies: p, Identities: p, Clock: c})
}

// Policies implements access.Policies.
func (p *policies) Policies(context.Context, account.Principal) (*policy.Set, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return compile(cmp.Or(p.user, everything))
}

// PolicySet implements access.Identities.
func (p *policies) PolicySet(_ context.Context, sc scope.Scope, name string) (*policy.Set, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	text, ok := p.identities[sc.ARN("identity/"+name)]
	if !ok {
		return nil, nil
	}
	return compile(text)
}

func compile(text string) (*policy.Set, error) {
	d, err := policy.Parse([]byte(text))
	if err != nil {
		return nil, err
	}
	return policy.NewSet(d), nil
}

// set changes the policies.
func (p *policies) set(user string, identities map[string]string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.user, p.identities = user, identities
}

const (
	userARN   = "arn:aws:iam::123456789012:user/mailer"
	senderARN = "arn:aws:ses:us-west-2:123456789012:identity/sender@example.com"
	ownedARN  = "arn:aws:ses:us-west-2:888888888888:identity/example.org"
)

func allow(action, condition string) string {
	return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"` + action + `","Resource":"*","Condition":{` + condition + `}}]}`
}

// denied is the reply to mail that is not allowed (SES: SMTP response codes).
func denied(identity string) string {
	return "554 Access denied: User `" + userARN + "' is not authorized to perform `ses:SendRawEmail' on resource `" + identity + "'"
}

func TestSMTPIsSendRawEmailOfVersion2(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	for _, c := range []struct{ name, policy, want string }{
		{"SendRawEmail is what it takes", allow("ses:SendRawEmail", ""), "250 Ok"},
		{"SendEmail is not enough", allow("ses:SendEmail", ""), denied(senderARN)},
		{"it is version 2", allow("ses:*", `"StringEquals":{"ses:ApiVersion":"2"}`), "250 Ok"},
		{"it is not version 1", allow("ses:*", `"StringEquals":{"ses:ApiVersion":"1"}`), denied(senderARN)},
		{"it comes under TLS", allow("ses:*", `"Bool":{"aws:SecureTransport":"true"}`), "250 Ok"},
		{"from the client's address", allow("ses:*", `"IpAddress":{"aws:SourceIp":"127.0.0.1"}`), "250 Ok"},
		{"it has no user agent", allow("ses:*", `"Null":{"aws:UserAgent":"true"}`), "250 Ok"},
		{"the recipients are those of the envelope", allow("ses:*", `"ForAllValues:StringLike":{"ses:Recipients":"*@example.net"}`), "250 Ok"},
		{"and not those of the header", allow("ses:*", `"ForAnyValue:StringEquals":{"ses:Recipients":"header@example.info"}`), denied(senderARN)},
		{"the display name is the header's", allow("ses:*", `"StringEquals":{"ses:FromDisplayName":"Sender"}`), "250 Ok"},
		{"the feedback address is MAIL FROM's", allow("ses:*", `"StringEquals":{"ses:FeedbackAddress":"`+sender+`"}`), "250 Ok"},
	} {
		w.policies.set(c.policy, nil)
		before := kept.count()
		client := w.login(t)
		client.envelope(sender, "a@example.net", "b@example.net")
		client.send("From: Sender <" + sender + ">\r\nTo: header@example.info\r\n\r\nHo\r\n.\r\n")
		got := client.line()
		if c.want == "250 Ok" {
			got = got[:min(len(got), len(c.want))]
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
		if taken := kept.count() - before; (taken == 1) != (c.want == "250 Ok") {
			t.Errorf("%s: %d messages kept", c.name, taken)
		}
	}
}

func TestADelegateSendsBySMTP(t *testing.T) {
	t.Parallel()
	w, kept := newWorld(t)
	owner := scope.Scope{Account: "888888888888", Region: region}
	if _, err := w.identity.Create(t.Context(), owner, "example.org", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	const message = "X-SES-SOURCE-ARN: " + ownedARN + "\nX-SES-FROM-ARN: " + ownedARN + "\nX-SES-RETURN-PATH-ARN: " + ownedARN +
		"\nFrom: a@example.org\nTo: b@example.net\nReturn-Path: feedback@example.org\nSubject: Hi\n\nHo"
	client := w.login(t)
	client.envelope("a@example.org", "b@example.net")
	client.send(strings.ReplaceAll(message, "\n", "\r\n") + "\r\n.\r\n")
	if got := client.line(); got != denied(ownedARN) {
		t.Errorf("without a policy: %q", got)
	}
	w.policies.set("", map[string]string{ownedARN: `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},
		"Action":"ses:SendRawEmail","Resource":"` + ownedARN + `","Condition":{"StringEquals":{"ses:FeedbackAddress":"feedback@example.org"}}}]}`})
	client.envelope("a@example.org", "b@example.net")
	m := kept.get(client.data(message))
	if m.Scope != home || m.Owner() != owner || m.Identity != "example.org" || m.ReturnPath.String() != "feedback@example.org" || strings.Contains(string(m.Content), "X-SES") {
		t.Errorf("%+v\n%s", m, m.Content)
	}
	// Without the header the account's own identities count.
	client.envelope("a@example.org", "b@example.net")
	client.send("From: a@example.org\r\n\r\nHo\r\n.\r\n")
	if got, want := client.line(), "554 Message rejected: Email address is not verified. The following identities failed the check in region US-WEST-2: a@example.org"; got != want {
		t.Errorf("%q", got)
	}
}
