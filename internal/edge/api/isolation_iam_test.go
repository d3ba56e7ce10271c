// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"sesame/internal/core/account"
	"sesame/internal/edge/api"
	apiiam "sesame/internal/edge/api/iam"
	apists "sesame/internal/edge/api/sts"
)

// landlord is an account with users, keys, roles and policies whose names have its mark
// and nobody else's.
type landlord struct {
	id, mark string
	key      string // access key of its user
	version  string // the default version of its policy
	users    int32  // how many it has; the other has more or fewer

	iam *iam.Client
	sts *sts.Client
}

func (l landlord) name() *string { return &l.mark }
func (l landlord) policy() *string {
	return aws.String("arn:aws:iam::" + l.id + ":policy/" + l.mark)
}
func (l landlord) user() *string { return aws.String("arn:aws:iam::" + l.id + ":user/" + l.mark) }

// peek is what an account sees of an operation that lists or gets, when it asks for what
// is another's (or its own).
type peek func(ctx context.Context, l, of landlord) (any, error)

// about calls an operation of IAM with what it is asked about.
func about[I, O any](call func(*iam.Client, context.Context, *I, ...func(*iam.Options)) (*O, error), in func(of landlord) *I) peek {
	return func(ctx context.Context, l, of landlord) (any, error) { return seen(call(l.iam, ctx, in(of))) }
}

// seen is an answer, or nothing where there is an error.
func seen[O any](out *O, err error) (any, error) {
	if err != nil {
		return nil, err
	}
	return out, nil
}

