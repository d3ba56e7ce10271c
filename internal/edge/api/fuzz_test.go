// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bufio"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/edge/api"
)

// FuzzDoor sends requests as they come over the wire: signed by nobody, with whatever
// Authorization the input has, or signed with a valid key, so that the body is read
// too. The door must not panic, and whatever it answers must be readable and have a
// request id.
func FuzzDoor(f *testing.F) {
	const auth = "AWS4-HMAC-SHA256 Credential=" + keyID + "/20260102/us-east-1/ses/aws4_request, SignedHeaders=host;x-amz-date, Signature=" +
		"0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
	for _, seed := range []struct{ method, target, auth, body string }{
		{"POST", "/", "", "Action=SendEmail&Version=2010-12-01&Source=" + sender + "&Destination.ToAddresses.member.1=" + reader + "&Message.Subject.Data=Hi&Message.Body.Text.Data=Ho"},
		{"POST", "/", auth, "Action=SendRawEmail&Version=2010-12-01&RawMessage.Data=RnJvbTogeA%3D%3D&Tags.member.1.Name=a&Tags.member.1.Value=b"},
		{"GET", "/?Action=GetSendQuota&Version=2010-12-01&X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Expires=60", "", ""},
		{"POST", "/", "AWS4-HMAC-SHA256", "Action=ListIdentities&Version=2010-12-01&MaxItems=-1&NextToken=%FF"},
		{"POST", "/v2/email/outbound-emails", "", sendJSON("x")},
		{"POST", "/v2/email/outbound-emails", "", `{"Content":{"Raw":{"Data":"RnJvbTogc2VuZGVyQGV4YW1wbGUuY29tClRvOiBhQGIuYwoKaGk="}},"EmailTags":[{"Name":"a","Value":"b"}]}`},
		{"POST", "/v2/email/outbound-emails", "", `{"FromEmailAddress":"sender@example.com","Content":{"Simple":{"Subject":{},"Body":{"Html":{"Data":"\u0000","Charset":"x"}},"Headers":[{"Name":"a\n","Value":"b"}],"Attachments":[{"FileName":"a.exe","RawContent":"eA=="}]}}}`},
		{"POST", "/v2/email/identities", "", `{"EmailIdentity":"a@b.example","Tags":[{"Key":"k","Value":null}]}`},
		{"GET", "/v2/email/identities/a%40b.example?PageSize=2&NextToken=!", auth, ""},
		{"DELETE", "/v2/email/identities/%zz%00", "Bearer x", ""},
		{"PUT", "/v1/email/identities/x/dkim/signing", "", `{"SigningAttributes":{"DomainSigningPrivateKey":"x"}}`},
		{"GET", "/_sesame/v1/identities/%2e%2e/records?x=;", "", ""},
		{"OPTIONS", "//?%", "", "\x00"},
	} {
		f.Add(seed.method, seed.target, seed.auth, seed.body)
	}
	w := newWorld(f, func(s *settings) {
		s.change = func(o *api.Options) { o.Log = slog.New(slog.DiscardHandler) }
	})
	f.Fuzz(func(t *testing.T, method, target, auth, body string) {
		for _, signed := range []bool{false, true} {
			r := received(method, target, body)
			if r == nil {
				return // what net/http does not let in
			}
			if signed {
				w.signReceived(t, r, body)
			} else if auth != "" {
				r.Header.Set("Authorization", strings.ToValidUTF8(auth, "?"))
			}
			rec := httptest.NewRecorder()
			w.door.ServeHTTP(rec, r)
			checkAnswer(t, r, rec)
		}
	})
}

// received is a request as net/http reads it.
func received(method, target, body string) *http.Request {
	head := method + " " + target + " HTTP/1.1\r\nHost: localhost\r\nX-Amz-Date: 20260102T030405Z\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil || strings.ContainsAny(method+target, "\r\n") || r.Header.Get("Authorization") != "" {
		return nil
	}
	r.Body, r.ContentLength, r.RemoteAddr = io.NopCloser(strings.NewReader(body)), int64(len(body)), "192.0.2.1:4711"
	return r
}

func (w *world) signReceived(t *testing.T, r *http.Request, body string) {
	t.Helper()
	sum := sha256.Sum256([]byte(body))
	keys := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}
	err := v4.NewSigner().SignHTTP(context.Background(), keys, r, hex.EncodeToString(sum[:]), "ses", region, w.clock.Now())
	if err != nil {
		t.Fatal(err)
	}
}

func checkAnswer(t *testing.T, r *http.Request, rec *httptest.ResponseRecorder) {
	t.Helper()
	body := rec.Body.String()
	if rec.Code < 200 || rec.Code > 599 || rec.Code == http.StatusInternalServerError || !requestID.MatchString(rec.Header().Get("X-Amzn-Requestid")) {
		t.Fatalf("%s %s: %d %v %s", r.Method, r.RequestURI, rec.Code, rec.Header(), body)
	}
	switch kind := rec.Header().Get("Content-Type"); kind {
	case "application/json":
		if !json.Valid([]byte(body)) || rec.Code >= 400 && rec.Header().Get("X-Amzn-Errortype") == "" {
			t.Fatalf("%d %v %q", rec.Code, rec.Header(), body)
		}
	case "text/xml":
		d := xml.NewDecoder(strings.NewReader(body))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatalf("%v in %q", err, body)
			}
		}
	default:
		t.Fatalf("%s %s: an answer of type %q: %q", r.Method, r.RequestURI, kind, body)
	}
}
