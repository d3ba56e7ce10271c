// SPDX-License-Identifier: Apache-2.0

// Package dkim signs messages (RFC 6376, RFC 8463) with the canonicalizations that SES
// uses: relaxed for the header section, simple for the body. The hash of a body is
// computed once and serves any number of signatures; nothing of the message is copied
// but the fields that are signed.
package dkim

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/proto/message"
)

// Errors of Sign and SignHash.
var (
	ErrNoFrom  = errors.New("dkim: the message has no From field") // RFC 6376 §5.4
	ErrOptions = errors.New("dkim: domain, selector or header name is not valid")
)

// Key signs the SHA-256 digest of a header section. It must be safe for concurrent use
// if it is used concurrently.
type Key interface {
	SignDigest(sum [sha256.Size]byte) ([]byte, error)
	Algorithm() string // the a= tag: "rsa-sha256" or "ed25519-sha256"
}

// Options say how to sign.
type Options struct {
	Domain   string // d=
	Selector string // s=
	Key      Key
	Time     time.Time // t=; left out if zero
	Expires  time.Time // x=; left out if zero

	// Headers are the names of the fields to sign, in the order of h=; nil means
	// DefaultHeaders. Every occurrence of a field is signed, and names that do not
	// occur are left out.
	Headers []string
	// Oversign are names to list once more than they occur, so that a field added on
	// the way breaks the signature (RFC 6376 §8.15).
	Oversign []string
}

// DefaultHeaders are the fields whose change would change what a recipient sees or what
// software does with the message (RFC 6376 §5.4.1), and the Feedback-ID, which mailbox
// providers believe only if it is signed. Fields that servers add or remove on the way
// are not among them.
func DefaultHeaders() []string { return strings.Split(defaultHeaders, ":") }

const defaultHeaders = "From:Sender:Reply-To:To:Cc:Subject:MIME-Version:Content-Type:" +
	"Content-Transfer-Encoding:Date:Message-ID:In-Reply-To:References:List-Id:List-Help:" +
	"List-Unsubscribe:List-Unsubscribe-Post:List-Subscribe:List-Post:List-Owner:List-Archive:Feedback-ID"

// Sign returns the whole DKIM-Signature field, folded and with its CRLF, to be put
// before the header section. Lines must end with CRLF.
func Sign(header message.Header, body []byte, o Options) ([]byte, error) {
	return SignHash(header, BodyHash(body), o)
}

// SignHash is Sign with a hash of BodyHash, for a body that comes in pieces or gets
// more than one signature.
func SignHash(header message.Header, bodyHash [sha256.Size]byte, o Options) ([]byte, error) {
	if err := o.validate(); err != nil {
		return nil, err
	}
	if !header.Has("From") {
		return nil, ErrNoFrom
	}
	names, input := o.selectFields(header)
	field := o.unsigned(names, bodyHash)
	// The signature covers its own field, with an empty b= and without the CRLF.
	input = appendRelaxedField(input, []byte(fieldName), field[len(fieldName)+1:])
	sig, err := o.Key.SignDigest(sha256.Sum256(input))
	if err != nil {
		return nil, fmt.Errorf("dkim: sign: %w", err)
	}
	return appendSignature(field, sig), nil
}

const fieldName = "DKIM-Signature"

func (o Options) validate() error {
	if _, err := address.ParseDomain(o.Domain); err != nil {
		return fmt.Errorf("%w: domain %q", ErrOptions, o.Domain)
	}
	if _, err := address.ParseDomain(o.Selector); err != nil {
		return fmt.Errorf("%w: selector %q", ErrOptions, o.Selector)
	}
	for _, list := range [][]string{o.Headers, o.Oversign} {
		for _, name := range list {
			if !validName(name) {
				return fmt.Errorf("%w: header name %q", ErrOptions, name)
			}
		}
	}
	return nil
}

// validName accepts a field name that can stand in h= as it is.
func validName(name string) bool {
	for i := range len(name) {
		if name[i] <= ' ' || name[i] >= 0x7f || name[i] == ':' || name[i] == ';' {
			return false
		}
	}
	return name != ""
}

// selectFields lists the names for h= and the canonical form of the fields, which are
// taken from the bottom up where a name occurs more than once (RFC 6376 §5.4.2).
func (o Options) selectFields(header message.Header) (names []string, input []byte) {
	list := o.Headers
	if list == nil {
		list = DefaultHeaders()
	}
	names, input = make([]string, 0, len(list)+len(o.Oversign)), make([]byte, 0, 2048)
	for i, name := range list {
		if contains(list[:i], name) {
			continue
		}
		for j := len(header) - 1; j >= 0; j-- {
			if header[j].Is(name) {
				names = append(names, name)
				input = appendRelaxedField(input, header[j].NameBytes(), header[j].RawValue())
				input = append(input, '\r', '\n')
			}
		}
	}
	for i, name := range o.Oversign {
		// A field that is not signed can't be oversigned: it would be missing.
		if !contains(o.Oversign[:i], name) && (contains(list, name) || !header.Has(name)) {
			names = append(names, name)
		}
	}
	return names, input
}

func contains(list []string, name string) bool {
	for _, n := range list {
		if strings.EqualFold(n, name) {
			return true
		}
	}
	return false
}

// unsigned writes the field up to an empty b=.
func (o Options) unsigned(names []string, bodyHash [sha256.Size]byte) []byte {
	w := tagWriter{b: make([]byte, 0, 1024)}
	w.b = append(w.b, fieldName+":"...)
	w.tag("v=1;")
	w.tag("a=" + o.Key.Algorithm() + ";")
	w.tag("q=dns/txt;")
	w.tag("c=relaxed/simple;")
	w.tag("s=" + o.Selector + ";")
	w.tag("d=" + o.Domain + ";")
	if !o.Time.IsZero() {
		w.tag("t=" + strconv.FormatInt(o.Time.Unix(), 10) + ";")
	}
	if !o.Expires.IsZero() {
		w.tag("x=" + strconv.FormatInt(o.Expires.Unix(), 10) + ";")
	}
	for i, name := range names {
		end := ":"
		if i == len(names)-1 {
			end = ";"
		}
		if i == 0 {
			w.tag("h=" + name + end)
		} else {
			w.piece("", name+end)
		}
	}
	w.tag("bh=" + base64.StdEncoding.EncodeToString(bodyHash[:]) + ";")
	w.newline()
	w.b = append(w.b, "b="...)
	return w.b
}

// maxColumn is where lines of the field are folded.
const maxColumn = 76

// tagWriter writes tags and folds between them.
type tagWriter struct {
	b    []byte
	line int // where the present line begins
}

func (w *tagWriter) tag(s string) { w.piece(" ", s) }

// piece writes s after a space, or what stands in for it, on this line or the next.
func (w *tagWriter) piece(space, s string) {
	if len(w.b)-w.line+len(space)+len(s) > maxColumn {
		w.newline()
		space = ""
	}
	w.b = append(w.b, space...)
	w.b = append(w.b, s...)
}

func (w *tagWriter) newline() {
	w.b = append(w.b, '\r', '\n')
	w.line = len(w.b)
	w.b = append(w.b, '\t')
}

// appendSignature completes the field, folding the signature.
func appendSignature(field, sig []byte) []byte {
	room := maxColumn - len("\tb=")
	text := base64.StdEncoding.EncodeToString(sig)
	for len(text) > room {
		field = append(field, text[:room]...)
		field = append(field, '\r', '\n', '\t', ' ')
		text, room = text[room:], maxColumn-2
	}
	field = append(field, text...)
	return append(field, '\r', '\n')
}
