// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Reply is an answer to one command. As an error, it is how a Session refuses: the
// client reads exactly it. Text may hold several lines, separated by "\n"; what is
// not printable ASCII becomes "?", long lines are cut (RFC 5321 §4.5.3.1.5), so a
// text can never break the dialogue.
type Reply struct {
	Code     int    // 400 to 599 when a Session returns it; 421 closes the connection
	Enhanced string // RFC 3463, "5.1.1"; sent only under Config.EnhancedCodes, "" stands for X.0.0
	Text     string
}

// Error is the reply as the client sees it, without the enhanced code.
func (r Reply) Error() string { return strconv.Itoa(r.Code) + " " + r.Text }

// Refusals in the words of SES (SES: SMTP response codes), for Sessions to return.
// The engine uses some of them itself.
var (
	ErrTooManyConnections = Reply{421, "4.7.0", "Too many concurrent SMTP connections"}
	ErrServiceFailure     = Reply{451, "4.3.0", "Temporary service failure"}
	ErrNoRoom             = Reply{452, "4.3.1", "Insufficient system storage"}
	ErrQuota              = Reply{454, "4.7.0", "Throttling failure: Daily message quota exceeded"}
	ErrRate               = Reply{454, "4.7.0", "Throttling failure: Maximum sending rate exceeded"}
	ErrAuthFailure        = Reply{454, "4.7.0", "Temporary authentication failure"}
	ErrNotReceived        = Reply{454, "4.3.0", "Temporary service failure"}
	ErrAuthRequired       = Reply{530, "5.7.0", "Authentication required"}
	ErrCredentials        = Reply{535, "5.7.8", "Authentication Credentials Invalid"}
	ErrTooLong            = Reply{552, "5.3.4", "Message is too long."}
)

// line is an answer as it stands on the wire, with its enhanced code ("-": none).
type line string

// The engine's own answers: with the refusals above, the whole table. What SES
// prints is in its words.
const (
	lineHelp      line = "214 2.0.0 This is an SMTP server: see RFC 5321"
	lineTLSReady  line = "220 2.0.0 Ready to start TLS"
	lineBye       line = "221 2.0.0 Bye"
	lineAuthOK    line = "235 2.7.0 Authentication successful."
	lineOK        line = "250 2.0.0 Ok"
	lineMailOK    line = "250 2.1.0 Ok"
	lineRcptOK    line = "250 2.1.5 Ok"
	lineVerify    line = "252 2.5.0 Cannot verify the user, but will take mail for it"
	lineStartData line = "354 - End data with <CR><LF>.<CR><LF>"

	lineTooManyErrors line = "421 4.7.0 Too many errors, closing connection"
	lineStopping      line = "421 4.3.2 Service shutting down, closing connection"
	lineSessionOver   line = "421 4.4.2 Session has lasted too long, closing connection"
	lineTimeout       line = "451 4.4.2 Timeout waiting for data from client."
	lineManyRcpts     line = "452 4.5.3 Too many recipients"

	lineUnknown    line = "500 5.5.2 Command not recognized"
	lineLong       line = "500 5.5.2 Line too long"
	lineEndless    line = "500 5.5.2 Line too long, closing connection"
	lineControl    line = "500 5.5.2 Invalid character in command"
	lineBareLF     line = "500 5.5.2 Lines must end with <CR><LF>, closing connection"
	lineHTTP       line = "500 5.5.1 This is not an HTTP server, closing connection"
	lineNoArgument line = "501 5.5.4 Syntax error: no argument allowed"
	lineHelloArg   line = "501 5.5.4 Syntax: EHLO hostname"
	lineVerifyArg  line = "501 5.5.4 Syntax: VRFY address"
	lineMailSyntax line = "501 5.5.4 Syntax: MAIL FROM:<address> [parameters]"
	lineRcptSyntax line = "501 5.5.4 Syntax: RCPT TO:<address>"
	lineParameter  line = "501 5.5.4 Syntax error in parameters"
	lineAuthSyntax line = "501 5.5.4 Syntax: AUTH mechanism [initial-response]"
	lineBase64     line = "501 5.5.2 Cannot decode the authentication response"
	lineCancelled  line = "501 5.7.0 Authentication cancelled"
	lineNotBuilt   line = "502 5.5.1 Command not implemented"
	lineNeedHello  line = "503 5.5.1 Error: send EHLO first"
	lineNeedMail   line = "503 5.5.1 Error: need MAIL command"
	lineNeedRcpt   line = "503 5.5.1 Error: need RCPT command"
	lineNested     line = "503 5.5.1 Error: sender already specified"
	lineInMail     line = "503 5.5.1 Error: not during a mail transaction"
	lineAuthTwice  line = "503 5.5.1 Error: already authenticated"
	lineTLSTwice   line = "503 5.5.1 Error: TLS already active"
	lineMechanism  line = "504 5.5.4 Unrecognized authentication type"
	lineBodyType   line = "504 5.5.4 Body type not implemented"
	lineNeedTLS    line = "530 5.7.0 Must issue a STARTTLS command first"
	lineNoRcpts    line = "554 5.5.1 No valid recipients"
	lineBareInData line = "554 5.6.0 Message has bare CR or LF, which is not allowed"
	lineNoParam    line = "555 5.5.4 Parameter not recognized or not implemented"
)

