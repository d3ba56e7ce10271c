// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// ownKey is a key of a customer's, as the API takes it.
var ownKey = sync.OnceValues(func() (string, error) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		return "", err
	}
	return base64.StdEncoding.EncodeToString(x509.MarshalPKCS1PrivateKey(key)), nil
})

func external(t testing.TB, selector string) *types.DkimSigningAttributes {
	t.Helper()
	key, err := ownKey()
	must(t, err)
	return &types.DkimSigningAttributes{DomainSigningPrivateKey: &key, DomainSigningSelector: &selector}
}

const hostedZone = "dkim." + serviceZone

func TestDKIMOfADomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx, name := w.sesv2Client(tester()), t.Context(), aws.String("example.org")
	sign := func(origin types.DkimSigningAttributesOrigin, attributes *types.DkimSigningAttributes) *sesv2.PutEmailIdentityDkimSigningAttributesOutput {
		t.Helper()
		out, err := c.PutEmailIdentityDkimSigningAttributes(ctx, &sesv2.PutEmailIdentityDkimSigningAttributesInput{
			EmailIdentity: name, SigningAttributesOrigin: origin, SigningAttributes: attributes,
		})
		must(t, err)
		return out
	}
	made := w.clock.Now().UTC().Truncate(time.Millisecond)
	created, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{
		EmailIdentity: name, DkimSigningAttributes: &types.DkimSigningAttributes{NextSigningKeyLength: types.DkimSigningKeyLengthRsa1024Bit},
	})
	must(t, err)
	tokens := created.DkimAttributes.Tokens
	if len(tokens) != 3 {
		t.Fatalf("tokens %v", tokens)
	}
	want := types.DkimAttributes{
		SigningEnabled: true, Status: types.DkimStatusPending, SigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSes, Tokens: tokens,
		CurrentSigningKeyLength: types.DkimSigningKeyLengthRsa1024Bit, NextSigningKeyLength: types.DkimSigningKeyLengthRsa1024Bit,
		LastKeyGenerationTimestamp: &made, SigningHostedZone: aws.String(hostedZone),
	}
	check := func(step string) {
		t.Helper()
		if got := *getIdentity(t, c, *name).DkimAttributes; !reflect.DeepEqual(got, want) {
			t.Errorf("%s\ngot  %s\nwant %s", step, show(got), show(want))
		}
	}
	check("created with 1024 bits")

	_, err = c.PutEmailIdentityDkimAttributes(ctx, &sesv2.PutEmailIdentityDkimAttributesInput{EmailIdentity: name, SigningEnabled: false})
	must(t, err)
	want.SigningEnabled = false
	check("switched off")
	_, err = w.sesClient(tester()).SetIdentityDkimEnabled(ctx, &ses.SetIdentityDkimEnabledInput{Identity: name, DkimEnabled: true})
	must(t, err)
	want.SigningEnabled = true
	check("switched on by version 1")

	out := sign(types.DkimSigningAttributesOriginAwsSes, &types.DkimSigningAttributes{NextSigningKeyLength: types.DkimSigningKeyLengthRsa2048Bit})
	equal(t, out, &sesv2.PutEmailIdentityDkimSigningAttributesOutput{DkimStatus: types.DkimStatusPending, DkimTokens: tokens, SigningHostedZone: aws.String(hostedZone)})
	want.NextSigningKeyLength = types.DkimSigningKeyLengthRsa2048Bit
	check("the next key has 2048 bits")

	out = sign(types.DkimSigningAttributesOriginExternal, external(t, "own"))
	equal(t, out, &sesv2.PutEmailIdentityDkimSigningAttributesOutput{DkimStatus: types.DkimStatusPending, DkimTokens: []string{}})
	want = types.DkimAttributes{
		SigningEnabled: true, Status: types.DkimStatusPending, SigningAttributesOrigin: types.DkimSigningAttributesOriginExternal, Tokens: []string{},
	}
	check("with a key of the customer's")

	out = sign(types.DkimSigningAttributesOriginAwsSes, nil)
	if out.DkimStatus != types.DkimStatusPending || !reflect.DeepEqual(out.DkimTokens, tokens) {
		t.Errorf("back to Easy DKIM: %s", show(out))
	}
}

func TestDKIMOfANewDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx := w.sesv2Client(tester()), t.Context()
	own, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("own.example.org"), DkimSigningAttributes: external(t, "own")})
	must(t, err)
	equal(t, own, &sesv2.CreateEmailIdentityOutput{IdentityType: types.IdentityTypeDomain, DkimAttributes: &types.DkimAttributes{
		SigningEnabled: true, Status: types.DkimStatusNotStarted, SigningAttributesOrigin: types.DkimSigningAttributesOriginExternal, Tokens: []string{},
	}})

	// A replica has the tokens of its parent in another region.
	parent, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("deed.example.org")})
	must(t, err)
	irish := w.sesv2Client(in("eu-west-1"))
	_, err = irish.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{
		EmailIdentity:         aws.String("deed.example.org"),
		DkimSigningAttributes: &types.DkimSigningAttributes{DomainSigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSesUsEast1},
	})
	must(t, err)
	replica := getIdentity(t, irish, "deed.example.org").DkimAttributes
	if replica.SigningAttributesOrigin != types.DkimSigningAttributesOriginAwsSesUsEast1 || !reflect.DeepEqual(replica.Tokens, parent.DkimAttributes.Tokens) ||
		aws.ToString(replica.SigningHostedZone) != hostedZone {
		t.Errorf("%s", show(replica))
	}
}

func TestDKIMThatIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx := w.sesv2Client(tester()), t.Context()
	createIdentity(t, c, "example.org")
	createIdentity(t, c, "a@example.org")
	const domain = "The EmailIdentity value must be a valid domain."
	const both = "DomainSigningSelector and DomainSigningPrivateKey are both required when the origin of the signing attributes is EXTERNAL."
	const only = "DomainSigningSelector and DomainSigningPrivateKey are only allowed when the origin of the signing attributes is EXTERNAL."
	const length = "NextSigningKeyLength is only allowed when the origin of the signing attributes is AWS_SES."
	long := external(t, "own")
	long.NextSigningKeyLength = types.DkimSigningKeyLengthRsa2048Bit
	for _, tc := range []struct {
		name, identity string
		origin         types.DkimSigningAttributesOrigin
		attributes     *types.DkimSigningAttributes
		want           string
	}{
		{"an address", "a@example.org", types.DkimSigningAttributesOriginAwsSes, nil, domain},
		{"no name", "no name", types.DkimSigningAttributesOriginAwsSes, nil, domain},
		{"EXTERNAL without attributes", "example.org", types.DkimSigningAttributesOriginExternal, nil, both},
		{"EXTERNAL without a key", "example.org", types.DkimSigningAttributesOriginExternal, &types.DkimSigningAttributes{DomainSigningSelector: aws.String("own")}, both},
		{"EXTERNAL with a length", "example.org", types.DkimSigningAttributesOriginExternal, long, length},
		{"AWS_SES with a key", "example.org", types.DkimSigningAttributesOriginAwsSes, external(t, "own"), only},
		{"a replica with a key", "example.org", types.DkimSigningAttributesOriginAwsSesUsWest2, external(t, "own"), only},
		{"a replica with a length", "example.org", types.DkimSigningAttributesOriginAwsSesUsWest2,
			&types.DkimSigningAttributes{NextSigningKeyLength: types.DkimSigningKeyLengthRsa2048Bit}, length},
		{"an origin in the attributes", "example.org", types.DkimSigningAttributesOriginAwsSes,
			&types.DkimSigningAttributes{DomainSigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSes}, "DomainSigningAttributesOrigin is not allowed here, SigningAttributesOrigin is to be used."},
		{"the length that is set", "example.org", types.DkimSigningAttributesOriginAwsSes,
			&types.DkimSigningAttributes{NextSigningKeyLength: types.DkimSigningKeyLengthRsa2048Bit}, ""},
		{"what is no key", "example.org", types.DkimSigningAttributesOriginExternal,
			&types.DkimSigningAttributes{DomainSigningSelector: aws.String("own"), DomainSigningPrivateKey: aws.String("QUFB")}, ""},
		{"a key with its header", "example.org", types.DkimSigningAttributesOriginExternal,
			&types.DkimSigningAttributes{DomainSigningSelector: aws.String("own"), DomainSigningPrivateKey: aws.String("-----BEGIN PRIVATE KEY-----")}, ""},
		{"a selector with a dot", "example.org", types.DkimSigningAttributesOriginExternal, external(t, "own.key"), ""},
		{"a selector that is too long", "example.org", types.DkimSigningAttributesOriginExternal, external(t, strings.Repeat("s", 64)), ""},
		{"an unknown origin", "example.org", "AWS_SES_ON_MARS", nil, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.PutEmailIdentityDkimSigningAttributes(ctx, &sesv2.PutEmailIdentityDkimSigningAttributesInput{
				EmailIdentity: &tc.identity, SigningAttributesOrigin: tc.origin, SigningAttributes: tc.attributes,
			})
			wantRefusal(t, err, refusal{400, "BadRequestException", tc.want})
			isA[*types.BadRequestException](t, err)
		})
	}
	if got := getIdentity(t, c, "example.org").DkimAttributes; got.SigningAttributesOrigin != types.DkimSigningAttributesOriginAwsSes || len(got.Tokens) != 3 {
		t.Errorf("a refusal changed something: %s", show(got))
	}
	if log := w.log.String(); strings.Contains(log, *external(t, "own").DomainSigningPrivateKey) {
		t.Error("the log has the private key")
	}
}

func TestDKIMOfAnAddressIsItsDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.sesv2Client(tester()), t.Context()
	createIdentity(t, c, "a@Example.org")
	enable := func(on bool) error {
		_, err := c.PutEmailIdentityDkimAttributes(ctx, &sesv2.PutEmailIdentityDkimAttributesInput{EmailIdentity: aws.String("a@Example.org"), SigningEnabled: on})
		return err
	}
	err := enable(true)
	if got := refused(t, err); got.code != "BadRequestException" {
		t.Errorf("without a domain that signs: %+v", got)
	}
	isA[*types.BadRequestException](t, err)
	createIdentity(t, c, "example.org")
	state := func(signing bool, status types.DkimStatus) {
		t.Helper()
		if got := getIdentity(t, c, "a@Example.org").DkimAttributes; got.SigningEnabled != signing || got.Status != status {
			t.Errorf("%s", show(got))
		}
	}
	state(true, types.DkimStatusSuccess)
	must(t, enable(false))
	state(false, types.DkimStatusSuccess)
	must(t, enable(true))
	state(true, types.DkimStatusSuccess)
}

func TestDKIMInV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx := w.sesClient(tester()), t.Context()
	_, err := c.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: aws.String("example.org")})
	must(t, err)
	attributes := func() sestypes.IdentityDkimAttributes {
		t.Helper()
		out, err := c.GetIdentityDkimAttributes(ctx, &ses.GetIdentityDkimAttributesInput{Identities: []string{"Example.ORG"}})
		must(t, err)
		return out.DkimAttributes["Example.ORG"] // as it was asked for
	}
	if got := attributes(); got.DkimVerificationStatus != sestypes.VerificationStatusNotStarted || got.DkimTokens != nil {
		t.Errorf("the token alone starts no DKIM: %s", show(got))
	}
	for _, domain := range []string{"example.org", "example.org", "never.submitted.example"} {
		out, err := c.VerifyDomainDkim(ctx, &ses.VerifyDomainDkimInput{Domain: &domain})
		must(t, err)
		list, err := c.GetIdentityDkimAttributes(ctx, &ses.GetIdentityDkimAttributesInput{Identities: []string{domain}})
		must(t, err)
		want := sestypes.IdentityDkimAttributes{DkimEnabled: true, DkimVerificationStatus: sestypes.VerificationStatusPending, DkimTokens: out.DkimTokens}
		if got := list.DkimAttributes[domain]; len(out.DkimTokens) != 3 || !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %s", domain, show(got))
		}
	}
	first, second := attributes(), attributes()
	if !reflect.DeepEqual(first, second) {
		t.Errorf("%s and %s", show(first), show(second))
	}
}

