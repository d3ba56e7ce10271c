// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/outgoing"
	"sesame/internal/proto/rsasign"
)

// The owner of an identity and the delegate who sends with it.
const (
	ownerID     = "888888888888"
	ownedARN    = "arn:aws:ses:us-east-1:888888888888:identity/example.org"
	delegateARN = "arn:aws:iam::111122223333:user/delegate"
)

var owners = scope.Scope{Account: ownerID, Region: region}

// delegation is a world with an owner whose domain example.org, and its address
// own@example.org, exist, and a delegate in another account.
func delegation(t *testing.T) (w *world, delegate who) {
	t.Helper()
	w = newWorld(t)
	for _, name := range []string{"example.org", "own@example.org"} {
		if _, err := w.identities.Create(t.Context(), owners, name, identity.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	w.newAccount(t, ownerID, "owner")
	return w, w.newAccount(t, "111122223333", "delegate")
}

// sending is a policy of an identity that lets somebody send.
func sending(principal, condition string) string {
	return `{"Id":"ExamplePolicy","Version":"2012-10-17","Statement":[{"Sid":"Authorize","Effect":"Allow","Principal":` + principal + `,
		"Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"` + ownedARN + `","Condition":{` + condition + `}}]}`
}

const theDelegate = `{"AWS":["111122223333"]}`

// ways are the ways to name another account's identity, each sending from
// a@example.org.
func ways() map[string]func(ctx context.Context, w *world, as who, arn string) (string, error) {
	const from, head = "a@example.org", "From: a@example.org\r\nTo: b@example.net\r\n"
	v1 := func(change func(*ses.SendRawEmailInput), fields string) func(context.Context, *world, who, string) (string, error) {
		return func(ctx context.Context, w *world, as who, arn string) (string, error) {
			in := &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: []byte(strings.ReplaceAll(fields, "%", arn) + head + "\r\nHo\r\n")}}
			change(in)
			for _, p := range []**string{&in.SourceArn, &in.FromArn, &in.ReturnPathArn} {
				if *p != nil {
					*p = &arn
				}
			}
			out, err := w.sesClient(as).SendRawEmail(ctx, in)
			if err != nil {
				return "", err
			}
			return *out.MessageId, nil
		}
	}
	set := aws.String("x")
	v2 := func(in *sesv2.SendEmailInput) func(context.Context, *world, who, string) (string, error) {
		return func(ctx context.Context, w *world, as who, arn string) (string, error) {
			in.FromEmailAddressIdentityArn = &arn
			out, err := w.sesv2Client(as).SendEmail(ctx, in)
			if err != nil {
				return "", err
			}
			return *out.MessageId, nil
		}
	}
	return map[string]func(context.Context, *world, who, string) (string, error){
		"v1 SendEmail SourceArn": func(ctx context.Context, w *world, as who, arn string) (string, error) {
			in := plainV1(reader)
			in.Source, in.SourceArn = aws.String(from), &arn
			out, err := w.sesClient(as).SendEmail(ctx, in)
			if err != nil {
				return "", err
			}
			return *out.MessageId, nil
		},
		"v1 SendRawEmail SourceArn alone":      v1(func(in *ses.SendRawEmailInput) { in.SourceArn = set }, ""),
		"v1 SendRawEmail FromArn alone":        v1(func(in *ses.SendRawEmailInput) { in.FromArn = set }, ""),
		"v1 SendRawEmail all three":            v1(func(in *ses.SendRawEmailInput) { in.SourceArn, in.FromArn, in.ReturnPathArn = set, set, set }, ""),
		"v1 SendRawEmail by the header":        v1(func(*ses.SendRawEmailInput) {}, "X-SES-SOURCE-ARN: %\r\n"),
		"the first of two header fields":       v1(func(*ses.SendRawEmailInput) {}, "X-SES-SOURCE-ARN: %\r\nX-SES-SOURCE-ARN: arn:aws:ses:us-east-1:999999999999:identity/example.org\r\n"),
		"a parameter that overrules a header":  v1(func(in *ses.SendRawEmailInput) { in.SourceArn = set }, "X-SES-SOURCE-ARN: nonsense\r\n"),
		"v1 SendRawEmail by all three headers": v1(func(*ses.SendRawEmailInput) {}, "X-SES-SOURCE-ARN: %\r\nX-SES-FROM-ARN: %\r\nX-SES-RETURN-PATH-ARN: %\r\nReturn-Path: feedback@example.org\r\n"),
		"v2 SendEmail simple":                  v2(plain(from, reader)),
		"v2 SendEmail raw":                     v2(rawV2(from, reader)),
	}
}

