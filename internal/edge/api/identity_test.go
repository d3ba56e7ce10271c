// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/base64"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go/middleware"

	"sesame/internal/core/identity"
)

func unverified(s *settings) { s.pending = true }

// equal compares two answers, without what the SDK adds to them.
func equal(t *testing.T, got, want any) {
	t.Helper()
	reflect.ValueOf(got).Elem().FieldByName("ResultMetadata").Set(reflect.ValueOf(middleware.Metadata{}))
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got  %s\nwant %s", show(got), show(want))
	}
}

// show writes a value with what its pointers point to.
func show(v any) string {
	var walk func(reflect.Value) string
	walk = func(v reflect.Value) string {
		switch v.Kind() {
		case reflect.Pointer:
			if v.IsNil() {
				return "nil"
			}
			return walk(v.Elem())
		case reflect.Struct:
			if t, ok := v.Interface().(time.Time); ok {
				return t.String()
			}
			var parts []string
			for i := range v.NumField() {
				if v.Type().Field(i).IsExported() && !v.Field(i).IsZero() {
					parts = append(parts, v.Type().Field(i).Name+":"+walk(v.Field(i)))
				}
			}
			return "{" + strings.Join(parts, " ") + "}"
		case reflect.Slice:
			var parts []string
			for i := range v.Len() {
				parts = append(parts, walk(v.Index(i)))
			}
			return "[" + strings.Join(parts, " ") + "]"
		}
		return fmt.Sprint(v.Interface())
	}
	return walk(reflect.ValueOf(v))
}

func TestIdentitiesInV2(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx := w.sesv2Client(tester()), t.Context()
	tags := []types.Tag{{Key: aws.String("team"), Value: aws.String("Größe 1 _.:/=+-@")}, {Key: aws.String("empty"), Value: aws.String("")}}

	created, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("Mail.Example.COM"), Tags: tags})
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.identities.Get(ctx, home, "mail.example.com")
	if err != nil {
		t.Fatal(err)
	}
	at := w.clock.Now().UTC().Truncate(time.Millisecond)
	dkim := types.DkimAttributes{
		SigningEnabled: true, Status: types.DkimStatusNotStarted, SigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSes, Tokens: id.Tokens(),
		CurrentSigningKeyLength: types.DkimSigningKeyLengthRsa2048Bit, NextSigningKeyLength: types.DkimSigningKeyLengthRsa2048Bit,
		LastKeyGenerationTimestamp: &at, SigningHostedZone: aws.String("dkim." + serviceZone),
	}
	answered := dkim
	equal(t, created, &sesv2.CreateEmailIdentityOutput{IdentityType: types.IdentityTypeDomain, DkimAttributes: &answered})
	if len(id.Tokens()) != 3 || len(id.Tokens()[0]) != 32 {
		t.Errorf("tokens %v", id.Tokens())
	}

	got, err := c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("mail.example.com")})
	if err != nil {
		t.Fatal(err)
	}
	dkim.Status = types.DkimStatusPending // from the first read on
	equal(t, got, &sesv2.GetEmailIdentityOutput{
		IdentityType: types.IdentityTypeDomain, VerificationStatus: types.VerificationStatusPending, FeedbackForwardingStatus: true,
		DkimAttributes: &dkim, Policies: map[string]string{}, Tags: tags,
		MailFromAttributes: &types.MailFromAttributes{BehaviorOnMxFailure: types.BehaviorOnMxFailureUseDefaultValue},
	})

	// The operator's word verifies it.
	w.clock.Advance(time.Second)
	if _, err := w.identities.MarkVerified(ctx, home, "mail.example.com"); err != nil {
		t.Fatal(err)
	}
	if got, err = c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("MAIL.example.com")}); err != nil {
		t.Fatal(err)
	}
	later := at.Add(time.Second)
	dkim.Status = types.DkimStatusSuccess
	equal(t, got, &sesv2.GetEmailIdentityOutput{
		IdentityType: types.IdentityTypeDomain, VerificationStatus: types.VerificationStatusSuccess, FeedbackForwardingStatus: true,
		VerifiedForSendingStatus: true, DkimAttributes: &dkim, Policies: map[string]string{}, Tags: tags,
		MailFromAttributes: &types.MailFromAttributes{BehaviorOnMxFailure: types.BehaviorOnMxFailureUseDefaultValue},
		VerificationInfo:   &types.VerificationInfo{LastCheckedTimestamp: &later, LastSuccessTimestamp: &later},
	})

	address, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("a+b@example.org")})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, address, &sesv2.CreateEmailIdentityOutput{IdentityType: types.IdentityTypeEmailAddress, DkimAttributes: &types.DkimAttributes{
		Status: types.DkimStatusNotStarted, SigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSes, Tokens: []string{},
		NextSigningKeyLength: types.DkimSigningKeyLengthRsa1024Bit,
	}})

	_, err = c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("a+b@example.org")})
	wantRefusal(t, err, refusal{400, "AlreadyExistsException", "Email identity a+b@example.org already exist."})
	isA[*types.AlreadyExistsException](t, err)

	remove := &sesv2.DeleteEmailIdentityInput{EmailIdentity: aws.String("a+b@example.org")}
	if _, err := c.DeleteEmailIdentity(ctx, remove); err != nil {
		t.Fatal(err)
	}
	_, err = c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("a+b@example.org")})
	wantRefusal(t, err, refusal{404, "NotFoundException", "Email identity a+b@example.org does not exist."})
	isA[*types.NotFoundException](t, err)
	_, err = c.DeleteEmailIdentity(ctx, remove)
	wantRefusal(t, err, refusal{404, "NotFoundException", "Email identity a+b@example.org does not exist."})
}

