// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/edge/api"
)

func (w *world) iamClient(i who) *iam.Client {
	return iam.New(iam.Options{
		BaseEndpoint: &w.server.URL, Region: i.region, Credentials: i.provider(), Retryer: aws.NopRetryer{}, HTTPClient: w.server.Client(),
	})
}

const (
	sendPolicy  = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ses:Send*","Resource":"*"}]}`
	denyPolicy  = `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"ses:SendRawEmail","Resource":"*"}}`
	trustPolicy = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"123456789012"},"Action":"sts:AssumeRole"}]}`
)

// done ends the test if a call failed.
func done[T any](out T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
}

// same compares what was read back, field by field.
func same(t testing.TB, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("\ngot  %s\nwant %s", show(got), show(want))
	}
}

func decoded(t testing.TB, document *string) string {
	t.Helper()
	if document == nil || strings.ContainsAny(*document, `{"+ `) {
		t.Errorf("the document is not percent-encoded: %v", aws.ToString(document))
		return ""
	}
	text, err := url.PathUnescape(*document)
	if err != nil {
		t.Error(err)
	}
	return text
}

func TestIAMUsers(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	now := w.clock.Now().UTC().Truncate(time.Second)
	tags := []types.Tag{{Key: aws.String("Team"), Value: aws.String("mail + news")}, {Key: aws.String("empty"), Value: aws.String("")}}

	made := done(c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice"), Path: aws.String("/team/"), Tags: tags}))(t).User
	if !strings.HasPrefix(*made.UserId, "AIDA") {
		t.Errorf("id %s", *made.UserId)
	}
	want := &types.User{
		UserName: aws.String("alice"), UserId: made.UserId, Path: aws.String("/team/"), Arn: aws.String("arn:aws:iam::123456789012:user/team/alice"),
		CreateDate: &now, Tags: tags,
	}
	same(t, made, want)
	same(t, done(c.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("alice")}))(t).User, want)
	same(t, *done(c.GetUser(ctx, nil))(t).User.UserName, "tester")

	listed := *want
	listed.Tags = nil
	same(t, done(c.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: aws.String("/team/")}))(t).Users, []types.User{listed})
	same(t, len(done(c.ListUsers(ctx, &iam.ListUsersInput{PathPrefix: aws.String("/none/")}))(t).Users), 0)

	done(c.TagUser(ctx, &iam.TagUserInput{UserName: aws.String("alice"), Tags: []types.Tag{{Key: aws.String("team"), Value: aws.String("x")}}}))(t)
	done(c.UntagUser(ctx, &iam.UntagUserInput{UserName: aws.String("alice"), TagKeys: []string{"EMPTY", "unknown"}}))(t)
	same(t, done(c.ListUserTags(ctx, &iam.ListUserTagsInput{UserName: aws.String("alice")}))(t).Tags,
		[]types.Tag{{Key: aws.String("team"), Value: aws.String("x")}})

	done(c.UpdateUser(ctx, &iam.UpdateUserInput{UserName: aws.String("alice"), NewUserName: aws.String("eve"), NewPath: aws.String("/")}))(t)
	got := done(c.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("eve")}))(t).User
	same(t, []string{*got.Arn, *got.UserId}, []string{"arn:aws:iam::123456789012:user/eve", *made.UserId})
	same(t, done(c.ListGroupsForUser(ctx, &iam.ListGroupsForUserInput{UserName: aws.String("eve")}))(t).Groups, []types.Group{})
	done(c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("eve")}))(t)
	_, err := c.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("eve")})
	isA[*types.NoSuchEntityException](t, err)
	wantRefusal(t, err, refusal{404, "NoSuchEntity", "The user with name eve cannot be found."})
}

