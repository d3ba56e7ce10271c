// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"context"
	"errors"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	"github.com/aws/smithy-go"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// sdk loads the configuration as every Go program does, from the environment, which
// is that of dev.env.
func sdk(t *testing.T, s *harness.Server, endpoint string) aws.Config {
	t.Helper()
	for name, value := range s.Env {
		t.Setenv(name, value)
	}
	t.Setenv("AWS_ENDPOINT_URL", endpoint)
	t.Setenv("AWS_CONFIG_FILE", os.DevNull)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", os.DevNull)
	loaded, err := config.LoadDefaultConfig(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range []string{"service/ses", "service/sesv2"} {
		need.Library(t, "aws-sdk-go-v2 "+service, "github.com/aws/aws-sdk-go-v2/"+service)
	}
	return loaded
}

// overBoth runs the test over HTTP and over HTTPS, each with a server of its own.
// The environment is the process's, so these tests do not run in parallel.
func overBoth(t *testing.T, test func(t *testing.T, s *harness.Server, loaded aws.Config)) {
	t.Run("HTTP", func(t *testing.T) {
		s := harness.Dev(t)
		test(t, s, sdk(t, s, s.Endpoint))
	})
	t.Run("HTTPS", func(t *testing.T) {
		s := harness.Dev(t)
		test(t, s, sdk(t, s, s.Secure))
	})
}

func TestGoV2(t *testing.T) {
	overBoth(t, func(t *testing.T, s *harness.Server, loaded aws.Config) {
		client := sesv2.NewFromConfig(loaded)
		t.Run("identities", func(t *testing.T) { identitiesV2(t, client) })
		for name, input := range inputsV2() {
			t.Run(name, func(t *testing.T) {
				out, err := client.SendEmail(t.Context(), input)
				if err != nil {
					t.Fatal(err)
				}
				check(t, s, aws.ToString(out.MessageId), casesV2[name])
			})
		}
		t.Run("account", func(t *testing.T) { accountV2(t, client) })
		t.Run("refusals", func(t *testing.T) { refusalsV2(t, loaded) })
	})
}

func identitiesV2(t *testing.T, client *sesv2.Client) {
	ctx := t.Context()
	for _, name := range []string{"example.com", "a+b@example.org"} {
		if _, err := client.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: &name}); err != nil {
			t.Fatal(err)
		}
		out, err := client.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: &name})
		if err != nil {
			t.Fatal(err)
		}
		if !out.VerifiedForSendingStatus {
			t.Errorf("%s is not verified", name)
		}
	}
	var listed []string
	pages := sesv2.NewListEmailIdentitiesPaginator(client, &sesv2.ListEmailIdentitiesInput{PageSize: aws.Int32(1)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			t.Fatal(err)
		}
		for _, identity := range page.EmailIdentities {
			listed = append(listed, aws.ToString(identity.IdentityName))
		}
	}
	slices.Sort(listed)
	compare(t, "identities", listed, []string{"a+b@example.org", "example.com"})

	_, err := client.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("example.com")})
	refused[*types.AlreadyExistsException](t, err, http.StatusBadRequest, "")
	if _, err := client.DeleteEmailIdentity(ctx, &sesv2.DeleteEmailIdentityInput{EmailIdentity: aws.String("a+b@example.org")}); err != nil {
		t.Fatal(err)
	}
	_, err = client.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("a+b@example.org")})
	refused[*types.NotFoundException](t, err, http.StatusNotFound, "")
}

