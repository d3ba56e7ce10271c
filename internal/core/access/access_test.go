// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/proto/message"
	"sesame/internal/proto/policy"
)

var (
	ctx   = context.Background()
	home  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	other = scope.Scope{Account: "888888888888", Region: "us-east-1"}
	now   = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	alice = account.Principal{Account: home.Account, User: "alice", ID: "AIDAALICE", KeyID: "AKIA"}
	role  = account.Principal{Account: home.Account, Role: "Mailer", Session: "s1", KeyID: "ASIA", Temporary: true, IssuedAt: now.Add(-time.Hour)}
)

// world has the policies of principals and of identities, by ARN, and verified
// identities.
type world struct {
	principals, identities map[string][]string
	verified               []string // names, in other
	err                    error
	asked                  int
}

func (w *world) compile(texts []string) (*policy.Set, error) {
	var docs []*policy.Document
	for _, text := range texts {
		d, err := policy.Parse([]byte(text))
		if err != nil {
			return nil, err
		}
		docs = append(docs, d)
	}
	return policy.NewSet(docs...), w.err
}

func (w *world) Policies(_ context.Context, p account.Principal) (*policy.Set, error) {
	w.asked++
	return w.compile(w.principals[p.ARN()])
}

func (w *world) PolicySet(_ context.Context, sc scope.Scope, name string) (*policy.Set, error) {
	return w.compile(w.identities[sc.ARN("identity/"+name)])
}

func (w *world) Resolve(ctx context.Context, sc scope.Scope, a address.Address) (identity.Identity, error) {
	for _, name := range w.verified {
		if name == a.String() {
			return identity.Identity{Scope: sc, Name: name, Kind: identity.Address}, nil
		}
	}
	return w.ResolveDomain(ctx, sc, a.Domain)
}

func (w *world) ResolveDomain(_ context.Context, sc scope.Scope, d address.Domain) (identity.Identity, error) {
	for ; d != ""; d = d.Parent() {
		for _, name := range w.verified {
			if name == string(d) {
				return identity.Identity{Scope: sc, Name: name, Kind: identity.Domain}, nil
			}
		}
	}
	return identity.Identity{}, fault.New(fault.NotFound, "no")
}

func (w *world) Organization(_ context.Context, account string) (string, error) {
	return map[string]string{home.Account: "o-1"}[account], nil
}

func (w *world) authorizer() *access.Authorizer {
	return access.New(access.Options{Policies: w, Identities: w, Organizations: w, Clock: clock.NewFake(now).Now})
}

// rule is a policy of one statement; principal and condition may be "".
func rule(effect, action, principal, condition string) string {
	if principal != "" {
		principal = `"Principal":` + principal + `,`
	}
	return `{"Version":"2012-10-17","Statement":{"Effect":"` + effect + `",` + principal + `"Action":"` + action + `","Resource":"*","Condition":{` + condition + `}}}`
}

func call(p account.Principal) access.Call {
	return access.Call{
		Request: access.Request{Scope: home, Principal: p, SourceIP: "192.0.2.7", UserAgent: "curl/8", Secure: true, APIVersion: "2"},
		Action:  "ses:GetEmailIdentity", Resources: []access.Resource{{ARN: home.ARN("identity/example.com"), Identity: "example.com"}},
	}
}

// wantDenied checks that err is the denial of a call.
func wantDenied(t *testing.T, what string, err error) {
	t.Helper()
	if !fault.Is(err, fault.AccessDenied) {
		t.Errorf("%s: %v", what, err)
	}
}

