// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/smtpcred"
)

func limited(daily, rate float64) func(*settings) {
	return func(s *settings) { s.limits = quota.Limits{Daily: daily, Rate: rate} }
}

func plainV1(to ...string) *ses.SendEmailInput {
	return &ses.SendEmailInput{
		Source: aws.String(sender), Destination: &sestypes.Destination{ToAddresses: to},
		Message: &sestypes.Message{Subject: textV1("Hi"), Body: &sestypes.Body{Text: textV1("Ho")}},
	}
}

func TestTheAccountAndItsQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, limited(100, 14))
	ctx := t.Context()
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	check := func(sent float64) {
		t.Helper()
		account, err := two.GetAccount(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, account, &sesv2.GetAccountOutput{
			EnforcementStatus: aws.String("HEALTHY"), ProductionAccessEnabled: true, SendingEnabled: true,
			SendQuota:             &types.SendQuota{Max24HourSend: 100, MaxSendRate: 14, SentLast24Hours: sent},
			SuppressionAttributes: &types.SuppressionAttributes{SuppressedReasons: types.SuppressionListReason("").Values()},
		})
		q, err := one.GetSendQuota(ctx, nil)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, q, &ses.GetSendQuotaOutput{Max24HourSend: 100, MaxSendRate: 14, SentLast24Hours: sent})
	}
	check(0)
	stats, err := one.GetSendStatistics(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, stats, &ses.GetSendStatisticsOutput{SendDataPoints: []sestypes.SendDataPoint{}})
	enabled, err := one.GetAccountSendingEnabled(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, enabled, &ses.GetAccountSendingEnabledOutput{Enabled: true})

	if _, err := one.SendEmail(ctx, plainV1(people(3)...)); err != nil {
		t.Fatal(err)
	}
	if _, err := two.SendEmail(ctx, plain(sender, people(4)...)); err != nil {
		t.Fatal(err)
	}
	check(7)
	if stats, err = one.GetSendStatistics(ctx, nil); err != nil {
		t.Fatal(err)
	}
	quarter := w.clock.Now().UTC().Truncate(15 * time.Minute)
	equal(t, stats, &ses.GetSendStatisticsOutput{SendDataPoints: []sestypes.SendDataPoint{{Timestamp: &quarter, DeliveryAttempts: 7}}})
}

func TestQuotasThatAreNotSet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	out, err := w.sesClient(tester()).GetSendQuota(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, out, &ses.GetSendQuotaOutput{Max24HourSend: -1, MaxSendRate: 1_000_000})
}

// TestOverTheQuotas has the refusals of the three doors, word by word.
func TestOverTheQuotas(t *testing.T) {
	t.Parallel()
	const daily, rate = "Daily message quota exceeded.", "Maximum sending rate exceeded."
	for _, tc := range []struct {
		name  string
		limit func(*settings)
		fill  int // recipients that go
		text  string
	}{
		{"the daily quota", limited(5, 0), 4, daily},
		{"the rate", limited(0, 2), 3, rate}, // two seconds' worth at once
		{"both", limited(4, 2), 4, daily},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, tc.limit)
			ctx := t.Context()
			one, two := w.sesClient(tester()), w.sesv2Client(tester())
			if _, err := one.SendEmail(ctx, plainV1(people(tc.fill)...)); err != nil {
				t.Fatal(err)
			}
			over := people(2)
			_, err := one.SendEmail(ctx, plainV1(over...))
			wantRefusal(t, err, refusal{400, "Throttling", tc.text})
			_, err = one.SendRawEmail(ctx, &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: []byte("From: " + sender + "\r\n\r\nx")}, Destinations: over})
			wantRefusal(t, err, refusal{400, "Throttling", tc.text})
			_, err = two.SendEmail(ctx, plain(sender, over...))
			wantRefusal(t, err, refusal{429, "TooManyRequestsException", tc.text})
			isA[*types.TooManyRequestsException](t, err)
			door := smtpDoor(t, w, &submission.Backend{Auth: w.accounts, Intake: w.intake, Region: region})
			if tc.fill == 3 { // one token is left, and SMTP sends to one
				if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
					t.Fatal(err)
				}
			}
			if tc.name == "the daily quota" {
				if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
					t.Fatal("what was refused took from the quota:", err)
				}
			}
			code, text := submitAs(t, door, smtpcred.Password(secretKey, region), "Ho")
			if code != 454 || text != "Throttling failure: "+strings.TrimSuffix(tc.text, ".") {
				t.Errorf("SMTP: %d %s", code, text)
			}
			// Another region has a quota of its own.
			if _, err := w.sesClient(in("eu-west-1")).VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String(sender)}); err != nil {
				t.Fatal(err)
			}
			if _, err := w.sesv2Client(in("eu-west-1")).SendEmail(ctx, plain(sender, over...)); err != nil {
				t.Errorf("another region: %v", err)
			}
			if tc.text == rate {
				w.clock.Advance(time.Second)
				if _, err := two.SendEmail(ctx, plain(sender, over...)); err != nil {
					t.Errorf("a second later: %v", err)
				}
			}
		})
	}
}

