// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"sesame/internal/edge/api"
)

var requestID = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)

func TestRequestIDs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	seen := map[string]bool{}
	for version, good := range protocols {
		bad := good
		bad.unsigned = true
		for _, c := range []call{good, bad} {
			a := w.do(t, c)
			id := a.header.Get("X-Amzn-Requestid")
			if !requestID.MatchString(id) || seen[id] {
				t.Errorf("%s: request id %q", version, id)
			}
			seen[id] = true
			if version == "v1" && between(a.body, "<RequestId>", "</RequestId>") != id {
				t.Errorf("v1: the body has another request id than %s:\n%s", id, a.body)
			}
			if got, want := a.header.Get("Content-Length"), fmt.Sprint(len(a.body)); got != want {
				t.Errorf("%s: Content-Length %s of %s bytes", version, got, want)
			}
		}
	}
}

// TestRequestsThatNameNothing are signed, so that the door may say what is wrong.
func TestRequestsThatNameNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tc := range []struct {
		name   string
		call   call
		status int
		code   string
		text   string
		header string // Allow
	}{
		{"a path that v2 has not", call{method: "GET", target: "/v2/email/nothing"}, 404, "UnknownOperationException", "", ""},
		{"v2 without anything", call{method: "GET", target: "/v2/"}, 404, "UnknownOperationException", "", ""},
		{"another path of the admin API", call{method: "GET", target: "/_sesame/v1/nothing"}, 404, "NotFoundException", "The admin API has no such operation.", ""},
		{"a method that the path has not", call{method: "DELETE", target: "/v2/email/account"}, 405, "MethodNotAllowedException", "", "GET"},
		{"one of several methods", call{method: "PATCH", target: "/v2/email/identities/example.com"}, 405, "MethodNotAllowedException", "", "DELETE, GET"},
		{"a method that v1 has not", call{method: "PUT", target: "/", body: getSendQuota, header: form()}, 405, "MethodNotAllowedException", "", "GET, POST"},
		{"no Action", call{method: "POST", target: "/", body: "Version=2010-12-01", header: form()}, 400, "MissingAction", "Missing Action", ""},
		{"no body", call{method: "POST", target: "/", header: form()}, 400, "MissingAction", "Missing Action", ""},
		{"an empty Action", call{method: "POST", target: "/", body: "Action=&Version=2010-12-01", header: form()}, 400, "MissingAction", "Missing Action", ""},
		{"an unknown Action", call{method: "POST", target: "/", body: "Action=Nope&Version=2010-12-01", header: form()}, 400, "InvalidAction",
			"Could not find operation Nope for version 2010-12-01", ""},
		{"another Version", call{method: "POST", target: "/", body: "Action=GetSendQuota&Version=2011-01-01", header: form()}, 400, "InvalidAction",
			"Could not find operation GetSendQuota for version 2011-01-01", ""},
		{"no Version", call{method: "POST", target: "/", body: "Action=GetSendQuota", header: form()}, 400, "InvalidAction",
			"Could not find operation GetSendQuota for version NO_VERSION_SPECIFIED", ""},
		{"a body that is not JSON", call{method: "POST", target: "/v2/email/identities", body: "{"}, 400, "SerializationException", "?", ""},
		{"a member of another type", call{method: "POST", target: "/v2/email/identities", body: `{"EmailIdentity":{}}`}, 400, "SerializationException", "?", ""},
		{"a form that is none", call{method: "POST", target: "/", body: getSendQuota + "&%zz", header: form()}, 400, "MalformedQueryString", "?", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			a := w.do(t, tc.call)
			if tc.text == "?" {
				tc.text = a.text()
			}
			if a.status != tc.status || a.code() != tc.code || unescape(a.text()) != tc.text || a.header.Get("Allow") != tc.header {
				t.Errorf("%d %s %q %v", a.status, a.code(), a.text(), a.header)
			}
			tc.call.unsigned = true
			if a := w.do(t, tc.call); a.status != 403 {
				t.Errorf("a stranger learns %d %s", a.status, a.body)
			}
		})
	}
}