func TestCallsAreDecidedByAllPolicies(t *testing.T) {
	t.Parallel()
	const named = `{"AWS":"arn:aws:iam::123456789012:user/alice"}`
	allow, deny := rule("Allow", "ses:*", "", ""), rule("Deny", "ses:Get*", "", "")
	for _, c := range []struct {
		name      string
		user, own []string // policies of the user and of the identity
		session   string
		allowed   bool
	}{
		{"no policies", nil, nil, "", false},
		{"a user's policy that allows", []string{allow}, nil, "", true},
		{"a user's policy that allows something else", []string{rule("Allow", "ses:Send*", "", "")}, nil, "", false},
		{"one of a user's policies denies", []string{allow, deny}, nil, "", false},
		{"the identity's policy allows the user", nil, []string{rule("Allow", "ses:*", named, "")}, "", true},
		{"the identity's policy allows the account", nil, []string{rule("Allow", "ses:*", `{"AWS":"123456789012"}`, "")}, "", false},
		{"the identity's policy allows the account, and that the user", []string{allow}, []string{rule("Allow", "ses:*", `{"AWS":"123456789012"}`, "")}, "", true},
		{"the identity's policy denies the account", []string{allow}, []string{rule("Deny", "ses:*", `{"AWS":"123456789012"}`, "")}, "", false},
		{"the identity's policy denies somebody else", []string{allow}, []string{rule("Deny", "ses:*", `{"AWS":"arn:aws:iam::123456789012:user/bob"}`, "")}, "", true},
		{"the user's policy denies what the identity's allows", []string{deny}, []string{rule("Allow", "ses:*", named, "")}, "", false},
		{"a session's policy allows it too", []string{allow}, nil, rule("Allow", "ses:Get*", "", ""), true},
		{"a session's policy does not", []string{allow}, nil, rule("Allow", "ses:Send*", "", ""), false},
		{"a session's policy denies it", []string{allow}, nil, `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"ses:Get*","Resource":"*"}]}`, false},
		{"a session's policy alone allows nothing", nil, nil, allow, false},
		{"a session's policy narrows the identity's", nil, []string{rule("Allow", "ses:*", named, "")}, rule("Allow", "ses:Send*", "", ""), false},
	} {
		w := &world{principals: map[string][]string{alice.ARN(): c.user}, identities: map[string][]string{home.ARN("identity/example.com"): c.own}}
		p := alice
		p.SessionPolicy = c.session
		err := w.authorizer().Authorize(ctx, call(p))
		switch {
		case c.allowed && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !c.allowed:
			wantDenied(t, c.name, err)
			if want := "User: arn:aws:iam::123456789012:user/alice is not authorized to perform: ses:GetEmailIdentity on resource: arn:aws:ses:us-east-1:123456789012:identity/example.com"; fault.PeerText(err) != want {
				t.Errorf("%s: %s", c.name, fault.PeerText(err))
			}
		}
	}
}

func TestAllResourcesOfACallMustBeAllowed(t *testing.T) {
	t.Parallel()
	w := &world{principals: map[string][]string{alice.ARN(): {
		`{"Statement":{"Effect":"Allow","Action":"*","Resource":["arn:aws:ses:us-east-1:123456789012:identity/a.example","arn:aws:ses:us-east-1:123456789012:identity/b.example"]}}`}}}
	ask := func(names ...string) error {
		c := call(alice)
		c.Resources = nil
		for _, name := range names {
			c.Resources = append(c.Resources, access.Resource{ARN: home.ARN("identity/" + name), Identity: name})
		}
		return w.authorizer().Authorize(ctx, c)
	}
	if err := ask("a.example", "b.example"); err != nil {
		t.Error(err)
	}
	err := ask("a.example", "c.example", "b.example")
	wantDenied(t, "one of three", err)
	if !strings.HasSuffix(fault.PeerText(err), ":identity/c.example") {
		t.Errorf("%v", err)
	}
}

// TestWhoFailsToAnswerAllowsNothing has the source of the policies fail.
func TestWhoFailsToAnswerAllowsNothing(t *testing.T) {
	t.Parallel()
	broken := fault.New(fault.Unavailable, "Temporary service failure")
	w := &world{principals: map[string][]string{alice.ARN(): {rule("Allow", "*", "", "")}}, err: broken}
	if err := w.authorizer().Authorize(ctx, call(alice)); !errors.Is(err, broken) {
		t.Errorf("a call: %v", err)
	}
	if err := w.authorizer().MaySend(ctx, mail(alice, access.Use{Owner: home, Identity: "example.com"})); !errors.Is(err, broken) {
		t.Errorf("mail: %v", err)
	}
	w.err = nil
	p := alice
	p.SessionPolicy = "not JSON"
	if err := w.authorizer().Authorize(ctx, call(p)); err == nil || fault.Is(err, fault.AccessDenied) {
		t.Errorf("a session policy that can't be read: %v", err)
	}
}

