// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// stringField is one string of an input, with its place.
type stringField struct {
	place string
	set   func(string)
	value string
}

// stringsOf finds every string in an input, at all depths.
func stringsOf(place string, v reflect.Value, found *[]stringField) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			stringsOf(place, v.Elem(), found)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if f := v.Type().Field(i); f.IsExported() {
				stringsOf(place+"."+f.Name, v.Field(i), found)
			}
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			return // a message or a file
		}
		for i := range v.Len() {
			stringsOf(place, v.Index(i), found)
		}
	case reflect.String:
		*found = append(*found, stringField{place, v.SetString, v.String()})
	}
}

// free are the strings that may hold line breaks: texts in a body.
func free(place string) bool {
	return strings.HasSuffix(place, ".Body.Text.Data") || strings.HasSuffix(place, ".Body.Html.Data")
}

// attacks are what is put behind each string.
var attacks = []string{"\r\nBcc: victim@example.net", "\nBcc: victim@example.net", "\rBcc: victim@example.net", "\r\n\r\nbody", "\x00"}

// fullV2 and fullV1 fill every parameter of a message that is built.
func fullV2() *sesv2.SendEmailInput {
	return &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("Name <" + sender + ">"),
		Destination:      &types.Destination{ToAddresses: []string{"To <a@example.net>"}, CcAddresses: []string{"b@example.net"}, BccAddresses: []string{"c@example.net"}},
		ReplyToAddresses: []string{"r@example.org"}, FeedbackForwardingEmailAddress: aws.String(sender),
		EmailTags: []types.MessageTag{{Name: aws.String("name"), Value: aws.String("value")}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: text("Subject", "UTF-8"), Body: &types.Body{Text: text("Text", "UTF-8"), Html: text("Html", "UTF-8")},
			Headers: []types.MessageHeader{{Name: aws.String("X-Header"), Value: aws.String("value")}},
			Attachments: []types.Attachment{{
				FileName: aws.String("file.txt"), RawContent: []byte("x"), ContentType: aws.String("text/plain"), ContentDescription: aws.String("A file"),
				ContentId: aws.String("id"), ContentDisposition: "INLINE", ContentTransferEncoding: "BASE64",
			}},
		}},
	}
}

func fullV1() *ses.SendEmailInput {
	return &ses.SendEmailInput{
		Source:           aws.String("Name <" + sender + ">"),
		Destination:      &sestypes.Destination{ToAddresses: []string{"To <a@example.net>"}, CcAddresses: []string{"b@example.net"}, BccAddresses: []string{"c@example.net"}},
		ReplyToAddresses: []string{"r@example.org"}, ReturnPath: aws.String(sender),
		Tags: []sestypes.MessageTag{{Name: aws.String("name"), Value: aws.String("value")}},
		Message: &sestypes.Message{
			Subject: textV1("Subject", "UTF-8"), Body: &sestypes.Body{Text: textV1("Text", "UTF-8"), Html: textV1("Html", "UTF-8")},
		},
	}
}

// TestNoParameterAddsALineToTheHeader puts line breaks into each parameter, one at a
// time. It is refused, or else stays in the body.
func TestNoParameterAddsALineToTheHeader(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	c1, c2 := w.sesClient(tester(), ses.WithAPIOptions(unchecked)), w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked))
	for _, op := range []struct {
		name   string
		input  func() any
		fields int // at least
		send   func(any) (*string, error)
	}{
		{"v1 SendEmail", func() any { return fullV1() }, 13, func(in any) (*string, error) {
			out, err := c1.SendEmail(ctx, in.(*ses.SendEmailInput))
			if err != nil {
				return nil, err
			}
			return out.MessageId, nil
		}},
		{"v1 SendRawEmail", func() any {
			return &ses.SendRawEmailInput{
				Source: aws.String("Name <" + sender + ">"), Destinations: []string{"a@example.net"},
				RawMessage: &sestypes.RawMessage{Data: []byte("From: " + sender + "\r\n\r\nx")}, Tags: []sestypes.MessageTag{{Name: aws.String("n"), Value: aws.String("v")}},
			}
		}, 4, func(in any) (*string, error) {
			out, err := c1.SendRawEmail(ctx, in.(*ses.SendRawEmailInput))
			if err != nil {
				return nil, err
			}
			return out.MessageId, nil
		}},
		{"v2 SendEmail", func() any { return fullV2() }, 22, func(in any) (*string, error) {
			out, err := c2.SendEmail(ctx, in.(*sesv2.SendEmailInput))
			if err != nil {
				return nil, err
			}
			return out.MessageId, nil
		}},
	} {
		t.Run(op.name, func(t *testing.T) {
			if _, err := op.send(op.input()); err != nil {
				t.Fatalf("as it is: %v", err)
			}
			var fields []stringField
			stringsOf("", reflect.ValueOf(op.input()), &fields)
			if len(fields) < op.fields {
				t.Errorf("%d strings, want at least %d", len(fields), op.fields)
			}
			for n := range fields {
				for _, attack := range attacks {
					in := op.input()
					var fresh []stringField
					stringsOf("", reflect.ValueOf(in), &fresh)
					f := fresh[n]
					f.set(f.value + attack)
					before := w.count()
					id, err := op.send(in)
					if free(f.place) && attack != "\x00" {
						if err != nil {
							t.Errorf("%s with %q: %v", f.place, attack, err)
						} else if m := w.stored(t, aws.ToString(id)); m.header.Get("Bcc") != "" || strings.Contains(m.to, "victim") {
							t.Errorf("%s with %q: %s", f.place, attack, m.Content)
						}
						continue
					}
					if free(f.place) {
						continue // a zero octet in a body is nobody's header
					}
					if err == nil {
						t.Errorf("%s with %q was sent:\n%s", f.place, attack, w.stored(t, aws.ToString(id)).Content)
						continue
					}
					if got := refused(t, err); got.status != http.StatusBadRequest && got.status != http.StatusNotFound || strings.ContainsAny(got.text, "\r\n\x00") {
						t.Errorf("%s with %q: %+v", f.place, attack, got)
					}
					if w.count() != before {
						t.Errorf("%s with %q: stored", f.place, attack)
					}
				}
			}
		})
	}
}
