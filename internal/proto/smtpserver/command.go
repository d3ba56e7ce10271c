// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"bytes"
	"strconv"
)

// mailExtra is what MAIL may be longer than other commands: 26 for SIZE (RFC 1870
// §3), 17 for BODY (RFC 6152 §2), 500 for AUTH (RFC 4954 §3).
const mailExtra = 26 + 17 + 500

// authLine bounds AUTH and the responses of its dialogue, which is wide for a user
// name and a password.
const authLine = 4096

// command is a line from the client, taken apart. Its slices are valid until the
// next line is read.
type command struct {
	verb string // in upper case; "OTHER" if unknown
	args []byte // without white space around it
	long int    // of the whole line with its CRLF
}

// parse takes a line apart. The verbs are constants, so that metrics and log hold no
// bytes of the client and nothing is allocated.
func parse(text []byte) command {
	verb, args, _ := bytes.Cut(text, []byte(" "))
	return command{
		verb: verbOf(verb),
		args: bytes.Trim(args, " \t"),
		long: len(text) + len("\r\n"),
	}
}

func verbOf(word []byte) string {
	word = bytes.TrimRight(word, "\t")
	var buf [8]byte
	if len(word) > len(buf) {
		return "OTHER"
	}
	for i, c := range word {
		if c >= 'a' && c <= 'z' {
			c -= 'a' - 'A'
		}
		buf[i] = c
	}
	switch verb := string(buf[:len(word)]); verb {
	case "EHLO", "HELO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA",
		"RSET", "NOOP", "VRFY", "HELP", "QUIT",
		"EXPN", "ETRN", "TURN", "SEND", "SOML", "SAML", "BDAT",
		"GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI":
		return verb
	}
	return "OTHER"
}

// limit is the longest line that the verb may have.
func (c *conn) limit(verb string) int {
	short := c.cfg.Limits.MaxLineBytes
	switch verb {
	case "MAIL":
		return short + mailExtra
	case "AUTH":
		return max(short, authLine)
	}
	return short
}

// refuse names the reason why cmd can't be handled now, whatever its arguments are.
func (c *conn) refuse(cmd command, text []byte) (answer, bool) {
	if cmd.long > c.limit(cmd.verb) {
		c.cfg.Metrics.Refused(LimitLine)
		return fault(lineLong), true
	}
	for _, b := range text {
		control := (b < ' ' && b != '\t') || b == 0x7f
		eightBit := b >= 0x80 && cmd.verb != "MAIL" && cmd.verb != "RCPT" // theirs say which address
		if control || eightBit {
			return fault(lineControl), true
		}
	}
	switch cmd.verb {
	case "GET", "POST", "PUT", "HEAD", "OPTIONS", "CONNECT", "DELETE", "PATCH", "TRACE", "PRI":
		// A browser that was made to speak to us: what follows is an attacker's text.
		return last(lineHTTP), true
	case "MAIL", "RCPT", "DATA", "AUTH", "VRFY", "RSET":
		if c.cfg.RequireTLS && c.tls == nil {
			return fault(lineNeedTLS), true
		}
	}
	switch cmd.verb {
	case "MAIL", "RCPT", "DATA", "VRFY":
		if c.cfg.RequireAuth && !c.authenticated {
			return answer{ErrAuthRequired, isFault}, true
		}
	}
	return answer{}, false
}

// handle carries out one command. An error means that the connection is of no more
// use.
func (c *conn) handle(cmd command) (answer, error) {
	switch cmd.verb {
	case "EHLO", "HELO":
		return c.hello(cmd), nil
	case "STARTTLS":
		return c.startTLS(cmd.args)
	case "AUTH":
		return c.auth(cmd.args)
	case "MAIL":
		return c.mail(cmd.args), nil
	case "RCPT":
		return c.rcpt(cmd.args), nil
	case "DATA":
		return c.data(cmd.args)
	case "RSET":
		if len(cmd.args) > 0 {
			return fault(lineNoArgument), nil
		}
		c.endTransaction()
		return say(lineOK), nil
	case "NOOP":
		return say(lineOK), nil
	case "VRFY":
		if len(cmd.args) == 0 {
			return fault(lineVerifyArg), nil
		}
		return say(lineVerify), nil
	case "HELP":
		return say(lineHelp), nil
	case "QUIT":
		return last(lineBye), nil
	case "OTHER":
		return fault(lineUnknown), nil
	}
	return fault(lineNotBuilt), nil
}