// inputsV2 are the cases of API v2 in Go's words.
func inputsV2() map[string]*sesv2.SendEmailInput {
	plain := func(data string) *types.Content { return &types.Content{Data: &data} }
	utf8 := func(data string) *types.Content { return &types.Content{Data: &data, Charset: aws.String("UTF-8")} }
	from := aws.String("sender@example.com")
	to := &types.Destination{ToAddresses: []string{"to@example.net"}}
	simple := func(m types.Message) *types.EmailContent { return &types.EmailContent{Simple: &m} }
	raw := func(lines ...string) *types.EmailContent {
		return &types.EmailContent{Raw: &types.RawMessage{Data: []byte(strings.Join(lines, "\r\n") + "\r\n")}}
	}
	return map[string]*sesv2.SendEmailInput{
		"v2 text": {FromEmailAddress: from, Destination: to, Content: simple(types.Message{
			Subject: plain("Plain and simple"), Body: &types.Body{Text: plain("Hello from SES v2.")},
		})},
		"v2 html": {FromEmailAddress: from, Destination: to, Content: simple(types.Message{
			Subject: utf8("HTML alone"), Body: &types.Body{Html: utf8("<p>Hello from <b>SES v2</b>.</p>")},
		})},
		"v2 everything": {
			FromEmailAddress: aws.String("Sesame Test <sender@example.com>"),
			Destination: &types.Destination{
				ToAddresses: []string{"to@example.net", `"Second Reader" <second@example.net>`},
				CcAddresses: []string{"cc@example.net"}, BccAddresses: []string{"hidden@example.net"},
			},
			ReplyToAddresses: []string{"answers@example.com", "more@example.com"},
			Content: simple(types.Message{
				Subject: utf8("Grüße aus Köln, 100 % – ✓"),
				Body:    &types.Body{Text: utf8("Käse kostet 3 €.\nZweite Zeile."), Html: utf8("<h1>Käse</h1>\n<p>kostet 3 €.</p>")},
			}),
			EmailTags: []types.MessageTag{{Name: aws.String("campaign"), Value: aws.String("spring")}},
		},
		"v2 attachments": {FromEmailAddress: from, Destination: to, Content: simple(types.Message{
			Subject: plain("With two files"),
			Body:    &types.Body{Text: plain("See the files."), Html: plain(`<img src="cid:pixel">`)},
			Attachments: []types.Attachment{
				{FileName: aws.String("notes.txt"), ContentType: aws.String("text/plain"), RawContent: []byte("line one\nline two\n")},
				{
					FileName: aws.String("pixel.png"), ContentType: aws.String("image/png"), RawContent: []byte(unbase64(pixel)),
					ContentDisposition: types.AttachmentContentDispositionInline, ContentId: aws.String("pixel"),
				},
			},
		})},
		"v2 headers": {FromEmailAddress: from, Destination: to, Content: simple(types.Message{
			Subject: plain("With header fields of its own"), Body: &types.Body{Text: plain("Look at the headers.")},
			Headers: []types.MessageHeader{
				{Name: aws.String("X-Campaign"), Value: aws.String("spring-26")},
				{Name: aws.String("List-Unsubscribe"), Value: aws.String("<https://example.com/unsubscribe?id=1>")},
			},
		})},
		"v2 raw": {
			FromEmailAddress: from, Destination: &types.Destination{ToAddresses: []string{"to@example.net", "unnamed@example.net"}},
			Content: raw("From: Raw Sender <sender@example.com>", "To: to@example.net", "Subject: Raw, recipients given",
				"X-Kept: as it was", "Message-ID: <replaced@example.com>", "", "The envelope has one reader more than the header."),
		},
		"v2 raw alone": {Content: raw("From: sender@example.com", "To: to@example.net", "Cc: cc@example.net",
			"Subject: Raw, nothing else given", "", "Sender and recipients are those of the header.")},
	}
}

func accountV2(t *testing.T, client *sesv2.Client) {
	out, err := client.GetAccount(t.Context(), &sesv2.GetAccountInput{})
	if err != nil {
		t.Fatal(err)
	}
	if !out.SendingEnabled || !out.ProductionAccessEnabled {
		t.Errorf("sending enabled %v, production access %v", out.SendingEnabled, out.ProductionAccessEnabled)
	}
	if out.SendQuota == nil || out.SendQuota.SentLast24Hours != 12 {
		t.Errorf("quota = %+v, want 12 sent", out.SendQuota)
	}
}

func refusalsV2(t *testing.T, loaded aws.Config) {
	message := &types.EmailContent{Simple: &types.Message{
		Subject: &types.Content{Data: aws.String("x")}, Body: &types.Body{Text: &types.Content{Data: aws.String("x")}},
	}}
	to := &types.Destination{ToAddresses: []string{"to@example.net"}}
	client := sesv2.NewFromConfig(loaded)
	_, err := client.SendEmail(t.Context(), &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("stranger@unverified.example"), Destination: to, Content: message,
	})
	refused[*types.MessageRejected](t, err, http.StatusBadRequest, notVerified)
	_, err = client.SendEmail(t.Context(), &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("sender@example.com"), Destination: &types.Destination{}, Content: message,
	})
	refused[*types.BadRequestException](t, err, http.StatusBadRequest, "")

	for _, keys := range wrongKeys() {
		stranger := sesv2.NewFromConfig(loaded, func(o *sesv2.Options) { o.Credentials = keys })
		_, err := stranger.GetAccount(t.Context(), &sesv2.GetAccountInput{})
		refused[smithy.APIError](t, err, http.StatusForbidden, "")
	}
}

