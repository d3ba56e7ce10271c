// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/account"
	"sesame/internal/core/identity"
	"sesame/internal/core/quota"
)

// inSandbox is a server whose accounts begin in the sandbox.
func inSandbox(s *settings) { s.sandbox = true }

func TestTheSandboxsQuotas(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inSandbox, limited(50_000, 100))
	ctx := t.Context()
	if err := w.accounts.SetLimits(ctx, home, account.Operator, account.Limits{Daily: 1000, Rate: 100}, "for later"); err != nil {
		t.Fatal(err)
	}
	out, err := w.sesv2Client(tester()).GetAccount(ctx, nil)
	if err != nil || out.ProductionAccessEnabled || out.SendQuota.Max24HourSend != 200 || out.SendQuota.MaxSendRate != 1 {
		t.Errorf("%+v, %v", out, err)
	}
	if err := w.accounts.SetSandbox(ctx, home, account.Operator, false); err != nil {
		t.Fatal(err)
	}
	if out, err = w.sesv2Client(tester()).GetAccount(ctx, nil); err != nil || !out.ProductionAccessEnabled || out.SendQuota.Max24HourSend != 1000 {
		t.Errorf("out of it: %+v, %v", out, err)
	}
}

// TestTheSandboxSendsToVerifiedIdentitiesAlone has the refusals of the three doors, word
// by word.
func TestTheSandboxSendsToVerifiedIdentitiesAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inSandbox)
	ctx := t.Context()
	if _, err := w.identities.Create(ctx, home, "example.org", identity.Settings{}); err != nil {
		t.Fatal(err)
	}
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	const text = "Email address is not verified. The following identities failed the check in region US-EAST-1: "
	for _, c := range []struct {
		name string
		to   []string
		list string // of the refusal; "" if it goes
	}{
		{"to an address of a verified domain", []string{"anybody@example.org"}, ""},
		{"to the sender", []string{sender}, ""},
		{"to the simulator", []string{"success@simulator.amazonses.com", "bounce+label@simulator.amazonses.com"}, ""},
		{"to a stranger", []string{reader}, reader},
		{"to strangers and others", []string{"x@example.net", sender, "y@example.net", "bounce@simulator.amazonses.com"}, "x@example.net, y@example.net"},
		{"to somebody at the simulator's own domain", []string{"a@amazonses.com"}, "a@amazonses.com"},
	} {
		w.clock.Advance(20_000_000_000) // of quota
		_, err := two.SendEmail(ctx, plain(sender, c.to...))
		if c.list == "" {
			if err != nil {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		wantRefusal(t, err, refusal{400, "MessageRejected", text + c.list})
		isA[*types.MessageRejected](t, err)
		_, err = one.SendEmail(ctx, plainV1(c.to...))
		wantRefusal(t, err, refusal{400, "MessageRejected", text + c.list})
	}
	_, err := two.SendEmail(ctx, plain("me@example.com", reader))
	wantRefusal(t, err, refusal{400, "MessageRejected", text + "me@example.com, " + reader})
	if code, reply := submit(t, sendingDoor(t, w)); code != 554 || !strings.HasPrefix(reply, "Message rejected: "+text) {
		t.Errorf("SMTP: %d %s", code, reply)
	}
	if err := w.accounts.SetSandbox(ctx, home, account.Operator, false); err != nil {
		t.Fatal(err)
	}
	if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Errorf("in production: %v", err)
	}
}

func TestTheSandboxHasNoSuppressionListToWriteTo(t *testing.T) {
	t.Parallel()
	w := newWorld(t, inSandbox)
	ctx := t.Context()
	two := w.sesv2Client(tester())
	w.upload(t, home, "lists", "addresses.csv", "")
	calls := map[string]func() error{
		"PutSuppressedDestination": func() error {
			_, err := two.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: aws.String(reader), Reason: types.SuppressionListReasonBounce})
			return err
		},
		"DeleteSuppressedDestination": func() error {
			_, err := two.DeleteSuppressedDestination(ctx, &sesv2.DeleteSuppressedDestinationInput{EmailAddress: aws.String(reader)})
			return err
		},
		"CreateImportJob": func() error {
			_, err := two.CreateImportJob(ctx, &sesv2.CreateImportJobInput{
				ImportDataSource:  &types.ImportDataSource{DataFormat: types.DataFormatCsv, S3Url: aws.String("s3://lists/addresses.csv")},
				ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{SuppressionListImportAction: types.SuppressionListImportActionPut}},
			})
			return err
		},
	}
	for name, do := range calls {
		err := do()
		wantRefusal(t, err, refusal{400, "BadRequestException", "Your account is in the sandbox. The operation " + name + " requires production access."})
		isA[*types.BadRequestException](t, err)
	}
	if err := w.accounts.SetSandbox(ctx, home, account.Operator, false); err != nil {
		t.Fatal(err)
	}
	for name, do := range calls {
		if err := do(); err != nil && refused(t, err).status == 400 {
			t.Errorf("%s in production: %v", name, err)
		}
	}
}

// TestMailToTheSimulatorIsFree of the daily quota, not of the rate.
func TestMailToTheSimulatorIsFree(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.limits = quota.Limits{Daily: 3, Rate: 5} })
	ctx := t.Context()
	two := w.sesv2Client(tester())
	bounce := "bounce@simulator.amazonses.com"
	if _, err := two.SendEmail(ctx, plain(sender, append(people(3), bounce)...)); err != nil {
		t.Fatal(err)
	}
	for range 6 {
		if _, err := two.SendEmail(ctx, plain(sender, bounce)); err != nil {
			t.Fatal(err)
		}
	}
	_, err := two.SendEmail(ctx, plain(sender, bounce))
	wantRefusal(t, err, refusal{429, "TooManyRequestsException", "Maximum sending rate exceeded."})
	if out, err := two.GetAccount(ctx, nil); err != nil || out.SendQuota.SentLast24Hours != 3 {
		t.Errorf("%+v, %v", out, err)
	}
}