// gzipped, zlibbed and deflated are the codings of a body.
func gzipped(s string) string {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

func zlibbed(s string) string {
	var b bytes.Buffer
	z := zlib.NewWriter(&b)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

func deflated(s string) string {
	var b bytes.Buffer
	z, _ := flate.NewWriter(&b, flate.BestSpeed)
	_, _ = io.WriteString(z, s)
	_ = z.Close()
	return b.String()
}

// sendJSON is a SendEmail of v2 with a text.
func sendJSON(text string) string {
	return `{"FromEmailAddress":"` + sender + `","Destination":{"ToAddresses":["` + reader + `"]},"Content":{"Simple":{"Subject":{"Data":"Hi"},"Body":{"Text":{"Data":"` + text + `"}}}}}`
}

func TestCompressedRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	form1 := "Action=SendEmail&Version=2010-12-01&Source=" + sender + "&Destination.ToAddresses.member.1=" + reader + "&Message.Subject.Data=Hi&Message.Body.Text.Data=Ho"
	for _, tc := range []struct {
		name     string
		encode   func(string) string
		encoding []string
		status   int
		code     string
	}{
		{"gzip", gzipped, []string{"gzip"}, 200, ""},
		{"deflate with the zlib wrapper", zlibbed, []string{"deflate"}, 200, ""},
		{"deflate without", deflated, []string{"deflate"}, 200, ""},
		{"identity", func(s string) string { return s }, []string{"identity"}, 200, ""},
		{"both, one after the other", func(s string) string { return gzipped(zlibbed(s)) }, []string{"deflate, gzip"}, 200, ""},
		{"an unknown coding", gzipped, []string{"br"}, 415, "UnsupportedMediaTypeException"},
		{"damaged", func(s string) string { return gzipped(s)[:40] }, []string{"gzip"}, 400, "SerializationException"},
		{"not encoded at all", func(s string) string { return s }, []string{"gzip"}, 400, "SerializationException"},
		{"a bomb", func(string) string { return gzipped(strings.Repeat("a", 8<<20)) }, []string{"gzip"}, 413, "RequestEntityTooLargeException"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := form()
			h["Content-Encoding"] = tc.encoding
			one := w.do(t, call{method: "POST", target: "/", body: tc.encode(form1), header: h})
			h = http.Header{"Content-Type": {"application/json"}, "Content-Encoding": tc.encoding}
			two := w.do(t, call{method: "POST", target: "/v2/email/outbound-emails", body: tc.encode(sendJSON("Ho")), header: h})
			for _, a := range []answer{one, two} {
				if a.status != tc.status || a.code() != tc.code {
					t.Errorf("%d %s", a.status, a.body)
				}
			}
		})
	}
}

func TestCompressedAnswers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	// An answer that is long enough: many identities.
	for i := range 40 {
		in := &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(fmt.Sprintf("somebody-%02d@example.org", i))}
		if _, err := w.sesv2Client(tester()).CreateEmailIdentity(t.Context(), in); err != nil {
			t.Fatal(err)
		}
	}
	calls := map[string]call{
		"v1": {method: "POST", target: "/", body: "Action=ListIdentities&Version=2010-12-01", header: form()},
		"v2": {method: "GET", target: "/v2/email/identities?PageSize=100"},
	}
	for _, tc := range []struct {
		accept []string
		want   string
	}{
		{nil, ""}, {[]string{""}, ""}, {[]string{"identity"}, ""}, {[]string{"br"}, ""},
		{[]string{"gzip"}, "gzip"}, {[]string{"deflate"}, "deflate"}, {[]string{"deflate,gzip"}, "gzip"}, {[]string{"*"}, "gzip"},
		{[]string{"deflate;q=0.5,gzip;q=1.0"}, "gzip"}, {[]string{"gzip;q=1.0,identity;q=0.5,*;q=0"}, "gzip"}, {[]string{"gzip;q=0.1, deflate;q=0.9"}, "deflate"},
	} {
		for version, c := range calls {
			c.header = c.header.Clone()
			if c.header == nil {
				c.header = http.Header{}
			}
			if tc.accept != nil {
				c.header["Accept-Encoding"] = tc.accept
			}
			a := w.do(t, c)
			if a.status != 200 || a.header.Get("Content-Encoding") != tc.want {
				t.Errorf("%s, Accept-Encoding %q: %d, Content-Encoding %q, want %q", version, tc.accept, a.status, a.header.Get("Content-Encoding"), tc.want)
			}
			if text := plainText(t, a); !strings.Contains(text, "somebody-39@example.org") {
				t.Errorf("%s, Accept-Encoding %q: %q", version, tc.accept, text)
			}
		}
	}
}

