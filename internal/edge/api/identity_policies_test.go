// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// policyFor is a policy in Terraform's form, with white space.
func policyFor(arn string, actions ...string) string {
	if len(actions) == 0 {
		actions = []string{"ses:SendEmail", "ses:SendRawEmail"}
	}
	list, err := json.Marshal(actions)
	if err != nil {
		panic(err)
	}
	return fmt.Sprintf(`{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": %s, "Resource": %q}]
}`, list, arn)
}

// compact is a policy as SES gives it back.
func compact(text string) string {
	var b bytes.Buffer
	if err := json.Compact(&b, []byte(text)); err != nil {
		panic(err)
	}
	return b.String()
}

func TestPoliciesInV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx, id := w.sesv2Client(tester()), t.Context(), aws.String(verified)
	arn := home.ARN("identity/" + verified)
	send, read := policyFor(arn), policyFor(arn, "SES:GetEmailIdentity")
	policies := func() map[string]string {
		t.Helper()
		out, err := c.GetEmailIdentityPolicies(ctx, &sesv2.GetEmailIdentityPoliciesInput{EmailIdentity: id})
		must(t, err)
		if whole := getIdentity(t, c, verified).Policies; !reflect.DeepEqual(whole, out.Policies) {
			t.Errorf("GetEmailIdentity has %v, GetEmailIdentityPolicies %v", whole, out.Policies)
		}
		return out.Policies
	}
	create := func(name, text string) error {
		_, err := c.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{EmailIdentity: id, PolicyName: &name, Policy: &text})
		return err
	}
	update := func(name, text string) error {
		_, err := c.UpdateEmailIdentityPolicy(ctx, &sesv2.UpdateEmailIdentityPolicyInput{EmailIdentity: id, PolicyName: &name, Policy: &text})
		return err
	}
	if got := policies(); len(got) != 0 {
		t.Errorf("at first: %v", got)
	}
	must(t, create("a-b_C1", send))
	err := create("a-b_C1", read)
	wantRefusal(t, err, refusal{400, "AlreadyExistsException", "Policy <a-b_C1> already exists"})
	isA[*types.AlreadyExistsException](t, err)
	err = update("other", read)
	wantRefusal(t, err, refusal{404, "NotFoundException", "Policy <other> does not exist"})
	isA[*types.NotFoundException](t, err)
	if got := policies(); !reflect.DeepEqual(got, map[string]string{"a-b_C1": compact(send)}) {
		t.Errorf("%v", got)
	}
	must(t, update("a-b_C1", read))
	if got := policies(); !reflect.DeepEqual(got, map[string]string{"a-b_C1": compact(read)}) {
		t.Errorf("%v", got)
	}

	for n := range 19 {
		must(t, create(fmt.Sprint("p", n), send))
	}
	err = create("p19", send)
	wantRefusal(t, err, refusal{400, "LimitExceededException", "Number of policies for <" + verified + "> exceeds max allowed number of policies per resource"})
	isA[*types.LimitExceededException](t, err)
	if got := policies(); len(got) != 20 {
		t.Errorf("%d policies", len(got))
	}
	remove := &sesv2.DeleteEmailIdentityPolicyInput{EmailIdentity: id, PolicyName: aws.String("p0")}
	_, err = c.DeleteEmailIdentityPolicy(ctx, remove)
	must(t, err)
	_, err = c.DeleteEmailIdentityPolicy(ctx, remove)
	wantRefusal(t, err, refusal{404, "NotFoundException", "Policy <p0> does not exist"})
	isA[*types.NotFoundException](t, err)
}

func TestPoliciesInV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx, id := w.sesClient(tester()), t.Context(), aws.String(verified)
	arn := home.ARN("identity/" + verified)
	send, read := policyFor(arn), policyFor(arn, "ses:GetEmailIdentity")
	put := func(name, text string) error {
		_, err := c.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: id, PolicyName: &name, Policy: &text})
		return err
	}
	must(t, put("b", send))
	must(t, put("a", send))
	must(t, put("a", read)) // in its place
	list, err := c.ListIdentityPolicies(ctx, &ses.ListIdentityPoliciesInput{Identity: id})
	must(t, err)
	equal(t, list, &ses.ListIdentityPoliciesOutput{PolicyNames: []string{"a", "b"}})
	got, err := c.GetIdentityPolicies(ctx, &ses.GetIdentityPoliciesInput{Identity: id, PolicyNames: []string{"a", "gone", "b"}})
	must(t, err)
	equal(t, got, &ses.GetIdentityPoliciesOutput{Policies: map[string]string{"a": compact(read), "b": compact(send)}})
	if whole := getIdentity(t, w.sesv2Client(tester()), verified).Policies; !reflect.DeepEqual(whole, got.Policies) {
		t.Errorf("version 2 sees %v", whole)
	}
	for range 2 {
		_, err = c.DeleteIdentityPolicy(ctx, &ses.DeleteIdentityPolicyInput{Identity: id, PolicyName: aws.String("b")})
		must(t, err)
	}
	for n := range 19 {
		must(t, put(fmt.Sprint("p", n), send))
	}
	wantRefusal(t, put("p19", send), refusal{400, "InvalidParameterValue", "Number of policies for <" + verified + "> exceeds max allowed number of policies per resource"})
	_, err = c.GetIdentityPolicies(ctx, &ses.GetIdentityPoliciesInput{Identity: id, PolicyNames: strings.Split(strings.Repeat("p ", 20)+"p", " ")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "At most 20 policies can be retrieved at a time."})
}

