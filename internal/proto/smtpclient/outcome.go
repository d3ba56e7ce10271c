// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"strconv"
	"strings"
)

// Class says what an outcome means for the recipient.
type Class uint8

// The classes. The zero value is the careful one: what nobody understood is tried
// again.
const (
	Temporary Class = iota
	Delivered
	Permanent
)

// String is the class's name in logs.
func (c Class) String() string {
	switch c {
	case Delivered:
		return "delivered"
	case Permanent:
		return "permanent"
	}
	return "temporary"
}

// Command is the step of a delivery that an outcome is about.
type Command string

// The commands, in the order in which a delivery goes through them. The client itself
// starts at CommandConnect; the step before is for whoever finds the address.
const (
	CommandResolve  Command = "resolve"
	CommandConnect  Command = "connect"
	CommandGreeting Command = "greeting"
	CommandHello    Command = "ehlo" // HELO too
	CommandStartTLS Command = "starttls"
	CommandTLS      Command = "tls" // the handshake
	CommandAuth     Command = "auth"
	CommandReset    Command = "rset"
	CommandMail     Command = "mail"
	CommandRcpt     Command = "rcpt"
	CommandData     Command = "data"
	CommandContent  Command = "content" // between 354 and the final dot
	CommandDot      Command = "dot"     // the reply to the whole message
	CommandQuit     Command = "quit"
)

// Cause says why a delivery ended as it did. The set is closed: it is stored, counted
// and switched on.
type Cause string

// The causes. Those up to CauseProtocol come from the client, the others from whoever
// finds the address.
const (
	CauseReply       Cause = "reply"              // the peer said so
	CauseRefused     Cause = "connection-refused" // nothing listens there
	CauseUnreachable Cause = "unreachable"        // any other failure to connect
	CauseTimeout     Cause = "timeout"
	CauseClosed      Cause = "closed" // the connection broke
	CauseTLS         Cause = "tls"    // the handshake failed; clear text was allowed
	CauseTLSRequired Cause = "tls-required"
	CauseAuth        Cause = "auth"     // credentials can't be used with this peer
	CauseCanceled    Cause = "canceled" // the caller gave up
	CauseProtocol    Cause = "protocol" // the peer doesn't speak SMTP, or the input can't be sent

	CauseDNS       Cause = "dns"             // the lookup failed for now
	CauseNoDomain  Cause = "no-domain"       // NXDOMAIN
	CauseNoAddress Cause = "no-address"      // neither MX nor address, or no address behind an MX
	CauseNullMX    Cause = "null-mx"         // RFC 7505
	CauseLoop      Cause = "loop"            // the best MX is ourselves
	CausePrivate   Cause = "private-address" // only addresses that mail must not go to
	CauseLiteral   Cause = "literal"         // an address literal that can't be understood
)

// String is the cause as it is stored and counted.
func (c Cause) String() string { return string(c) }

// Enhanced is an enhanced status code (RFC 3463): class, subject, detail. The zero
// value means that there is none.
type Enhanced [3]uint16

// String is "5.1.1", or "" for the zero value.
func (e Enhanced) String() string {
	if e == (Enhanced{}) {
		return ""
	}
	b := strconv.AppendUint(make([]byte, 0, 12), uint64(e[0]), 10)
	for _, n := range e[1:] {
		b = strconv.AppendUint(append(b, '.'), uint64(n), 10)
	}
	return string(b)
}

// parseEnhanced reads the code at the beginning of a reply's text. It must belong to
// the reply code's class (RFC 2034 §4), else it is not taken for one.
func parseEnhanced(text []byte, code int) Enhanced {
	if len(text) < 5 || text[0] != byte('0'+code/100) || text[0] != '2' && text[0] != '4' && text[0] != '5' {
		return Enhanced{}
	}
	e := Enhanced{uint16(text[0] - '0')}
	i := 1
	for part := 1; part < 3; part++ {
		if i >= len(text) || text[i] != '.' {
			return Enhanced{}
		}
		i++
		start := i
		for i < len(text) && i-start < 3 && text[i] >= '0' && text[i] <= '9' {
			e[part] = e[part]*10 + uint16(text[i]-'0')
			i++
		}
		if i == start {
			return Enhanced{}
		}
	}
	if i < len(text) && text[i] != ' ' {
		return Enhanced{}
	}
	return e
}

// Outcome is what became of one recipient in one attempt.
type Outcome struct {
	Class    Class
	Cause    Cause
	Command  Command  // the step that decided
	Code     int      // the reply's code, 0 without a reply
	Enhanced Enhanced // the reply's, or ours if there was no reply
	Lines    []string // the whole reply as it came, "550-5.1.1 ...", ASCII, bounded; shared, not to be changed
	Err      error    // what happened without a reply; for the log
}

// Text is the peer's reply in one line, as SES shows it in smtpResponse and
// diagnosticCode. Without a reply it is "".
func (o *Outcome) Text() string { return strings.Join(o.Lines, " ") }

// String is the log's text.
func (o *Outcome) String() string {
	s := o.Class.String() + " at " + string(o.Command) + " (" + string(o.Cause) + ")"
	if len(o.Lines) > 0 {
		s += ": " + o.Text()
	}
	if o.Err != nil {
		s += ": " + o.Err.Error()
	}
	return s
}

// classOf is RFC 5321 §4.2.1: 4yz is for now, 5yz is for good. 2yz is a delivery only
// after the dot; the caller asks only then. Anything else has no meaning there, and
// what has no meaning is temporary.
func classOf(code int) Class {
	switch code / 100 {
	case 2:
		return Delivered
	case 5:
		return Permanent
	}
	return Temporary
}

// Error is a session that could not be opened, with the outcome that this gives every
// recipient.
type Error struct{ Outcome Outcome }

// Error is the log's text.
func (e *Error) Error() string { return "smtp: " + e.Outcome.String() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Outcome.Err }
