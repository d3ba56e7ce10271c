// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"

	"sesame/internal/base/address"
)

var errPath = errors.New("smtpserver: not a path")

// path is the argument of MAIL or RCPT.
type path struct {
	text   []byte // what is between the angle brackets, or what stands in their place
	params []byte
	angled bool
}

// cutPath splits "FROM:<path> params" after its keyword, in any letter case and with
// white space before the path, which RFC 5321 does not have but clients do. It
// reports false if the keyword is missing.
func cutPath(args []byte, keyword string) (path, bool) {
	if len(args) < len(keyword) || !strings.EqualFold(string(args[:len(keyword)]), keyword) {
		return path{}, false
	}
	rest := bytes.TrimLeft(args[len(keyword):], " \t")
	if len(rest) == 0 {
		return path{}, false
	}
	if end := closingBracket(rest); end > 0 {
		after := rest[end+1:]
		if len(after) == 0 || after[0] == ' ' {
			return path{text: rest[1:end], params: bytes.TrimLeft(after, " "), angled: true}, true
		}
	}
	text, params, _ := bytes.Cut(rest, []byte(" "))
	return path{text: bytes.Trim(text, "<>"), params: params}, true
}

// closingBracket is the index of the ">" that ends the "<" at the beginning; one
// inside a quoted string does not count. Without it, 0.
func closingBracket(s []byte) int {
	if s[0] != '<' {
		return 0
	}
	quoted := false
	for i := 1; i < len(s); i++ {
		switch {
		case quoted && s[i] == '\\':
			i++
		case s[i] == '"':
			quoted = !quoted
		case s[i] == '>' && !quoted:
			return i
		}
	}
	return 0
}

// sender is the reverse-path: an address, or zero for "<>".
func (p path) sender() (address.Address, error) {
	if p.angled && len(p.text) == 0 {
		return address.Address{}, nil
	}
	return p.mailbox()
}

// recipient is the forward-path: an address, or the bare Postmaster.
func (p path) recipient() (address.Address, error) {
	if p.angled && strings.EqualFold(string(p.text), "postmaster") {
		return address.Address{Local: string(p.text)}, nil
	}
	return p.mailbox()
}

// mailbox reads the address. A source route is dropped (RFC 5321 appendix C).
func (p path) mailbox() (address.Address, error) {
	if !p.angled {
		return address.Address{}, errPath
	}
	text := string(p.text)
	if strings.HasPrefix(text, "@") {
		route, rest, found := strings.Cut(text, ":")
		if !found {
			return address.Address{}, errPath
		}
		for hop := range strings.SplitSeq(route, ",") {
			if !strings.HasPrefix(hop, "@") {
				return address.Address{}, errPath
			}
			if _, err := address.ParseDomain(hop[1:]); err != nil {
				return address.Address{}, err
			}
		}
		text = rest
	}
	return address.Parse(text)
}

// mailParams reads the parameters of MAIL. An answer with a code is a refusal.
func (c *conn) mailParams(s []byte) (p MailParams, bad answer) {
	var seen [3]bool
	for len(s) > 0 {
		var word []byte
		word, s, _ = bytes.Cut(s, []byte(" "))
		if len(word) == 0 {
			continue
		}
		key, value, _ := strings.Cut(string(word), "=")
		var which int
		switch key = strings.ToUpper(key); {
		case key == "SIZE":
			which = 0
			p.Size, bad = c.sizeParam(value)
		case key == "BODY":
			which = 1
			p.Body8Bit, bad = bodyParam(value)
		case key == "AUTH" && c.cfg.Auth && value != "":
			which = 2 // who wrote the mail is nothing that we trust a client about (RFC 4954 §5)
		default:
			bad = fault(lineNoParam)
		}
		if bad.Code != 0 {
			return MailParams{}, bad
		}
		if seen[which] {
			return MailParams{}, fault(lineParameter)
		}
		seen[which] = true
	}
	return p, answer{}
}

// sizeParam is RFC 1870 §4 and §6.
func (c *conn) sizeParam(value string) (int64, answer) {
	if value == "" || len(value) > 20 || strings.Trim(value, "0123456789") != "" {
		return 0, fault(lineParameter)
	}
	n, err := strconv.ParseInt(value, 10, 64)
	if err != nil {
		n = math.MaxInt64 // twenty digits may be more than int64 holds
	}
	if n > c.cfg.Limits.MaxMessageBytes {
		c.cfg.Metrics.Refused(LimitMessage)
		return 0, answer{Reply: ErrTooLong}
	}
	return n, answer{}
}

// bodyParam is RFC 6152 §2, and RFC 3030 for the value that is not implemented.
func bodyParam(value string) (eightBit bool, bad answer) {
	switch strings.ToUpper(value) {
	case "7BIT":
		return false, answer{}
	case "8BITMIME":
		return true, answer{}
	case "BINARYMIME":
		return false, fault(lineBodyType)
	}
	return false, fault(lineParameter)
}