func TestVerifiedAtOnceInDev(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := w.sesv2Client(tester()).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("dev.example.com")})
	if err != nil || !out.VerifiedForSendingStatus || out.DkimAttributes.Status != types.DkimStatusSuccess {
		t.Errorf("%s, %v", show(out), err)
	}
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

func TestIdentitiesThatV2Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked))
	many := make([]types.Tag, 51)
	for i := range many {
		many[i] = tag(fmt.Sprint("key", i), "v")
	}
	const characters = "Tags can only contain letters, numbers, spaces, and the following special characters: _ . : / = + - @"
	missing := aws.String("missing")
	for _, tc := range []struct {
		name string
		in   sesv2.CreateEmailIdentityInput
		want refusal
	}{
		{"no name", sesv2.CreateEmailIdentityInput{}, refusal{400, "BadRequestException",
			"1 validation error detected: Value at 'emailIdentity' failed to satisfy constraint: Member must not be null"}},
		{"an empty name", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("")}, refusal{400, "BadRequestException", ""}},
		{"no domain", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("exa mple.com")}, refusal{400, "BadRequestException", "Invalid domain name <exa mple.com>."}},
		{"a top-level domain", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("com")}, refusal{400, "BadRequestException", "Invalid domain name <com>."}},
		{"no address", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("a@b@c")}, refusal{400, "BadRequestException", "Invalid email address <a@b@c>."}},
		{"line breaks", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("a\r\n@example.com")}, refusal{400, "BadRequestException", "Invalid email address <a??@example.com>."}},
		{"an address at an IP address", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("a@[127.0.0.1]")}, refusal{400, "BadRequestException", "Invalid email address <a@[127.0.0.1]>."}},
		{"a name that is taken, before bad tags", sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(verified), Tags: many, ConfigurationSetName: missing},
			refusal{400, "AlreadyExistsException", "Email identity " + verified + " already exist."}},
		{"too many tags", sesv2.CreateEmailIdentityInput{Tags: many}, refusal{400, "BadRequestException",
			"Maximum of 50 user tags are allowed per resource, consider reducing the number of tags in the request"}},
		{"a character in a tag's key", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("a!", "b")}}, refusal{400, "BadRequestException", characters}},
		{"a line break in a tag's value", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("a", "b\n")}}, refusal{400, "BadRequestException", characters}},
		{"a reserved tag", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("AWS:x", "b")}}, refusal{400, "BadRequestException",
			"Caller is an end user and not allowed to mutate system tags"}},
		{"a long tag", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag(strings.Repeat("k", 129), "b")}}, refusal{400, "BadRequestException",
			"1 validation error detected: Value at 'tags.1.member.key' failed to satisfy constraint: Member must have length less than or equal to 128"}},
		{"tags that are too long in all", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("a", "b"), tag(strings.Repeat("k", 129), strings.Repeat("v", 257))}}, refusal{400, "BadRequestException",
			"2 validation errors detected: Value at 'tags.2.member.value' failed to satisfy constraint: Member must have length less than or equal to 256; " +
				"Value at 'tags.2.member.key' failed to satisfy constraint: Member must have length less than or equal to 128"}},
		{"an empty key of a tag", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("", "b")}}, refusal{400, "BadRequestException", ""}},
		{"the same tag twice", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("a", "b"), tag("a", "c")}}, refusal{400, "BadRequestException",
			"Cannot provide multiple tags with the same key"}},
		{"bad tags before a missing configuration set", sesv2.CreateEmailIdentityInput{Tags: []types.Tag{tag("a!", "b")}, ConfigurationSetName: missing},
			refusal{400, "BadRequestException", characters}},
		{"a configuration set that does not exist", sesv2.CreateEmailIdentityInput{ConfigurationSetName: missing},
			refusal{404, "NotFoundException", "Configuration set <missing> does not exist."}},
		{"a DKIM key for an address", sesv2.CreateEmailIdentityInput{DkimSigningAttributes: &types.DkimSigningAttributes{
			DomainSigningSelector: aws.String("s"), DomainSigningPrivateKey: aws.String("QUFB"),
		}}, refusal{400, "BadRequestException", "The EmailIdentity value must be a valid domain."}},
		{"a missing configuration set before bad DKIM attributes", sesv2.CreateEmailIdentityInput{ConfigurationSetName: missing,
			DkimSigningAttributes: &types.DkimSigningAttributes{DomainSigningSelector: aws.String("s")},
		}, refusal{404, "NotFoundException", "Configuration set <missing> does not exist."}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if tc.in.EmailIdentity == nil && tc.name != "no name" {
				tc.in.EmailIdentity = aws.String("new@example.com")
			}
			_, err := c.CreateEmailIdentity(t.Context(), &tc.in)
			wantRefusal(t, err, tc.want)
			if _, err := w.identities.Get(t.Context(), home, "new@example.com"); err == nil {
				t.Error("a refused identity was created")
			}
		})
	}
}

