// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/core/account"
)

// TestSimulationsPutAResourcesPolicyTogetherAsTheServerDoes has a user or a role with one
// policy send with an identity that has one, too.
func TestSimulationsPutAResourcesPolicyTogetherAsTheServerDoes(t *testing.T) {
	t.Parallel()
	const (
		here  = "arn:aws:ses:us-east-1:123456789012:identity/example.com"
		there = "arn:aws:ses:us-east-1:210987654321:identity/example.com"
		alice = "arn:aws:iam::123456789012:user/team/alice"
		role  = "arn:aws:iam::123456789012:role/app/mailer"
		all   = `"*"`

		allowed  = types.PolicyEvaluationDecisionTypeAllowed
		implicit = types.PolicyEvaluationDecisionTypeImplicitDeny
		explicit = types.PolicyEvaluationDecisionTypeExplicitDeny
	)
	by := func(arn string) string { return `{"AWS":"` + arn + `"}` }
	of := func(effect, principal string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"` + effect + `","Principal":` + principal + `,"Action":"ses:SendEmail","Resource":"*"}]}`
	}
	mine := func(effect string) string { return statement(effect, "ses:SendEmail", "*", "") }
	w, ctx := newWorld(t), t.Context()
	c := w.iamClient(tester())
	done(c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice"), Path: aws.String("/team/")}))(t)
	w.role(t, "mailer", trustPolicy)
	for _, tc := range []struct {
		name           string
		who            string
		iam            string // "" is none
		resource       string
		own, elsewhere types.PolicyEvaluationDecisionType // of an identity here, and of another account
	}{
		{"neither says anything", alice, "", "", implicit, implicit},
		{"IAM alone allows", alice, mine("Allow"), "", allowed, implicit},
		{"the identity alone allows the user", alice, "", of("Allow", by(alice)), allowed, implicit},
		{"the identity alone allows everybody", alice, "", of("Allow", all), allowed, implicit},
		{"the identity leaves it to the account", alice, "", of("Allow", by("123456789012")), implicit, implicit},
		{"both allow, the identity by the account", alice, mine("Allow"), of("Allow", by("123456789012")), allowed, allowed},
		{"both allow, the identity by name", alice, mine("Allow"), of("Allow", by(alice)), allowed, allowed},
		{"the identity allows somebody else", alice, mine("Allow"), of("Allow", by("arn:aws:iam::123456789012:user/bob")), allowed, implicit},
		{"the identity denies", alice, mine("Allow"), of("Deny", by(alice)), explicit, explicit},
		{"the identity denies the account", alice, mine("Allow"), of("Deny", by("123456789012")), explicit, explicit},
		{"IAM denies", alice, mine("Deny"), of("Allow", all), explicit, explicit},
		{"the identity alone allows the role", role, "", of("Allow", by(role)), allowed, implicit},
		{"both allow the role", role, mine("Allow"), of("Allow", by(role)), allowed, allowed},
		{"the identity denies the role", role, mine("Allow"), of("Deny", by(role)), explicit, explicit},
		{"the identity allows another role", role, "", of("Allow", by("arn:aws:iam::123456789012:role/other")), implicit, implicit},
	} {
		for arn, want := range map[string]types.PolicyEvaluationDecisionType{here: tc.own, there: tc.elsewhere} {
			in := &iam.SimulatePrincipalPolicyInput{PolicySourceArn: &tc.who, ActionNames: []string{"ses:SendEmail"}, ResourceArns: []string{arn}}
			custom := &iam.SimulateCustomPolicyInput{CallerArn: &tc.who, ActionNames: in.ActionNames, ResourceArns: in.ResourceArns, PolicyInputList: []string{statement("Allow", "ses:GetAccount", "*", "")}}
			if tc.iam != "" {
				in.PolicyInputList, custom.PolicyInputList = []string{tc.iam}, []string{tc.iam}
			}
			if tc.resource != "" {
				in.ResourcePolicy, custom.ResourcePolicy = &tc.resource, &tc.resource
			}
			if got := done(c.SimulatePrincipalPolicy(ctx, in))(t).EvaluationResults[0].EvalDecision; got != want {
				t.Errorf("%s, on %s: %s, want %s", tc.name, arn, got, want)
			}
			if got := done(c.SimulateCustomPolicy(ctx, custom))(t).EvaluationResults[0].EvalDecision; got != want {
				t.Errorf("%s, on %s, as a custom policy: %s, want %s", tc.name, arn, got, want)
			}
		}
	}
}

// TestWhoseTheResourcesOfASimulationAre has resources whose ARNs do not tell.
func TestWhoseTheResourcesOfASimulationAre(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	c := w.iamClient(tester())
	const alice = "arn:aws:iam::123456789012:user/alice"
	for _, tc := range []struct {
		name, caller, owner, resource string
		want                          types.PolicyEvaluationDecisionType // where IAM alone allows
	}{
		{"nobody calls", "", "", "arn:aws:ses:us-east-1:210987654321:identity/example.com", types.PolicyEvaluationDecisionTypeAllowed},
		{"the caller's by default", alice, "", "arn:aws:s3:::bucket", types.PolicyEvaluationDecisionTypeAllowed},
		{"the caller's, told by an id", alice, "123456789012", "arn:aws:s3:::bucket", types.PolicyEvaluationDecisionTypeAllowed},
		{"another account's, told by its ARN", alice, "arn:aws:iam::210987654321:root", "arn:aws:s3:::bucket", types.PolicyEvaluationDecisionTypeImplicitDeny},
		{"the ARN tells otherwise", alice, "arn:aws:iam::210987654321:root", "arn:aws:ses:us-east-1:123456789012:identity/x", types.PolicyEvaluationDecisionTypeAllowed},
		{"everything", alice, "", "*", types.PolicyEvaluationDecisionTypeAllowed},
		{"AWS's own", alice, "", account.SESReadOnlyAccess, types.PolicyEvaluationDecisionTypeAllowed},
	} {
		in := &iam.SimulateCustomPolicyInput{PolicyInputList: []string{statement("Allow", "*", "*", "")}, ActionNames: []string{"ses:SendEmail"}, ResourceArns: []string{tc.resource}}
		if tc.caller != "" {
			in.CallerArn = &tc.caller
		}
		if tc.owner != "" {
			in.ResourceOwner = &tc.owner
		}
		if got := done(c.SimulateCustomPolicy(ctx, in))(t).EvaluationResults[0].EvalDecision; got != tc.want {
			t.Errorf("%s: %s, want %s", tc.name, got, tc.want)
		}
	}
}

func TestSimulationsThatAreRefused(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), t.Context()
	c := w.iamClient(tester())
	invalid := func(text string) refusal { return refusal{400, "InvalidInput", text} }
	for name, tc := range map[string]struct {
		change func(in *iam.SimulateCustomPolicyInput)
		want   refusal
	}{
		"a resource's policy and nobody who calls": {func(in *iam.SimulateCustomPolicyInput) { in.ResourcePolicy = aws.String(trustPolicy) },
			invalid("CallerArn is required with a ResourcePolicy.")},
		"the session of a role calls": {func(in *iam.SimulateCustomPolicyInput) {
			in.CallerArn = aws.String("arn:aws:sts::123456789012:assumed-role/mailer/job")
		},
			invalid("CallerArn is not the ARN of a user or a role.")},
		"a role without a name calls": {func(in *iam.SimulateCustomPolicyInput) { in.CallerArn = aws.String("arn:aws:iam::123456789012:role/") },
			invalid("CallerArn is not the ARN of a user or a role.")},
		"an owner that is a user": {func(in *iam.SimulateCustomPolicyInput) {
			in.ResourceOwner = aws.String("arn:aws:iam::123456789012:user/alice")
		},
			invalid("ResourceOwner is not the ARN of an account.")},
		"a boundary": {func(in *iam.SimulateCustomPolicyInput) { in.PermissionsBoundaryPolicyInputList = []string{sendPolicy} },
			refusal{501, "NotImplemented", "Permissions boundaries are not implemented by this server."}},
		"an organization's policies": {func(in *iam.SimulateCustomPolicyInput) {
			in.OrderedOrganizationPolicyInputList = []types.OrderedOrganizationPolicyType{{ServiceControlPolicyInputList: []string{sendPolicy}}}
		}, refusal{501, "NotImplemented", "Policies of organizations are not implemented by this server."}},
	} {
		in := &iam.SimulateCustomPolicyInput{PolicyInputList: []string{sendPolicy}, ActionNames: []string{"ses:SendEmail"}}
		tc.change(in)
		_, err := c.SimulateCustomPolicy(ctx, in)
		t.Run(name, func(t *testing.T) { wantRefusal(t, err, tc.want) })
	}
}
