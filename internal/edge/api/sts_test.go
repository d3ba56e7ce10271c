// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"sesame/internal/core/account"
	"sesame/internal/proto/smtpcred"
)

func (w *world) stsClient(i who) *sts.Client {
	return sts.New(sts.Options{
		BaseEndpoint: &w.server.URL, Region: i.region, Credentials: i.provider(), Retryer: aws.NopRetryer{}, HTTPClient: w.server.Client(),
	})
}

// with is who signs with temporary credentials.
func with(c *types.Credentials) who {
	return who{key: *c.AccessKeyId, secret: *c.SecretAccessKey, token: *c.SessionToken, region: region}
}

const thief = "210987654321" // another account

// role makes a role with a trust policy in the tester's account and returns its ARN.
func (w *world) role(t testing.TB, name, trust string) *string {
	t.Helper()
	r := done(w.accounts.CreateRole(context.Background(), account.Role{Account: accountID, Name: name, Path: "/app/", Trust: trust}))(t)
	return aws.String(r.ARN())
}

func TestCallerIdentity(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	me := tester()
	me.region = "ap-south-1" // STS is everywhere
	got := done(w.stsClient(me).GetCallerIdentity(ctx, nil))(t)
	user := done(w.accounts.User(ctx, accountID, "tester"))(t)
	same(t, []string{*got.Account, *got.Arn, *got.UserId}, []string{accountID, "arn:aws:iam::123456789012:user/tester", user.ID})
	_, err := w.stsClient(who{key: "AKIAUNKNOWNUNKNOWN00", secret: "x", region: region}).GetCallerIdentity(ctx, nil)
	wantRefusal(t, err, refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."})
}

func TestTemporaryCredentialsSignEveryAPI(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := done(w.stsClient(tester()).GetSessionToken(ctx, &sts.GetSessionTokenInput{DurationSeconds: aws.Int32(900)}))(t).Credentials
	if !strings.HasPrefix(*c.AccessKeyId, "ASIA") || !c.Expiration.Equal(w.clock.Now().Add(15*time.Minute).Truncate(time.Second)) {
		t.Errorf("%s until %s", *c.AccessKeyId, c.Expiration)
	}
	session := with(c)
	done(w.sesClient(session).GetSendQuota(ctx, nil))(t)
	done(w.sesv2Client(session).GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String(verified)}))(t)
	same(t, *done(w.iamClient(session).GetUser(ctx, nil))(t).User.UserName, "tester")
	same(t, *done(w.stsClient(session).GetCallerIdentity(ctx, nil))(t).Arn, "arn:aws:iam::123456789012:user/tester")
	_, err := w.stsClient(session).GetSessionToken(ctx, nil)
	wantRefusal(t, err, refusal{403, "AccessDenied", "Cannot call GetSessionToken with session credentials"})
	if _, err := w.accounts.SMTP(ctx, session.key, smtpcred.Password(session.secret, region), region); err == nil {
		t.Error("temporary credentials log in over SMTP")
	}
}

func TestTemporaryCredentialsThatAreRefused(t *testing.T) {
	t.Parallel()
	invalid := refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."}
	for name, tc := range map[string]struct {
		change func(t *testing.T, w *world, i *who)
		want   refusal
	}{
		"no token":             {func(_ *testing.T, _ *world, i *who) { i.token = "" }, invalid},
		"a token that is none": {func(_ *testing.T, _ *world, i *who) { i.token = "nonsense" }, invalid},
		"a token that was changed": {func(_ *testing.T, _ *world, i *who) {
			i.token = i.token[:40] + string(i.token[40]^1) + i.token[41:]
		}, invalid},
		"another session's token": {func(t *testing.T, w *world, i *who) {
			i.token = *done(w.stsClient(tester()).GetSessionToken(context.Background(), nil))(t).Credentials.SessionToken
		}, invalid},
		"a token with a permanent key": {func(_ *testing.T, _ *world, i *who) { i.key, i.secret = keyID, secretKey }, invalid},
		"another secret":               {func(_ *testing.T, _ *world, i *who) { i.secret = secretKey }, refusal{403, "SignatureDoesNotMatch", ""}},
		"the time is over": {func(_ *testing.T, w *world, _ *who) { w.clock.Advance(2 * time.Minute) },
			refusal{403, "ExpiredToken", "The security token included in the request is expired"}},
		"the key that asked is disabled": {func(t *testing.T, w *world, _ *who) {
			if err := w.accounts.SetKeyActive(context.Background(), accountID, "tester", keyID, false); err != nil {
				t.Fatal(err)
			}
		}, invalid},
		"the user is deleted": {func(t *testing.T, w *world, _ *who) {
			if err := w.accounts.DeleteUser(context.Background(), accountID, "tester"); err != nil {
				t.Fatal(err)
			}
		}, invalid},
		"the account is closed": {func(t *testing.T, w *world, _ *who) {
			if err := w.accounts.SetState(context.Background(), home, account.Operator, account.Closed, ""); err != nil {
				t.Fatal(err)
			}
		}, invalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t), context.Background()
			c := done(w.accounts.UserSession(ctx, done(w.accounts.Key(ctx, keyID))(t).Principal, time.Minute))(t)
			i := who{key: c.KeyID, secret: c.Secret, token: c.Token, region: region}
			done(w.sesClient(i).GetSendQuota(ctx, nil))(t)
			tc.change(t, w, &i)
			_, err := w.sesClient(i).GetSendQuota(ctx, nil)
			wantRefusal(t, err, tc.want)
		})
	}
}

