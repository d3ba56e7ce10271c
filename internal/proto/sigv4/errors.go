// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"fmt"
	"net/http"
	"strings"
)

// Kind says why a request is not authenticated.
type Kind uint8

// The kinds of Error.
const (
	MissingToken   Kind = iota + 1 // the request is not signed at all
	Incomplete                     // the signature's parts are missing or malformed
	MalformedQuery                 // the query string can't be read without doubt
	UnknownKey                     // the access key id names no active key
	Mismatch                       // the signature, its scope or what it covers does not fit
	Skewed                         // the date is too far from the server's
	Expired                        // a presigned request's time is over
	TokenExpired                   // the session token's time is over
	TokenInvalid                   // the session token does not belong to the key
	BodyMismatch                   // S3: the body is not the one that was signed
	BodyMalformed                  // S3: the chunks that the body comes in can't be read
)

// Wire is what a Kind is called on the wire.
type Wire struct {
	V1     string // error code of the Query protocol (SES v1, IAM, STS, SNS)
	V2     string // error type of the REST-JSON protocol (SES v2)
	Status int    // HTTP status in both
}

// Wire returns the codes and the status of k.
func (k Kind) Wire() Wire {
	switch k {
	case MissingToken:
		return Wire{"MissingAuthenticationToken", "MissingAuthenticationTokenException", http.StatusForbidden}
	case Incomplete:
		return Wire{"IncompleteSignature", "IncompleteSignatureException", http.StatusBadRequest}
	case MalformedQuery:
		return Wire{"MalformedQueryString", "MalformedQueryString", http.StatusNotFound}
	case UnknownKey, TokenInvalid:
		return Wire{"InvalidClientTokenId", "UnrecognizedClientException", http.StatusForbidden}
	case Expired:
		return Wire{"RequestExpired", "RequestExpired", http.StatusBadRequest}
	case TokenExpired:
		return Wire{"ExpiredToken", "ExpiredTokenException", http.StatusForbidden}
	case BodyMismatch:
		return Wire{"XAmzContentSHA256Mismatch", "XAmzContentSHA256Mismatch", http.StatusBadRequest}
	case BodyMalformed:
		return Wire{"IncompleteBody", "IncompleteBody", http.StatusBadRequest}
	}
	// Services answer a skewed clock with the code of a wrong signature; SDKs look for
	// it when they correct their clock.
	return Wire{"SignatureDoesNotMatch", "InvalidSignatureException", http.StatusForbidden}
}

// Error is a refusal. Its text is for the peer and holds no secret.
type Error struct {
	Kind Kind
	Text string
}

// Error is the text for the peer.
func (e *Error) Error() string { return e.Text }

// NewUnknownKey is the refusal of an access key id that names no active key.
func NewUnknownKey() *Error {
	return errorf(UnknownKey, "The security token included in the request is invalid.")
}

// NewTokenInvalid is the refusal of a session token that is missing, unknown or
// another key's.
func NewTokenInvalid() *Error {
	return errorf(TokenInvalid, "The security token included in the request is invalid.")
}

// NewTokenExpired is the refusal of temporary credentials whose time is over.
func NewTokenExpired() *Error {
	return errorf(TokenExpired, "The security token included in the request is expired")
}

func mismatch() *Error {
	return errorf(Mismatch, "The request signature we calculated does not match the signature you provided. "+
		"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
}

func errorf(k Kind, format string, args ...any) *Error {
	return &Error{Kind: k, Text: fmt.Sprintf(format, args...)}
}

// echo makes a peer's bytes fit to be sent back: short, printable ASCII.
func echo(s string) string {
	const limit = 128
	cut := s
	if len(cut) > limit {
		cut = cut[:limit]
	}
	cut = strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, cut)
	if len(s) > limit {
		cut += "..."
	}
	return cut
}