func TestIAMAccessKeys(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	now := w.clock.Now().UTC().Truncate(time.Second)
	done(c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice")}))(t)
	key := done(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")}))(t).AccessKey
	same(t, key, &types.AccessKey{
		AccessKeyId: key.AccessKeyId, SecretAccessKey: key.SecretAccessKey, UserName: aws.String("alice"), Status: types.StatusTypeActive, CreateDate: &now,
	})
	used := done(c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId}))(t)
	same(t, used.AccessKeyLastUsed, &types.AccessKeyLastUsed{ServiceName: aws.String("N/A"), Region: aws.String("N/A")})

	done(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: aws.String(account.SESFullAccess)}))(t)
	alice := who{key: *key.AccessKeyId, secret: *key.SecretAccessKey, region: "eu-west-1"}
	done(w.sesClient(alice).GetSendQuota(ctx, &ses.GetSendQuotaInput{}))(t)
	used = done(c.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: key.AccessKeyId}))(t)
	same(t, *used.UserName, "alice")
	same(t, used.AccessKeyLastUsed, &types.AccessKeyLastUsed{LastUsedDate: &now, ServiceName: aws.String("ses"), Region: aws.String("eu-west-1")})

	done(c.UpdateAccessKey(ctx, &iam.UpdateAccessKeyInput{UserName: aws.String("alice"), AccessKeyId: key.AccessKeyId, Status: types.StatusTypeInactive}))(t)
	same(t, done(c.ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("alice")}))(t).AccessKeyMetadata,
		[]types.AccessKeyMetadata{{AccessKeyId: key.AccessKeyId, UserName: aws.String("alice"), Status: types.StatusTypeInactive, CreateDate: &now}})
	_, err := w.sesClient(alice).GetSendQuota(ctx, &ses.GetSendQuotaInput{})
	wantRefusal(t, err, refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."})

	done(c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")}))(t)
	_, err = c.CreateAccessKey(ctx, &iam.CreateAccessKeyInput{UserName: aws.String("alice")})
	isA[*types.LimitExceededException](t, err)
	wantRefusal(t, err, refusal{409, "LimitExceeded", "Cannot exceed quota for AccessKeysPerUser: 2"})
	done(c.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("alice"), AccessKeyId: key.AccessKeyId}))(t)
	_, err = c.DeleteAccessKey(ctx, &iam.DeleteAccessKeyInput{UserName: aws.String("alice"), AccessKeyId: key.AccessKeyId})
	wantRefusal(t, err, refusal{404, "NoSuchEntity", "The Access Key with id " + *key.AccessKeyId + " cannot be found."})

	mine := done(c.ListAccessKeys(ctx, nil))(t).AccessKeyMetadata
	same(t, []string{*mine[0].AccessKeyId, *mine[0].UserName}, []string{keyID, "tester"})
}

func TestIAMRoles(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	now := w.clock.Now().UTC().Truncate(time.Second)
	tags := []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	name := aws.String("mailer")
	made := done(c.CreateRole(ctx, &iam.CreateRoleInput{
		RoleName: name, Path: aws.String("/app/"), AssumeRolePolicyDocument: aws.String(trustPolicy), Description: aws.String("sends"),
		MaxSessionDuration: aws.Int32(7200), Tags: tags,
	}))(t).Role
	same(t, decoded(t, made.AssumeRolePolicyDocument), trustPolicy)
	want := &types.Role{
		RoleName: name, RoleId: made.RoleId, Path: aws.String("/app/"), Arn: aws.String("arn:aws:iam::123456789012:role/app/mailer"), CreateDate: &now,
		AssumeRolePolicyDocument: made.AssumeRolePolicyDocument, Description: aws.String("sends"), MaxSessionDuration: aws.Int32(7200), Tags: tags,
	}
	same(t, made, want)
	want.RoleLastUsed = &types.RoleLastUsed{}
	same(t, done(c.GetRole(ctx, &iam.GetRoleInput{RoleName: name}))(t).Role, want)
	same(t, *done(c.ListRoles(ctx, &iam.ListRolesInput{PathPrefix: aws.String("/app/")}))(t).Roles[0].RoleName, "mailer")

	done(c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: name, Description: aws.String("new"), MaxSessionDuration: aws.Int32(3600)}))(t)
	other := strings.Replace(trustPolicy, accountID, "210987654321", 1)
	done(c.UpdateAssumeRolePolicy(ctx, &iam.UpdateAssumeRolePolicyInput{RoleName: name, PolicyDocument: &other}))(t)
	got := done(c.GetRole(ctx, &iam.GetRoleInput{RoleName: name}))(t).Role
	same(t, []any{*got.Description, *got.MaxSessionDuration, decoded(t, got.AssumeRolePolicyDocument)}, []any{"new", int32(3600), other})
	same(t, *done(c.UpdateRoleDescription(ctx, &iam.UpdateRoleDescriptionInput{RoleName: name, Description: aws.String("newer")}))(t).Role.Description, "newer")

	done(c.TagRole(ctx, &iam.TagRoleInput{RoleName: name, Tags: []types.Tag{{Key: aws.String("c"), Value: aws.String("d")}}}))(t)
	done(c.UntagRole(ctx, &iam.UntagRoleInput{RoleName: name, TagKeys: []string{"a"}}))(t)
	same(t, done(c.ListRoleTags(ctx, &iam.ListRoleTagsInput{RoleName: name}))(t).Tags, []types.Tag{{Key: aws.String("c"), Value: aws.String("d")}})
	same(t, done(c.ListInstanceProfilesForRole(ctx, &iam.ListInstanceProfilesForRoleInput{RoleName: name}))(t).InstanceProfiles, []types.InstanceProfile{})

	done(c.PutRolePolicy(ctx, &iam.PutRolePolicyInput{RoleName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(sendPolicy)}))(t)
	inline := done(c.GetRolePolicy(ctx, &iam.GetRolePolicyInput{RoleName: name, PolicyName: aws.String("p")}))(t)
	same(t, []string{*inline.RoleName, *inline.PolicyName, decoded(t, inline.PolicyDocument)}, []string{"mailer", "p", sendPolicy})
	same(t, done(c.ListRolePolicies(ctx, &iam.ListRolePoliciesInput{RoleName: name}))(t).PolicyNames, []string{"p"})
	done(c.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: name, PolicyArn: aws.String(account.SESReadOnlyAccess)}))(t)
	same(t, done(c.ListAttachedRolePolicies(ctx, &iam.ListAttachedRolePoliciesInput{RoleName: name}))(t).AttachedPolicies,
		[]types.AttachedPolicy{{PolicyName: aws.String("AmazonSESReadOnlyAccess"), PolicyArn: aws.String(account.SESReadOnlyAccess)}})

	_, err := c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	isA[*types.DeleteConflictException](t, err)
	wantRefusal(t, err, refusal{409, "DeleteConflict", "Cannot delete entity, must delete policies first."})
	done(c.DeleteRolePolicy(ctx, &iam.DeleteRolePolicyInput{RoleName: name, PolicyName: aws.String("p")}))(t)
	_, err = c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name})
	wantRefusal(t, err, refusal{409, "DeleteConflict", "Cannot delete entity, must detach all policies first."})
	done(c.DetachRolePolicy(ctx, &iam.DetachRolePolicyInput{RoleName: name, PolicyArn: aws.String(account.SESReadOnlyAccess)}))(t)
	done(c.DeleteRole(ctx, &iam.DeleteRoleInput{RoleName: name}))(t)
	_, err = c.GetRole(ctx, &iam.GetRoleInput{RoleName: name})
	wantRefusal(t, err, refusal{404, "NoSuchEntity", "The role with name mailer cannot be found."})
}

