// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
)

const upperHex = "0123456789ABCDEF"

// matches reports whether the claim's signature is the one that key gives for r with
// path as its path.
func (c *Claim) matches(r *http.Request, path, payloadHash string, key [sha256.Size]byte) bool {
	var room [1536]byte // enough for an ordinary request, which then costs no allocation
	digest := sha256.Sum256(c.appendCanonicalRequest(room[:0], r, path, payloadHash))

	b := make([]byte, 0, 192)
	b = append(b, Algorithm+"\n"...)
	b = append(b, c.stamp...)
	b = append(b, '\n')
	b = append(b, c.stamp[:dayLen]...)
	b = append(b, '/')
	b = append(b, c.Region...)
	b = append(b, '/')
	b = append(b, c.Service...)
	b = append(b, "/"+terminator+"\n"...)
	b = hex.AppendEncode(b, digest[:])

	h := hmac.New(sha256.New, key[:])
	h.Write(b)
	var want [sha256.Size]byte
	return hmac.Equal(h.Sum(want[:0]), c.signature[:])
}

// appendCanonicalRequest appends the canonical request: method, URI, query, headers,
// names of the headers, hash of the payload.
func (c *Claim) appendCanonicalRequest(b []byte, r *http.Request, path, payloadHash string) []byte {
	b = append(b, r.Method...)
	b = append(b, '\n')
	if c.Service == s3 && path != "" {
		b = append(b, path...)
	} else {
		b = appendEscapedPath(b, path)
	}
	b = append(b, '\n')
	b = append(b, c.query...)
	b = append(b, '\n')
	for _, name := range c.SignedHeaders {
		b = append(b, name...)
		b = append(b, ':')
		b = appendHeaderValue(b, r, name)
		b = append(b, '\n')
	}
	b = append(b, '\n')
	for i, name := range c.SignedHeaders {
		if i > 0 {
			b = append(b, ';')
		}
		b = append(b, name...)
	}
	b = append(b, '\n')
	return append(b, payloadHash...)
}

// appendHeaderValue appends the values of header name, trimmed, with runs of spaces
// folded and joined with commas. The headers that net/http takes out of the map are
// read where it puts them. An absent header counts as an empty one.
func appendHeaderValue(b []byte, r *http.Request, name string) []byte {
	switch name {
	case "host", ":authority":
		return appendFolded(b, r.Host)
	case "transfer-encoding":
		return appendJoined(b, r.TransferEncoding)
	}
	var room [64]byte
	values := r.Header[string(appendHeaderKey(room[:0], name))]
	if len(values) == 0 && name == "content-length" && r.ContentLength >= 0 {
		return strconv.AppendInt(b, r.ContentLength, 10)
	}
	return appendJoined(b, values)
}

func appendJoined(b []byte, values []string) []byte {
	for i, v := range values {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendFolded(b, v)
	}
	return b
}

// appendHeaderKey appends name as net/http keeps it: "x-amz-date" is "X-Amz-Date".
func appendHeaderKey(b []byte, name string) []byte {
	upper := true
	for i := range len(name) {
		ch := name[i]
		if upper && 'a' <= ch && ch <= 'z' {
			ch -= 'a' - 'A'
		}
		upper = ch == '-'
		b = append(b, ch)
	}
	return b
}

func appendFolded(b []byte, v string) []byte {
	v = strings.TrimSpace(v)
	for i := range len(v) {
		if v[i] == ' ' && v[i-1] == ' ' {
			continue
		}
		b = append(b, v[i])
	}
	return b
}

// appendEscapedPath appends path, which is escaped as it came, escaped once more: so
// it is for every service but S3.
func appendEscapedPath(b []byte, path string) []byte {
	if path == "" {
		return append(b, '/')
	}
	for i := range len(path) {
		if path[i] == '/' {
			b = append(b, '/')
		} else {
			b = appendEscaped(b, path[i])
		}
	}
	return b
}

// escapedOnce is path with the escapes of the canonical form, and no others: so it is for
// S3. A path that can't be unescaped stays.
func escapedOnce(path string) string {
	plain, err := url.PathUnescape(path)
	if err != nil {
		return path
	}
	b := make([]byte, 0, len(path)+16)
	for i := range len(plain) {
		if plain[i] == '/' {
			b = append(b, '/')
		} else {
			b = appendEscaped(b, plain[i])
		}
	}
	return string(b)
}