// many creates n identities, without the cost of keys for domains.
func (w *world) many(t *testing.T, n int) (names []string) {
	t.Helper()
	for i := range n {
		name := fmt.Sprintf("user%03d@example.net", i)
		if _, err := w.identities.Create(t.Context(), home, name, identity.Settings{}); err != nil {
			t.Fatal(err)
		}
		names = append(names, name)
	}
	return names
}

func TestListsOfIdentities(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	want := append([]string{verified}, w.many(t, 60)...)
	one, two := w.sesClient(tester()), w.sesv2Client(tester())

	for size, pages := range map[int32]int{0: 3, 20: 4, 61: 1, 1000: 1} {
		in := &sesv2.ListEmailIdentitiesInput{}
		if size > 0 {
			in.PageSize = &size
		}
		var got []string
		n := 0
		for p := sesv2.NewListEmailIdentitiesPaginator(two, in); p.HasMorePages(); n++ {
			out, err := p.NextPage(ctx)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range out.EmailIdentities {
				if i.IdentityType != types.IdentityTypeEmailAddress || !i.SendingEnabled || i.VerificationStatus != types.VerificationStatusSuccess {
					t.Errorf("%s", show(i))
				}
				got = append(got, aws.ToString(i.IdentityName))
			}
		}
		if !reflect.DeepEqual(got, want) || n != pages {
			t.Errorf("v2 by %d: %d pages, %v", size, n, got)
		}
	}
	var got []string
	for p := ses.NewListIdentitiesPaginator(one, &ses.ListIdentitiesInput{MaxItems: aws.Int32(7)}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, out.Identities...)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("v1: %v", got)
	}

	// Both versions know each other's tokens; other regions do not.
	first, err := one.ListIdentities(ctx, &ses.ListIdentitiesInput{MaxItems: aws.Int32(60)})
	if err != nil {
		t.Fatal(err)
	}
	rest, err := two.ListEmailIdentities(ctx, &sesv2.ListEmailIdentitiesInput{NextToken: first.NextToken})
	if err != nil || len(rest.EmailIdentities) != 1 || rest.NextToken != nil {
		t.Errorf("%s, %v", show(rest), err)
	}
	token := aws.ToString(first.NextToken)
	_, err = w.sesv2Client(in("eu-west-1")).ListEmailIdentities(ctx, &sesv2.ListEmailIdentitiesInput{NextToken: first.NextToken})
	wantRefusal(t, err, refusal{400, "BadRequestException", "Invalid NextToken <" + token + ">."})

	for _, n := range []int32{-1, 0, 1001} {
		_, err = two.ListEmailIdentities(ctx, &sesv2.ListEmailIdentitiesInput{PageSize: &n})
		wantRefusal(t, err, refusal{400, "BadRequestException", fmt.Sprintf("Value %d for parameter PageSize is invalid. PageSize must be between 1 and 1000.", n)})
		_, err = one.ListIdentities(ctx, &ses.ListIdentitiesInput{MaxItems: &n})
		wantRefusal(t, err, refusal{400, "InvalidParameterValue", fmt.Sprintf("Value %d for parameter MaxItems is invalid. MaxItems must be between 1 and 1000.", n)})
	}
	for _, token := range []string{"x!", base64.RawURLEncoding.EncodeToString([]byte(verified))} {
		_, err = two.ListEmailIdentities(ctx, &sesv2.ListEmailIdentitiesInput{NextToken: &token})
		wantRefusal(t, err, refusal{400, "BadRequestException", "Invalid NextToken <" + token + ">."})
		_, err = one.ListIdentities(ctx, &ses.ListIdentitiesInput{NextToken: &token})
		wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid NextToken <" + token + ">."})
	}
	_, err = one.ListIdentities(ctx, &ses.ListIdentitiesInput{IdentityType: "Person"})
	wantRefusal(t, err, refusal{400, "ValidationError",
		"1 validation error detected: Value at 'identityType' failed to satisfy constraint: Member must satisfy enum value set: [Domain, EmailAddress]"})
	// What older SDKs call.
	a := w.do(t, call{method: "GET", target: "/v2/email/identities?PageSize=2"})
	if a.status != 200 || strings.Count(a.body, "IdentityName") != 2 || !strings.Contains(a.body, `"NextToken":"`) {
		t.Errorf("GET: %d %s", a.status, a.body)
	}
}

