// SPDX-License-Identifier: Apache-2.0

package ses_test

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/intake"
	"sesame/internal/edge/api/ses"
)

// TestEveryFaultOfADestinationHasAStatus has the intake refuse each destination of a bulk
// call otherwise.
func TestEveryFaultOfADestinationHasAStatus(t *testing.T) {
	t.Parallel()
	const text = "What the peer may read"
	cases := []struct {
		err  error
		want types.BulkEmailStatus
	}{
		{fault.New(fault.Invalid, text), types.BulkEmailStatusInvalidParameterValue},
		{fault.New(fault.TooLarge, text), types.BulkEmailStatusInvalidParameterValue},
		{fault.New(fault.NotFound, text), types.BulkEmailStatusInvalidParameterValue},
		{fault.New(fault.Rejected, text), types.BulkEmailStatusMessageRejected},
		{fault.New(fault.ConfigSetNotFound, text), types.BulkEmailStatusConfigurationSetDoesNotExist},
		{fault.New(fault.TemplateNotFound, text), types.BulkEmailStatusTemplateDoesNotExist},
		{fault.New(fault.AccountPaused, text), types.BulkEmailStatusAccountSendingPaused},
		{fault.New(fault.ConfigSetPaused, text), types.BulkEmailStatusConfigurationSetSendingPaused},
		{fault.New(fault.MailFromNotVerified, text), types.BulkEmailStatusMailFromDomainNotVerified},
		{fault.New(fault.Unavailable, text), types.BulkEmailStatusTransientFailure},
		{fault.New(fault.Conflict, text), types.BulkEmailStatusTransientFailure},
		{fault.New(fault.AccessDenied, text), types.BulkEmailStatusFailed},
		{fault.New(fault.Internal, text), types.BulkEmailStatusFailed},
		{fault.New(fault.NotImplemented, text), types.BulkEmailStatusFailed},
		{fault.New(fault.Throttled, "Maximum sending rate exceeded."), types.BulkEmailStatusAccountThrottled},
		{fault.New(fault.Throttled, "Daily message quota exceeded."), types.BulkEmailStatusAccountDailyQuotaExceeded},
		{errors.New("no fault"), types.BulkEmailStatusFailed},
	}
	f := &fake{}
	for _, c := range cases {
		f.results = append(f.results, intake.Result{Err: c.err})
	}
	f.results = append(f.results, intake.Result{ID: "ID"})
	out, err := (&ses.API{Intake: f}).SendBulkTemplatedEmail(from(t), &sdk.SendBulkTemplatedEmailInput{
		Source: aws.String("a@example.com"), Template: aws.String("T"), DefaultTemplateData: aws.String("{}"),
	})
	if err != nil {
		t.Fatal(err)
	}
	for n, c := range cases {
		if got := out.Status[n]; got.Status != c.want || aws.ToString(got.Error) == "" || got.MessageId != nil {
			t.Errorf("%v: %s, %q", c.err, got.Status, aws.ToString(got.Error))
		}
	}
	if got := out.Status[len(cases)]; got.Status != types.BulkEmailStatusSuccess || aws.ToString(got.MessageId) != "ID" || got.Error != nil {
		t.Errorf("%+v", got)
	}
	if s := f.submission; s.Operation != "SendBulkTemplatedEmail" || s.Action != "ses:SendBulkTemplatedEmail" || f.bulk.From != "a@example.com" || f.bulk.Template.Name != "T" {
		t.Errorf("%+v, %+v", s, f.bulk)
	}
}