func plainText(t *testing.T, a answer) string {
	t.Helper()
	var r io.Reader = strings.NewReader(a.body)
	var err error
	switch a.header.Get("Content-Encoding") {
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate":
		r, err = zlib.NewReader(r)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// TestBodiesThatAreTooLarge announces one, which is refused before it is sent.
func TestBodiesThatAreTooLarge(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for version, c := range protocols {
		c.method = "POST"
		r := w.request(t, c)
		r.ContentLength = 61 << 20
		conn := dial(t, w.server)
		var head bytes.Buffer
		fmt.Fprintf(&head, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n", r.URL.RequestURI(), r.URL.Host, r.ContentLength)
		r.Header.Del("Content-Length")
		if err := r.Header.Write(&head); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(append(head.Bytes(), "\r\nsome of it"...)); err != nil {
			t.Fatal(err)
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), r)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(resp.Body)
		a := answer{resp.StatusCode, resp.Header, string(body)}
		if a.status != 413 || a.code() != "RequestEntityTooLargeException" || a.text() != "The request body is larger than 62914560 bytes" {
			t.Errorf("%s: %d %s", version, a.status, a.body)
		}
	}
}

func dial(t *testing.T, s *httptest.Server) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestHugeHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := protocols["v2"]
	c.header = http.Header{"X-Amz-Meta": {strings.Repeat("a", 50<<10)}}
	if a := w.do(t, c); a.status != 200 {
		t.Errorf("50 KiB: %d %s", a.status, a.body)
	}
	c.header = http.Header{"X-Amz-Meta": {strings.Repeat("a", 80<<10)}}
	if a := w.do(t, c); a.status != 431 {
		t.Errorf("80 KiB: %d %s", a.status, a.body)
	}
	c.header = http.Header{}
	for i := range 200 {
		c.header.Set(fmt.Sprint("X-Amz-", i), "x")
	}
	if a := w.do(t, c); a.status != 400 || a.code() != "IncompleteSignatureException" {
		t.Errorf("200 signed headers: %d %s", a.status, a.body)
	}
	c.header = nil
	c.alter = func(r *http.Request) {
		r.Header.Set("Authorization", r.Header.Get("Authorization")+strings.Repeat(", x=y", 8000))
	}
	if a := w.do(t, c); a.status != 200 && a.status != 400 {
		t.Errorf("a long Authorization header: %d %s", a.status, a.body)
	}
}

// TestLargeBodiesAtOnceAreBounded holds one body up, so that the next finds no room.
func TestLargeBodiesAtOnceAreBounded(t *testing.T) {
	t.Parallel()
	const size = 100 << 10
	w := newWorld(t, func(s *settings) { s.change = func(o *api.Options) { o.MaxInFlightBytes = size + size/2 } })
	large := call{method: "POST", target: "/v2/email/outbound-emails", body: sendJSON(strings.Repeat("large ", size/6))}
	body, more := io.Pipe()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	defer body.Close() // nothing waits for a reader that is gone
	held := w.request(t, large).WithContext(ctx)
	held.Body = body
	done := make(chan int, 1)
	go func() {
		resp, err := w.server.Client().Do(held)
		body.Close()
		if err != nil {
			done <- 0
			return
		}
		resp.Body.Close()
		done <- resp.StatusCode
	}()
	if _, err := io.WriteString(more, large.body[:80<<10]); err != nil {
		t.Fatal(err)
	}
	form1 := "Action=SendEmail&Version=2010-12-01&Source=" + sender + "&Destination.ToAddresses.member.1=" + reader +
		"&Message.Subject.Data=Hi&Message.Body.Text.Data=" + strings.Repeat("large+", size/6)
	const text = "Too many large requests are being handled. Try again later."
	// Another large request could take the room itself: only the door tells who has it.
	waitFor(t, func() bool { return w.api.InFlight() >= 80<<10 })
	if a := w.do(t, large); a.status != 503 || a.code() != "ServiceUnavailableException" || a.text() != text {
		t.Errorf("v2: %d %s", a.status, a.body)
	}
	if a := w.do(t, call{method: "POST", target: "/", body: form1, header: form()}); a.status != 503 || a.code() != "ServiceUnavailable" || a.text() != text {
		t.Errorf("v1: %d %s", a.status, a.body)
	}
	if a := w.do(t, protocols["v2"]); a.status != 200 {
		t.Errorf("a small request: %d %s", a.status, a.body)
	}
	if _, err := io.WriteString(more, large.body[80<<10:]); err != nil {
		t.Fatal(err)
	}
	_ = more.Close()
	if status := <-done; status != 200 {
		t.Errorf("the first: %d", status)
	}
	if a := w.do(t, large); a.status != 200 {
		t.Errorf("after the first: %d %s", a.status, a.body)
	}
	refused := large
	refused.who = who{key: keyID, secret: "wrong", region: region}
	for range 5 { // what is refused gives its room back
		if a := w.do(t, refused); a.status != 403 {
			t.Fatalf("a wrong secret: %d %s", a.status, a.body)
		}
	}
	waitFor(t, func() bool { return w.api.InFlight() == 0 })
	if a := w.do(t, large); a.status != 200 {
		t.Errorf("after refusals: %d %s", a.status, a.body)
	}
}

// TestBodiesThatMayInflateAreBounded counts what a body may become before it is
// inflated, in proportion to what was sent.
func TestBodiesThatMayInflateAreBounded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.change = func(o *api.Options) { o.MaxInFlightBytes = 2 << 20 } })
	h := http.Header{"Content-Type": {"application/json"}, "Content-Encoding": {"gzip"}}
	noise := make([]byte, 12<<10)
	if _, err := rand.Read(noise); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		text   string
		status int
	}{
		"200 KiB that came as some hundred bytes": {strings.Repeat("x", 200<<10), 200},
		"16 KiB that came as 12 KiB":              {base64.StdEncoding.EncodeToString(noise), 503},
	} {
		body := gzipped(sendJSON(tc.text))
		for range 3 { // each gives its room back
			if a := w.do(t, call{method: "POST", target: "/v2/email/outbound-emails", body: body, header: h}); a.status != tc.status {
				t.Errorf("%s (%d): %d %s", name, len(body), a.status, a.body)
			}
		}
	}
	waitFor(t, func() bool { return w.api.InFlight() == 0 })
}