func TestIAMManagedPolicies(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	now := w.clock.Now().UTC().Truncate(time.Second)
	tags := []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}}
	made := done(c.CreatePolicy(ctx, &iam.CreatePolicyInput{
		PolicyName: aws.String("Send"), Path: aws.String("/mail/"), Description: aws.String("may send"), PolicyDocument: aws.String(sendPolicy), Tags: tags,
	}))(t).Policy
	arn := aws.String("arn:aws:iam::123456789012:policy/mail/Send")
	want := &types.Policy{
		PolicyName: aws.String("Send"), PolicyId: made.PolicyId, Path: aws.String("/mail/"), Arn: arn, DefaultVersionId: aws.String("v1"),
		AttachmentCount: aws.Int32(0), PermissionsBoundaryUsageCount: aws.Int32(0), IsAttachable: true, CreateDate: &now, UpdateDate: &now, Tags: tags,
	}
	same(t, made, want)
	want.Description = aws.String("may send")
	same(t, done(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn}))(t).Policy, want)

	done(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("tester"), PolicyArn: arn}))(t)
	attached := done(c.ListAttachedUserPolicies(ctx, &iam.ListAttachedUserPoliciesInput{UserName: aws.String("tester"), PathPrefix: aws.String("/mail/")}))(t)
	same(t, attached.AttachedPolicies, []types.AttachedPolicy{{PolicyName: aws.String("Send"), PolicyArn: arn}})
	user := done(c.GetUser(ctx, nil))(t).User
	entities := done(c.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: arn}))(t)
	same(t, entities.PolicyUsers, []types.PolicyUser{{UserName: user.UserName, UserId: user.UserId}})
	same(t, len(done(c.ListEntitiesForPolicy(ctx, &iam.ListEntitiesForPolicyInput{PolicyArn: arn, EntityFilter: types.EntityTypeRole}))(t).PolicyUsers), 0)
	local := done(c.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal, OnlyAttached: true}))(t).Policies
	listed := *want
	listed.Tags, listed.Description, listed.AttachmentCount = nil, nil, aws.Int32(1)
	same(t, local, []types.Policy{listed})
	same(t, len(done(c.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeAws}))(t).Policies), 7)

	v := done(c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(denyPolicy), SetAsDefault: true}))(t).PolicyVersion
	same(t, v, &types.PolicyVersion{VersionId: aws.String("v2"), IsDefaultVersion: true, CreateDate: &now})
	read := done(c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")}))(t).PolicyVersion
	same(t, decoded(t, read.Document), denyPolicy)
	same(t, done(c.ListPolicyVersions(ctx, &iam.ListPolicyVersionsInput{PolicyArn: arn}))(t).Versions, []types.PolicyVersion{
		{VersionId: aws.String("v2"), IsDefaultVersion: true, CreateDate: &now}, {VersionId: aws.String("v1"), CreateDate: &now},
	})
	_, err := c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")})
	wantRefusal(t, err, refusal{409, "DeleteConflict", "Cannot delete the default version of a policy."})
	done(c.SetDefaultPolicyVersion(ctx, &iam.SetDefaultPolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v1")}))(t)
	same(t, *done(c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn}))(t).Policy.DefaultVersionId, "v1")
	done(c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v2")}))(t)
	same(t, *done(c.CreatePolicyVersion(ctx, &iam.CreatePolicyVersionInput{PolicyArn: arn, PolicyDocument: aws.String(denyPolicy)}))(t).PolicyVersion.VersionId, "v3")

	done(c.TagPolicy(ctx, &iam.TagPolicyInput{PolicyArn: arn, Tags: []types.Tag{{Key: aws.String("c"), Value: aws.String("d")}}}))(t)
	done(c.UntagPolicy(ctx, &iam.UntagPolicyInput{PolicyArn: arn, TagKeys: []string{"a"}}))(t)
	same(t, done(c.ListPolicyTags(ctx, &iam.ListPolicyTagsInput{PolicyArn: arn}))(t).Tags, []types.Tag{{Key: aws.String("c"), Value: aws.String("d")}})

	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	wantRefusal(t, err, refusal{409, "DeleteConflict", "Cannot delete a policy attached to entities."})
	done(c.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("tester"), PolicyArn: arn}))(t)
	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn})
	isA[*types.DeleteConflictException](t, err)
	done(c.DeletePolicyVersion(ctx, &iam.DeletePolicyVersionInput{PolicyArn: arn, VersionId: aws.String("v3")}))(t)
	done(c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: arn}))(t)
	_, err = c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: arn})
	isA[*types.NoSuchEntityException](t, err)

	own := done(c.GetPolicyVersion(ctx, &iam.GetPolicyVersionInput{PolicyArn: aws.String(account.SESReadOnlyAccess), VersionId: aws.String("v1")}))(t).PolicyVersion
	same(t, decoded(t, own.Document), `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:Get*","ses:List*","ses:BatchGet*"],"Resource":"*"}]}`)
	_, err = c.DeletePolicy(ctx, &iam.DeletePolicyInput{PolicyArn: aws.String(account.SESFullAccess)})
	wantRefusal(t, err, refusal{403, "AccessDenied", "Policy is outside your own account."})
}

