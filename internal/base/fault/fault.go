// SPDX-License-Identifier: Apache-2.0

// Package fault is the error of Sesame: a closed Kind, the text that the peer may
// read, and a cause that only the log sees. The doors map Kind to their wire codes,
// each in one table.
package fault

import (
	"errors"
	"fmt"
	"strings"
)

// Kind says what went wrong, in terms that every door can translate.
type Kind uint8

// The kinds. Each has a code in API v1, in API v2 and over SMTP.
const (
	Internal            Kind = iota // a defect or an outage of ours; the peer learns nothing more
	Invalid                         // a parameter's value is not acceptable
	Rejected                        // the message can't be sent as it is (MessageRejected)
	NotFound                        // the named resource does not exist
	ConfigSetNotFound               // the named configuration set does not exist
	TemplateNotFound                // the named template does not exist
	AlreadyExists                   // the name is taken
	LimitExceeded                   // a quota of resources is used up
	Throttled                       // sending rate, daily quota or call rate
	AccessDenied                    // authenticated, but not allowed
	AccountPaused                   // the account's sending is paused
	ConfigSetPaused                 // the configuration set's sending is paused
	MailFromNotVerified             // the custom MAIL FROM domain is not set up
	TooLarge                        // the message is over the door's size limit
	Conflict                        // concurrent change, or the resource is in use
	Unavailable                     // no room or no database now; try again later
	NotImplemented                  // an operation of SES that is not built yet
)

// Error is a refusal or a failure. Text goes to the peer, Err and Op only to the
// log.
type Error struct {
	Kind  Kind
	Op    string // what was being done, for the log: "intake.Accept"
	Field string // the input member at fault, if one is
	Text  string // for the peer, in SES's words
	Err   error  // cause, for the log
}

// Error is the log's text.
func (e *Error) Error() string {
	s := e.Text
	if e.Op != "" {
		s = e.Op + ": " + s
	}
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// New returns an error of kind with a text for the peer.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Text: fmt.Sprintf(format, args...)}
}

// InField is New with the input member that is at fault.
func InField(kind Kind, field, format string, args ...any) *Error {
	return &Error{Kind: kind, Field: field, Text: fmt.Sprintf(format, args...)}
}

// Wrap returns an Internal error whose cause is err, or err itself if it already is
// an Error, or nil for nil.
func Wrap(op string, err error) error {
	if err == nil {
		return nil
	}
	var e *Error
	if errors.As(err, &e) {
		return err
	}
	return &Error{Kind: Internal, Op: op, Text: "Internal failure", Err: err}
}

// KindOf is the kind of err: Internal if it is not an Error.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is reports whether err is an Error of kind.
func Is(err error, kind Kind) bool {
	var e *Error
	return errors.As(err, &e) && e.Kind == kind
}

// PeerText is what the peer may read of err: its Text, or a text that says nothing.
func PeerText(err error) string {
	var e *Error
	if errors.As(err, &e) && e.Text != "" {
		return e.Text
	}
	return "Internal failure"
}

// Printable is what somebody sent, fit to be quoted in a text for the peer: without
// anything that is not printable ASCII, and cut after 100 octets.
func Printable(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}