func TestMailFromDomains(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	one, two, ctx := w.sesClient(tester()), w.sesv2Client(tester()), t.Context()
	createIdentity(t, two, "a@Example.org")
	createIdentity(t, two, "example.org")
	for _, name := range []string{"example.org", "a@Example.org"} {
		check := func(step string, want2 types.MailFromAttributes, want1 sestypes.IdentityMailFromDomainAttributes) {
			t.Helper()
			if got := *getIdentity(t, two, name).MailFromAttributes; !reflect.DeepEqual(got, want2) {
				t.Errorf("%s: %s: v2: %s", name, step, show(got))
			}
			out, err := one.GetIdentityMailFromDomainAttributes(ctx, &ses.GetIdentityMailFromDomainAttributesInput{Identities: []string{name, "gone.example"}})
			must(t, err)
			if got := out.MailFromDomainAttributes; !reflect.DeepEqual(got, map[string]sestypes.IdentityMailFromDomainAttributes{name: want1}) {
				t.Errorf("%s: %s: v1: %v", name, step, got)
			}
		}
		none2 := types.MailFromAttributes{BehaviorOnMxFailure: types.BehaviorOnMxFailureUseDefaultValue}
		none1 := sestypes.IdentityMailFromDomainAttributes{BehaviorOnMXFailure: sestypes.BehaviorOnMXFailureUseDefaultValue}
		domain := aws.String("bounce.example.org")
		check("at first", none2, none1)
		_, err := two.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{
			EmailIdentity: &name, MailFromDomain: domain, BehaviorOnMxFailure: types.BehaviorOnMxFailureRejectMessage,
		})
		must(t, err)
		check("set by v2",
			types.MailFromAttributes{MailFromDomain: domain, MailFromDomainStatus: types.MailFromDomainStatusPending, BehaviorOnMxFailure: types.BehaviorOnMxFailureRejectMessage},
			sestypes.IdentityMailFromDomainAttributes{MailFromDomain: domain, MailFromDomainStatus: sestypes.CustomMailFromStatusPending, BehaviorOnMXFailure: sestypes.BehaviorOnMXFailureRejectMessage})
		_, err = two.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{EmailIdentity: &name, BehaviorOnMxFailure: types.BehaviorOnMxFailureRejectMessage})
		must(t, err)
		check("cleared by v2, with the behaviour", none2, none1)
		_, err = one.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: &name, MailFromDomain: domain, BehaviorOnMXFailure: sestypes.BehaviorOnMXFailureRejectMessage})
		must(t, err)
		_, err = one.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: &name, MailFromDomain: domain})
		must(t, err)
		check("set by v1, and again without a behaviour",
			types.MailFromAttributes{MailFromDomain: domain, MailFromDomainStatus: types.MailFromDomainStatusPending, BehaviorOnMxFailure: types.BehaviorOnMxFailureUseDefaultValue},
			sestypes.IdentityMailFromDomainAttributes{MailFromDomain: domain, MailFromDomainStatus: sestypes.CustomMailFromStatusPending, BehaviorOnMXFailure: sestypes.BehaviorOnMXFailureUseDefaultValue})
		_, err = one.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: &name, MailFromDomain: aws.String("")})
		must(t, err)
		check("cleared by v1", none2, none1)

		for bad, text := range map[string]string{
			"bounce.example.net": "Provided MAIL-FROM domain <bounce.example.net> is not subdomain of the domain of the identity <" + name + ">.",
			"example.org":        "Provided MAIL-FROM domain <example.org> is not subdomain of the domain of the identity <" + name + ">.",
			"no name":            "",
		} {
			_, err := two.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{EmailIdentity: &name, MailFromDomain: &bad})
			wantRefusal(t, err, refusal{400, "BadRequestException", text})
			isA[*types.BadRequestException](t, err)
			_, err = one.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: &name, MailFromDomain: &bad})
			wantRefusal(t, err, refusal{400, "InvalidParameterValue", text})
		}
		check("after refusals", none2, none1)
	}
	_, err := two.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{EmailIdentity: aws.String("example.org"), BehaviorOnMxFailure: "EXPLODE"})
	if got := refused(t, err); got.code != "BadRequestException" {
		t.Errorf("%+v", got)
	}
}