func TestIAMUserPolicies(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	name := aws.String("tester")
	done(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: name, PolicyName: aws.String("p"), PolicyDocument: aws.String(sendPolicy)}))(t)
	got := done(c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))(t)
	same(t, []string{*got.UserName, *got.PolicyName, decoded(t, got.PolicyDocument)}, []string{"tester", "p", sendPolicy})
	same(t, done(c.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name}))(t).PolicyNames, []string{"p"})
	done(c.DeleteUserPolicy(ctx, &iam.DeleteUserPolicyInput{UserName: name, PolicyName: aws.String("p")}))(t)
	_, err := c.GetUserPolicy(ctx, &iam.GetUserPolicyInput{UserName: name, PolicyName: aws.String("p")})
	wantRefusal(t, err, refusal{404, "NoSuchEntity", "The user policy with name p cannot be found."})
	same(t, done(c.ListUserPolicies(ctx, &iam.ListUserPoliciesInput{UserName: name}))(t).PolicyNames, []string{})
}

// TestIAMRefusals has each kind of refusal, by the SDK's type where it has one.
func TestIAMRefusals(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	done(c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustPolicy)}))(t)
	done(c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(sendPolicy)}))(t)
	put := func(name, document string) error {
		_, err := c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("tester"), PolicyName: &name, PolicyDocument: &document})
		return err
	}
	create := func(name string, change ...func(*iam.CreateUserInput)) error {
		in := &iam.CreateUserInput{UserName: &name}
		for _, c := range change {
			c(in)
		}
		_, err := c.CreateUser(ctx, in)
		return err
	}
	tagged := func(tags ...types.Tag) func(*iam.CreateUserInput) {
		return func(in *iam.CreateUserInput) { in.Tags = tags }
	}
	tag := func(key string) types.Tag { return types.Tag{Key: &key, Value: aws.String("")} }
	_, roleTaken := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("R"), AssumeRolePolicyDocument: aws.String(trustPolicy)})
	_, policyTaken := c.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(sendPolicy)})
	_, noTrust := c.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("x"), AssumeRolePolicyDocument: aws.String(sendPolicy)})
	_, noPolicy := c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("tester"), PolicyArn: aws.String("arn:aws:iam::aws:policy/Unknown")})
	_, others := c.GetPolicy(ctx, &iam.GetPolicyInput{PolicyArn: aws.String("arn:aws:iam::210987654321:policy/p")})
	_, keysLeft := c.DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("tester")})
	_, session := c.UpdateRole(ctx, &iam.UpdateRoleInput{RoleName: aws.String("r"), MaxSessionDuration: aws.Int32(60)})
	_, marker := c.ListUsers(ctx, &iam.ListUsersInput{Marker: aws.String("nonsense")})
	_, unbuilt := c.CreateGroup(ctx, &iam.CreateGroupInput{GroupName: aws.String("g")})
	long := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ses:*","Resource":"arn:aws:ses:*:*:identity/` + strings.Repeat("x", 2100) + `"}]}`
	for _, tc := range []struct {
		name string
		err  error
		want refusal
	}{
		{"a user's name is taken, in other letters", create("Tester"), refusal{409, "EntityAlreadyExists", "User with name Tester already exists."}},
		{"a role's name is taken, in other letters", roleTaken, refusal{409, "EntityAlreadyExists", "Role with name R already exists."}},
		{"a policy's name is taken", policyTaken, refusal{409, "EntityAlreadyExists", "A policy called p already exists. Duplicate names are not allowed."}},
		{"a name with a space", create("a b"), refusal{400, "ValidationError",
			"The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"}},
		{"a name that is too long", create(strings.Repeat("a", 65)), refusal{400, "ValidationError",
			"1 validation error detected: Value at 'userName' failed to satisfy constraint: Member must have length less than or equal to 64"}},
		{"a path without an end", create("x", func(in *iam.CreateUserInput) { in.Path = aws.String("/x") }), refusal{400, "ValidationError", ""}},
		{"a boundary, which would not hold", create("x", func(in *iam.CreateUserInput) { in.PermissionsBoundary = aws.String(account.SESFullAccess) }),
			refusal{501, "NotImplemented", "Permissions boundaries are not implemented by this server."}},
		{"the same tag twice", create("x", tagged(tag("a"), tag("A"))), refusal{400, "InvalidInput", "Duplicate tag keys found. Please note that Tag keys are case insensitive."}},
		{"a policy that is no JSON", put("x", "{"), refusal{400, "MalformedPolicyDocument", ""}},
		{"a policy with a principal", put("x", trustPolicy), refusal{400, "MalformedPolicyDocument", "Policy document should not specify a principal."}},
		{"a trust policy without a principal", noTrust, refusal{400, "MalformedPolicyDocument", "Missing required field Principal"}},
		{"an inline policy that is too long", put("x", long), refusal{409, "LimitExceeded", "Maximum policy size of 2048 bytes exceeded for user tester"}},
		{"a policy that is not there", noPolicy, refusal{404, "NoSuchEntity", "Policy arn:aws:iam::aws:policy/Unknown does not exist or is not attachable."}},
		{"another account's policy", others, refusal{404, "NoSuchEntity", "Policy arn:aws:iam::210987654321:policy/p does not exist or is not attachable."}},
		{"a user with keys", keysLeft, refusal{409, "DeleteConflict", "Cannot delete entity, must delete access keys first."}},
		{"a session that is too short", session, refusal{400, "ValidationError",
			"1 validation error detected: Value at 'maxSessionDuration' failed to satisfy constraint: Member must have value greater than or equal to 3600"}},
		{"a marker of nothing", marker, refusal{400, "ValidationError", "Invalid Marker."}},
		{"an operation that there is not", unbuilt, refusal{501, "NotImplemented", "The operation CreateGroup is not implemented by this server."}},
	} {
		t.Run(tc.name, func(t *testing.T) { wantRefusal(t, tc.err, tc.want) })
	}
	isA[*types.EntityAlreadyExistsException](t, roleTaken)
	isA[*types.MalformedPolicyDocumentException](t, noTrust)
	isA[*types.InvalidInputException](t, create("x", tagged(tag("a"), tag("A"))))
	isA[*types.LimitExceededException](t, put("x", long))
}