func TestGoV1(t *testing.T) {
	overBoth(t, func(t *testing.T, s *harness.Server, loaded aws.Config) {
		client := ses.NewFromConfig(loaded)
		t.Run("identities", func(t *testing.T) { identitiesV1(t, client) })
		t.Run("an address whose domain has no key", func(t *testing.T) { addressAloneV1(t, s, client) })
		t.Run("the domain's key", func(t *testing.T) { dkimV1(t, client) })
		for name, send := range callsV1(client) {
			t.Run(name, func(t *testing.T) {
				id, err := send(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				check(t, s, id, casesV1[name])
			})
		}
		t.Run("account", func(t *testing.T) { accountV1(t, client) })
		t.Run("refusals", func(t *testing.T) { refusalsV1(t, loaded) })
	})
}

func identitiesV1(t *testing.T, client *ses.Client) {
	ctx := t.Context()
	address, domain := "sender@example.org", "other.example"
	if _, err := client.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: &address}); err != nil {
		t.Fatal(err)
	}
	token, err := client.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: &domain})
	if err != nil {
		t.Fatal(err)
	}
	list, err := client.ListIdentities(ctx, &ses.ListIdentitiesInput{})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(list.Identities)
	compare(t, "identities", list.Identities, []string{domain, address})
	out, err := client.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{
		Identities: []string{address, domain, "unknown.example"},
	})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "number of attributes", len(out.VerificationAttributes), 2)
	compare(t, "status", out.VerificationAttributes[address].VerificationStatus, sestypes.VerificationStatusSuccess)
	compare(t, "token", aws.ToString(out.VerificationAttributes[domain].VerificationToken), aws.ToString(token.VerificationToken))
	if _, err := client.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: &domain}); err != nil {
		t.Fatal(err)
	}
	list, err = client.ListIdentities(ctx, &ses.ListIdentitiesInput{IdentityType: sestypes.IdentityTypeDomain})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "domains left", list.Identities, []string{})
}

// addressAloneV1 sends from an address that is verified while its domain is no identity.
func addressAloneV1(t *testing.T, s *harness.Server, client *ses.Client) {
	out, err := client.SendEmail(t.Context(), &ses.SendEmailInput{
		Source: aws.String("sender@example.org"), Destination: &sestypes.Destination{ToAddresses: []string{"to@example.net"}},
		Message: &sestypes.Message{
			Subject: &sestypes.Content{Data: aws.String("No domain")}, Body: &sestypes.Body{Text: &sestypes.Content{Data: aws.String("No key.")}},
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	check(t, s, aws.ToString(out.MessageId), want{
		From: "sender@example.org", To: []string{"to@example.net"}, Subject: "No domain", Text: "No key.", Unsigned: true,
	})
}

// dkimV1 sets up Easy DKIM for the senders' domain, so that the mail after it is signed.
func dkimV1(t *testing.T, client *ses.Client) {
	domain := "example.org"
	set, err := client.VerifyDomainDkim(t.Context(), &ses.VerifyDomainDkimInput{Domain: &domain})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "number of tokens", len(set.DkimTokens), 3)
	out, err := client.GetIdentityDkimAttributes(t.Context(), &ses.GetIdentityDkimAttributesInput{Identities: []string{domain, "unknown.example"}})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "number of attributes", len(out.DkimAttributes), 1)
	compare(t, "DKIM", out.DkimAttributes[domain], sestypes.IdentityDkimAttributes{
		DkimEnabled: true, DkimVerificationStatus: sestypes.VerificationStatusSuccess, DkimTokens: set.DkimTokens,
	})
}

// callsV1 are the cases of API v1 in Go's words.
func callsV1(client *ses.Client) map[string]func(context.Context) (string, error) {
	utf8 := func(data string) *sestypes.Content {
		return &sestypes.Content{Data: &data, Charset: aws.String("UTF-8")}
	}
	simple := func(input *ses.SendEmailInput) func(context.Context) (string, error) {
		return func(ctx context.Context) (string, error) {
			out, err := client.SendEmail(ctx, input)
			if err != nil {
				return "", err
			}
			return aws.ToString(out.MessageId), nil
		}
	}
	raw := func(input *ses.SendRawEmailInput, text string) func(context.Context) (string, error) {
		input.RawMessage = &sestypes.RawMessage{Data: []byte(text)}
		return func(ctx context.Context) (string, error) {
			out, err := client.SendRawEmail(ctx, input)
			if err != nil {
				return "", err
			}
			return aws.ToString(out.MessageId), nil
		}
	}
	source := aws.String("sender@example.org")
	return map[string]func(context.Context) (string, error){
		"v1 everything": simple(&ses.SendEmailInput{
			Source: source, ReplyToAddresses: []string{"answers@example.org"},
			Destination: &sestypes.Destination{
				ToAddresses: []string{"to@example.net"}, CcAddresses: []string{"cc@example.net"}, BccAddresses: []string{"hidden@example.net"},
			},
			Message: &sestypes.Message{
				Subject: utf8("Crème brûlée"), Body: &sestypes.Body{Text: utf8("Déjà vu."), Html: utf8("<p>Déjà vu.</p>")},
			},
			Tags: []sestypes.MessageTag{{Name: aws.String("campaign"), Value: aws.String("spring")}},
		}),
		"v1 html": simple(&ses.SendEmailInput{
			Source: source, ReplyToAddresses: []string{},
			Destination: &sestypes.Destination{ToAddresses: []string{"to@example.net"}, CcAddresses: []string{}},
			Message: &sestypes.Message{
				Subject: &sestypes.Content{Data: aws.String("HTML alone, no charset")},
				Body:    &sestypes.Body{Html: &sestypes.Content{Data: aws.String("<p>Hello from SES v1.</p>")}},
			},
		}),
		"v1 raw alone": raw(&ses.SendRawEmailInput{}, `From: sender@example.org
To: to@example.net
Subject: Raw data only
MIME-Version: 1.0
Content-type: Multipart/Mixed; boundary="NextPart"

--NextPart
Content-Type: text/plain

This is the message body.

--NextPart
Content-Type: text/plain;
Content-Disposition: attachment; filename="attachment.txt"

This is the text in the attachment.
--NextPart--`),
		"v1 raw": raw(&ses.SendRawEmailInput{Source: source, Destinations: []string{"elsewhere@example.net"}},
			"From: sender@example.org\r\nTo: to@example.net\r\nSubject: Raw, Source and Destinations given\r\n\r\nOnly the Destinations get this.\r\n"),
	}
}

func accountV1(t *testing.T, client *ses.Client) {
	quota, err := client.GetSendQuota(t.Context(), &ses.GetSendQuotaInput{})
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "sent in the last 24 hours", int(quota.SentLast24Hours), 7)
	statistics, err := client.GetSendStatistics(t.Context(), &ses.GetSendStatisticsInput{})
	if err != nil {
		t.Fatal(err)
	}
	var attempts int64
	for _, point := range statistics.SendDataPoints {
		attempts += point.DeliveryAttempts
		if point.Timestamp == nil {
			t.Error("a data point without time")
		}
	}
	compare(t, "delivery attempts", attempts, int64(7))
}