func TestADelegateSendsWithAnothersIdentity(t *testing.T) {
	t.Parallel()
	w, delegate := delegation(t)
	ctx := t.Context()
	for name, send := range ways() {
		w.ofIdentity(t, ownedARN)
		_, err := send(ctx, w, delegate, ownedARN)
		if r := refused(t, err); r.status != 403 || !strings.HasPrefix(r.text, "User `"+delegateARN+"' is not authorized to perform `ses:Send") ||
			!strings.HasSuffix(r.text, "on resource `"+ownedARN+"'") {
			t.Errorf("%s, without a policy: %+v", name, r)
		}
		w.ofIdentity(t, ownedARN, sending(theDelegate, ""))
		id, err := send(ctx, w, delegate, ownedARN)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		m := w.stored(t, id)
		if m.Scope.Account != "111122223333" || m.IdentityAccount != ownerID || m.Identity != "example.org" || m.Owner() != owners || m.Caller != delegateARN {
			t.Errorf("%s: %+v", name, m.Message)
		}
		if strings.Contains(strings.ToUpper(string(m.Content)), "X-SES-") {
			t.Errorf("%s: %s", name, m.Content)
		}
	}
	// What is in the database is what was accepted.
	var account string
	if err := w.db.QueryRow(ctx, `SELECT DISTINCT identity_account FROM messages WHERE account = '111122223333'`).Scan(&account); err != nil || account != ownerID {
		t.Errorf("stored: %q, %v", account, err)
	}
}

// TestMailOfADelegateIsHisOwnExpense sends as a delegate: it counts for his quota, and
// the owner's is as it was.
func TestMailOfADelegateIsHisOwnExpense(t *testing.T) {
	t.Parallel()
	w, delegate := delegation(t)
	ctx := t.Context()
	w.ofIdentity(t, ownedARN, sending(theDelegate, ""))
	in := plain("a@example.org", "x@example.net", "y@example.net")
	in.FromEmailAddressIdentityArn = aws.String(ownedARN)
	if _, err := w.sesv2Client(delegate).SendEmail(ctx, in); err != nil {
		t.Fatal(err)
	}
	owner := w.newAccount(t, ownerID, "accountant")
	for name, c := range map[string]struct {
		who  who
		want float64
	}{"the delegate": {delegate, 2}, "the owner": {owner, 0}} {
		q, err := w.sesClient(c.who).GetSendQuota(ctx, nil)
		if err != nil || q.SentLast24Hours != c.want {
			t.Errorf("%s has sent %v, %v, want %v", name, q.SentLast24Hours, err, c.want)
		}
	}
}