// TestTheSizesOfTheDoors sends the largest message that each takes and the next larger.
func TestTheSizesOfTheDoors(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.large = true })
	ctx := t.Context()
	head := "From: " + sender + "\r\nTo: " + reader + "\r\n\r\n"
	message := func(size int) []byte {
		line := strings.Repeat("x", 76) + "\r\n"
		b := make([]byte, 0, size+len(line))
		b = append(b, head...)
		for len(b) < size {
			b = append(b, line...)
		}
		return b[:size]
	}
	sendV1 := func(size int) error {
		_, err := w.sesClient(tester()).SendRawEmail(ctx, &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: message(size)}})
		return err
	}
	sendV2 := func(size int) error {
		_, err := w.sesv2Client(tester()).SendEmail(ctx, &sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: message(size)}}})
		return err
	}
	if err := sendV1(intake.MaxBytesV1); err != nil {
		t.Errorf("v1: %v", err)
	}
	wantRefusal(t, sendV1(intake.MaxBytesV1+1), refusal{400, "InvalidParameterValue", "Message length is more than 10485760 bytes long: '10485761'."})
	if err := sendV2(intake.MaxBytesV2); err != nil {
		t.Errorf("v2: %v", err)
	}
	err := sendV2(intake.MaxBytesV2 + 1)
	wantRefusal(t, err, refusal{400, "BadRequestException", "Message length is more than 41943040 bytes long: '41943041'."})
	isA[*types.BadRequestException](t, err)

	// It is the size after encoding that counts.
	in := plain(sender, reader)
	in.Content.Simple.Attachments = []types.Attachment{{FileName: aws.String("large"), RawContent: make([]byte, 31<<20)}}
	_, err = w.sesv2Client(tester()).SendEmail(ctx, in)
	if got := refused(t, err); got.status != 400 || !strings.HasPrefix(got.text, "Message length is more than 41943040 bytes long: '") {
		t.Errorf("31 MiB of a file: %+v", got)
	}
	big := plainV1(reader)
	big.Message.Body.Text.Data = aws.String(strings.Repeat("text ", 11<<20/5))
	_, err = w.sesClient(tester()).SendEmail(ctx, big)
	if got := refused(t, err); got.status != 400 || got.code != "InvalidParameterValue" || !strings.HasPrefix(got.text, "Message length is more than 10485760 bytes long: '") {
		t.Errorf("11 MiB of text: %+v", got)
	}
}

func TestFiftyRecipients(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	one, err := w.sesClient(tester()).SendEmail(ctx, plainV1(people(50)...))
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.sesv2Client(tester()).SendEmail(ctx, plain(sender, people(50)...))
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []*string{one.MessageId, two.MessageId} {
		if m := w.stored(t, aws.ToString(id)); len(m.Recipients) != 50 || m.to != strings.Join(people(50), " ") {
			t.Errorf("%d recipients", len(m.Recipients))
		}
	}
}

// TestWithoutADatabase closes it: everything says that the fault is the server's.
func TestWithoutADatabase(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	// The key and the sender are known from before, for a while.
	if _, err := w.sesv2Client(tester()).SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Fatal(err)
	}
	if err := w.db.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := w.sesv2Client(tester()).SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, refusal{503, "ServiceUnavailableException", "Temporary service failure"})
	_, err = w.sesClient(tester()).SendEmail(ctx, plainV1(reader))
	wantRefusal(t, err, refusal{503, "ServiceUnavailable", "Temporary service failure"})
	_, err = w.sesv2Client(tester()).ListEmailIdentities(ctx, &sesv2.ListEmailIdentitiesInput{})
	wantRefusal(t, err, refusal{500, "InternalServiceErrorException", "Internal failure"})
	_, err = w.sesClient(tester()).GetSendStatistics(ctx, nil)
	wantRefusal(t, err, refusal{500, "InternalFailure", "Internal failure"})
	stranger := tester()
	stranger.key = "AKIAEXAMPLEEXAMPLE02"
	_, err = w.sesClient(stranger).GetSendQuota(ctx, nil)
	wantRefusal(t, err, refusal{500, "InternalFailure", "Internal failure"})
	if w.count() != 1 {
		t.Errorf("%d messages", w.count())
	}
	if log := w.log.String(); !strings.Contains(log, "closed") {
		t.Errorf("the log does not say why:\n%s", log)
	}
}
