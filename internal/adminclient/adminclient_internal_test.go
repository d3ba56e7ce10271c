// SPDX-License-Identifier: Apache-2.0

package adminclient

import (
	"context"
	"encoding/pem"
	"errors"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// environment is a whole one, with changes; an empty value is none.
func environment(endpoint string, change ...string) func(string) string {
	env := map[string]string{
		"AWS_ENDPOINT_URL": endpoint, "AWS_ACCESS_KEY_ID": "AKIAEXAMPLEEXAMPLE01", "AWS_SECRET_ACCESS_KEY": "the-secret-of-the-key", "AWS_REGION": "eu-west-1",
	}
	for i := 0; i < len(change); i += 2 {
		env[change[i]] = change[i+1]
	}
	return func(name string) string { return env[name] }
}

// against is a client of a server that does what h does.
func against(t *testing.T, h http.HandlerFunc, change ...string) *Client {
	t.Helper()
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c, err := New(environment(server.URL+"/", change...))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestTheEnvironmentIsChecked(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		endpoint string
		change   []string
		want     string // in the error; "" for none
	}{
		"all there":                {"http://localhost:8080", nil, ""},
		"the other region":         {"https://localhost", []string{"AWS_REGION", "", "AWS_DEFAULT_REGION", "eu-west-1"}, ""},
		"no region":                {"https://localhost", []string{"AWS_REGION", ""}, "AWS_REGION not set"},
		"no keys":                  {"https://localhost", []string{"AWS_ACCESS_KEY_ID", "", "AWS_SECRET_ACCESS_KEY", ""}, "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY not set"},
		"no endpoint":              {"", nil, "AWS_ENDPOINT_URL not set"},
		"an endpoint that is none": {"localhost:8080", nil, "no http or https address"},
		"another protocol":         {"ftp://localhost", nil, "no http or https address"},
		"a CA that is not there":   {"https://localhost", []string{"AWS_CA_BUNDLE", empty + ".gone"}, "AWS_CA_BUNDLE: open "},
		"a CA that is none":        {"https://localhost", []string{"SSL_CERT_FILE", empty}, "holds no certificate"},
	} {
		_, err := New(environment(c.endpoint, c.change...))
		if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
}

func TestARequestIsSigned(t *testing.T) {
	t.Parallel()
	var got *http.Request
	c := against(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		io.WriteString(w, `{"Name":"x"}`)
	}, "AWS_SESSION_TOKEN", "a-token")
	var out struct{ Name string }
	if err := c.Get(t.Context(), "/things", url.Values{"q": {"a b"}}, &out); err != nil || out.Name != "x" {
		t.Fatalf("%+v, %v", out, err)
	}
	if got.Method != "GET" || got.URL.Path != "/_sesame/v1/things" || got.URL.RawQuery != "q=a%20b" || got.Header.Get("X-Amz-Security-Token") != "a-token" {
		t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
	}
	if auth := got.Header.Get("Authorization"); !strings.Contains(auth, "Credential=AKIAEXAMPLEEXAMPLE01/") || !strings.Contains(auth, "/eu-west-1/ses/aws4_request") {
		t.Error(auth)
	}
}

// TestRefusalsAreErrors maps what a server answers, ours or any other.
func TestRefusalsAreErrors(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		status     int
		code, body string // of the header and the answer
		want       Error
		text       string
	}{
		"a refusal": {404, "NotFoundException", `{"message":"There is no such message."}`, Error{404, "NotFoundException", "There is no such message."},
			"the server answered 404 NotFoundException: There is no such message."},
		"a code with its namespace": {400, "BadRequestException:http://example.com/", `{"Message":"No."}`, Error{400, "BadRequestException", "No."},
			"the server answered 400 BadRequestException: No."},
		"somebody else's page":              {502, "", "<h1>Bad gateway</h1>", Error{502, "", ""}, "the server answered 502"},
		"a redirect, which is not followed": {302, "", "", Error{302, "", ""}, "the server answered 302"},
		"a text that would move the cursor": {403, "X", `{"message":"\u001b[2J\u202egone"}`, Error{403, "X", "\x1b[2J\u202egone"}, "the server answered 403 X: \ufffd[2J\ufffdgone"},
	} {
		c := against(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Location", "/elsewhere")
			if tc.code != "" {
				w.Header().Set("X-Amzn-Errortype", tc.code)
			}
			w.WriteHeader(tc.status)
			io.WriteString(w, tc.body)
		})
		_, err := c.Do(t.Context(), http.MethodDelete, "/x", nil)
		var e *Error
		if !errors.As(err, &e) || *e != tc.want || err.Error() != tc.text {
			t.Errorf("%s: %#v %q, want %#v %q", name, e, err, tc.want, tc.text)
		}
	}
}

func TestAnAnswerThatIsNoJSON(t *testing.T) {
	t.Parallel()
	c := against(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
	var out struct{}
	if err := c.Get(t.Context(), "/x", nil, &out); err == nil || !strings.Contains(err.Error(), "is not that of a Sesame server") {
		t.Error(err)
	}
}

// TestAnswersAreBounded has answers of the longest length and of one byte more.
func TestAnswersAreBounded(t *testing.T) {
	t.Parallel()
	for more, want := range []string{"", "has no end"} {
		c := against(t, func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, strings.Repeat("x", 1000+more)) })
		if c.most != maxAnswer {
			t.Fatalf("the bound is %d", c.most)
		}
		c.most = 1000
		body, err := c.Do(t.Context(), http.MethodGet, "/x", nil)
		if want == "" && (err != nil || len(body) != 1000) || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%d bytes: %d, %v", 1000+more, len(body), err)
		}
	}
}

// TestAServerThatSaysNothing is given up by the client's own time, and by the caller's.
func TestAServerThatSaysNothing(t *testing.T) {
	t.Parallel()
	silent := func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	c := against(t, silent)
	if c.http.Timeout != requestTimeout {
		t.Errorf("the time is %v", c.http.Timeout)
	}
	c.http.Timeout = 20 * time.Millisecond
	var late interface{ Timeout() bool }
	_, err := c.Do(t.Context(), http.MethodGet, "/x", url.Values{"wait": {"private"}})
	if !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("%v is no timeout", err)
	}
	if strings.Contains(err.Error(), "private") || strings.Contains(err.Error(), "the-secret-of-the-key") {
		t.Errorf("the error tells too much: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := against(t, silent).Do(ctx, http.MethodGet, "/x", nil); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want that it was cancelled", err)
	}
}

// TestAnAnswerThatBreaksOff is no success.
func TestAnAnswerThatBreaksOff(t *testing.T) {
	t.Parallel()
	c := against(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
	})
	if _, err := c.Do(t.Context(), http.MethodGet, "/x", nil); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Error(err)
	}
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0) // a client that turns away
	server.StartTLS()
	t.Cleanup(server.Close)
	bundle := filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(bundle, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, known := range []string{"", bundle} {
		c, err := New(environment(server.URL, "AWS_CA_BUNDLE", known))
		if err != nil {
			t.Fatal(err)
		}
		if _, err = c.Do(t.Context(), http.MethodGet, "/x", nil); (err == nil) != (known != "") {
			t.Errorf("with the CA %q: %v", known, err)
		}
	}
}