// peeks has every operation of IAM and STS that lists, gets or simulates.
func peeks() map[string]peek {
	return map[string]peek{
		"iam.GetAccessKeyLastUsed": about((*iam.Client).GetAccessKeyLastUsed, func(of landlord) *iam.GetAccessKeyLastUsedInput {
			return &iam.GetAccessKeyLastUsedInput{AccessKeyId: &of.key}
		}),
		"iam.GetAccountSummary": func(ctx context.Context, l, _ landlord) (any, error) {
			return ask(ctx, l.iam.GetAccountSummary, nil, func(out *iam.GetAccountSummaryOutput) any {
				if out.SummaryMap["Users"] == l.users && out.SummaryMap["Roles"] == 1 && out.SummaryMap["Policies"] == 1 {
					return l.mark
				}
				return out.SummaryMap
			})
		},
		"iam.GetPolicy": about((*iam.Client).GetPolicy, func(of landlord) *iam.GetPolicyInput { return &iam.GetPolicyInput{PolicyArn: of.policy()} }),
		"iam.GetPolicyVersion": func(ctx context.Context, l, of landlord) (any, error) {
			return ask(ctx, l.iam.GetPolicyVersion, &iam.GetPolicyVersionInput{PolicyArn: of.policy(), VersionId: &of.version},
				func(out *iam.GetPolicyVersionOutput) any { return *out.PolicyVersion.Document })
		},
		"iam.GetRole": about((*iam.Client).GetRole, func(of landlord) *iam.GetRoleInput { return &iam.GetRoleInput{RoleName: of.name()} }),
		"iam.GetRolePolicy": about((*iam.Client).GetRolePolicy, func(of landlord) *iam.GetRolePolicyInput {
			return &iam.GetRolePolicyInput{RoleName: of.name(), PolicyName: of.name()}
		}),
		"iam.GetUser": about((*iam.Client).GetUser, func(of landlord) *iam.GetUserInput { return &iam.GetUserInput{UserName: of.name()} }),
		"iam.GetUserPolicy": about((*iam.Client).GetUserPolicy, func(of landlord) *iam.GetUserPolicyInput {
			return &iam.GetUserPolicyInput{UserName: of.name(), PolicyName: of.name()}
		}),
		"iam.ListAccessKeys": about((*iam.Client).ListAccessKeys, func(of landlord) *iam.ListAccessKeysInput {
			return &iam.ListAccessKeysInput{UserName: of.name()}
		}),
		"iam.ListAccountAliases": about((*iam.Client).ListAccountAliases, func(landlord) *iam.ListAccountAliasesInput { return nil }),
		"iam.ListAttachedRolePolicies": about((*iam.Client).ListAttachedRolePolicies, func(of landlord) *iam.ListAttachedRolePoliciesInput {
			return &iam.ListAttachedRolePoliciesInput{RoleName: of.name()}
		}),
		"iam.ListAttachedUserPolicies": about((*iam.Client).ListAttachedUserPolicies, func(of landlord) *iam.ListAttachedUserPoliciesInput {
			return &iam.ListAttachedUserPoliciesInput{UserName: of.name()}
		}),
		// AWS's own policies are everybody's; who has them is not.
		"iam.ListEntitiesForPolicy": func(ctx context.Context, l, of landlord) (any, error) {
			shared, err := l.iam.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: aws.String(account.AdministratorAccess)})
			if err != nil {
				return nil, err
			}
			own, err := l.iam.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: of.policy()})
			if err != nil {
				return show(shared), err
			}
			return show(shared) + show(own), nil
		},
		"iam.ListGroupsForUser": about((*iam.Client).ListGroupsForUser, func(of landlord) *iam.ListGroupsForUserInput {
			return &iam.ListGroupsForUserInput{UserName: of.name()}
		}),
		"iam.ListInstanceProfilesForRole": about((*iam.Client).ListInstanceProfilesForRole, func(of landlord) *iam.ListInstanceProfilesForRoleInput {
			return &iam.ListInstanceProfilesForRoleInput{RoleName: of.name()}
		}),
		"iam.ListPolicies": about((*iam.Client).ListPolicies, func(landlord) *iam.ListPoliciesInput { return nil }),
		"iam.ListPolicyTags": about((*iam.Client).ListPolicyTags, func(of landlord) *iam.ListPolicyTagsInput {
			return &iam.ListPolicyTagsInput{PolicyArn: of.policy()}
		}),
		"iam.ListPolicyVersions": func(ctx context.Context, l, of landlord) (any, error) {
			return ask(ctx, l.iam.ListPolicyVersions, &iam.ListPolicyVersionsInput{PolicyArn: of.policy()}, func(out *iam.ListPolicyVersionsOutput) any {
				return of.mark + " " + *out.Versions[0].VersionId
			})
		},
		"iam.ListRolePolicies": about((*iam.Client).ListRolePolicies, func(of landlord) *iam.ListRolePoliciesInput {
			return &iam.ListRolePoliciesInput{RoleName: of.name()}
		}),
		"iam.ListRoleTags": about((*iam.Client).ListRoleTags, func(of landlord) *iam.ListRoleTagsInput { return &iam.ListRoleTagsInput{RoleName: of.name()} }),
		"iam.ListRoles":    about((*iam.Client).ListRoles, func(landlord) *iam.ListRolesInput { return nil }),
		"iam.ListUserPolicies": about((*iam.Client).ListUserPolicies, func(of landlord) *iam.ListUserPoliciesInput {
			return &iam.ListUserPoliciesInput{UserName: of.name()}
		}),
		"iam.ListUserTags": about((*iam.Client).ListUserTags, func(of landlord) *iam.ListUserTagsInput { return &iam.ListUserTagsInput{UserName: of.name()} }),
		"iam.ListUsers":    about((*iam.Client).ListUsers, func(landlord) *iam.ListUsersInput { return nil }),
		"iam.SimulatePrincipalPolicy": func(ctx context.Context, l, of landlord) (any, error) {
			return ask(ctx, l.iam.SimulatePrincipalPolicy, &iam.SimulatePrincipalPolicyInput{PolicySourceArn: of.user(), ActionNames: []string{"ses:SendEmail"}},
				func(out *iam.SimulatePrincipalPolicyOutput) any {
					return of.mark + " " + string(out.EvaluationResults[0].EvalDecision)
				})
		},
		"sts.GetCallerIdentity": func(ctx context.Context, l, _ landlord) (any, error) { return seen(l.sts.GetCallerIdentity(ctx, nil)) },
		// Whose session it is shows when it is used.
		"sts.GetSessionToken": func(ctx context.Context, l, _ landlord) (any, error) {
			return ask(ctx, l.sts.GetSessionToken, nil, func(out *sts.GetSessionTokenOutput) any {
				who, err := sts.New(l.sts.Options(), func(o *sts.Options) { o.Credentials = with(out.Credentials).provider() }).GetCallerIdentity(ctx, nil)
				if err != nil {
					return err
				}
				return *who.Arn
			})
		},
	}
}

// empty are the operations that answer with nothing in this server: there are no groups,
// instance profiles and aliases. Those with a name still must not know another's.
var empty = map[string]bool{"iam.ListAccountAliases": true, "iam.ListGroupsForUser": true, "iam.ListInstanceProfilesForRole": true}