func refusalsV1(t *testing.T, loaded aws.Config) {
	_, err := ses.NewFromConfig(loaded).SendEmail(t.Context(), &ses.SendEmailInput{
		Source: aws.String("stranger@unverified.example"), Destination: &sestypes.Destination{ToAddresses: []string{"to@example.net"}},
		Message: &sestypes.Message{
			Subject: &sestypes.Content{Data: aws.String("x")}, Body: &sestypes.Body{Text: &sestypes.Content{Data: aws.String("x")}},
		},
	})
	refused[*sestypes.MessageRejected](t, err, http.StatusBadRequest, notVerified)
	for _, keys := range wrongKeys() {
		stranger := ses.NewFromConfig(loaded, func(o *ses.Options) { o.Credentials = keys })
		_, err := stranger.GetSendQuota(t.Context(), &ses.GetSendQuotaInput{})
		refused[smithy.APIError](t, err, http.StatusForbidden, "")
	}
}

// notVerified is SES's text; how it writes the region's letters does not matter here.
const notVerified = `(?i)^Email address is not verified\. The following identities failed the check in region us-east-1: stranger@unverified\.example$`

// wrongKeys are the right user with a wrong secret, and nobody.
func wrongKeys() []aws.CredentialsProvider {
	return []aws.CredentialsProvider{
		credentials.NewStaticCredentialsProvider(harness.AccessKey, "not the secret", ""),
		credentials.NewStaticCredentialsProvider("AKIANOBODYKNOWSTHIS0", harness.SecretKey, ""),
	}
}

// refused checks that the call failed with the SDK's error type, the HTTP status and,
// if a pattern is given, the message.
func refused[E error](t *testing.T, err error, status int, message string) {
	t.Helper()
	var typed E
	if !errors.As(err, &typed) {
		t.Errorf("got %v, want %T", err, typed)
		return
	}
	var response *awshttp.ResponseError
	if !errors.As(err, &response) || response.HTTPStatusCode() != status || response.ServiceRequestID() == "" {
		t.Errorf("got %v, want HTTP %d and a request id", err, status)
	}
	var api smithy.APIError
	if !errors.As(err, &api) || api.ErrorCode() == "" || api.ErrorMessage() == "" || !regexp.MustCompile(message).MatchString(api.ErrorMessage()) {
		t.Errorf("got %v, want a code and a message like %q", err, message)
	}
}
