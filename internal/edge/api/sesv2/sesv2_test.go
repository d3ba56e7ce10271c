// SPDX-License-Identifier: Apache-2.0

package sesv2_test

import (
	"context"
	"errors"
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	sdk "github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/core/quota"
	"sesame/internal/core/spool"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/sesv2"
	"sesame/internal/proto/message"
)

// fake is what the handlers call.
type fake struct {
	details    account.Details
	submission intake.Submission
	formatted  *intake.Formatted
	templated  *intake.Templated
	bulk       *intake.Bulk
	results    []intake.Result
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
	return quota.Report{}, f.err
}

func (f *fake) Current(context.Context, scope.Scope) (account.Details, error) {
	return f.details, f.err
}

func (f *fake) SetSending(context.Context, scope.Scope, string, bool) error { return f.err }

func (f *fake) PutProfile(context.Context, scope.Scope, string, account.Profile, bool) error {
	return f.err
}

var who = caller.Caller{
	Scope: scope.Scope{Account: "123456789012", Region: "eu-west-1"}, SourceIP: "192.0.2.7", UserAgent: "sdk", Secure: true, RequestID: "R",
	Principal: account.Principal{Account: "123456789012", User: "u", KeyID: "AKIA"},
}

func from(t *testing.T) context.Context { return caller.With(t.Context(), who) }

// submission is what every call brings to the intake.
func submission() intake.Submission {
	return intake.Submission{
		Scope: who.Scope, Principal: who.Principal, SourceIP: "192.0.2.7", Operation: "SendEmail",
		Action: "ses:SendEmail", UserAgent: "sdk", Secure: true, APIVersion: "2",
	}
}

func addr(s string) address.Address {
	a, err := address.Parse(s)
	if err != nil {
		panic(err)
	}
	return a
}

func TestSimpleBecomesAFormattedMessage(t *testing.T) {
	t.Parallel()
	f := &fake{}
	out, err := (&sesv2.API{Intake: f}).SendEmail(from(t), &sdk.SendEmailInput{
		FromEmailAddress: aws.String("a@example.com"), FeedbackForwardingEmailAddress: aws.String("F <f@example.com>"), ConfigurationSetName: aws.String("set"),
		Destination:      &types.Destination{ToAddresses: []string{"t@x.example"}, CcAddresses: []string{"c@x.example"}, BccAddresses: []string{"b@x.example"}},
		ReplyToAddresses: []string{"r@x.example"}, EmailTags: []types.MessageTag{{Name: aws.String("n"), Value: aws.String("v")}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: aws.String("S"), Charset: aws.String("C1")},
			Body:    &types.Body{Text: &types.Content{Data: aws.String("T")}, Html: &types.Content{Data: aws.String("H"), Charset: aws.String("C2")}},
			Headers: []types.MessageHeader{{Name: aws.String("X"), Value: aws.String("Y")}},
			Attachments: []types.Attachment{
				{RawContent: []byte("1"), FileName: aws.String("f"), ContentType: aws.String("a/b"), ContentDescription: aws.String("d"), ContentId: aws.String("i"),
					ContentDisposition: types.AttachmentContentDispositionInline, ContentTransferEncoding: types.AttachmentContentTransferEncodingSevenBit},
				{RawContent: []byte("2"), ContentTransferEncoding: types.AttachmentContentTransferEncodingQuotedPrintable},
				{RawContent: []byte("3"), ContentTransferEncoding: types.AttachmentContentTransferEncodingBase64},
			},
		}},
	})
	if err != nil || aws.ToString(out.MessageId) != "ID" {
		t.Fatalf("%v, %v", out, err)
	}
	s := submission()
	s.ReturnPath, s.ConfigSet, s.Tags = addr("f@example.com"), "set", []spool.Tag{{Name: "n", Value: "v"}}
	if !reflect.DeepEqual(f.submission, s) {
		t.Errorf("got  %+v\nwant %+v", f.submission, s)
	}
	want := &intake.Formatted{
		From: "a@example.com", To: []string{"t@x.example"}, Cc: []string{"c@x.example"}, Bcc: []string{"b@x.example"}, ReplyTo: []string{"r@x.example"},
		Subject: message.Content{Data: "S", Charset: "C1"}, Text: &message.Content{Data: "T"}, HTML: &message.Content{Data: "H", Charset: "C2"},
		Headers: []message.NameValue{{Name: "X", Value: "Y"}},
		Files: []message.Attachment{
			{Data: []byte("1"), FileName: "f", ContentType: "a/b", Description: "d", ContentID: "i", Inline: true, Encoding: message.SevenBit},
			{Data: []byte("2"), Encoding: message.QuotedPrintable}, {Data: []byte("3")},
		},
	}
	if !reflect.DeepEqual(f.formatted, want) {
		t.Errorf("got  %+v\nwant %+v", f.formatted, want)
	}
}

