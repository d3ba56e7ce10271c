// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sesv1 "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/test/harness"
)

// eicar is the file that every scanner of viruses takes for one (SES: testing rejects).
const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

const sender = "sender@example.com"

// door is a way of sending a text, as an attachment where the name says so. It returns the
// id of the message.
type door struct {
	name string
	send func(t *testing.T, s *harness.Server, to, text string) string
}

func doors() []door {
	return []door{
		{"v2-simple", func(t *testing.T, s *harness.Server, to, text string) string {
			return sendV2(t, s, to, &types.EmailContent{Simple: &types.Message{
				Subject: &types.Content{Data: aws.String("Scanned")}, Body: &types.Body{Text: &types.Content{Data: aws.String(text)}, Html: &types.Content{Data: aws.String(text)}},
			}})
		}},
		{"v2-attachment", func(t *testing.T, s *harness.Server, to, text string) string {
			return sendV2(t, s, to, &types.EmailContent{Simple: &types.Message{
				Subject: &types.Content{Data: aws.String("Scanned")}, Body: &types.Body{Text: &types.Content{Data: aws.String("See sample.txt.")}},
				Attachments: []types.Attachment{{FileName: aws.String("sample.txt"), RawContent: []byte(text)}},
			}})
		}},
		{"v2-raw", func(t *testing.T, s *harness.Server, to, text string) string {
			return sendV2(t, s, to, &types.EmailContent{Raw: &types.RawMessage{Data: []byte(raw(to, text))}})
		}},
		{"v1-formatted", func(t *testing.T, s *harness.Server, to, text string) string {
			out, err := clientV1(s).SendEmail(t.Context(), &ses.SendEmailInput{
				Source: aws.String(sender), Destination: &sesv1.Destination{ToAddresses: []string{to}},
				Message: &sesv1.Message{Subject: &sesv1.Content{Data: aws.String("Scanned")}, Body: &sesv1.Body{Text: &sesv1.Content{Data: aws.String(text)}}},
			})
			if err != nil {
				t.Fatal(err)
			}
			return *out.MessageId
		}},
		{"v1-raw-attachment", func(t *testing.T, s *harness.Server, to, text string) string {
			out, err := clientV1(s).SendRawEmail(t.Context(), &ses.SendRawEmailInput{RawMessage: &sesv1.RawMessage{Data: []byte(attached(to, text))}})
			if err != nil {
				t.Fatal(err)
			}
			return *out.MessageId
		}},
		{"smtp", func(t *testing.T, s *harness.Server, to, text string) string {
			return sendSMTP(t, s, to, raw(to, text))
		}},
		{"smtp-attachment", func(t *testing.T, s *harness.Server, to, text string) string {
			return sendSMTP(t, s, to, attached(to, text))
		}},
	}
}

// raw is a message of a text.
func raw(to, text string) string {
	return "From: " + sender + "\r\nTo: " + to + "\r\nSubject: Scanned\r\n\r\n" + text + "\r\n"
}

// attached is a message with a text as a file.
func attached(to, text string) string {
	return "From: " + sender + "\r\nTo: " + to + "\r\nSubject: Scanned\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" +
		"--b\r\n\r\nSee sample.txt.\r\n--b\r\nContent-Type: text/plain; name=sample.txt\r\nContent-Disposition: attachment; filename=sample.txt\r\n" +
		"Content-Transfer-Encoding: base64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(text)) + "\r\n--b--\r\n"
}

func keys(s *harness.Server) credentials.StaticCredentialsProvider {
	return credentials.NewStaticCredentialsProvider(s.Env["AWS_ACCESS_KEY_ID"], s.Env["AWS_SECRET_ACCESS_KEY"], "")
}

func clientV1(s *harness.Server) *ses.Client {
	return ses.New(ses.Options{BaseEndpoint: &s.Endpoint, Region: harness.Region, Credentials: keys(s)})
}

func sendV2(t *testing.T, s *harness.Server, to string, c *types.EmailContent) string {
	t.Helper()
	client := sesv2.New(sesv2.Options{BaseEndpoint: &s.Endpoint, Region: harness.Region, Credentials: keys(s)})
	out, err := client.SendEmail(t.Context(), &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(sender), Destination: &types.Destination{ToAddresses: []string{to}}, Content: c,
	})
	if err != nil {
		t.Fatal(err)
	}
	return *out.MessageId
}

