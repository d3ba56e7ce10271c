// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/scope"
)

const (
	unsignedPayload  = "UNSIGNED-PAYLOAD"
	streamingPrefix  = "STREAMING-"
	paramSignature   = "X-Amz-Signature"
	maxSignedHeaders = 128
	maxKeyIDLen      = 128
)

// Parse reads the claim of r from its Authorization header or its query string. It
// checks everything that needs no secret, no body and no clock. The error is an
// *Error; MissingToken says that r is not signed.
func (v *Verifier) Parse(r *http.Request) (*Claim, error) {
	pairs, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, err
	}
	auth := r.Header["Authorization"]
	inQuery := slices.ContainsFunc(pairs, func(p pair) bool {
		return p.name == "X-Amz-Algorithm" || p.name == paramSignature || p.name == "X-Amz-Credential"
	})
	switch {
	case len(auth) > 0 && inQuery:
		return nil, errorf(Mismatch,
			"Found both 'X-Amz-Algorithm' as a query-string param and 'Authorization' as HTTP header.")
	case len(auth) > 1:
		return nil, errorf(Incomplete, "The request has more than one Authorization header.")
	case inQuery:
		return v.parsePresigned(r, pairs)
	case len(auth) == 1 && strings.HasPrefix(auth[0], "AWS4-"):
		return v.parseHeader(r, auth[0], pairs)
	}
	return nil, errorf(MissingToken, "Request is missing Authentication Token")
}

// parts are the pieces of a claim as both forms give them, unchecked.
type parts struct {
	algorithm, credential, signedHeaders, signature string
	date, token, expires, bodyHash                  string
}