func TestAssumeRole(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	arn := w.role(t, "mailer", trustPolicy)
	in := &sts.AssumeRoleInput{RoleArn: arn, RoleSessionName: aws.String("job-1")}
	got := done(w.stsClient(tester()).AssumeRole(ctx, in))(t)
	role := done(w.accounts.Role(ctx, accountID, "mailer"))(t)
	same(t, got.AssumedRoleUser, &types.AssumedRoleUser{
		Arn: aws.String("arn:aws:sts::123456789012:assumed-role/mailer/job-1"), AssumedRoleId: aws.String(role.ID + ":job-1"),
	})
	same(t, got.Credentials.Expiration.UTC(), w.clock.Now().UTC().Add(time.Hour).Truncate(time.Second))
	session := with(got.Credentials)
	who := done(w.stsClient(session).GetCallerIdentity(ctx, nil))(t)
	same(t, []string{*who.Account, *who.Arn, *who.UserId}, []string{accountID, *got.AssumedRoleUser.Arn, *got.AssumedRoleUser.AssumedRoleId})
	key := done(w.accounts.SessionKey(ctx, session.key, session.token))(t)
	same(t, key.RoleARN(), *arn)
	_, err := w.iamClient(session).GetUser(ctx, &iam.GetUserInput{})
	if code := refused(t, err).code; code != "ValidationError" && code != "AccessDenied" {
		t.Errorf("GetUser of a role's session: %v", err)
	}
	if err := w.accounts.DeleteRole(ctx, accountID, "mailer"); err != nil {
		t.Fatal(err)
	}
	w.role(t, "mailer", trustPolicy) // a role of the same name is another role
	_, err = w.stsClient(session).GetCallerIdentity(ctx, nil)
	wantRefusal(t, err, refusal{403, "InvalidClientTokenId", "The security token included in the request is invalid."})
}

func TestSessionPolicyGoesWithTheSession(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	in := &sts.AssumeRoleInput{RoleArn: w.role(t, "mailer", trustPolicy), RoleSessionName: aws.String("narrow"), Policy: aws.String(sendPolicy),
		PolicyArns: []types.PolicyDescriptorType{{Arn: aws.String(account.SESReadOnlyAccess)}}}
	session := with(done(w.stsClient(tester()).AssumeRole(ctx, in))(t).Credentials)
	key := done(w.accounts.SessionKey(ctx, session.key, session.token))(t)
	for _, part := range []string{"ses:Send*", "ses:BatchGet*"} {
		if !strings.Contains(key.SessionPolicy, part) {
			t.Errorf("the session's policy lacks %s: %s", part, key.SessionPolicy)
		}
	}
	in.Policy = aws.String("{}")
	_, err := w.stsClient(tester()).AssumeRole(ctx, in)
	isA[*types.MalformedPolicyDocumentException](t, err)
	many := sendPolicy[:len(sendPolicy)-2] + strings.Repeat(`},{"Effect":"Allow","Action":"ses:Get*","Resource":"*"`, 50) + "}]}"
	in.Policy = &many
	_, err = w.stsClient(tester()).AssumeRole(ctx, in)
	wantRefusal(t, err, refusal{400, "ValidationError", ""}) // over 2,048 characters
}