// appendEscaped appends ch, percent-encoded unless it is unreserved (RFC 3986 §2.3).
func appendEscaped(b []byte, ch byte) []byte {
	if isUnreserved(ch) {
		return append(b, ch)
	}
	return append(b, '%', upperHex[ch>>4], upperHex[ch&15])
}

func isUnreserved(ch byte) bool {
	return 'a' <= ch && ch <= 'z' || 'A' <= ch && ch <= 'Z' || '0' <= ch && ch <= '9' ||
		ch == '-' || ch == '_' || ch == '.' || ch == '~'
}

// wirePath is the path of r as the client escaped it: URL.Path has lost the
// difference between %2F and a slash.
func wirePath(r *http.Request) string {
	if strings.HasPrefix(r.RequestURI, "/") {
		path, _, _ := strings.Cut(r.RequestURI, "?")
		return path
	}
	return r.URL.EscapedPath()
}

// normalPath removes empty and dot segments (RFC 3986 §5.2.4, and repeated slashes).
func normalPath(path string) string {
	if !strings.Contains(path, "//") && !strings.Contains(path, "/.") {
		return path
	}
	var kept []string
	parts := strings.Split(path, "/")
	for _, p := range parts {
		switch p {
		case "", ".":
		case "..":
			kept = kept[:max(len(kept)-1, 0)]
		default:
			kept = append(kept, p)
		}
	}
	normal := "/" + strings.Join(kept, "/")
	if last := parts[len(parts)-1]; len(kept) > 0 && (last == "" || last == "." || last == "..") {
		normal += "/"
	}
	return normal
}

// pair is one query parameter, name and value escaped in the canonical way.
type pair struct{ name, value string }

// parseQuery splits raw into its parameters, each escaped anew. Escapes that are no
// escapes and bare semicolons are refused: parsers differ about them, and a signature
// must cover what the handler sees.
func parseQuery(raw string) ([]pair, error) {
	if raw == "" {
		return nil, nil
	}
	pairs := make([]pair, 0, strings.Count(raw, "&")+1)
	for part := range strings.SplitSeq(raw, "&") {
		if part == "" {
			continue
		}
		name, value, _ := strings.Cut(part, "=")
		n, ok1 := canonicalComponent(name)
		v, ok2 := canonicalComponent(value)
		if !ok1 || !ok2 {
			return nil, errorf(MalformedQuery, "The query string contains a syntax error: '%s'", echo(part))
		}
		pairs = append(pairs, pair{n, v})
	}
	slices.SortFunc(pairs, func(a, b pair) int {
		if d := strings.Compare(a.name, b.name); d != 0 {
			return d
		}
		return strings.Compare(a.value, b.value)
	})
	return pairs, nil
}

// canonicalComponent decodes a query component (a plus is a space) and escapes it in
// the canonical way; false if it has a broken escape or a bare semicolon.
func canonicalComponent(s string) (string, bool) {
	plain := true
	for i := range len(s) {
		if s[i] == ';' {
			return "", false
		}
		plain = plain && isUnreserved(s[i])
	}
	if plain {
		return s, true
	}
	b := make([]byte, 0, len(s)+8)
	for i := 0; i < len(s); i++ {
		ch := s[i]
		switch ch {
		case '+':
			ch = ' '
		case '%':
			if i+2 >= len(s) {
				return "", false
			}
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi|lo > 15 {
				return "", false
			}
			ch = hi<<4 | lo
			i += 2
		}
		b = appendEscaped(b, ch)
	}
	return string(b), true
}

// unhex is the value of a hex digit, or 255.
func unhex(ch byte) byte {
	switch {
	case '0' <= ch && ch <= '9':
		return ch - '0'
	case 'a' <= ch && ch <= 'f':
		return ch - 'a' + 10
	case 'A' <= ch && ch <= 'F':
		return ch - 'A' + 10
	}
	return 255
}

// joinQuery is the canonical query string of pairs without the parameter named skip.
func joinQuery(pairs []pair, skip string) string {
	var b strings.Builder
	for _, p := range pairs {
		if skip != "" && p.name == skip {
			continue
		}
		if b.Len() > 0 {
			b.WriteByte('&')
		}
		b.WriteString(p.name)
		b.WriteByte('=')
		b.WriteString(p.value)
	}
	return b.String()
}
