// SPDX-License-Identifier: Apache-2.0

package ses_test

import (
	"context"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/core/spool"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/ses"
	"sesame/internal/proto/message"
)

// fake is what the handlers call.
type fake struct {
	submission intake.Submission
	formatted  *intake.Formatted
	templated  *intake.Templated
	bulk       *intake.Bulk
	results    []intake.Result
	points     []spool.DataPoint
	err        error
}

func (f *fake) Accept(_ context.Context, s intake.Submission) (string, error) {
	f.submission = s
	return "ID", f.err
}

func (f *fake) AcceptFormatted(_ context.Context, s intake.Submission, m intake.Formatted) (string, error) {
	f.submission, f.formatted = s, &m
	return "ID", f.err
}

func (f *fake) AcceptTemplated(_ context.Context, s intake.Submission, t intake.Templated) (string, error) {
	f.submission, f.templated = s, &t
	return "ID", f.err
}

func (f *fake) AcceptBulk(_ context.Context, s intake.Submission, b intake.Bulk) ([]intake.Result, error) {
	f.submission, f.bulk = s, &b
	return f.results, f.err
}

func (f *fake) TestRender(context.Context, scope.Scope, string, *string) (string, error) {
	return "", f.err
}

func (f *fake) Report(context.Context, scope.Scope) (quota.Report, error) {
	return quota.Report{Daily: 200, Rate: 1, Sent: 7}, f.err
}
func (f *fake) Current(context.Context, scope.Scope) (account.Details, error) {
	return account.Details{}, f.err
}
func (f *fake) SetSending(context.Context, scope.Scope, string, bool) error { return f.err }
func (f *fake) PutProfile(context.Context, scope.Scope, string, account.Profile, bool) error {
	return f.err
}
func (f *fake) SendStatistics(context.Context, scope.Scope) ([]spool.DataPoint, error) {
	return f.points, f.err
}

var who = caller.Caller{
	Scope: scope.Scope{Account: "123456789012", Region: "eu-west-1"}, SourceIP: "192.0.2.7", UserAgent: "sdk", Secure: true, RequestID: "R",
	Principal: account.Principal{Account: "123456789012", User: "u", KeyID: "AKIA"},
}

func from(t *testing.T) context.Context { return caller.With(t.Context(), who) }

func addr(s string) address.Address {
	a, err := address.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

// submission is what every call brings to the intake.
func submission(operation string) intake.Submission {
	return intake.Submission{
		Scope: who.Scope, Principal: who.Principal, SourceIP: "192.0.2.7", Operation: operation,
		Action: "ses:" + operation, UserAgent: "sdk", Secure: true, APIVersion: "1",
		ConfigSet: "set", Tags: []spool.Tag{{Name: "n", Value: "v"}},
	}
}

var tags = []types.MessageTag{{Name: aws.String("n"), Value: aws.String("v")}}

func TestSendEmailBecomesAFormattedMessage(t *testing.T) {
	t.Parallel()
	f := &fake{}
	out, err := (&ses.API{Intake: f}).SendEmail(from(t), &sdk.SendEmailInput{
		Source: aws.String("a@example.com"), ReturnPath: aws.String("F <f@example.com>"), ConfigurationSetName: aws.String("set"), Tags: tags,
		Destination:      &types.Destination{ToAddresses: []string{"t@x.example"}, CcAddresses: []string{"c@x.example"}, BccAddresses: []string{"b@x.example"}},
		ReplyToAddresses: []string{"r@x.example"},
		Message: &types.Message{
			Subject: &types.Content{Data: aws.String("S"), Charset: aws.String("C1")},
			Body:    &types.Body{Text: &types.Content{Data: aws.String("T")}, Html: &types.Content{Data: aws.String("H"), Charset: aws.String("C2")}},
		},
	})
	if err != nil || aws.ToString(out.MessageId) != "ID" {
		t.Fatalf("%v, %v", out, err)
	}
	s := submission("SendEmail")
	s.ReturnPath = addr("f@example.com")
	if !reflect.DeepEqual(f.submission, s) {
		t.Errorf("got  %+v\nwant %+v", f.submission, s)
	}
	want := &intake.Formatted{
		From: "a@example.com", To: []string{"t@x.example"}, Cc: []string{"c@x.example"}, Bcc: []string{"b@x.example"}, ReplyTo: []string{"r@x.example"},
		Subject: message.Content{Data: "S", Charset: "C1"}, Text: &message.Content{Data: "T"}, HTML: &message.Content{Data: "H", Charset: "C2"},
	}
	if !reflect.DeepEqual(f.formatted, want) {
		t.Errorf("got  %+v\nwant %+v", f.formatted, want)
	}
	if _, err := (&ses.API{Intake: f}).SendEmail(from(t), &sdk.SendEmailInput{}); err != nil || !reflect.DeepEqual(f.formatted, &intake.Formatted{}) {
		t.Errorf("nothing at all: %+v, %v", f.formatted, err)
	}
}

func TestSendRawEmailKeepsTheMessage(t *testing.T) {
	t.Parallel()
	f := &fake{}
	out, err := (&ses.API{Intake: f}).SendRawEmail(from(t), &sdk.SendRawEmailInput{
		Source: aws.String("A <a@example.com>"), Destinations: []string{"t@x.example", "C <c@x.example>"}, RawMessage: &types.RawMessage{Data: []byte("raw")},
		ConfigurationSetName: aws.String("set"), Tags: tags,
	})
	if err != nil || aws.ToString(out.MessageId) != "ID" || f.formatted != nil {
		t.Fatalf("%v, %v", out, err)
	}
	s := submission("SendRawEmail")
	s.Source, s.Recipients, s.Raw = addr("a@example.com"), []address.Address{addr("t@x.example"), addr("c@x.example")}, []byte("raw")
	if !reflect.DeepEqual(f.submission, s) {
		t.Errorf("got  %+v\nwant %+v", f.submission, s)
	}
}

func TestStatistics(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 1, 2, 3, 15, 0, 0, time.UTC)
	f := &fake{points: []spool.DataPoint{{Start: at, Attempts: 4, Bounces: 3, Complaints: 2, Rejects: 1}, {Start: at.Add(15 * time.Minute), Attempts: 1}}}
	out, err := (&ses.API{Statistics: f}).GetSendStatistics(from(t), nil)
	later := at.Add(15 * time.Minute)
	want := []types.SendDataPoint{
		{Timestamp: &at, DeliveryAttempts: 4, Bounces: 3, Complaints: 2, Rejects: 1}, {Timestamp: &later, DeliveryAttempts: 1},
	}
	if err != nil || !reflect.DeepEqual(out.SendDataPoints, want) {
		t.Errorf("%+v, %v", out, err)
	}
}

// TestErrorsPass has each thing that a handler calls fail.
func TestErrorsPass(t *testing.T) {
	t.Parallel()
	f := &fake{err: fault.New(fault.Throttled, "x")}
	a := &ses.API{Intake: f, Quotas: f, Statistics: f, Accounts: f}
	for name, call := range map[string]func() error{
		"SendEmail": func() error { _, err := a.SendEmail(from(t), &sdk.SendEmailInput{}); return err },
		"SendRawEmail": func() error {
			_, err := a.SendRawEmail(from(t), &sdk.SendRawEmailInput{RawMessage: &types.RawMessage{}})
			return err
		},
		"GetSendQuota":      func() error { _, err := a.GetSendQuota(from(t), nil); return err },
		"GetSendStatistics": func() error { _, err := a.GetSendStatistics(from(t), nil); return err },
	} {
		if err := call(); !errors.Is(err, f.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