func TestWhoMayAssumeARole(t *testing.T) {
	t.Parallel()
	trust := func(principal, more string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":"` + principal + `"},"Action":"sts:AssumeRole"` + more + `}]}`
	}
	const (
		mayAssume = `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"sts:AssumeRole","Resource":"*"}]}`
		mayNot    = `{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"sts:AssumeRole","Resource":"*"}]}`
	)
	for name, tc := range map[string]struct {
		account string // of the caller
		own     string // the caller's inline policy; "" for none
		trust   string
		id      string // external id
		want    bool
	}{
		"the account is trusted and the user has the right":          {accountID, mayAssume, trust(accountID, ""), "", true},
		"the account is trusted and the user has no right":           {accountID, "", trust(accountID, ""), "", false},
		"the user is named and needs no right":                       {accountID, "", trust("arn:aws:iam::123456789012:user/caller", ""), "", true},
		"the user is named and has an explicit deny":                 {accountID, mayNot, trust("arn:aws:iam::123456789012:user/caller", ""), "", false},
		"another user is named":                                      {accountID, mayAssume, trust("arn:aws:iam::123456789012:user/tester", ""), "", false},
		"another account is trusted and its user has the right":      {thief, mayAssume, trust(thief, ""), "", true},
		"another account's user is named, without the right":         {thief, "", trust("arn:aws:iam::210987654321:user/caller", ""), "", false},
		"another account is not trusted":                             {thief, mayAssume, trust(accountID, ""), "", false},
		"the external id is the one that is asked for":               {thief, mayAssume, trust(thief, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret-7"}}`), "secret-7", true},
		"the external id is another":                                 {thief, mayAssume, trust(thief, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret-7"}}`), "secret-8", false},
		"there is no external id":                                    {thief, mayAssume, trust(thief, `,"Condition":{"StringEquals":{"sts:ExternalId":"secret-7"}}`), "", false},
		"the session's name must be the user's":                      {accountID, mayAssume, trust(accountID, `,"Condition":{"StringEquals":{"sts:RoleSessionName":"${aws:username}"}}`), "", true},
		"the region is the one that the trust demands":               {accountID, mayAssume, trust(accountID, `,"Condition":{"StringEquals":{"aws:RequestedRegion":"`+region+`"}}`), "", true},
		"the trust looks for the client's name":                      {accountID, mayAssume, trust(accountID, `,"Condition":{"StringLike":{"aws:UserAgent":"*aws-sdk-go*"}}`), "", true},
		"the trust wants no services":                                {accountID, mayAssume, trust(accountID, `,"Condition":{"Bool":{"aws:ViaAWSService":"false","aws:PrincipalIsAWSService":"false"}}`), "", true},
		"the caller's address is not the one that the trust demands": {accountID, mayAssume, trust(accountID, `,"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}`), "", false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t), context.Background()
			c := done(w.accounts.CreateUser(ctx, account.NewUser{Account: tc.account, Name: "caller"}))(t)
			if tc.own != "" {
				if err := w.accounts.PutInline(ctx, account.Entity{Account: tc.account, Kind: account.KindUser, Name: "caller"}, "own", tc.own); err != nil {
					t.Fatal(err)
				}
			}
			in := &sts.AssumeRoleInput{RoleArn: w.role(t, "r", tc.trust), RoleSessionName: aws.String("caller")}
			if tc.id != "" {
				in.ExternalId = &tc.id
			}
			_, err := w.stsClient(who{key: c.KeyID, secret: c.Secret, region: region}).AssumeRole(ctx, in)
			if tc.want {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantRefusal(t, err, refusal{403, "AccessDenied", "User: " + c.ARN() + " is not authorized to perform: sts:AssumeRole on resource: " + *in.RoleArn})
		})
	}
}

func TestAssumeRoleRefusals(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	arn := w.role(t, "r", trustPolicy)
	c := w.stsClient(tester())
	call := func(c *sts.Client, change func(*sts.AssumeRoleInput)) error {
		in := &sts.AssumeRoleInput{RoleArn: arn, RoleSessionName: aws.String("s1")}
		change(in)
		_, err := c.AssumeRole(ctx, in)
		return err
	}
	if err := w.accounts.Attach(ctx, account.Entity{Account: accountID, Kind: account.KindRole, Name: "r"}, account.AdministratorAccess); err != nil {
		t.Fatal(err)
	}
	if err := w.accounts.SetMaxSession(ctx, accountID, "r", 2*time.Hour); err != nil {
		t.Fatal(err)
	}
	chained := w.stsClient(with(done(c.AssumeRole(ctx, &sts.AssumeRoleInput{RoleArn: arn, RoleSessionName: aws.String("s1")}))(t).Credentials))
	for name, tc := range map[string]struct {
		err  error
		want refusal
	}{
		"a role that is not there": {call(c, func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::123456789012:role/none") }),
			refusal{403, "AccessDenied", "User: arn:aws:iam::123456789012:user/tester is not authorized to perform: sts:AssumeRole on resource: arn:aws:iam::123456789012:role/none"}},
		"the role by another path":         {call(c, func(in *sts.AssumeRoleInput) { in.RoleArn = aws.String("arn:aws:iam::123456789012:role/r") }), refusal{403, "AccessDenied", ""}},
		"longer than the role's sessions":  {call(c, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(7201) }), refusal{400, "ValidationError", "The requested DurationSeconds exceeds the MaxSessionDuration set for this role."}},
		"a session for more than an hour":  {call(chained, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(3601) }), refusal{400, "ValidationError", "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining."}},
		"shorter than fifteen minutes":     {call(c, func(in *sts.AssumeRoleInput) { in.DurationSeconds = aws.Int32(899) }), refusal{400, "ValidationError", ""}},
		"a session's name with a slash":    {call(c, func(in *sts.AssumeRoleInput) { in.RoleSessionName = aws.String("a/b") }), refusal{400, "ValidationError", ""}},
		"session tags, which are not kept": {call(c, func(in *sts.AssumeRoleInput) { in.Tags = []types.Tag{{Key: aws.String("a"), Value: aws.String("b")}} }), refusal{501, "NotImplemented", ""}},
		"a code of a device":               {call(c, func(in *sts.AssumeRoleInput) { in.TokenCode = aws.String("123456") }), refusal{403, "AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time pass code."}},
	} {
		t.Run(name, func(t *testing.T) { wantRefusal(t, tc.err, tc.want) })
	}
}

// TestServicesAreToldApartByTheCredentialsScope sends the same form for each service.
func TestServicesAreToldApartByTheCredentialsScope(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct{ name, service, target, body, want string }{
		{"SES", "ses", "/", getSendQuota, `<GetSendQuotaResponse xmlns="http://ses.amazonaws.com/doc/2010-12-01/">`},
		{"IAM", "iam", "/", "Action=GetUser&Version=2010-05-08", `<GetUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">`},
		{"STS", "sts", "/", "Action=GetCallerIdentity&Version=2011-06-15", `<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`},
		{"IAM's operation signed for SES", "ses", "/", "Action=GetUser&Version=2010-05-08", `<Code>InvalidAction</Code>`},
		{"SES's operation signed for IAM", "iam", "/", getSendQuota, `<ErrorResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/"><Error><Type>Sender</Type><Code>InvalidAction</Code>`},
		{"STS's error", "sts", "/", "Action=AssumeRole&Version=2011-06-15", `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>ValidationError</Code>`},
		{"a path of SES signed for IAM", "iam", "/v2/email/account", "", `Credential should be scoped to correct service`},
		{"a service that is not here", "sqs", "/", getSendQuota, `<Code>SignatureDoesNotMatch</Code>`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			a := w.do(t, call{method: "POST", target: tc.target, body: tc.body, header: form(), service: tc.service})
			if !strings.Contains(a.body, tc.want) {
				t.Errorf("%d %s", a.status, a.body)
			}
		})
	}
}

// TestNothingSecretOfIAMIsLogged makes secrets of all kinds and looks for them.
func TestNothingSecretOfIAMIsLogged(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t), context.Background()
	c := w.iamClient(tester())
	key := done(c.CreateAccessKey(ctx, nil))(t).AccessKey
	session := done(w.stsClient(tester()).GetSessionToken(ctx, nil))(t).Credentials
	done(w.sesClient(with(session)).GetSendQuota(ctx, nil))(t)
	broken := with(session)
	broken.secret = "wrong"
	_, err := w.sesClient(broken).GetSendQuota(ctx, &ses.GetSendQuotaInput{})
	refused(t, err)
	log := w.log.String()
	for what, secret := range map[string]string{
		"a secret key": *key.SecretAccessKey, "a session's secret": *session.SecretAccessKey, "a token": (*session.SessionToken)[20:60], "the signer's secret": secretKey,
	} {
		if strings.Contains(log, secret) {
			t.Errorf("the log has %s", what)
		}
	}
	for _, want := range []string{`"msg":"audit"`, `"operation":"CreateAccessKey"`, `"by":"arn:aws:iam::123456789012:user/tester"`, `"operation":"GetSessionToken"`} {
		if !strings.Contains(log, want) {
			t.Errorf("the log lacks %s", want)
		}
	}
}