// TestScannersAtEveryDoor: what scanners say holds for all ways of sending, with every
// setting; and the test file for scanners needs none.
func TestScannersAtEveryDoor(t *testing.T) {
	t.Parallel()
	clamd, rspamd := harness.FreeAddr(t, "127.0.0.1"), harness.FreeAddr(t, "127.0.0.1")
	harness.StartClamd(t, clamd)
	harness.StartRspamd(t, rspamd)
	w := newWorld(t, nil)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	nobody := harness.FreeAddr(t, "127.0.0.1")
	serve := func(scan *harness.Scan) *harness.Server {
		return w.serve(t, func(c *harness.Config) { c.Scan, c.Delivery.Retry = scan, []string{"1s"} })
	}

	t.Run("spam is rejected where the operator says so, and viruses always", func(t *testing.T) {
		s := serve(&harness.Scan{Clamd: clamd, Rspamd: "http://" + rspamd, Spam: "reject"})
		for _, d := range doors() {
			virus := d.send(t, s, "virus-"+d.name+"@example.net", harness.TestSignature)
			spam := d.send(t, s, "spam-"+d.name+"@example.net", gtube)
			clean := d.send(t, s, "clean-"+d.name+"@example.net", "Hello.")
			if r := rejected(t, s, virus); r.Check.Rejected != "virus" || !strings.HasPrefix(r.Check.Virus, "Sesame.Test") {
				t.Errorf("%s: a virus: %+v", d.name, r)
			}
			// In a file it is none: Rspamd looks for its test in texts.
			if r := settled(t, s, spam); !strings.Contains(d.name, "attachment") && (r.Recipients[0].State != "rejected" || r.rejects() != 1 || r.Check.Rejected != "spam" || !r.Check.Spam) {
				t.Errorf("%s: spam: %+v", d.name, r)
			}
			if r := settled(t, s, clean); r.Recipients[0].State != "delivered" || r.Check == nil || r.Check.Virus != "" || r.Check.Spam || r.Check.Unscanned != "" {
				t.Errorf("%s: a clean mail: %+v", d.name, r)
			}
			var shown record
			if err := json.Unmarshal([]byte(s.CLI(t, "message", "show", virus, "--account", harness.Account, "--config="+s.Config)), &shown); err != nil || shown.Check == nil || shown.Check.Rejected != "virus" {
				t.Errorf("%s: the CLI shows %+v, %v", d.name, shown.Check, err)
			}
		}
	})
	t.Run("without scanners that answer mail waits", func(t *testing.T) {
		s := serve(&harness.Scan{Clamd: nobody, Rspamd: "http://" + nobody})
		for _, d := range doors() {
			id := d.send(t, s, "waits-"+d.name+"@example.net", "Hello.")
			harness.Eventually(t, d.name+" to wait for the scanners", func() bool { return len(recordOf(t, s, id).Recipients[0].Attempts) > 0 })
			if r := recordOf(t, s, id); r.Recipients[0].State == "delivered" || r.Recipients[0].Attempts[0].Cause != "scan" || r.Check != nil {
				t.Errorf("%s: %+v", d.name, r)
			}
		}
	})
	t.Run("or passes, marked, where the operator says so", func(t *testing.T) {
		s := serve(&harness.Scan{Clamd: nobody, Rspamd: "http://" + nobody, Unavailable: "pass"})
		for _, d := range doors() {
			id := d.send(t, s, "passes-"+d.name+"@example.net", harness.TestSignature)
			if r := settled(t, s, id); r.Recipients[0].State != "delivered" || r.Check == nil || r.Check.Unscanned == "" {
				t.Errorf("%s: %+v", d.name, r)
			}
		}
	})
	t.Run("the test file is a virus without any scanner", func(t *testing.T) {
		s := serve(nil)
		for _, d := range doors() {
			id := d.send(t, s, "eicar-"+d.name+"@example.net", eicar)
			if r := rejected(t, s, id); r.Check == nil || r.Check.Rejected != "virus" {
				t.Errorf("%s: %+v", d.name, r)
			}
		}
	})
	for _, m := range w.postfix.Delivered(t) {
		for _, to := range []string{"virus-", "waits-", "eicar-"} {
			if bytes.Contains(m, []byte("\nDelivered-To: "+to)) {
				t.Errorf("has arrived:\n%s", m)
			}
		}
	}
}

// settled waits until it is known what has become of the message's one recipient.
func settled(t *testing.T, s *harness.Server, id string) (r record) {
	t.Helper()
	harness.Eventually(t, id+" to be settled", func() bool {
		r = recordOf(t, s, id)
		return r.Recipients[0].State == "delivered" || r.Recipients[0].State == "rejected"
	})
	return r
}

// rejected is settled for a message that is rejected as SES does: it was accepted, and one
// event tells that it was rejected for its content.
func rejected(t *testing.T, s *harness.Server, id string) record {
	t.Helper()
	r := settled(t, s, id)
	sends, deliveries := 0, 0
	for _, e := range r.Events {
		switch e.Type {
		case "Send":
			sends++
		case "Delivery":
			deliveries++
		}
	}
	if r.Recipients[0].State != "rejected" || r.rejects() != 1 || sends != 1 || deliveries != 0 {
		t.Errorf("%s is not rejected: %+v", id, r)
	}
	return r
}
