// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/spool"
)

// TestRawMessages sends the same messages through both versions.
func TestRawMessages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	const other = "other@example.com"
	if _, err := w.sesClient(tester()).VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String(other)}); err != nil {
		t.Fatal(err)
	}
	lines := func(l ...string) string { return strings.Join(l, "\r\n") + "\r\n" }
	head := lines("Received: from here", "From: Sender <"+sender+">", "To: a@example.net", "Cc: B <b@example.net>", "Bcc: c@example.net", "Subject: =?UTF-8?q?Gr=C3=BC=C3=9Fe?=")
	for _, tc := range []struct {
		name         string
		message      string
		source       string
		destinations []string

		to, feedback string
		subject      string
		tags         []spool.Tag
		original     string // Message-ID of the caller
		eightBit     bool
		keep, gone   []string
	}{
		{"neither source nor destinations", head + "\r\nHello\r\n", "", nil, "a@example.net b@example.net c@example.net", sender, "Grüße", nil, "", false,
			[]string{"Received: from here\r\n", "From: Sender <" + sender + ">\r\n", "Cc: B <b@example.net>\r\n", "Subject: =?UTF-8?q?Gr=C3=BC=C3=9Fe?=\r\n", "\r\n\r\nHello\r\n"},
			[]string{"c@example.net"}},
		{"a source", head + "\r\nHello\r\n", other, nil, "a@example.net b@example.net c@example.net", other, "Grüße", nil, "", false, []string{"From: Sender <" + sender + ">\r\n"}, nil},
		{"destinations", head + "\r\nHello\r\n", "", []string{"X <x@example.net>", "y@example.net", "x@example.net"}, "x@example.net y@example.net", sender, "Grüße", nil, "", false,
			[]string{"To: a@example.net\r\n"}, []string{"x@example.net", "y@example.net", "c@example.net"}},
		{"both", head + "\r\nHello\r\n", other, []string{"x@example.net"}, "x@example.net", other, "Grüße", nil, "", false, nil, nil},
		{"a Return-Path", "Return-Path: <" + other + ">\r\n" + head + "\r\nHello\r\n", "", nil, "a@example.net b@example.net c@example.net", other, "Grüße", nil, "", false, nil, []string{other}},
		{"fields that SES sets and reads", "Date: Mon, 1 Jan 2001 00:00:00 +0000\r\nMessage-ID: <mine@example.com>\r\nX-SES-MESSAGE-TAGS: a=b, c=d\r\n" + head + "\r\nHello\r\n", "", nil,
			"a@example.net b@example.net c@example.net", sender, "Grüße", []spool.Tag{{Name: "a", Value: "b"}, {Name: "c", Value: "d"}}, "<mine@example.com>", false, nil,
			[]string{"2001", "mine@example.com", "X-SES", "c@example.net"}},
		{"bare line ends", strings.ReplaceAll(head+"\r\nHello\r\nthere\r\n", "\r\n", "\n"), "", nil, "a@example.net b@example.net c@example.net", sender, "Grüße", nil, "", false,
			[]string{"\r\n\r\nHello\r\nthere\r\n"}, nil},
		{"8 bit", head + "\r\nKäse\r\n", "", nil, "a@example.net b@example.net c@example.net", sender, "Grüße", nil, "", true, []string{"\r\n\r\nKäse\r\n"}, nil},
		{"no body", "From: " + sender + "\r\nTo: a@example.net\r\n", "", nil, "a@example.net", sender, "", nil, "", false, nil, nil},
		{"dots, as they are", head + "\r\n.\r\n..\r\n.x\r\n", "", nil, "a@example.net b@example.net c@example.net", sender, "Grüße", nil, "", false, []string{"\r\n\r\n.\r\n..\r\n.x\r\n"}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			in1 := &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: []byte(tc.message)}, Destinations: tc.destinations}
			in2 := &sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte(tc.message)}}}
			if tc.source != "" {
				in1.Source, in2.FromEmailAddress = &tc.source, &tc.source
			}
			if tc.destinations != nil {
				in2.Destination = &types.Destination{ToAddresses: tc.destinations[:1], BccAddresses: tc.destinations[1:]}
			}
			one, err := w.sesClient(tester()).SendRawEmail(ctx, in1)
			if err != nil {
				t.Fatal(err)
			}
			two, err := w.sesv2Client(tester()).SendEmail(ctx, in2)
			if err != nil {
				t.Fatal(err)
			}
			for operation, id := range map[string]*string{"SendRawEmail": one.MessageId, "SendEmail": two.MessageId} {
				m := checkOutside(t, w, aws.ToString(id), operation)
				if m.to != tc.to || m.ReturnPath.String() != tc.feedback || m.Sender.String() != sender || m.Subject != tc.subject ||
					!reflect.DeepEqual(m.Tags, tc.tags) || m.OriginalID != tc.original || m.EightBit != tc.eightBit {
					t.Errorf("%s: to %s, feedback to %s, from %s, %+v", operation, m.to, m.ReturnPath, m.Sender, m.Message)
				}
				for _, s := range tc.keep {
					if !strings.Contains(string(m.Content), s) {
						t.Errorf("%s: %q is missing in\n%s", operation, s, m.Content)
					}
				}
				for _, s := range tc.gone {
					if strings.Contains(string(m.Content), s) {
						t.Errorf("%s: %q is left in\n%s", operation, s, m.Content)
					}
				}
			}
		})
	}
}

// TestTagsOfParametersAndOfTheHeader: the parameter's count.
func TestTagsOfParametersAndOfTheHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message := []byte("From: " + sender + "\r\nTo: a@example.net\r\nX-SES-MESSAGE-TAGS: a=header\r\n\r\nx\r\n")
	one, err := w.sesClient(tester()).SendRawEmail(t.Context(), &ses.SendRawEmailInput{
		RawMessage: &sestypes.RawMessage{Data: message}, Tags: []sestypes.MessageTag{{Name: aws.String("a"), Value: aws.String("parameter")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	two, err := w.sesv2Client(tester()).SendEmail(t.Context(), &sesv2.SendEmailInput{
		Content:   &types.EmailContent{Raw: &types.RawMessage{Data: message}},
		EmailTags: []types.MessageTag{{Name: aws.String("a"), Value: aws.String("parameter")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []*string{one.MessageId, two.MessageId} {
		if m := w.stored(t, aws.ToString(id)); !reflect.DeepEqual(m.Tags, []spool.Tag{{Name: "a", Value: "parameter"}}) {
			t.Errorf("%v", m.Tags)
		}
	}
}

// TestASenderThatIsNotVerifiedOfAMessageThatCannotBeRead is what nodemailer asks when it
// wants to know whether its keys are good.
func TestASenderThatIsNotVerifiedOfAMessageThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	message := []byte("From: invalid@invalid\r\nTo: invalid@\r\n\r\nx\r\n")
	nobody := aws.String("invalid@invalid")
	_, err := w.sesv2Client(tester()).SendEmail(t.Context(), &sesv2.SendEmailInput{
		FromEmailAddress: nobody, Content: &types.EmailContent{Raw: &types.RawMessage{Data: message}},
	})
	wantRefusal(t, err, refusal{400, "MessageRejected", notVerified("invalid@invalid")})
	_, err = w.sesClient(tester()).SendRawEmail(t.Context(), &ses.SendRawEmailInput{Source: nobody, RawMessage: &sestypes.RawMessage{Data: message}})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Missing domain"})
}