func TestIAMPages(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	want := []string{"tester"}
	for i := range 7 {
		name := fmt.Sprintf("user%d", i)
		done(c.CreateUser(ctx, &iam.CreateUserInput{UserName: &name}))(t)
		want = append(want, name)
	}
	var got []string
	pages := 0
	for p := iam.NewListUsersPaginator(c, &iam.ListUsersInput{MaxItems: aws.Int32(3)}); p.HasMorePages(); pages++ {
		for _, u := range done(p.NextPage(ctx))(t).Users {
			got = append(got, *u.UserName)
		}
	}
	slices.Sort(want)
	same(t, got, want)
	same(t, pages, 3)
	got = nil
	for p := iam.NewListPoliciesPaginator(c, &iam.ListPoliciesInput{MaxItems: aws.Int32(2)}); p.HasMorePages(); {
		for _, x := range done(p.NextPage(ctx))(t).Policies {
			got = append(got, *x.PolicyName)
		}
	}
	same(t, got, []string{"AdministratorAccess", "AmazonS3FullAccess", "AmazonS3ReadOnlyAccess", "AmazonSESFullAccess", "AmazonSESReadOnlyAccess", "IAMFullAccess", "IAMReadOnlyAccess"})
}

func TestIAMSimulators(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	done(c.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice")}))(t)
	done(c.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("alice"), PolicyName: aws.String("send"), PolicyDocument: aws.String(
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"ses:SendEmail","Resource":"*","Condition":{"StringLike":{"ses:FromAddress":"*@example.com"}}}]}`)}))(t)
	done(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("alice"), PolicyArn: aws.String(account.SESReadOnlyAccess)}))(t)
	in := &iam.SimulatePrincipalPolicyInput{
		PolicySourceArn: aws.String("arn:aws:iam::123456789012:user/alice"), PolicyInputList: []string{denyPolicy},
		ActionNames: []string{"ses:SendEmail", "ses:GetAccount", "ses:SendRawEmail", "ses:DeleteEmailIdentity"},
	}
	verdicts := func() (all []string) {
		p := iam.NewSimulatePrincipalPolicyPaginator(c, in, func(o *iam.SimulatePrincipalPolicyPaginatorOptions) { o.Limit = 3 })
		for p.HasMorePages() {
			for _, r := range done(p.NextPage(ctx))(t).EvaluationResults {
				by := ""
				for _, m := range r.MatchedStatements {
					by += " " + *m.SourcePolicyId
				}
				all = append(all, fmt.Sprintf("%s on %s: %s%s %v", *r.EvalActionName, *r.EvalResourceName, r.EvalDecision, by, r.MissingContextValues))
			}
		}
		return all
	}
	same(t, verdicts(), []string{
		"ses:SendEmail on *: implicitDeny [ses:fromaddress]",
		"ses:GetAccount on *: allowed AmazonSESReadOnlyAccess []",
		"ses:SendRawEmail on *: explicitDeny PolicyInputList.1 []",
		"ses:DeleteEmailIdentity on *: implicitDeny []",
	})
	in.ContextEntries = []types.ContextEntry{{
		ContextKeyName: aws.String("ses:FromAddress"), ContextKeyValues: []string{"a@example.com"}, ContextKeyType: types.ContextKeyTypeEnumString,
	}}
	in.PolicyExclusionList = []types.PolicyIdentifier{&types.PolicyIdentifierMemberPolicyArn{Value: account.SESReadOnlyAccess}}
	in.ActionNames = in.ActionNames[:2]
	same(t, verdicts(), []string{"ses:SendEmail on *: allowed user_alice_send []", "ses:GetAccount on *: implicitDeny []"})
	in.PolicyExclusionList = []types.PolicyIdentifier{&types.PolicyIdentifierMemberPolicyType{Value: types.PolicyIdentifierPolicyTypeInline}}
	same(t, verdicts(), []string{"ses:SendEmail on *: implicitDeny []", "ses:GetAccount on *: allowed AmazonSESReadOnlyAccess []"})

	custom := done(c.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{
		PolicyInputList: []string{sendPolicy}, ActionNames: []string{"ses:SendEmail"}, ResourceArns: []string{"arn:aws:ses:us-east-1:123456789012:identity/example.com"},
	}))(t)
	same(t, custom.EvaluationResults[0].EvalDecision, types.PolicyEvaluationDecisionTypeAllowed)
	_, err := c.SimulateCustomPolicy(ctx, &iam.SimulateCustomPolicyInput{PolicyInputList: []string{"{}"}, ActionNames: []string{"ses:SendEmail"}})
	isA[*types.InvalidInputException](t, err)
	in.PolicySourceArn = aws.String("arn:aws:iam::123456789012:user/nobody")
	_, err = c.SimulatePrincipalPolicy(ctx, in)
	isA[*types.NoSuchEntityException](t, err)
}

func TestIAMSummary(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	got := done(c.GetAccountSummary(ctx, nil))(t).SummaryMap
	same(t, []int32{got["Users"], got["AccessKeysPerUserQuota"], got["Policies"]}, []int32{1, 2, 0})
	same(t, done(c.ListAccountAliases(ctx, nil))(t).AccountAliases, []string{})
}

// TestIAMIsOfOneAccount has two accounts with users of one name.
func TestIAMIsOfOneAccount(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	cred := done(w.accounts.CreateUser(ctx, account.NewUser{Account: "210987654321", Name: "tester", Policies: []string{account.AdministratorAccess}}))(t)
	other := w.iamClient(who{key: cred.KeyID, secret: cred.Secret, region: region})
	mine := w.iamClient(tester())
	done(mine.CreateRole(ctx, &iam.CreateRoleInput{RoleName: aws.String("r"), AssumeRolePolicyDocument: aws.String(trustPolicy)}))(t)
	done(mine.CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: aws.String(sendPolicy)}))(t)
	done(mine.CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("alice")}))(t)
	same(t, len(done(other.ListUsers(ctx, nil))(t).Users), 1)
	same(t, len(done(other.ListRoles(ctx, nil))(t).Roles), 0)
	same(t, len(done(other.ListPolicies(ctx, &iam.ListPoliciesInput{Scope: types.PolicyScopeTypeLocal}))(t).Policies), 0)
	_, err := other.GetUser(ctx, &iam.GetUserInput{UserName: aws.String("alice")})
	isA[*types.NoSuchEntityException](t, err)
	_, err = other.GetAccessKeyLastUsed(ctx, &iam.GetAccessKeyLastUsedInput{AccessKeyId: aws.String(keyID)})
	isA[*types.NoSuchEntityException](t, err)
	_, err = other.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("tester"), PolicyArn: aws.String("arn:aws:iam::123456789012:policy/p")})
	isA[*types.NoSuchEntityException](t, err)
}

// decided is a world in which the real policies decide, and who has the given ones there.
func decided(t *testing.T) (w *world, of func(name, policy string) *iam.Client) {
	w = newWorld(t, func(s *settings) {
		s.change = func(o *api.Options) {
			accounts := o.Keys.(*account.Accounts)
			o.Access = access.New(access.Options{Policies: accounts, Organizations: accounts, Clock: o.Clock})
		}
	})
	return w, func(name, policy string) *iam.Client {
		t.Helper()
		c := done(w.accounts.CreateUser(context.Background(), account.NewUser{Account: accountID, Name: name}))(t)
		if err := w.accounts.PutInline(context.Background(), account.Entity{Account: accountID, Kind: account.KindUser, Name: name}, "own", policy); err != nil {
			t.Fatal(err)
		}
		return w.iamClient(who{key: c.KeyID, secret: c.Secret, region: region})
	}
}

func TestIAMUpdateUserNeedsPermissionOnTheUserAsItWillBe(t *testing.T) {
	t.Parallel()
	w, of := decided(t)
	ctx := context.Background()
	c := of("clerk", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:UpdateUser","Resource":"arn:aws:iam::*:user/staff/*"}]}`)
	done(w.iamClient(tester()).CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("bob"), Path: aws.String("/staff/")}))(t)
	_, err := c.UpdateUser(ctx, &iam.UpdateUserInput{UserName: aws.String("bob"), NewPath: aws.String("/admins/"), NewUserName: aws.String("root")})
	wantRefusal(t, err, refusal{403, "AccessDenied",
		"User: arn:aws:iam::123456789012:user/clerk is not authorized to perform: iam:UpdateUser on resource: arn:aws:iam::123456789012:user/admins/root"})
	_, err = c.UpdateUser(ctx, &iam.UpdateUserInput{UserName: aws.String("clerk"), NewPath: aws.String("/staff/")})
	wantRefusal(t, err, refusal{403, "AccessDenied",
		"User: arn:aws:iam::123456789012:user/clerk is not authorized to perform: iam:UpdateUser on resource: arn:aws:iam::123456789012:user/clerk"})
	done(c.UpdateUser(ctx, &iam.UpdateUserInput{UserName: aws.String("bob"), NewUserName: aws.String("robert")}))(t)
}