// TestTheOwnersKeySignsUntilHeTakesThePolicyBack has the owner attach a policy, and
// delete it, through his own API: what a delegate sent in between is signed for the
// owner's domain.
func TestTheOwnersKeySignsUntilHeTakesThePolicyBack(t *testing.T) {
	t.Parallel()
	w, delegate := delegation(t)
	ctx := t.Context()
	owner := w.sesv2Client(w.newAccount(t, ownerID, "admin"))
	in := plain("a@example.org", reader)
	in.FromEmailAddressIdentityArn = aws.String(ownedARN)
	send := func() (*sesv2.SendEmailOutput, error) { return w.sesv2Client(delegate).SendEmail(ctx, in) }

	if _, err := owner.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{
		EmailIdentity: aws.String("example.org"), PolicyName: aws.String("delegate"), Policy: aws.String(sending(theDelegate, "")),
	}); err != nil {
		t.Fatal(err)
	}
	out, err := send()
	if err != nil {
		t.Fatal(err)
	}
	o := &outgoing.Outgoing{
		Signers: identity.NewSigners(w.identities, rsasign.Open(rsasign.Options{})), MailFroms: w.identities, Clock: w.clock.Now,
		ReturnDomain: "mail.example", SourceIP: netip.MustParseAddr("192.0.2.1"),
	}
	fields, err := o.Prepare(ctx, w.stored(t, *out.MessageId).Message)
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.identities.Get(ctx, owners, "example.org")
	if err != nil {
		t.Fatal(err)
	}
	signature := strings.Join(strings.Fields(string(fields)), " ")
	if !strings.Contains(signature, "d=example.org;") || !strings.Contains(signature, "s="+id.Tokens()[0]+";") {
		t.Errorf("not signed by the owner: %s", fields)
	}

	if _, err := owner.DeleteEmailIdentityPolicy(ctx, &sesv2.DeleteEmailIdentityPolicyInput{EmailIdentity: aws.String("example.org"), PolicyName: aws.String("delegate")}); err != nil {
		t.Fatal(err)
	}
	_, err = send()
	wantRefusal(t, err, deniedSend("AccessDeniedException", delegateARN, "ses:SendEmail", ownedARN))
}

// TestWhoMaySendForAnother asks for every condition of a delegation.
func TestWhoMaySendForAnother(t *testing.T) {
	t.Parallel()
	w, delegate := delegation(t)
	ctx := t.Context()
	const addressARN = "arn:aws:ses:us-east-1:888888888888:identity/own@example.org"
	send := func(from, arn string) error {
		in := plain(from, reader)
		in.FromEmailAddressIdentityArn = &arn
		_, err := w.sesv2Client(delegate).SendEmail(ctx, in)
		return err
	}
	deny := strings.NewReplacer("Allow", "Deny", ownedARN, addressARN).Replace(sending(theDelegate, ""))
	allowed := func(principal, condition string) []string { return []string{sending(principal, condition)} }
	user := func(texts ...string) []string { return texts }
	all := user(everything)
	for _, c := range []struct {
		name            string
		users           []string // policies of the delegate
		domain, address []string // policies of the owner's identities
		from, arn       string
		ok              bool
	}{
		{"the account is allowed", all, allowed(theDelegate, ""), nil, "a@example.org", ownedARN, true},
		{"the user is allowed", all, allowed(`{"AWS":"`+delegateARN+`"}`, ""), nil, "a@example.org", ownedARN, true},
		{"another user is allowed", all, allowed(`{"AWS":"arn:aws:iam::111122223333:user/other"}`, ""), nil, "a@example.org", ownedARN, false},
		{"another account is allowed", all, allowed(`{"AWS":"999999999999"}`, ""), nil, "a@example.org", ownedARN, false},
		{"everyone of an organization that he is in", all, allowed(`"*"`, `"StringEquals":{"aws:PrincipalOrgID":"o-aaaaaaaaaa"}`), nil, "a@example.org", ownedARN, true},
		{"everyone of another organization", all, allowed(`"*"`, `"StringEquals":{"aws:PrincipalOrgID":"o-bbbbbbbbbb"}`), nil, "a@example.org", ownedARN, false},
		{"his own account does not allow it", user(), allowed(theDelegate, ""), nil, "a@example.org", ownedARN, false},
		{"his own account allows it for the identity", user(statement("Allow", "ses:SendEmail", ownedARN, "")), allowed(theDelegate, ""), nil, "a@example.org", ownedARN, true},
		{"his own account allows it for another identity", user(statement("Allow", "ses:SendEmail", addressARN, "")), allowed(theDelegate, ""), nil, "a@example.org", ownedARN, false},
		{"his own account denies it", user(everything, statement("Deny", "ses:SendEmail", ownedARN, "")), allowed(theDelegate, ""), nil, "a@example.org", ownedARN, false},
		{"IAM policies alone do not cross accounts", all, nil, nil, "a@example.org", ownedARN, false},
		{"from a subdomain of the identity", all, allowed(theDelegate, ""), nil, "a@sub.example.org", ownedARN, true},
		{"the From address that is allowed", all, allowed(theDelegate, `"StringEquals":{"ses:FromAddress":"a@example.org"}`), nil, "a@example.org", ownedARN, true},
		{"another From address", all, allowed(theDelegate, `"StringEquals":{"ses:FromAddress":"b@example.org"}`), nil, "a@example.org", ownedARN, false},
		{"the address denies what the domain allows", all, allowed(theDelegate, ""), []string{deny}, "own@example.org", ownedARN, false},
		{"and not for other addresses", all, allowed(theDelegate, ""), []string{deny}, "a@example.org", ownedARN, true},
		{"the address allows", all, nil, []string{strings.ReplaceAll(deny, "Deny", "Allow")}, "own@example.org", addressARN, true},
		{"the domain's policy by the address's ARN", all, allowed(theDelegate, ""), nil, "own@example.org", addressARN, true},
	} {
		if err := w.accounts.SetOrg(ctx, "111122223333", "o-aaaaaaaaaa"); err != nil {
			t.Fatal(err)
		}
		w.ofUser(t, delegateARN, c.users...)
		w.ofIdentity(t, ownedARN, c.domain...)
		w.ofIdentity(t, addressARN, c.address...)
		err := send(c.from, c.arn)
		if c.ok && err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if !c.ok {
			if r := refused(t, err); r != deniedSend("AccessDeniedException", delegateARN, "ses:SendEmail", c.arn) {
				t.Errorf("%s: %+v", c.name, r)
			}
		}
	}
}