func (v *Verifier) parseHeader(r *http.Request, auth string, pairs []pair) (*Claim, error) {
	p, err := splitAuthorization(auth)
	if err != nil {
		return nil, err
	}
	dates := r.Header["X-Amz-Date"]
	if len(dates) == 0 {
		dates = r.Header["Date"]
	}
	var missing []string
	for _, m := range []struct{ name, value string }{
		{"Credential", p.credential}, {"Signature", p.signature}, {"SignedHeaders", p.signedHeaders},
	} {
		if m.value == "" {
			missing = append(missing, "Authorization header requires '"+m.name+"' parameter.")
		}
	}
	if len(dates) != 1 || strings.TrimSpace(dates[0]) == "" {
		missing = append(missing,
			"Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	}
	if len(missing) > 0 {
		return nil, errorf(Incomplete, "%s", strings.Join(missing, " "))
	}
	p.date = strings.TrimSpace(dates[0])
	c := &Claim{verifier: v, query: joinQuery(pairs, "")}
	if err := c.fill(p, r); err != nil {
		return nil, err
	}
	return c, nil
}

func (v *Verifier) parsePresigned(r *http.Request, pairs []pair) (*Claim, error) {
	var p parts
	fields := map[string]*string{
		"X-Amz-Algorithm": &p.algorithm, "X-Amz-Credential": &p.credential,
		"X-Amz-SignedHeaders": &p.signedHeaders, paramSignature: &p.signature,
		"X-Amz-Date": &p.date, "X-Amz-Security-Token": &p.token,
		"X-Amz-Expires": &p.expires, "X-Amz-Content-Sha256": &p.bodyHash,
	}
	for i, pr := range pairs {
		field, ok := fields[pr.name]
		if !ok {
			continue
		}
		if i > 0 && pairs[i-1].name == pr.name {
			return nil, errorf(Incomplete, "The query string has '%s' more than once.", pr.name)
		}
		*field, _ = url.PathUnescape(pr.value) // canonical, so it always decodes
	}
	var missing []string
	for _, name := range []string{"X-Amz-Algorithm", "X-Amz-Credential", paramSignature, "X-Amz-SignedHeaders", "X-Amz-Date"} {
		if *fields[name] == "" {
			missing = append(missing, "AWS query-string parameters must include '"+name+"'.")
		}
	}
	if len(missing) > 0 {
		return nil, errorf(Incomplete, "%s Re-examine the query-string parameters.", strings.Join(missing, " "))
	}
	c := &Claim{verifier: v, Presigned: true, query: joinQuery(pairs, paramSignature)}
	if err := c.fill(p, r); err != nil {
		return nil, err
	}
	return c, nil
}

// splitAuthorization takes an Authorization header apart. Commas and white space
// separate its parameters, as many of each as the client likes.
func splitAuthorization(auth string) (parts, error) {
	const separators = ", \t"
	algorithm, rest := auth, ""
	if i := strings.IndexAny(auth, separators); i >= 0 {
		algorithm, rest = auth[:i], auth[i:]
	}
	p := parts{algorithm: algorithm}
	fields := map[string]*string{
		"Credential": &p.credential, "SignedHeaders": &p.signedHeaders, "Signature": &p.signature,
	}
	for rest = strings.TrimLeft(rest, separators); rest != ""; rest = strings.TrimLeft(rest, separators) {
		end := strings.IndexAny(rest, "="+separators)
		if end < 0 {
			end = len(rest)
		}
		name := rest[:end]
		rest = strings.TrimLeft(rest[end:], " \t")
		if !strings.HasPrefix(rest, "=") {
			return p, errorf(Incomplete,
				"'%s' not a valid key=value pair (missing equal-sign) in Authorization header.", echo(name))
		}
		rest = strings.TrimLeft(rest[1:], " \t")
		if end = strings.IndexAny(rest, separators); end < 0 {
			end = len(rest)
		}
		if field := fields[name]; field != nil {
			if *field != "" {
				return p, errorf(Incomplete, "Authorization header has '%s' more than once.", name)
			}
			*field = rest[:end]
		}
		rest = rest[end:]
	}
	return p, nil
}

// fill checks p and sets the claim from it, in the order in which AWS checks.
func (c *Claim) fill(p parts, r *http.Request) error {
	if err := c.setDate(p.date); err != nil {
		return err
	}
	if err := c.setSignedHeaders(p.signedHeaders); err != nil {
		return err
	}
	if p.algorithm != Algorithm {
		return errorf(Incomplete, "Unsupported AWS 'algorithm': '%s' (only %s for now).", echo(p.algorithm), Algorithm)
	}
	if err := c.setCredential(p.credential); err != nil {
		return err
	}
	if p.expires != "" {
		seconds, err := strconv.ParseUint(p.expires, 10, 32)
		c.Expires = time.Duration(seconds) * time.Second
		if err != nil || c.Expires < time.Second || c.Expires > maxExpires {
			return errorf(Incomplete, "X-Amz-Expires must be a number of seconds between 1 and %d.",
				int(maxExpires.Seconds()))
		}
	}
	var err error
	if c.SessionToken, err = single(p.token, r.Header, "X-Amz-Security-Token"); err != nil {
		return err
	}
	if c.bodyHash, err = single(p.bodyHash, r.Header, "X-Amz-Content-Sha256"); err != nil {
		return err
	}
	n, err := hex.Decode(c.signature[:], []byte(p.signature[:min(len(p.signature), 2*len(c.signature))]))
	c.malformed = err != nil || n != len(c.signature) || len(p.signature) != 2*n
	return nil
}

// setDate reads X-Amz-Date's format, and for a Date header that of HTTP too.
func (c *Claim) setDate(s string) error {
	t, err := time.Parse(stampLayout, s)
	if err != nil || len(s) != len(stampLayout) {
		if t, err = http.ParseTime(s); err != nil {
			return errorf(Incomplete, "Date must be in ISO-8601 'basic format'. Got '%s'. "+
				"See http://en.wikipedia.org/wiki/ISO_8601", echo(s))
		}
	}
	c.Date = t.UTC()
	c.stamp = c.Date.Format(stampLayout)
	return nil
}

func (c *Claim) setSignedHeaders(list string) error {
	list = strings.ToLower(list)
	if strings.Count(list, ";") >= maxSignedHeaders {
		return errorf(Incomplete, "SignedHeaders names more than %d headers.", maxSignedHeaders)
	}
	c.SignedHeaders = strings.Split(list, ";")
	host := false
	for i, name := range c.SignedHeaders {
		if !isHeaderName(name) || slices.Contains(c.SignedHeaders[:i], name) {
			return errorf(Incomplete, "SignedHeaders is malformed at '%s'.", echo(name))
		}
		host = host || name == "host" || name == ":authority"
	}
	if !host {
		return errorf(Mismatch, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
	}
	return nil
}

func (c *Claim) setCredential(credential string) error {
	f := strings.Split(credential, "/")
	if len(f) != 5 {
		return errorf(Incomplete, "Credential must have exactly 5 slash-delimited elements, "+
			"e.g. keyid/date/region/service/term, got '%s'", echo(credential))
	}
	var wrong []string
	if !scope.ValidRegion(f[2]) {
		wrong = append(wrong, "Credential should be scoped to a valid region, not '"+echo(f[2])+"'.")
	}
	if !slices.Contains(c.verifier.services, f[3]) {
		wrong = append(wrong, "Credential should be scoped to correct service: '"+c.verifier.services[0]+"'.")
	}
	if f[4] != terminator {
		wrong = append(wrong, "Credential should be scoped with a valid terminator: '"+terminator+
			"', not '"+echo(f[4])+"'.")
	}
	if day := c.stamp[:dayLen]; f[1] != day {
		wrong = append(wrong, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date "+
			"from HTTP: '"+echo(f[1])+"' != '"+day+"', from '"+c.stamp+"'.")
	}
	if len(wrong) > 0 {
		return errorf(Mismatch, "%s", strings.Join(wrong, " "))
	}
	if !isKeyID(f[0]) {
		return NewUnknownKey()
	}
	c.AccessKeyID, c.Region, c.Service = f[0], f[2], f[3]
	return nil
}

// single is the one value that a parameter has in the query string or in the header
// of the same name; two of them would let signer and handler disagree.
func single(inQuery string, h http.Header, name string) (string, error) {
	values := h[name]
	if len(values) > 1 || len(values) == 1 && inQuery != "" {
		return "", errorf(Mismatch, "The request has '%s' more than once.", name)
	}
	if len(values) == 1 {
		return strings.TrimSpace(values[0]), nil
	}
	return inQuery, nil
}

// checkPayloadForm refuses the forms of X-Amz-Content-Sha256 that are not accepted
// of r, whatever the body.
func (c *Claim) checkPayloadForm(r *http.Request) error {
	if c.Service == s3 {
		return nil // CheckStream knows more forms
	}
	if strings.HasPrefix(c.bodyHash, streamingPrefix) {
		return errorf(Mismatch, "X-Amz-Content-Sha256 '%s' is not supported by this service.", echo(c.bodyHash))
	}
	if c.bodyHash != unsignedPayload {
		return nil
	}
	v := c.verifier.unsigned
	if c.Presigned || v == UnsignedNever || v == UnsignedOverTLS && r.TLS == nil {
		return errorf(Mismatch, "X-Amz-Content-Sha256 '%s' is not accepted for this request.", unsignedPayload)
	}
	return nil
}

// payloadHash is the last line of the canonical request; false if the request names
// a hash that is not the body's.
func (c *Claim) payloadHash(body [32]byte) (string, bool) {
	if c.bodyHash == unsignedPayload {
		return unsignedPayload, true
	}
	sum := hex.EncodeToString(body[:])
	if c.bodyHash == "" {
		return sum, true
	}
	return c.bodyHash, strings.EqualFold(c.bodyHash, sum)
}

// signs reports whether the claim covers the header name, in any case.
func (c *Claim) signs(name string) bool {
	return slices.ContainsFunc(c.SignedHeaders, func(s string) bool { return strings.EqualFold(s, name) })
}

func isAmzHeader(name string) bool {
	const prefix = "x-amz-"
	return len(name) >= len(prefix) && strings.EqualFold(name[:len(prefix)], prefix)
}

// isHeaderName reports whether s is a lower-case field name (RFC 9110 §5.1) or the
// HTTP/2 name of Host.
func isHeaderName(s string) bool {
	if s == ":authority" {
		return true
	}
	for i := range len(s) {
		if !isUnreserved(s[i]) && !strings.Contains("!#$%&'*+^`|", s[i:i+1]) {
			return false
		}
	}
	return s != ""
}

func isKeyID(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return s != "" && len(s) <= maxKeyIDLen
}