// waitFor tries until it is so.
func waitFor(t *testing.T, so func() bool) {
	t.Helper()
	for end := time.Now().Add(10 * time.Second); !so(); {
		if time.Now().After(end) {
			t.Fatal("it did not come to that in 10 s")
		}
	}
}

func TestAnswersAreWellFormed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do(t, call{method: "POST", target: "/", body: "Action=Sen%01d<>&Version=1%0D%0A%00", header: form()})
	var e struct {
		XMLName xml.Name `xml:"http://ses.amazonaws.com/doc/2010-12-01/ ErrorResponse"`
		Error   struct{ Type, Code, Message string }
	}
	if err := xml.Unmarshal([]byte(a.body), &e); err != nil || e.Error.Type != "Sender" || e.Error.Code != "InvalidAction" {
		t.Errorf("%v: %s", err, a.body)
	}
	if got := a.header.Get("Content-Type"); got != "text/xml" {
		t.Errorf("Content-Type %q", got)
	}
	a = w.do(t, call{method: "GET", target: "/v2/email/identities/" + "%00%0d%0a%3Cscript%3E"})
	if a.status != 400 || a.header.Get("Content-Type") != "application/json" || strings.ContainsAny(a.body, "\r\n\x00") || a.text() == "" {
		t.Errorf("%d %v %q", a.status, a.header, a.body)
	}
}