// TestAnARNGivesNothingAway names identities of strangers: whether they exist is not
// told.
func TestAnARNGivesNothingAway(t *testing.T) {
	t.Parallel()
	w, delegate := delegation(t)
	for _, name := range []string{"example.org", "example.info"} {
		in := plain("a@"+name, reader)
		arn := "arn:aws:ses:us-east-1:888888888888:identity/" + name
		in.FromEmailAddressIdentityArn = &arn
		_, err := w.sesv2Client(delegate).SendEmail(t.Context(), in)
		wantRefusal(t, err, deniedSend("AccessDeniedException", delegateARN, "ses:SendEmail", arn))
	}
}

func TestTheOwnersIdentityMustBeVerified(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.pending = true })
	ctx := t.Context()
	if _, err := w.identities.Create(ctx, owners, "example.org", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	delegate := w.newAccount(t, "111122223333", "delegate")
	w.ofIdentity(t, ownedARN, sending(theDelegate, ""))
	in := plain("a@example.org", reader)
	in.FromEmailAddressIdentityArn = aws.String(ownedARN)
	_, err := w.sesv2Client(delegate).SendEmail(ctx, in)
	wantRefusal(t, err, refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: example.org"})
}

// TestTwoIdentitiesOfOneMessage sends from one's own identity with the Return-Path of
// another's, and the other way round.
func TestTwoIdentitiesOfOneMessage(t *testing.T) {
	t.Parallel()
	w, _ := delegation(t)
	ctx := t.Context()
	w.ofIdentity(t, ownedARN, sending(`{"AWS":"123456789012"}`, ""))
	own := plain(sender, reader)
	own.FeedbackForwardingEmailAddress, own.FeedbackForwardingEmailAddressIdentityArn = aws.String("feedback@example.org"), aws.String(ownedARN)
	out, err := w.sesv2Client(tester()).SendEmail(ctx, own)
	if err != nil {
		t.Fatal(err)
	}
	if m := w.stored(t, *out.MessageId); m.IdentityAccount != "" || m.Identity != sender || m.ReturnPath.String() != "feedback@example.org" {
		t.Errorf("%+v", m.Message)
	}
	other := rawV1("a@example.org", reader)
	other.FromArn, other.Source = aws.String(ownedARN), aws.String(sender)
	sent, err := w.sesClient(tester()).SendRawEmail(ctx, other)
	if err != nil {
		t.Fatal(err)
	}
	if m := w.stored(t, *sent.MessageId); m.IdentityAccount != ownerID || m.Identity != "example.org" || m.ReturnPath.String() != sender {
		t.Errorf("%+v", m.Message)
	}
	// A return path of the owner without the ARN is nobody's.
	other.ReturnPathArn = nil
	other.RawMessage.Data = append([]byte("Return-Path: feedback@example.info\r\n"), other.RawMessage.Data...)
	_, err = w.sesClient(tester()).SendRawEmail(ctx, other)
	wantRefusal(t, err, refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: feedback@example.info"})
}

// TestAccountsNeverTouchEachOthersIdentities has one account call every operation on an
// identity of another that has no policy: it is not there.
func TestAccountsNeverTouchEachOthersIdentities(t *testing.T) {
	t.Parallel()
	w, delegate := delegation(t)
	ctx := t.Context()
	one, two := w.sesClient(delegate), w.sesv2Client(delegate)
	name := aws.String("example.org")
	_, err := two.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: name})
	isA[*types.NotFoundException](t, err)
	_, err = two.DeleteEmailIdentity(ctx, &sesv2.DeleteEmailIdentityInput{EmailIdentity: name})
	isA[*types.NotFoundException](t, err)
	if _, err := one.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: name}); err != nil {
		t.Error(err)
	}
	attrs, err := one.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: []string{"example.org"}})
	if err != nil || len(attrs.VerificationAttributes) != 0 {
		t.Errorf("%+v, %v", attrs, err)
	}
	list, err := two.ListEmailIdentities(ctx, nil)
	if err != nil || len(list.EmailIdentities) != 0 {
		t.Errorf("%+v, %v", list, err)
	}
	_, err = two.SendEmail(ctx, plain("a@example.org", reader))
	wantRefusal(t, err, refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: a@example.org"})
	if a := w.do(t, call{method: "GET", target: "/_sesame/v1/identities/example.org/records", who: delegate}); a.status != 404 {
		t.Errorf("admin API: %d %s", a.status, a.body)
	}
	if _, err := w.identities.Get(ctx, owners, "example.org"); err != nil {
		t.Errorf("the owner's identity: %v", err)
	}
}