func TestRawKeepsTheMessage(t *testing.T) {
	t.Parallel()
	f := &fake{}
	_, err := (&sesv2.API{Intake: f}).SendEmail(from(t), &sdk.SendEmailInput{
		FromEmailAddress: aws.String("A <a@example.com>"), Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte("raw")}},
		Destination: &types.Destination{ToAddresses: []string{"t@x.example"}, CcAddresses: []string{"C <c@x.example>"}, BccAddresses: []string{"b@x.example"}},
	})
	if err != nil || f.formatted != nil {
		t.Fatal(err)
	}
	s := submission()
	s.Source, s.Recipients, s.Raw = addr("a@example.com"), []address.Address{addr("t@x.example"), addr("c@x.example"), addr("b@x.example")}, []byte("raw")
	s.SourceFirst, s.Action = true, "ses:SendRawEmail"
	if !reflect.DeepEqual(f.submission, s) {
		t.Errorf("got  %+v\nwant %+v", f.submission, s)
	}
}

func TestWithoutAnythingOptional(t *testing.T) {
	t.Parallel()
	f := &fake{}
	a := &sesv2.API{Intake: f}
	if _, err := a.SendEmail(from(t), &sdk.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte("raw")}}}); err != nil {
		t.Fatal(err)
	}
	s := submission()
	s.Raw, s.SourceFirst, s.Action = []byte("raw"), true, "ses:SendRawEmail"
	if !reflect.DeepEqual(f.submission, s) {
		t.Errorf("%+v", f.submission)
	}
	if _, err := a.SendEmail(from(t), &sdk.SendEmailInput{FromEmailAddress: aws.String("a@b.example"), Content: &types.EmailContent{Simple: &types.Message{}}}); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(f.formatted, &intake.Formatted{From: "a@b.example"}) {
		t.Errorf("%+v", f.formatted)
	}
}

// TestErrorsPass has each thing that a handler calls fail.
func TestErrorsPass(t *testing.T) {
	t.Parallel()
	f := &fake{err: fault.New(fault.Throttled, "x")}
	a := &sesv2.API{Intake: f, Quotas: f, Accounts: f}
	raw := &types.EmailContent{Raw: &types.RawMessage{Data: []byte("raw")}}
	for name, call := range map[string]func() error{
		"raw": func() error { _, err := a.SendEmail(from(t), &sdk.SendEmailInput{Content: raw}); return err },
		"simple": func() error {
			_, err := a.SendEmail(from(t), &sdk.SendEmailInput{FromEmailAddress: aws.String("a@b.example"), Content: &types.EmailContent{Simple: &types.Message{}}})
			return err
		},
		"account": func() error { _, err := a.GetAccount(from(t), nil); return err },
	} {
		if err := call(); !errors.Is(err, f.err) {
			t.Errorf("%s: %v", name, err)
		}
	}
	// Which of several parameters that are not built is named does not change.
	in := &sdk.SendEmailInput{Content: &types.EmailContent{Template: &types.Template{}}, TenantName: aws.String("t"), EndpointId: aws.String("e")}
	for range 20 {
		_, err := a.SendEmail(from(t), in)
		var e *fault.Error
		if !errors.As(err, &e) || e.Kind != fault.NotImplemented || e.Field != "TenantName" {
			t.Fatalf("%v", err)
		}
	}
}