// hello is EHLO and HELO. A client that greets anew gets a Session that knows the
// new name, unless that would lose its authentication.
func (c *conn) hello(cmd command) answer {
	if !validHello(cmd.args) {
		return fault(lineHelloArg)
	}
	c.endTransaction()
	c.greeted = false
	if !c.authenticated && (c.tls != nil || !c.cfg.RequireTLS) {
		c.endSession()
		session, err := c.srv.backend.NewSession(c.ctx, ConnInfo{
			ID: c.id, Remote: c.raw.RemoteAddr(), Local: c.raw.LocalAddr(),
			TLS: c.tls, Hello: string(cmd.args), ESMTP: cmd.verb == "EHLO",
		})
		if err != nil {
			return c.refused("NewSession", err, ErrServiceFailure)
		}
		c.session = session
	}
	c.greeted = true
	if cmd.verb == "HELO" {
		return answer{Reply{Code: 250, Text: c.cfg.Hostname}, isPlain}
	}
	return answer{Reply{Code: 250, Text: c.offer()}, isPlain}
}

// offer is the text of the answer to EHLO: the extensions that hold at this moment,
// and "Ok" as the last line, which SES has.
func (c *conn) offer() string {
	text := c.cfg.Hostname + "\n8BITMIME\nSIZE " + strconv.FormatInt(c.cfg.Limits.MaxMessageBytes, 10) + "\nPIPELINING\n"
	if c.cfg.EnhancedCodes {
		text += "ENHANCEDSTATUSCODES\n"
	}
	switch {
	case c.tls == nil && c.cfg.TLS != nil:
		text += "STARTTLS\n"
	case c.cfg.Auth:
		text += "AUTH PLAIN LOGIN\n"
	}
	return text + "Ok"
}

// validHello accepts more than RFC 5321 §4.1.1.1 does, since clients send all kinds
// of names, but nothing that would break out of a Received field.
func validHello(name []byte) bool {
	if len(name) == 0 || len(name) > 255 {
		return false
	}
	for _, b := range name {
		if b <= ' ' || b > '~' || bytes.IndexByte([]byte(`()<>,;"\@`), b) >= 0 {
			return false
		}
	}
	return true
}

// startTLS is RFC 3207. Whatever the client sent in clear after the command is
// thrown away, so that nobody between can slip commands into the secured session
// (§6, and CVE-2011-0411), and all that was learnt in clear is forgotten (§4.2).
func (c *conn) startTLS(args []byte) (answer, error) {
	switch {
	case c.cfg.TLS == nil:
		return fault(lineNotBuilt), nil
	case c.tls != nil:
		return fault(lineTLSTwice), nil
	case len(args) > 0:
		return fault(lineNoArgument), nil
	}
	c.endTransaction()
	c.endSession()
	c.greeted = false
	if n := c.r.Buffered(); n > 0 {
		c.log.Warn("input before the TLS handshake thrown away", "bytes", n)
		c.errors++
	}
	c.write(say(lineTLSReady))
	return answer{}, c.handshake()
}

// mail is MAIL (RFC 5321 §4.1.1.2).
func (c *conn) mail(args []byte) answer {
	switch {
	case !c.greeted:
		return fault(lineNeedHello)
	case c.inMail:
		return fault(lineNested)
	}
	p, ok := cutPath(args, "FROM:")
	if !ok {
		return fault(lineMailSyntax)
	}
	from, err := p.sender()
	if err != nil {
		return badSender(p.text)
	}
	params, bad := c.mailParams(p.params)
	if bad.Code != 0 {
		return bad
	}
	if err := c.session.Mail(c.ctx, from, params); err != nil {
		return c.refused("Mail", err, ErrServiceFailure)
	}
	c.inMail, c.declared = true, params.Size
	return say(lineMailOK)
}

// rcpt is RCPT (RFC 5321 §4.1.1.3).
func (c *conn) rcpt(args []byte) answer {
	if !c.inMail {
		return fault(lineNeedMail)
	}
	p, ok := cutPath(args, "TO:")
	if !ok {
		return fault(lineRcptSyntax)
	}
	c.refusedRcpts++ // until it is accepted
	to, err := p.recipient()
	if err != nil {
		return badRecipient(p.text)
	}
	if len(p.params) > 0 {
		return fault(lineNoParam)
	}
	if c.rcpts >= c.cfg.Limits.MaxRecipients {
		c.cfg.Metrics.Refused(LimitRecipients)
		return say(lineManyRcpts)
	}
	if err := c.session.Rcpt(c.ctx, to); err != nil {
		return c.refused("Rcpt", err, ErrServiceFailure)
	}
	c.refusedRcpts--
	c.rcpts++
	return say(lineRcptOK)
}

// refused turns a Session's error into the answer and logs what the client must not
// read.
func (c *conn) refused(op string, err error, other Reply) answer {
	a, detail := refusal(err, other)
	if detail != nil {
		c.log.Error("session failed", "op", op, "err", detail)
	}
	return a
}

// endTransaction forgets the transaction, if there is one.
func (c *conn) endTransaction() {
	was := c.inMail
	c.inMail, c.rcpts, c.refusedRcpts, c.declared = false, 0, 0, 0
	if was {
		c.session.Reset()
	}
}

// endSession closes the Session, if there is one.
func (c *conn) endSession() {
	if s := c.session; s != nil {
		c.session = nil
		s.Close()
	}
}