// landlords makes two accounts that have something of every kind.
func (w *world) landlords(t *testing.T) []landlord {
	t.Helper()
	var all []landlord
	for n, id := range []string{"345678901234", "456789012345"} {
		l := landlord{id: id, mark: []string{"landlord0", "landlord1"}[n]}
		c, err := w.accounts.CreateUser(t.Context(), account.NewUser{
			Account: id, Name: l.mark, Tags: []account.Tag{{Key: l.mark, Value: l.mark}}, Policies: []string{account.AdministratorAccess},
		})
		must(t, err)
		signs := who{key: c.KeyID, secret: c.Secret, region: region}
		l.key, l.iam, l.sts = c.KeyID, w.iamClient(signs), w.stsClient(signs)
		l.fill(t, n)
		all = append(all, l)
	}
	return all
}

// fill makes a resource of every kind, and n more users and versions of the policy.
func (l *landlord) fill(t *testing.T, n int) {
	t.Helper()
	ctx, name := t.Context(), l.name()
	tags := []types.Tag{{Key: name, Value: name}}
	trust := aws.String(strings.Replace(trustPolicy, accountID, l.id, 1))
	document := aws.String(strings.Replace(sendPolicy, `{"Effect"`, `{"Sid":"`+l.mark+`","Effect"`, 1))
	done(l.iam.CreateRole(ctx, &iam.CreateRoleInput{RoleName: name, AssumeRolePolicyDocument: trust, Tags: tags}))(t)
	done(l.iam.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: name, PolicyDocument: document, Tags: tags}))(t)
	done(l.iam.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: name, PolicyArn: l.policy()}))(t)
	done(l.iam.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: l.policy()}))(t)
	done(l.iam.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: name, PolicyDocument: document}))(t)
	done(l.iam.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: name, PolicyDocument: document}))(t)
	l.version, l.users = "v1", 1
	for range n {
		done(l.iam.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String(l.mark + "-more")}))(t)
		l.users++
		v := done(l.iam.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: l.policy(), PolicyDocument: document, SetAsDefault: true}))(t)
		l.version = *v.PolicyVersion.VersionId
	}
}

// TestNobodySeesWhoIsInAnotherAccount walks every operation of IAM and STS that lists or
// gets. IAM's names hold within an account: one that is asked for what is another's finds
// nothing.
func TestNobodySeesWhoIsInAnotherAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	landlords := w.landlords(t)
	all, err := services()
	must(t, err)
	walked := peeks()
	for _, b := range []api.Binding{api.Bind(all[2], &apiiam.API{}), api.Bind(all[3], &apists.API{})} {
		for _, op := range b.Service.Operations() {
			name := b.Service.Name() + "." + op.Name
			if !reads(op.Name) || !b.Implements(op.Name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				see := walked[name]
				if see == nil {
					t.Fatal("it is not in peeks: this test has to walk every operation that lists or gets")
				}
				for _, l := range landlords {
					for _, of := range landlords {
						l.sees(t, see, of, empty[name])
					}
				}
			})
		}
	}
}

// reads reports whether an operation of IAM or STS shows something. SimulateCustomPolicy
// is asked about the policies that it is given, and knows no account.
func reads(op string) bool {
	return strings.HasPrefix(op, "Get") || strings.HasPrefix(op, "List") || op == "SimulatePrincipalPolicy"
}

// sees checks what l sees when it asks for what is of's.
func (l landlord) sees(t *testing.T, see peek, of landlord, empty bool) {
	t.Helper()
	out, err := see(t.Context(), l, of)
	text := ""
	if out != nil {
		text = show(out)
	}
	if err != nil {
		if got := refused(t, err); l.mark == of.mark || got.status != 404 && got.status != 403 {
			t.Errorf("%s of %s: %v", l.mark, of.mark, err)
		}
	}
	if l.mark == of.mark && !empty && !strings.Contains(text, l.mark) {
		t.Errorf("%s does not see its own: %s", l.mark, text)
	}
	for _, secret := range []string{"landlord0", "landlord1", "345678901234", "456789012345", of.key} {
		own := secret == l.mark || secret == l.id || secret == l.key
		if !own && strings.Contains(text, secret) {
			t.Errorf("%s sees %s: %s", l.mark, secret, text)
		}
	}
}