func TestIAMADenyOfAttachingAPolicyIsNotDisarmed(t *testing.T) {
	t.Parallel()
	_, of := decided(t)
	ctx := context.Background()
	c := of("clerk", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"},
		{"Effect":"Deny","Action":["iam:AttachUserPolicy","iam:DetachUserPolicy"],"Resource":"*","Condition":{"ArnEquals":{"iam:PolicyARN":"`+account.AdministratorAccess+`"}}}]}`)
	_, err := c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("clerk"), PolicyArn: aws.String(account.AdministratorAccess)})
	same(t, refused(t, err).code, "AccessDenied")
	_, err = c.DetachUserPolicy(ctx, &iam.DetachUserPolicyInput{UserName: aws.String("clerk"), PolicyArn: aws.String(account.AdministratorAccess)})
	same(t, refused(t, err).code, "AccessDenied")
	done(c.AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("clerk"), PolicyArn: aws.String(account.SESReadOnlyAccess)}))(t)
}

func TestIAMPoliciesWithKeysThatNoRequestHasAreRefused(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	tagged := `{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/team":"x"}}}}`
	_, err := w.iamClient(tester()).CreatePolicy(ctx, &iam.CreatePolicyInput{PolicyName: aws.String("p"), PolicyDocument: &tagged})
	wantRefusal(t, err, refusal{400, "MalformedPolicyDocument", ""})
	_, err = w.iamClient(tester()).PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("tester"), PolicyName: aws.String("p"), PolicyDocument: &tagged})
	wantRefusal(t, err, refusal{400, "MalformedPolicyDocument", ""})
}

