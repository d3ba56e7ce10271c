// SPDX-License-Identifier: Apache-2.0

// Package adminclient calls the admin API of a running server, for the command line. It
// takes the server and the keys from the environment, as the SDKs do.
package adminclient

import (
	"context"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/edge/api/admin"
)

const (
	requestTimeout = 90 * time.Second // longer than any wait
	maxAnswer      = 256 << 20
)

// Client calls the admin API. It is safe for concurrent use.
type Client struct {
	endpoint string // without a final slash
	region   string
	keys     aws.Credentials
	http     *http.Client
	most     int64 // bytes of an answer
}

// New reads the environment, which names the server and the keys.
func New(getenv func(string) string) (*Client, error) {
	var missing []string
	need := func(name string) string {
		v := getenv(name)
		if v == "" {
			missing = append(missing, name)
		}
		return v
	}
	c := &Client{
		most:     maxAnswer,
		endpoint: strings.TrimRight(need("AWS_ENDPOINT_URL"), "/"),
		keys: aws.Credentials{
			AccessKeyID: need("AWS_ACCESS_KEY_ID"), SecretAccessKey: need("AWS_SECRET_ACCESS_KEY"), SessionToken: getenv("AWS_SESSION_TOKEN"),
		},
		region: getenv("AWS_REGION"),
	}
	if c.region == "" {
		c.region = getenv("AWS_DEFAULT_REGION")
	}
	if c.region == "" {
		missing = append(missing, "AWS_REGION")
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("%s not set: source the environment of a running `sesame dev` first, for example `. ./.sesame/dev.env`",
			strings.Join(missing, ", "))
	}
	u, err := url.Parse(c.endpoint)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("AWS_ENDPOINT_URL is %q, which is no http or https address", c.endpoint)
	}
	roots, err := roots(getenv)
	if err != nil {
		return nil, err
	}
	c.http = &http.Client{
		Timeout:       requestTimeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport: &http.Transport{
			Proxy:           http.ProxyFromEnvironment,
			TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		},
	}
	return c, nil
}

// roots are the system's certificates and those that the environment names.
func roots(getenv func(string) string) (*x509.CertPool, error) {
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	for _, name := range []string{"AWS_CA_BUNDLE", "SSL_CERT_FILE"} {
		path := getenv(name)
		if path == "" {
			continue
		}
		pem, err := os.ReadFile(path)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if !pool.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("%s: %s holds no certificate", name, path)
		}
	}
	return pool, nil
}

// Error is a refusal of the server.
type Error struct {
	Status int
	Code   string // such as NotFoundException; may be empty
	Text   string
}

// Error is the server's text with its code.
func (e *Error) Error() string {
	s := fmt.Sprintf("the server answered %d", e.Status)
	if e.Code != "" {
		s += " " + e.Code
	}
	if e.Text != "" {
		s += ": " + e.Text
	}
	return Printable(s)
}

// Get decodes the JSON of a successful answer into out. path is below admin.Prefix.
func (c *Client) Get(ctx context.Context, path string, query url.Values, out any) error {
	body, err := c.Do(ctx, http.MethodGet, path, query)
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, out); err != nil {
		return fmt.Errorf("the answer of %s is not that of a Sesame server: %w", c.endpoint, err)
	}
	return nil
}

// Do sends one signed request without a body and returns the body of a success.
func (c *Client) Do(ctx context.Context, method, path string, query url.Values) ([]byte, error) {
	r, err := http.NewRequestWithContext(ctx, method, c.endpoint+admin.Prefix+path, nil)
	if err != nil {
		return nil, err
	}
	r.URL.RawQuery = query.Encode()
	empty := sha256.Sum256(nil)
	if err := v4.NewSigner().SignHTTP(ctx, c.keys, r, hex.EncodeToString(empty[:]), "ses", c.region, time.Now()); err != nil {
		return nil, err
	}
	resp, err := c.http.Do(r)
	if err != nil {
		var u *url.Error
		if errors.As(err, &u) { // its own text repeats the whole query
			err = u.Err
		}
		return nil, fmt.Errorf("cannot reach %s: %w", c.endpoint, err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, c.most+1))
	if err != nil {
		return nil, fmt.Errorf("cannot read the answer of %s: %w", c.endpoint, err)
	}
	if int64(len(body)) > c.most {
		return nil, fmt.Errorf("the answer of %s has no end", c.endpoint)
	}
	if resp.StatusCode != http.StatusOK {
		return nil, refusal(resp, body)
	}
	return body, nil
}

// refusal reads an error of the REST-JSON protocol.
func refusal(resp *http.Response, body []byte) error {
	e := &Error{Status: resp.StatusCode}
	e.Code, _, _ = strings.Cut(resp.Header.Get("X-Amzn-Errortype"), ":")
	var text struct {
		Message string `json:"message"` // encoding/json takes Message too
	}
	if err := json.Unmarshal(body, &text); err == nil {
		e.Text = text.Message
	}
	return e
}

// Printable replaces what a terminal could take for a command: control characters,
// and those that change the direction of writing. Line breaks and tabs stay.
func Printable(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsControl(r), unicode.Is(unicode.Bidi_Control, r):
			return unicode.ReplacementChar
		}
		return r
	}, s)
}