// mail is a message from a@example.com with everything that conditions ask for.
func mail(p account.Principal, uses ...access.Use) access.Send {
	return access.Send{
		Request: access.Request{Scope: home, Principal: p, SourceIP: "192.0.2.7", UserAgent: "curl/8", Secure: true, APIVersion: "2"},
		Action:  "ses:SendRawEmail", Uses: uses,
		From:       []message.Mailbox{{Name: "Alice", Address: address.Address{Local: "a", Domain: "example.com"}}},
		ReturnPath: address.Address{Local: "back", Domain: "example.com"},
		Recipients: []address.Address{{Local: "x", Domain: "example.net"}, {Local: "y", Domain: "example.net"}},
	}
}

func TestConditionKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, condition string
		holds           bool
	}{
		{"the time", `"DateEquals":{"aws:CurrentTime":"2026-01-02T03:04:05Z"}`, true},
		{"the time as a number", `"NumericEquals":{"aws:EpochTime":"1767323045"}`, true},
		{"the time as seconds for a date", `"DateLessThan":{"aws:EpochTime":"2026-01-03"}`, true},
		{"TLS", `"Bool":{"aws:SecureTransport":"true"}`, true},
		{"the client's address", `"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}`, true},
		{"the client's name", `"StringLike":{"aws:UserAgent":"curl/*"}`, true},
		{"the region", `"StringEquals":{"aws:RequestedRegion":"us-east-1"}`, true},
		{"the version of the API", `"StringEquals":{"ses:ApiVersion":"2"}`, true},
		{"the account", `"StringEquals":{"aws:PrincipalAccount":"123456789012"}`, true},
		{"the user's ARN", `"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:user/alice"}`, true},
		{"a user is one", `"StringEquals":{"aws:PrincipalType":"User"}`, true},
		{"the user's name", `"StringEquals":{"aws:username":"alice"}`, true},
		{"the user's unique id", `"StringEquals":{"aws:userid":"AIDAALICE"}`, true},
		{"the organization", `"StringEquals":{"aws:PrincipalOrgID":"o-1"}`, true},
		{"no service calls", `"Bool":{"aws:PrincipalIsAWSService":"false","aws:ViaAWSService":"false"}`, true},
		{"a permanent key was not issued", `"Null":{"aws:TokenIssueTime":"true"}`, true},
		{"no VPC", `"Null":{"aws:SourceVpc":"true","aws:SourceVpce":"true","aws:VpcSourceIp":"true"}`, true},
		{"no source of a service", `"Null":{"aws:SourceAccount":"true","aws:SourceArn":"true"}`, true},
		{"no second factor", `"BoolIfExists":{"aws:MultiFactorAuthPresent":"true"}`, true},
		{"a second factor that must be there", `"Bool":{"aws:MultiFactorAuthPresent":"true"}`, false},
		{"From", `"StringEquals":{"ses:FromAddress":"a@example.com"}`, true},
		{"its display name", `"StringEquals":{"ses:FromDisplayName":"Alice"}`, true},
		{"Return-Path", `"StringEquals":{"ses:FeedbackAddress":"back@example.com"}`, true},
		{"all recipients", `"ForAllValues:StringLike":{"ses:Recipients":"*@example.net"}`, true},
		{"one recipient", `"ForAnyValue:StringEquals":{"ses:Recipients":"y@example.net"}`, true},
		{"a key that nobody knows", `"StringEquals":{"ses:Nonsense":"x"}`, false},
	} {
		w := &world{principals: map[string][]string{alice.ARN(): {rule("Allow", "ses:SendRawEmail", "", c.condition)}}}
		err := w.authorizer().MaySend(ctx, mail(alice, access.Use{Owner: home, Identity: "example.com"}))
		if (err == nil) != c.holds {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// TestADeniedAddressIsDeniedInEverySpelling of its domain, and with quotes.
func TestADeniedAddressIsDeniedInEverySpelling(t *testing.T) {
	t.Parallel()
	for _, denied := range []string{"a.b@example.com", `\"a.b\"@example.com`} {
		w := &world{principals: map[string][]string{alice.ARN(): {
			rule("Allow", "ses:SendRawEmail", "", ""), rule("Deny", "ses:SendRawEmail", "", `"StringEquals":{"ses:FromAddress":"`+denied+`"}`),
		}}}
		for from, want := range map[string]bool{`"a.b"@example.com`: true, `"a.b"@EXAMPLE.com`: true, "a.b@Example.com": denied[0] == 'a', "a.c@example.com": false} {
			m := mail(alice, access.Use{Owner: home, Identity: "example.com"})
			var err error
			if m.From[0].Address, err = address.Parse(from); err != nil {
				t.Fatal(err)
			}
			if err := w.authorizer().MaySend(ctx, m); (err != nil) != want {
				t.Errorf("%s, where %s is denied: %v", from, denied, err)
			}
		}
	}
}

// TestKeysOfARoleAndOfACallWithoutMail asks for keys that these have otherwise, or not at
// all.
func TestKeysOfARoleAndOfACallWithoutMail(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, condition string }{
		{"a session's principal is its role", `"ArnEquals":{"aws:PrincipalArn":"arn:aws:iam::123456789012:role/Mailer"}`},
		{"it is an assumed role", `"StringEquals":{"aws:PrincipalType":"AssumedRole"}`},
		{"its token was issued an hour ago", `"DateEquals":{"aws:TokenIssueTime":"2026-01-02T02:04:05Z"}`},
		{"it has no user's name", `"Null":{"aws:username":"true"}`},
		{"what sends nothing has no addresses", `"Null":{"ses:FromAddress":"true","ses:Recipients":"true","ses:FeedbackAddress":"true","ses:FromDisplayName":"true"}`},
	} {
		w := &world{principals: map[string][]string{role.ARN(): {rule("Allow", "ses:*", "", c.condition)}}}
		if err := w.authorizer().Authorize(ctx, call(role)); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	w := &world{principals: map[string][]string{role.ARN(): {rule("Allow", "*", "", `"Null":{"aws:UserAgent":"true","ses:ApiVersion":"true","aws:SourceIp":"true"}`)}}}
	c := call(role)
	c.UserAgent, c.APIVersion, c.SourceIP = "", "", ""
	if err := w.authorizer().Authorize(ctx, c); err != nil {
		t.Errorf("what is empty is absent: %v", err)
	}
}

func TestADenyOfSessionsFromBeforeATimeIsNotDisarmed(t *testing.T) {
	t.Parallel()
	deny := rule("Deny", "*", "", `"DateLessThan":{"aws:TokenIssueTime":"2026-01-02T03:00:00Z"}`)
	w := &world{principals: map[string][]string{role.ARN(): {rule("Allow", "*", "", ""), deny}}}
	wantDenied(t, "a session from before", w.authorizer().Authorize(ctx, call(role)))
	later := role
	later.IssuedAt = now
	if err := w.authorizer().Authorize(ctx, call(later)); err != nil {
		t.Errorf("a session from after: %v", err)
	}
}

func TestEachIdentityOfAMessageIsAskedForOnce(t *testing.T) {
	t.Parallel()
	w := &world{principals: map[string][]string{alice.ARN(): {rule("Allow", "ses:*", "", "")}}}
	use := access.Use{Owner: home, Identity: "example.com", Address: address.Address{Local: "a", Domain: "example.com"}}
	if err := w.authorizer().MaySend(ctx, mail(alice, use, use, use)); err != nil || w.asked != 1 {
		t.Errorf("%v, asked for the user's policies %d times", err, w.asked)
	}
}

// TestASessionSendsForAnotherAccount has a role's session send with an identity of
// another account, whose policy names the session, its role, or its account.
func TestASessionSendsForAnotherAccount(t *testing.T) {
	t.Parallel()
	for principal, allowed := range map[string]bool{
		`{"AWS":"arn:aws:sts::123456789012:assumed-role/Mailer/s1"}`: true,
		`{"AWS":"arn:aws:iam::123456789012:role/Mailer"}`:            true,
		`{"AWS":"123456789012"}`:                                     true,
		`{"AWS":"arn:aws:iam::123456789012:role/Other"}`:             false,
		`{"Service":"cognito-idp.amazonaws.com"}`:                    false,
	} {
		w := &world{
			verified:   []string{"example.org"},
			principals: map[string][]string{role.ARN(): {rule("Allow", "ses:Send*", "", "")}},
			identities: map[string][]string{other.ARN("identity/example.org"): {rule("Allow", "ses:Send*", principal, "")}},
		}
		use := access.Use{Owner: other, Identity: "example.org", Address: address.Address{Local: "a", Domain: "example.org"}}
		err := w.authorizer().MaySend(ctx, mail(role, use))
		if allowed != (err == nil) {
			t.Errorf("%s: %v", principal, err)
		}
		if want := "User `arn:aws:sts::123456789012:assumed-role/Mailer/s1' is not authorized to perform `ses:SendRawEmail' on resource `arn:aws:ses:us-east-1:888888888888:identity/example.org'"; err != nil && fault.PeerText(err) != want {
			t.Errorf("%s", fault.PeerText(err))
		}
	}
}

// TestAWiderIdentityDoesNotSkipADeny names a domain to send from an address that has a
// nearer identity: who is denied that one stays denied.
func TestAWiderIdentityDoesNotSkipADeny(t *testing.T) {
	t.Parallel()
	const sends = `"ses:Send*"`
	iam := func(effect, identity string) string {
		return `{"Statement":{"Effect":"` + effect + `","Action":` + sends + `,"Resource":"` + identity + `"}}`
	}
	allow, all := rule("Allow", "ses:Send*", `"*"`, ""), iam("Allow", "*")
	deny := rule("Deny", "ses:Send*", `"*"`, "")
	of := func(name string) string { return other.ARN("identity/" + name) }
	for _, c := range []struct {
		name        string
		user        []string
		identities  map[string]string // policies of the owner's
		session     string
		named, from string
		allowed     bool
	}{
		{"no deny", []string{all}, map[string]string{"example.org": allow}, "", "example.org", "ceo@secure.example.org", true},
		{"the owner's on the subdomain", []string{all}, map[string]string{"example.org": allow, "secure.example.org": deny}, "", "example.org", "a@secure.example.org", false},
		{"and for an address above it", []string{all}, map[string]string{"example.org": allow, "secure.example.org": deny}, "", "example.org", "a@example.org", true},
		{"the owner's on the subdomain, of an address with an identity", []string{all}, map[string]string{"example.org": allow, "secure.example.org": deny}, "", "example.org", "ceo@secure.example.org", false},
		{"the owner's on the address", []string{all}, map[string]string{"example.org": allow, "ceo@secure.example.org": deny}, "", "example.org", "ceo@secure.example.org", false},
		{"the owner's on the labelled address", []string{all}, map[string]string{"ceo@secure.example.org": allow, "ceo+x@secure.example.org": deny}, "", "ceo@secure.example.org", "ceo+x@secure.example.org", false},
		{"the owner's on the domain, where the address allows", []string{all}, map[string]string{"example.org": deny, "ceo@secure.example.org": allow}, "", "example.org", "ceo@secure.example.org", true},
		{"the user's on the subdomain", []string{all, iam("Deny", of("secure.example.org"))}, map[string]string{"example.org": allow}, "", "example.org", "a@secure.example.org", false},
		{"the user's on the address", []string{all, iam("Deny", of("ceo@secure.example.org"))}, map[string]string{"example.org": allow}, "", "example.org", "ceo@secure.example.org", false},
		{"the user's on the named domain", []string{all, iam("Deny", of("example.org"))}, map[string]string{"example.org": allow}, "", "example.org", "ceo@secure.example.org", false},
		{"the user's on another address", []string{all, iam("Deny", of("cfo@secure.example.org"))}, map[string]string{"example.org": allow}, "", "example.org", "ceo@secure.example.org", true},
		{"the session's on the subdomain", []string{all}, map[string]string{"example.org": allow},
			`{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"` + of("secure.example.org") + `"}]}`, "example.org", "a@secure.example.org", false},
	} {
		w := &world{
			verified:   []string{"example.org", "secure.example.org", "ceo@secure.example.org", "ceo+x@secure.example.org"},
			principals: map[string][]string{alice.ARN(): c.user}, identities: map[string][]string{},
		}
		for name, text := range c.identities {
			w.identities[of(name)] = []string{text}
		}
		p := alice
		p.SessionPolicy = c.session
		from, err := address.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		err = w.authorizer().MaySend(ctx, mail(p, access.Use{Owner: other, Identity: c.named, Address: from}))
		switch {
		case c.allowed && err != nil:
			t.Errorf("%s: %v", c.name, err)
		case !c.allowed:
			wantDenied(t, c.name, err)
		}
	}
}
