// SPDX-License-Identifier: Apache-2.0

// Package verification proves that an address is its owner's by a link in a mail (SES:
// creating and verifying an email address identity), in the service's own mail or in one
// after a template of the customer's (custom verification email templates).
package verification

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
)

// LinkLifetime is how long a link works, from its mail on (SES: 24 hours).
const LinkLifetime = 24 * time.Hour

// Path is where the links of this server lead; the token follows.
const Path = "/verify/"

// Link is what a verification link stands for.
type Link struct {
	Scope    scope.Scope
	Address  string    // the identity to be verified
	Template string    // of a custom verification mail; "" is the service's own mail
	Expires  time.Time // in whole seconds
}

// Errors of Links.Read.
var (
	ErrBroken  = errors.New("verification: not a link of this server")
	ErrExpired = errors.New("verification: the link has expired")
)

// Wrapper makes texts into tokens that nobody else can read or make; keyring.Ring is one.
type Wrapper interface {
	Wrap(purpose string, text []byte) []byte
	Unwrap(purpose string, wrapped []byte) (text []byte, ok bool)
}

// Links makes and reads links. It is safe for concurrent use, and any node with the same
// keyring reads what another has made.
type Links struct {
	Wrap  Wrapper
	Clock clock.Clock
	Base  string // URL of the server without a slash at its end: https://mail.example.com
}

const (
	purpose   = "verify link"
	version   = 1
	maxToken  = 1024 // characters; the longest fields make fewer
	maxFields = 600  // bytes of a token's fields together
)

// URL returns the link to a proof that address belongs to whoever reads its mail; it
// works for LinkLifetime. template is that of a custom verification mail, or "".
func (l *Links) URL(sc scope.Scope, address, template string) (string, error) {
	token, err := l.token(Link{Scope: sc, Address: address, Template: template, Expires: l.Clock().Add(LinkLifetime)})
	return l.Base + Path + token, err
}

// token is version, expiry (seconds since 1970) and the fields, each after its length in two
// bytes; all that is wrapped, for whoever gets the mail is not to read whose account asks for
// it, and in base64url.
func (l *Links) token(k Link) (string, error) {
	fields := []string{k.Scope.Account, k.Scope.Region, k.Address, k.Template}
	if n := len(strings.Join(fields, "")); n > maxFields {
		return "", fmt.Errorf("verification: %d bytes are too long for a link", n)
	}
	b := binary.BigEndian.AppendUint64([]byte{version}, uint64(k.Expires.Unix()))
	for _, f := range fields {
		b = binary.BigEndian.AppendUint16(b, uint16(len(f)))
		b = append(b, f...)
	}
	return base64.RawURLEncoding.EncodeToString(l.Wrap.Wrap(purpose, b)), nil
}

// Read tells what a link's token stands for. With ErrExpired, too, the link is the one
// that this server has made; with ErrBroken nothing is known.
func (l *Links) Read(token string) (Link, error) {
	if len(token) > maxToken {
		return Link{}, ErrBroken
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil {
		return Link{}, ErrBroken
	}
	b, ok := l.Wrap.Unwrap(purpose, b)
	if !ok || len(b) < 1+8 || b[0] != version {
		return Link{}, ErrBroken
	}
	k := Link{Expires: time.Unix(int64(binary.BigEndian.Uint64(b[1:])), 0).UTC()}
	b = b[9:]
	for _, f := range []*string{&k.Scope.Account, &k.Scope.Region, &k.Address, &k.Template} {
		if len(b) < 2 || len(b)-2 < int(binary.BigEndian.Uint16(b)) {
			return Link{}, ErrBroken
		}
		n := 2 + int(binary.BigEndian.Uint16(b))
		*f, b = string(b[2:n]), b[n:]
	}
	switch {
	case len(b) != 0:
		return Link{}, ErrBroken
	case !l.Clock().Before(k.Expires):
		return k, ErrExpired
	}
	return k, nil
}
