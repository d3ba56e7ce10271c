// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/proto/awswire"
)

// html is 8 KiB of HTML with the quotes and line breaks that JSON escapes.
func html() string {
	line := `<p class="note" style="margin:0">The quick brown fox jumps over the lazy dog, said the mail.</p>` + "\n"
	return strings.Repeat(line, 8192/len(line)+1)[:8192]
}

func sendEmailBody(b *testing.B) []byte {
	b.Helper()
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false) // most SDKs escape no more than they must
	err := e.Encode(map[string]any{
		"FromEmailAddress": "Sender <sender@example.com>",
		"Destination":      map[string]any{"ToAddresses": []string{"one@example.net", "two@example.net"}},
		"Content": map[string]any{"Simple": map[string]any{
			"Subject": map[string]any{"Data": "A subject", "Charset": "UTF-8"},
			"Body":    map[string]any{"Html": map[string]any{"Data": html(), "Charset": "UTF-8"}},
		}},
		"EmailTags":            []map[string]any{{"Name": "campaign", "Value": "spring"}},
		"ConfigurationSetName": "default",
	})
	if err != nil {
		b.Fatal(err)
	}
	return body.Bytes()
}

// decodeBench measures Route, Decode and Validate.
func decodeBench(b *testing.B, s *awswire.Service, r *awswire.Request) {
	b.ReportAllocs()
	b.SetBytes(int64(len(r.Body)))
	for b.Loop() {
		call, err := s.Route(r)
		if err != nil {
			b.Fatal(err)
		}
		in, err := call.Decode()
		if err != nil {
			b.Fatal(err)
		}
		if err := call.Op.Validate(in); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeSendEmailJSON8KiB(b *testing.B) {
	decodeBench(b, service(b, awswire.NewSESv2), &awswire.Request{
		Method: "POST", RawPath: "/v2/email/outbound-emails", Body: sendEmailBody(b),
	})
}

func BenchmarkDecodeSendEmailRaw64KiB(b *testing.B) {
	body := `{"Content":{"Raw":{"Data":"` + base64.StdEncoding.EncodeToString(make([]byte, 64<<10)) + `"}}}`
	decodeBench(b, service(b, awswire.NewSESv2), &awswire.Request{
		Method: "POST", RawPath: "/v2/email/outbound-emails", Body: []byte(body),
	})
}

func BenchmarkDecodeSendEmailForm8KiB(b *testing.B) {
	form := url.Values{
		"Action": {"SendEmail"}, "Version": {"2010-12-01"}, "Source": {"sender@example.com"},
		"Destination.ToAddresses.member.1": {"one@example.net"}, "Destination.ToAddresses.member.2": {"two@example.net"},
		"Message.Subject.Data": {"A subject"}, "Message.Body.Html.Data": {html()},
	}
	decodeBench(b, service(b, awswire.NewSES), &awswire.Request{Method: "POST", RawPath: "/", Body: []byte(form.Encode())})
}

// encodeBench measures EncodeOutput.
func encodeBench(b *testing.B, op *awswire.Operation, out any) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := op.EncodeOutput(out, requestID); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkEncodeSendEmailJSON(b *testing.B) {
	op := service(b, awswire.NewSESv2).Operation("SendEmail")
	encodeBench(b, op, &sesv2.SendEmailOutput{MessageId: aws.String("0100018f3c6b7a2d-5e0d9b1c-6a4f-4f0e-9d55-1f2e3d4c5b6a-000000")})
}

func BenchmarkEncodeSendEmailXML(b *testing.B) {
	op := service(b, awswire.NewSES).Operation("SendEmail")
	encodeBench(b, op, &ses.SendEmailOutput{MessageId: aws.String("0100018f3c6b7a2d-5e0d9b1c-6a4f-4f0e-9d55-1f2e3d4c5b6a-000000")})
}

func BenchmarkEncodeListOf100(b *testing.B) {
	out := &sesv2.ListEmailIdentitiesOutput{}
	for range 100 {
		out.EmailIdentities = append(out.EmailIdentities, types.IdentityInfo{
			IdentityName: aws.String("example.com"), IdentityType: types.IdentityTypeDomain, SendingEnabled: true,
		})
	}
	encodeBench(b, service(b, awswire.NewSESv2).Operation("ListEmailIdentities"), out)
}

func BenchmarkCompile(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		service(b, awswire.NewSESv2)
		service(b, awswire.NewSES)
	}
}