// reply takes l apart.
func (l line) reply() Reply {
	code, _ := strconv.Atoi(string(l[:3]))
	enhanced, text, _ := strings.Cut(string(l[4:]), " ")
	return Reply{Code: code, Enhanced: enhanced, Text: text}
}

// flags say what an answer does beside being read.
type flags uint8

const (
	isFault flags = 1 << iota // counts towards Limits.MaxErrors
	isLast                    // the connection is closed after it
	isPlain                   // never with an enhanced code (RFC 2034 §4)
	isCoded                   // always with its enhanced code, as SES prints it
)

// answer is a Reply with its consequences. The zero value says that there is
// nothing to say: the handler has answered by itself.
type answer struct {
	Reply
	flags
}

func say(l line) answer   { return answer{l.reply(), 0} }
func fault(l line) answer { return answer{l.reply(), isFault} }
func last(l line) answer  { return answer{l.reply(), isLast} }

// badSender and badRecipient are SES's answers to a path that can't be read.
func badSender(path []byte) answer {
	return answer{Reply{553, "5.1.7", "<" + string(path) + "> Invalid email address"}, 0}
}

func badRecipient(path []byte) answer {
	return answer{Reply{553, "5.1.3", "<" + string(path) + "> address unknown"}, 0}
}

// refusal turns a Session's error into the answer. Other errors than a Reply become
// other, and detail is what the log should know.
func refusal(err error, other Reply) (a answer, detail error) {
	var r Reply
	var p *Reply
	switch {
	case errors.As(err, &r):
	case errors.As(err, &p) && p != nil:
		r = *p
	default:
		return answer{other, 0}, err
	}
	if r.Code < 400 || r.Code > 599 {
		return answer{other, 0}, fmt.Errorf("a refusal with a code that is none: %w", err)
	}
	a = answer{Reply: r}
	if r.Code == 421 {
		a.flags = isLast
	}
	return a, nil
}

// Bounds of what one answer takes on the wire. The whole fits the write buffer.
const (
	maxReplyLine = 500 // text of a line; RFC 5321 §4.5.3.1.5 allows 512 with code and CRLF
	maxReplyText = 2048
)

// appendTo writes the answer's lines with their CRLFs to b.
func (a answer) appendTo(b []byte, enhanced bool) []byte {
	enhanced = (enhanced || a.flags&isCoded != 0) && a.flags&isPlain == 0 && a.Code/100 != 3
	left := a.Text
	if len(left) > maxReplyText {
		left = left[:maxReplyText]
	}
	for {
		text, rest, more := strings.Cut(left, "\n")
		b = strconv.AppendInt(b, int64(a.Code), 10)
		if more {
			b = append(b, '-')
		} else {
			b = append(b, ' ')
		}
		if enhanced {
			b = a.appendEnhanced(b)
		}
		b = appendPrintable(b, text)
		b = append(b, '\r', '\n')
		if !more {
			return b
		}
		left = rest
	}
}

func (a answer) appendEnhanced(b []byte) []byte {
	if a.Enhanced == "" {
		b = strconv.AppendInt(b, int64(a.Code/100), 10)
		return append(b, ".0.0 "...)
	}
	b = appendPrintable(b, a.Enhanced)
	return append(b, ' ')
}

func appendPrintable(b []byte, text string) []byte {
	text = strings.TrimSuffix(text, "\r")
	cut := len(text) > maxReplyLine
	if cut {
		text = text[:maxReplyLine-len("...")]
	}
	for i := range len(text) {
		c := text[i]
		if c < ' ' || c > '~' {
			c = '?'
		}
		b = append(b, c)
	}
	if cut {
		b = append(b, "..."...)
	}
	return b
}