func TestIsRequest(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		method, target string
		header         http.Header
		want           bool
	}{
		{"POST", "/", nil, true},
		{"GET", "/", nil, false},
		{"GET", "/messages/1", nil, false},
		{"POST", "/messages/1", nil, false},
		{"GET", "/", http.Header{"Authorization": {"AWS4-HMAC-SHA256 x"}}, true},
		{"GET", "/v2/email/account", nil, true},
		{"PUT", "/v1/email/identities/a/dkim/signing", nil, true},
		{"GET", "/_sesame/v1/mailbox/messages", nil, true},
		{"GET", "/?Action=GetSendQuota", nil, true},
		{"GET", "/?X-Amz-Algorithm=AWS4-HMAC-SHA256", nil, true},
		{"GET", "/?q=v2", nil, false},
	} {
		r := httptest.NewRequest(tc.method, tc.target, nil)
		for name, values := range tc.header {
			r.Header[name] = values
		}
		if got := api.IsRequest(r); got != tc.want {
			t.Errorf("%s %s %v: %v", tc.method, tc.target, tc.header, got)
		}
	}
}

// TestTheAdminAPI is behind the same door.
func TestTheAdminAPI(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	domain := &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("admin.example.com")}
	if _, err := w.sesv2Client(tester()).CreateEmailIdentity(t.Context(), domain); err != nil {
		t.Fatal(err)
	}
	c := call{method: "GET", target: "/_sesame/v1/identities/admin.example.com/records"}
	a := w.do(t, c)
	if a.status != 200 || a.header.Get("Content-Type") != "application/json" || strings.Count(a.body, "v=DKIM1") != 3 ||
		!requestID.MatchString(a.header.Get("X-Amzn-Requestid")) || a.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	c.who = in("eu-west-1")
	if a = w.do(t, c); a.status != 404 || a.code() != "NotFoundException" || a.text() != "Email identity admin.example.com does not exist." {
		t.Errorf("another region: %d %s", a.status, a.body)
	}
	c.who = who{key: keyID, secret: "no", region: region}
	if a = w.do(t, c); a.status != 403 || a.code() != "InvalidSignatureException" {
		t.Errorf("wrong secret: %d %s", a.status, a.body)
	}
}

// TestAClientThatGoesAway leaves no trace but a line in the log.
func TestAClientThatGoesAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := w.sesv2Client(tester()).SendEmail(ctx, plain(sender, reader))
	if err == nil || w.count() != 0 {
		t.Errorf("%v, %d messages", err, w.count())
	}
	r := httptest.NewRequest("POST", "/v2/email/outbound-emails", brokenOff{})
	r.ContentLength = 1000
	rec := httptest.NewRecorder()
	signed := w.request(t, call{method: "POST", target: "/v2/email/outbound-emails", body: sendJSON("x")})
	r.Header, r.Host = signed.Header, signed.URL.Host
	w.door.ServeHTTP(rec, r)
	if rec.Code != 400 || rec.Header().Get("X-Amzn-Errortype") != "SerializationException" {
		t.Errorf("%d %v", rec.Code, rec.Header())
	}
}

// brokenOff is a body that breaks off.
type brokenOff struct{}

func (brokenOff) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