// TestAnARNOfOnesOwnDoesNotSkipADeny has a user who may not send as the chief, nor from a
// subdomain, name the domain above by its ARN, in every way.
func TestAnARNOfOnesOwnDoesNotSkipADeny(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	own := scope.Scope{Account: ownerID, Region: region}
	for _, name := range []string{"example.org", "ceo@example.org", "secure.example.org"} {
		if _, err := w.identities.Create(ctx, own, name, identity.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	user := w.newAccount(t, ownerID, "clerk")
	const clerk = "arn:aws:iam::888888888888:user/clerk"
	for from, denied := range map[string]string{
		"ceo@example.org": own.ARN("identity/ceo@example.org"), "a@secure.example.org": own.ARN("identity/secure.example.org"), "a@example.org": "",
	} {
		if denied != "" {
			w.ofUser(t, clerk, everything, statement("Deny", "ses:Send*", denied, ""))
		}
		raw := func(fields string) error {
			_, err := w.sesClient(user).SendRawEmail(ctx, &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{
				Data: []byte(fields + "From: " + from + "\r\nTo: b@example.net\r\n\r\nHo\r\n"),
			}})
			return err
		}
		in := plain(from, reader)
		in.FromEmailAddressIdentityArn = aws.String(ownedARN)
		_, err := w.sesv2Client(user).SendEmail(ctx, in)
		for way, err := range map[string]error{
			"a parameter": err, "a header": raw("X-SES-FROM-ARN: " + ownedARN + "\r\n"), "no ARN": raw(""),
		} {
			switch {
			case denied == "" && err != nil:
				t.Errorf("%s by %s: %v", from, way, err)
			case denied != "":
				if r := refused(t, err); r.status != 403 || !strings.HasSuffix(r.text, "on resource `"+denied+"'") {
					t.Errorf("%s by %s: %+v", from, way, r)
				}
			}
		}
	}
}