func TestIAMTheInputOfASimulationIsBounded(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	long := strings.Replace(sendPolicy, ":", ":"+strings.Repeat(" ", 30_000), 1)
	in := &iam.SimulateCustomPolicyInput{PolicyInputList: slices.Repeat([]string{long}, 8), ActionNames: []string{"ses:SendEmail"}}
	done(w.iamClient(tester()).SimulateCustomPolicy(ctx, in))(t)
	in.PolicyInputList = append(in.PolicyInputList, long)
	_, err := w.iamClient(tester()).SimulateCustomPolicy(ctx, in)
	isA[*types.InvalidInputException](t, err)
}

// TestIAMPoliciesDecide has users with real policies at the door.
func TestIAMPoliciesDecide(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, func(s *settings) {
		s.change = func(o *api.Options) {
			accounts := o.Keys.(*account.Accounts)
			o.Access = access.New(access.Options{Policies: accounts, Organizations: accounts, Clock: o.Clock})
		}
	}), context.Background()
	admin := w.iamClient(tester())
	of := func(name string, policies ...string) who {
		c := done(w.accounts.CreateUser(ctx, account.NewUser{Account: accountID, Name: name, Path: "/team/", Policies: policies}))(t)
		return who{key: c.KeyID, secret: c.Secret, region: region}
	}
	reader, nobody := of("reader", account.IAMReadOnlyAccess), of("nobody")
	done(w.iamClient(reader).ListUsers(ctx, nil))(t)
	_, err := w.iamClient(reader).CreateUser(ctx, &iam.CreateUserInput{UserName: aws.String("x"), Path: aws.String("/p/")})
	wantRefusal(t, err, refusal{403, "AccessDenied",
		"User: arn:aws:iam::123456789012:user/team/reader is not authorized to perform: iam:CreateUser on resource: arn:aws:iam::123456789012:user/p/x"})
	_, err = w.iamClient(nobody).GetUser(ctx, nil)
	wantRefusal(t, err, refusal{403, "AccessDenied",
		"User: arn:aws:iam::123456789012:user/team/nobody is not authorized to perform: iam:GetUser on resource: arn:aws:iam::123456789012:user/team/nobody"})
	_, err = w.iamClient(nobody).ListUsers(ctx, nil)
	wantRefusal(t, err, refusal{403, "AccessDenied", "User: arn:aws:iam::123456789012:user/team/nobody is not authorized to perform: iam:ListUsers on resource: *"})
	done(w.stsClient(nobody).GetCallerIdentity(ctx, nil))(t)

	own := `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:*AccessKey*","iam:GetUser"],"Resource":"arn:aws:iam::*:user/team/${aws:username}"}]}`
	done(admin.PutUserPolicy(ctx, &iam.PutUserPolicyInput{UserName: aws.String("nobody"), PolicyName: aws.String("own"), PolicyDocument: &own}))(t)
	done(w.iamClient(nobody).ListAccessKeys(ctx, nil))(t)
	_, err = w.iamClient(nobody).ListAccessKeys(ctx, &iam.ListAccessKeysInput{UserName: aws.String("reader")})
	isA[*smithy.GenericAPIError](t, err)
	_, err = w.iamClient(nobody).AttachUserPolicy(ctx, &iam.AttachUserPolicyInput{UserName: aws.String("nobody"), PolicyArn: aws.String(account.AdministratorAccess)})
	wantRefusal(t, err, refusal{403, "AccessDenied",
		"User: arn:aws:iam::123456789012:user/team/nobody is not authorized to perform: iam:AttachUserPolicy on resource: arn:aws:iam::123456789012:user/team/nobody"})

	session := done(w.stsClient(reader).GetSessionToken(ctx, nil))(t).Credentials
	done(w.iamClient(with(session)).ListUsers(ctx, nil))(t)
	_, err = w.iamClient(with(session)).DeleteUser(ctx, &iam.DeleteUserInput{UserName: aws.String("nobody")})
	same(t, refused(t, err).code, "AccessDenied")

	narrow := done(w.stsClient(tester()).AssumeRole(ctx, &sts.AssumeRoleInput{
		RoleArn: w.role(t, "ops", trustPolicy), RoleSessionName: aws.String("s1"),
		Policy: aws.String(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListRoles","Resource":"*"}]}`),
	}))(t).Credentials
	ops := w.iamClient(with(narrow))
	_, err = ops.ListRoles(ctx, nil)
	wantRefusal(t, err, refusal{403, "AccessDenied", "User: arn:aws:sts::123456789012:assumed-role/ops/s1 is not authorized to perform: iam:ListRoles on resource: *"})
	done(admin.AttachRolePolicy(ctx, &iam.AttachRolePolicyInput{RoleName: aws.String("ops"), PolicyArn: aws.String(account.AdministratorAccess)}))(t)
	done(ops.ListRoles(ctx, nil))(t)
	_, err = ops.ListUsers(ctx, nil)
	same(t, refused(t, err).code, "AccessDenied")
}

// TestEveryOperationOfIAMIsInAProgram looks for the operations of IAM and STS in the program for
// the SDK for JavaScript, which sets and reads back all that there is.
func TestEveryOperationOfIAMIsInAProgram(t *testing.T) {
	t.Parallel()
	program, err := os.ReadFile(filepath.Join(clientsFolder, "scripts", "iam.mjs"))
	must(t, err)
	all, err := services()
	must(t, err)
	for _, service := range all[2:] {
		for _, op := range service.Operations() {
			if implemented(service.Name(), op.Name) && !strings.Contains(string(program), `"`+op.Name+`"`) {
				t.Errorf("%s.%s is not called", service.Name(), op.Name)
			}
		}
	}
}