func TestIdentitiesInV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx := w.sesClient(tester()), t.Context()

	if _, err := c.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String("one@example.org")}); err != nil {
		t.Fatal(err)
	}
	if _, err := c.VerifyEmailAddress(ctx, &ses.VerifyEmailAddressInput{EmailAddress: aws.String("two@example.org")}); err != nil {
		t.Fatal(err)
	}
	token, err := c.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: aws.String("example.org")})
	if err != nil {
		t.Fatal(err)
	}
	dkim, err := c.VerifyDomainDkim(ctx, &ses.VerifyDomainDkimInput{Domain: aws.String("example.org")})
	if err != nil {
		t.Fatal(err)
	}
	id, err := w.identities.Get(ctx, home, "example.org")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, token, &ses.VerifyDomainIdentityOutput{VerificationToken: &id.Token})
	equal(t, dkim, &ses.VerifyDomainDkimOutput{DkimTokens: id.Tokens()})
	if raw, err := base64.StdEncoding.DecodeString(id.Token); err != nil || len(raw) != 32 {
		t.Errorf("token %q", id.Token)
	}
	// Again is no error and changes nothing.
	again, err := c.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: aws.String("EXAMPLE.org")})
	if err != nil || aws.ToString(again.VerificationToken) != id.Token {
		t.Errorf("%s, %v", show(again), err)
	}
	if _, err := w.identities.MarkVerified(ctx, home, "two@example.org"); err != nil {
		t.Fatal(err)
	}

	list, err := c.ListIdentities(ctx, &ses.ListIdentitiesInput{IdentityType: sestypes.IdentityTypeEmailAddress})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, list, &ses.ListIdentitiesOutput{Identities: []string{"one@example.org", verified, "two@example.org"}})
	if list, err = c.ListIdentities(ctx, &ses.ListIdentitiesInput{IdentityType: sestypes.IdentityTypeDomain}); err != nil {
		t.Fatal(err)
	}
	equal(t, list, &ses.ListIdentitiesOutput{Identities: []string{"example.org"}})
	addresses, err := c.ListVerifiedEmailAddresses(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, addresses, &ses.ListVerifiedEmailAddressesOutput{VerifiedEmailAddresses: []string{"two@example.org"}})

	// Those that do not exist, or can't, are left out.
	names := []string{"example.org", "one@example.org", "two@example.org", "gone.example.org", "not a name"}
	attrs, err := c.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: names})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, attrs, &ses.GetIdentityVerificationAttributesOutput{VerificationAttributes: map[string]sestypes.IdentityVerificationAttributes{
		"example.org":     {VerificationStatus: sestypes.VerificationStatusPending, VerificationToken: &id.Token},
		"one@example.org": {VerificationStatus: sestypes.VerificationStatusPending},
		"two@example.org": {VerificationStatus: sestypes.VerificationStatusSuccess},
	}})
	keys, err := c.GetIdentityDkimAttributes(ctx, &ses.GetIdentityDkimAttributesInput{Identities: names})
	if err != nil {
		t.Fatal(err)
	}
	equal(t, keys, &ses.GetIdentityDkimAttributesOutput{DkimAttributes: map[string]sestypes.IdentityDkimAttributes{
		"example.org":     {DkimEnabled: true, DkimVerificationStatus: sestypes.VerificationStatusPending, DkimTokens: id.Tokens()},
		"one@example.org": {DkimVerificationStatus: sestypes.VerificationStatusNotStarted},
		"two@example.org": {DkimVerificationStatus: sestypes.VerificationStatusNotStarted},
	}})

	// Deleting what is not there is no error.
	for range 2 {
		if _, err := c.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: aws.String("example.org")}); err != nil {
			t.Fatal(err)
		}
		if _, err := c.DeleteVerifiedEmailAddress(ctx, &ses.DeleteVerifiedEmailAddressInput{EmailAddress: aws.String("two@example.org")}); err != nil {
			t.Fatal(err)
		}
	}
	if list, err = c.ListIdentities(ctx, nil); err != nil {
		t.Fatal(err)
	}
	equal(t, list, &ses.ListIdentitiesOutput{Identities: []string{"one@example.org", verified}})
}

func TestIdentitiesThatV1Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.sesClient(tester(), ses.WithAPIOptions(unchecked)), t.Context()
	_, err := c.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{})
	wantRefusal(t, err, refusal{400, "ValidationError", "1 validation error detected: Value at 'emailAddress' failed to satisfy constraint: Member must not be null"})
	_, err = c.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String("example.com")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid email address <example.com>."})
	_, err = c.VerifyEmailAddress(ctx, &ses.VerifyEmailAddressInput{EmailAddress: aws.String("a b@example.com")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid email address <a b@example.com>."})
	_, err = c.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: aws.String("a@example.com")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid domain name <a@example.com>."})
	_, err = c.VerifyDomainDkim(ctx, &ses.VerifyDomainDkimInput{Domain: aws.String("-x.com")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid domain name <-x.com>."})
	_, err = c.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: aws.String("no name")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid domain name <no name>."})
}