// TestAPolicyLetsAnotherAccountSend has the whole way from the operation to the decision.
func TestAPolicyLetsAnotherAccountSend(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenants := w.tenants(t)
	owner, delegate, stranger := tenants[0], tenants[2], tenants[3] // tenants[2] is the other account in the same region
	ctx := t.Context()
	send := func(n tenant) error {
		in := plain(owner.address(), reader)
		in.FromEmailAddressIdentityArn = aws.String(owner.arn())
		_, err := n.two.SendEmail(ctx, in)
		return err
	}
	must(t, send(delegate)) // the policy that tenants have
	if err := send(stranger); err == nil {
		t.Error("an identity was used in another region")
	}
	update := &sesv2.UpdateEmailIdentityPolicyInput{EmailIdentity: aws.String(owner.address()), PolicyName: &owner.mark}
	update.Policy = aws.String(policyFor(owner.arn(), "ses:GetEmailIdentity"))
	_, err := owner.two.UpdateEmailIdentityPolicy(ctx, update)
	must(t, err)
	if got := refused(t, send(delegate)); got.code != "AccessDeniedException" {
		t.Errorf("%+v", got)
	}
	update.Policy = aws.String(policyFor(owner.arn()))
	_, err = owner.two.UpdateEmailIdentityPolicy(ctx, update)
	must(t, err)
	must(t, send(delegate))
	_, err = owner.one.DeleteIdentityPolicy(ctx, &ses.DeleteIdentityPolicyInput{Identity: aws.String(owner.address()), PolicyName: &owner.mark})
	must(t, err)
	if got := refused(t, send(delegate)); got.code != "AccessDeniedException" {
		t.Errorf("%+v", got)
	}
}

func TestPoliciesThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, id := t.Context(), aws.String(verified)
	one, two := w.sesClient(tester(), ses.WithAPIOptions(unchecked)), w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked))
	arn := home.ARN("identity/" + verified)
	good := policyFor(arn)
	const length = "1 validation error detected: Value at 'policyName' failed to satisfy constraint: Member must have length less than or equal to 64"
	const characters = "PolicyName is invalid. Policy names must only include alpha-numeric characters, dashes, and underscores."
	resource := "The resource of a policy must be the identity that it is attached to: " + arn + "."
	for _, tc := range []struct {
		name, policy, text string
		code1              string
		want               string // of both versions
	}{
		{"a name that is too long", strings.Repeat("n", 65), good, "ValidationError", length},
		{"a name with other characters", "a.b", good, "InvalidParameterValue", characters},
		{"no policy", "p", "", "ValidationError", ""},
		{"no JSON", "p", "{", "InvalidPolicy", ""},
		{"no statement", "p", `{"Version":"2012-10-17","Statement":[]}`, "InvalidPolicy", ""},
		{"no principal", "p", strings.Replace(good, `"Principal": {"AWS": "210987654321"},`, "", 1), "InvalidPolicy", ""},
		{"a principal that is nobody", "p", strings.Replace(good, "210987654321", "everybody", 1), "InvalidPolicy", `Invalid principal in policy: "AWS":"everybody"`},
		{"another identity", "p", policyFor(home.ARN("identity/example.com")), "InvalidPolicy", resource},
		{"another region", "p", policyFor(strings.Replace(arn, "us-east-1", "eu-west-1", 1)), "InvalidPolicy", resource},
		{"another account", "p", policyFor(strings.Replace(arn, accountID, "210987654321", 1)), "InvalidPolicy", resource},
		{"an action of another service", "p", policyFor(arn, "sns:Publish"), "InvalidPolicy", "Invalid action in policy: sns:Publish is no action of Amazon SES."},
		{"more than 4 KB", "p", policyFor(arn, "ses:"+strings.Repeat("a", 4096)), "InvalidPolicy", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := one.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: id, PolicyName: &tc.policy, Policy: &tc.text})
			wantRefusal(t, err, refusal{400, tc.code1, tc.want})
			if tc.code1 == "InvalidPolicy" {
				isA[*sestypes.InvalidPolicyException](t, err)
			}
			_, err = two.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{EmailIdentity: id, PolicyName: &tc.policy, Policy: &tc.text})
			wantRefusal(t, err, refusal{400, "BadRequestException", tc.want})
			isA[*types.BadRequestException](t, err)
		})
	}
	if got := getIdentity(t, two, verified).Policies; len(got) != 0 {
		t.Errorf("something was kept: %v", got)
	}

	// Delegate senders and a default configuration set exclude each other.
	_, err := two.PutEmailIdentityConfigurationSetAttributes(ctx, &sesv2.PutEmailIdentityConfigurationSetAttributesInput{EmailIdentity: id, ConfigurationSetName: aws.String("one")})
	must(t, err)
	const both = "Identity <" + verified + "> can't have both a default configuration set and a policy that lets others send."
	_, err = one.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: id, PolicyName: aws.String("p"), Policy: &good})
	wantRefusal(t, err, refusal{400, "InvalidPolicy", both})
	_, err = two.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{EmailIdentity: id, PolicyName: aws.String("p"), Policy: &good})
	wantRefusal(t, err, refusal{400, "BadRequestException", both})
}
