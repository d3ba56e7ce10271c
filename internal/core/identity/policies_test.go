// SPDX-License-Identifier: Apache-2.0

package identity_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
	"sesame/internal/testkit/storetest"
)

// The identity that has the policies: an address, which costs no keys.
const (
	owner    = "a@example.com"
	ownerARN = "arn:aws:ses:us-east-1:123456789012:identity/" + owner
)

// statement is a statement of a policy for owner, with what a test wants otherwise.
func statement(change ...string) string {
	parts := map[string]string{
		"Effect": `"Allow"`, "Principal": `{"AWS":"123456789012"}`, "Action": `"ses:GetEmailIdentity"`, "Resource": `"` + ownerARN + `"`,
	}
	for n := 0; n < len(change); n += 2 {
		parts[change[n]] = change[n+1]
	}
	var members []string
	for _, name := range []string{"Effect", "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource", "Condition"} {
		if parts[name] != "" {
			members = append(members, `"`+name+`":`+parts[name])
		}
	}
	return "{" + strings.Join(members, ",") + "}"
}

func document(statements ...string) string {
	return `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
}

// delegate lets another account send.
var delegate = document(statement("Principal", `{"AWS":"210987654321"}`, "Action", `["ses:SendEmail","ses:SendRawEmail"]`))

func put(ids *identity.Identities, how identity.Put, name, text string) error {
	return ids.PutPolicy(ctx, sc, owner, how, identity.Policy{Name: name, Document: text})
}

// isFault reports whether err is of a kind; 0 stands for no error.
func isFault(err error, kind fault.Kind) bool {
	return kind == 0 && err == nil || kind != 0 && fault.Is(err, kind)
}

func TestPoliciesOfAnIdentity(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := open(db, clock.System, false)
		create(t, ids, owner)
		create(t, ids, "b@example.com")
		one, two := document(statement()), document(statement("Effect", `"Deny"`))
		for _, step := range []struct {
			name   string
			how    identity.Put
			policy string
			text   string
			want   fault.Kind
		}{
			{"update without one", identity.Update, "p", one, fault.NotFound},
			{"create", identity.Create, "p", one, 0},
			{"create again", identity.Create, "p", two, fault.AlreadyExists},
			{"update", identity.Update, "p", two, 0},
			{"put a new one", identity.Upsert, "q", one, 0},
			{"put it again, with white space", identity.Upsert, "q", strings.ReplaceAll(two, ",", ",\n  "), 0},
			{"put what is no policy", identity.Upsert, "p", "{}", fault.Invalid},
		} {
			if err := put(ids, step.how, step.policy, step.text); !isFault(err, step.want) {
				t.Errorf("%s: %v", step.name, err)
			}
		}
		all, err := ids.Policies(ctx, sc, owner)
		if want := []identity.Policy{{Name: "p", Document: two}, {Name: "q", Document: two}}; err != nil || !reflect.DeepEqual(all, want) {
			t.Errorf("%v, %v", all, err)
		}
		if all, err := ids.Policies(ctx, sc, "b@example.com"); err != nil || len(all) != 0 {
			t.Errorf("another identity: %v, %v", all, err)
		}
		for _, want := range []fault.Kind{0, fault.NotFound} {
			if err := ids.DeletePolicy(ctx, sc, owner, "q"); !isFault(err, want) {
				t.Errorf("delete: %v", err)
			}
		}
		// A new identity of the name has nothing of the old one.
		if err := ids.Delete(ctx, sc, owner); err != nil {
			t.Fatal(err)
		}
		create(t, ids, owner)
		if all, err := ids.Policies(ctx, sc, owner); err != nil || len(all) != 0 {
			t.Errorf("after the identity was deleted: %v, %v", all, err)
		}
		if set, err := ids.PolicySet(ctx, sc, owner); err != nil || !set.Empty() {
			t.Errorf("after the identity was deleted: %v, %v", set, err)
		}
	})
}

func TestPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	create(t, ids, owner)
	const foreign = `"arn:aws:ses:us-east-1:123456789012:identity/other@example.com"`
	sid := `{"Sid":"` + strings.Repeat("x", identity.MaxPolicyBytes)
	for _, c := range []struct{ name, text, want string }{
		{"no JSON", `{"Statement":`, "Syntax errors in policy."},
		{"not even text", "\xff", "Syntax errors in policy."},
		{"an unknown element", `{"Statment":[]}`, ""},
		{"no statement", `{"Version":"2012-10-17"}`, ""},
		{"an empty list of statements", document(), "Statement"},
		{"no effect", document(statement("Effect", "")), ""},
		{"another effect", document(statement("Effect", `"Maybe"`)), ""},
		{"no principal", document(statement("Principal", "")), "Principal"},
		{"an empty list of principals", document(statement("Principal", `{"AWS":[]}`)), "rincipal"},
		{"a principal that is nobody", document(statement("Principal", `{"AWS":"somebody"}`)), "Invalid principal in policy"},
		{"a principal of another world", document(statement("Principal", `{"Federated":"accounts.example"}`)), "Federated principals can't call Amazon SES."},
		{"no action", document(statement("Action", "")), ""},
		{"an action of another service", document(statement("Action", `"s3:GetObject"`)), "s3:GetObject is no action of Amazon SES."},
		{"one such among others", document(statement("Action", `["ses:SendEmail","sesame:Verify"]`)), "sesame:Verify is no action"},
		{"no resource", document(statement("Resource", "")), "resources"},
		{"another identity", document(statement("Resource", foreign)), ownerARN},
		{"two identities", document(statement("Resource", `["`+ownerARN+`",`+foreign+`]`)), ownerARN},
		{"any resource", document(statement("Resource", `"*"`)), ownerARN},
		{"the identity in other letters", document(statement("Resource", `"`+strings.ReplaceAll(ownerARN, "example", "Example")+`"`)), ownerARN},
		{"all but the identity", document(statement("Resource", "", "NotResource", `"`+ownerARN+`"`)), ownerARN},
		{"an unknown operator", document(statement("Condition", `{"StringIsh":{"aws:UserAgent":"x"}}`)), "StringIsh"},
		{"a second statement that is wrong", document(statement(), statement("Resource", foreign)), ownerARN},
		{"too long", document(sid + `",` + statement()[1:]), "longer than 4096 bytes"},
	} {
		err := put(ids, identity.Upsert, "p", c.text)
		if !fault.Is(err, fault.Invalid) || !strings.Contains(fault.PeerText(err), c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
	for _, name := range []string{"", "a b", "a.b", "ä", "a/b", "a\n", strings.Repeat("a", 65)} {
		if err := put(ids, identity.Create, name, document(statement())); !fault.Is(err, fault.Invalid) {
			t.Errorf("the name %q: %v", name, err)
		}
	}
	if all, err := ids.Policies(ctx, sc, owner); err != nil || len(all) != 0 {
		t.Errorf("something was kept: %v, %v", all, err)
	}
}

func TestPoliciesThatAreTaken(t *testing.T) {
	t.Parallel()
	ids := open(storetest.SQLite(t), clock.System, true)
	create(t, ids, owner)
	for name, text := range map[string]string{
		"wildcards":           document(statement("Action", `["ses:*","SES:Send*Email"]`)),
		"all_actions":         document(statement("Action", `"*"`)),
		"user":                document(statement("Principal", `{"AWS":["arn:aws:iam::123456789012:user/John"]}`)),
		"service":             document(statement("Principal", `{"Service":"cognito-idp.amazonaws.com"}`)),
		"not_action":          document(statement("Action", "", "NotAction", `"ses:DeleteEmailIdentity"`)),
		"not_principal":       document(statement("Effect", `"Deny"`, "Principal", "", "NotPrincipal", `{"AWS":"123456789012"}`)),
		"one_statement_alone": `{"Id":"x y","Version":"whatever","Statement":` + statement() + `}`,
		"delegate":            delegate,
		"long-" + strings.Repeat("a", 59): document(statement("Condition",
			`{"StringLike":{"aws:UserAgent":"`+strings.Repeat("x", 3700)+`"}}`)),
	} {
		if err := put(ids, identity.Create, name, text); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestAnIdentityHasTwentyPolicies(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		ids := open(db, clock.System, true)
		create(t, ids, owner)
		for n := range identity.MaxPolicies {
			if err := put(ids, identity.Upsert, fmt.Sprint("p", n), delegate); err != nil {
				t.Fatal(err)
			}
		}
		for _, how := range []identity.Put{identity.Create, identity.Upsert} {
			if err := put(ids, how, "one-more", delegate); !fault.Is(err, fault.LimitExceeded) {
				t.Errorf("%v", err)
			}
		}
		if err := put(ids, identity.Upsert, "p0", document(statement())); err != nil {
			t.Errorf("a change is no more policies: %v", err)
		}
		if err := ids.DeletePolicy(ctx, sc, owner, "p0"); err != nil {
			t.Fatal(err)
		}
		if err := put(ids, identity.Create, "one-more", delegate); err != nil {
			t.Errorf("after one was deleted: %v", err)
		}
	})
}

func TestDelegatesAndADefaultConfigurationSetExcludeEachOther(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		text     string
		excluded bool
	}{
		"another account":                  {delegate, true},
		"a user of another account":        {document(statement("Principal", `{"AWS":"arn:aws:iam::210987654321:user/x"}`, "Action", `"ses:Send*"`)), true},
		"everyone":                         {document(statement("Principal", `"*"`, "Action", `"ses:*"`)), true},
		"a service":                        {document(statement("Principal", `{"Service":"cognito-idp.amazonaws.com"}`, "Action", `"SES:SendEmail"`)), true},
		"all but one":                      {document(statement("Principal", "", "NotPrincipal", `{"AWS":"123456789012"}`, "Action", `"*"`)), true},
		"all operations but one":           {document(statement("Principal", `{"AWS":"210987654321"}`, "Action", "", "NotAction", `"ses:SendEmail"`)), true},
		"the own account":                  {document(statement("Action", `"ses:SendEmail"`)), false},
		"own users":                        {document(statement("Principal", `{"AWS":"arn:aws:iam::123456789012:user/x"}`, "Action", `"ses:SendEmail"`)), false},
		"another account that reads":       {document(statement("Principal", `{"AWS":"210987654321"}`)), false},
		"another account that is denied":   {document(statement("Effect", `"Deny"`, "Principal", `{"AWS":"210987654321"}`, "Action", `"ses:SendEmail"`)), false},
		"all operations but all that send": {document(statement("Principal", `{"AWS":"210987654321"}`, "Action", "", "NotAction", `"ses:Send*"`)), false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ids := open(storetest.SQLite(t), clock.System, true)
			create(t, ids, owner)
			if err := put(ids, identity.Create, "p", c.text); err != nil {
				t.Fatal(err)
			}
			if err := ids.SetConfigSet(ctx, sc, owner, "set"); fault.Is(err, fault.Invalid) != c.excluded {
				t.Errorf("the set after the policy: %v", err)
			}
			if err := ids.DeletePolicy(ctx, sc, owner, "p"); err != nil {
				t.Fatal(err)
			}
			if err := ids.SetConfigSet(ctx, sc, owner, "set"); err != nil {
				t.Fatal(err)
			}
			if err := put(ids, identity.Create, "p", c.text); fault.Is(err, fault.Invalid) != c.excluded {
				t.Errorf("the policy after the set: %v", err)
			}
		})
	}
}

func TestCompiledPoliciesAreFreshWithinASecond(t *testing.T) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(time.Now())
		here, there := open(db, c.Now, true), open(db, c.Now, true)
		create(t, here, owner)
		decide := func(ids *identity.Identities) policy.Decision {
			t.Helper()
			set, err := ids.PolicySet(ctx, sc, owner)
			if err != nil {
				t.Fatal(err)
			}
			return set.Evaluate(&policy.Request{
				Caller: policy.Caller{Account: "210987654321", ARN: "arn:aws:iam::210987654321:user/x"}, Action: "ses:SendEmail", Resource: ownerARN,
			})
		}
		if decide(here) != policy.NotApplicable || decide(there) != policy.NotApplicable {
			t.Error("without a policy")
		}
		if err := put(here, identity.Create, "p", delegate); err != nil {
			t.Fatal(err)
		}
		if decide(here) != policy.Allow {
			t.Error("the node that changed it does not see it")
		}
		c.Advance(1001 * time.Millisecond)
		if decide(there) != policy.Allow {
			t.Error("another node does not see it after a second")
		}
		if err := here.DeletePolicy(ctx, sc, owner, "p"); err != nil {
			t.Fatal(err)
		}
		if decide(here) != policy.NotApplicable {
			t.Error("a policy works after it was deleted")
		}
	})
}
