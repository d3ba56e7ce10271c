// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/identity"
)

// everything is a policy that allows it.
const everything = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}`

// ofUser sets all policies of a user.
func (w *world) ofUser(t testing.TB, arn string, texts ...string) {
	t.Helper()
	ctx := context.Background()
	parts := strings.SplitN(arn, ":", 6)
	e := account.Entity{Account: parts[4], Kind: account.KindUser, Name: strings.TrimPrefix(parts[5], "user/")}
	attached, err := w.accounts.Attached(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, arn := range attached {
		if err := w.accounts.Detach(ctx, e, arn); err != nil {
			t.Fatal(err)
		}
	}
	names, err := w.accounts.InlineNames(ctx, e)
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range names {
		if err := w.accounts.DeleteInline(ctx, e, name); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range texts {
		if err := w.accounts.PutInline(ctx, e, "p"+strconv.Itoa(i), text); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

// ofIdentity sets all policies of an identity.
func (w *world) ofIdentity(t testing.TB, arn string, texts ...string) {
	t.Helper()
	ctx := context.Background()
	sc, resource, ok := scope.ParseARN(arn)
	if !ok {
		t.Fatalf("%s is no ARN", arn)
	}
	name := strings.TrimPrefix(resource, "identity/")
	old, err := w.identities.Policies(ctx, sc, name)
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range old {
		if err := w.identities.DeletePolicy(ctx, sc, name, o.Name); err != nil {
			t.Fatal(err)
		}
	}
	for i, text := range texts {
		if err := w.identities.PutPolicy(ctx, sc, name, identity.Create, identity.Policy{Name: "p" + strconv.Itoa(i), Document: text}); err != nil {
			t.Fatalf("%v in %s", err, text)
		}
	}
}

// newAccount makes a user of another account, who may do everything there, and returns
// who signs as it.
func (w *world) newAccount(t testing.TB, id, user string) who {
	t.Helper()
	c, err := w.accounts.CreateUser(context.Background(), account.NewUser{Account: id, Name: user, Policies: []string{account.AdministratorAccess}})
	if err != nil {
		t.Fatal(err)
	}
	return who{key: c.KeyID, secret: c.Secret, region: region}
}

// TestALongListIsRefusedBeforeItsNamesAreAuthorized asks about more identities than a
// call may, as a user without a single policy: it is the length that is refused.
func TestALongListIsRefusedBeforeItsNamesAreAuthorized(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	nobody := w.newAccount(t, "111122223333", "nobody")
	w.ofUser(t, "arn:aws:iam::111122223333:user/nobody")
	c, ctx := w.sesClient(nobody), t.Context()
	ask := func(names []string) map[string]error {
		_, verification := c.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: names})
		_, dkim := c.GetIdentityDkimAttributes(ctx, &ses.GetIdentityDkimAttributesInput{Identities: names})
		_, mailFrom := c.GetIdentityMailFromDomainAttributes(ctx, &ses.GetIdentityMailFromDomainAttributesInput{Identities: names})
		_, notification := c.GetIdentityNotificationAttributes(ctx, &ses.GetIdentityNotificationAttributesInput{Identities: names})
		return map[string]error{"verification": verification, "DKIM": dkim, "MAIL FROM": mailFrom, "notifications": notification}
	}
	names := slices.Repeat([]string{"example.com"}, 100)
	for what, err := range ask(names) {
		if r := refused(t, err); r.status != 403 {
			t.Errorf("%s of 100: %+v", what, r)
		}
	}
	for what, err := range ask(append(names, "example.com")) {
		if r := refused(t, err); r != (refusal{400, "InvalidParameterValue", "At most 100 identities can be retrieved at a time."}) {
			t.Errorf("%s of 101: %+v", what, r)
		}
	}
}

// TestRefusedCallsAreAudited has a user without a single policy try to get hold of more,
// and one who may do everything do it: both leave their lines, without what policies say.
func TestRefusedCallsAreAudited(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	nobody := w.newAccount(t, "111122223333", "nobody")
	w.ofUser(t, "arn:aws:iam::111122223333:user/nobody")
	name, id := "canary-name", sender
	text := strings.ReplaceAll(`{"Version":"2012-10-17","Statement":[{"Sid":"CanarySid","Effect":"Allow","Principal":"*","Action":"ses:SendEmail","Resource":"ARN"}]}`, "ARN", home.ARN("identity/"+id))
	type attempt struct {
		operation, of string
		err           error
	}
	try := func(as who) []attempt {
		one, two := w.sesClient(as), w.sesv2Client(as)
		_, key := w.iamClient(as).CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("tester")})
		_, put := one.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: &id, PolicyName: &name, Policy: &text})
		_, remove := one.DeleteIdentityPolicy(ctx, &ses.DeleteIdentityPolicyInput{Identity: &id, PolicyName: &name})
		_, create := two.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{EmailIdentity: &id, PolicyName: &name, Policy: &text})
		_, update := two.UpdateEmailIdentityPolicy(ctx, &sesv2.UpdateEmailIdentityPolicyInput{EmailIdentity: &id, PolicyName: &name, Policy: &text})
		_, drop := two.DeleteEmailIdentityPolicy(ctx, &sesv2.DeleteEmailIdentityPolicyInput{EmailIdentity: &id, PolicyName: &name})
		var settings error
		if a := w.do(t, call{method: "PUT", target: "/_sesame/v1/settings/" + url.PathEscape(home.ARN("identity/"+id)), body: `{}`, who: as}); a.status != 200 {
			settings = errors.New(a.body)
		}
		return []attempt{
			{"CreateAccessKey", `"UserName":"tester"`, key}, {"PutIdentityPolicy", `"Identity":"` + id + `"`, put}, {"DeleteIdentityPolicy", `"PolicyName":"canary-name"`, remove},
			{"CreateEmailIdentityPolicy", `"EmailIdentity":"` + id + `"`, create}, {"UpdateEmailIdentityPolicy", `"PolicyName":"canary-name"`, update},
			{"DeleteEmailIdentityPolicy", `"PolicyName":"canary-name"`, drop}, {"PutSettings", `"Arn":"` + home.ARN("identity/"+id) + `"`, settings},
		}
	}
	for _, as := range []struct {
		who     who
		arn     string
		refused bool
	}{{nobody, "arn:aws:iam::111122223333:user/nobody", true}, {tester(), "arn:aws:iam::123456789012:user/tester", false}} {
		for _, a := range try(as.who) {
			if (a.err != nil) != as.refused {
				t.Errorf("%s as %s: %v", a.operation, as.arn, a.err)
			}
			if !slices.ContainsFunc(strings.Split(w.log.String(), "\n"), func(line string) bool {
				return strings.Contains(line, `"msg":"audit"`) && strings.Contains(line, `"operation":"`+a.operation+`"`) && strings.Contains(line, `"by":"`+as.arn+`"`) &&
					strings.Contains(line, a.of) && strings.Contains(line, `"refused":`) == as.refused
			}) {
				t.Errorf("%s as %s left no line", a.operation, as.arn)
			}
		}
	}
	if strings.Contains(w.log.String(), "CanarySid") {
		t.Error("the log has the text of a policy")
	}
}
