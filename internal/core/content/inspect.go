// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"
	"errors"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/proto/message"
)

// Limits bound what Inspect accepts. Zero values are SES's.
type Limits struct {
	MaxParts int // MIME parts, 500 by default
	MaxDepth int // multiparts inside each other, 32 by default

	// Blocked are the extensions of files that are refused, with their dots; nil means
	// those of BlockedExtensions, and an empty slice none.
	Blocked []string

	// Envelope says that the recipients are known from the envelope. Then addresses of
	// recipients in the header section that are not ASCII are passed over, since only
	// envelopes are bound to ASCII (SES: sending raw mail).
	Envelope bool
}

// MaxLine is the length of a header line that is refused if it is exceeded, in octets
// without the line end (RFC 5322 §2.1.1).
const MaxLine = 998

// Message is a message that was found fit to send.
type Message struct {
	Header message.Header // as it came in, which is what events show
	Body   []byte

	From    []message.Mailbox
	ReplyTo []message.Mailbox
	To      []message.Mailbox
	Cc      []message.Mailbox
	Bcc     []message.Mailbox

	Sender     address.Address // of the Sender field; zero if there is none
	ReturnPath address.Address // where the message wants its feedback; zero if it does not say
	Subject    string          // decoded
	MessageID  string          // the caller's, with its angle brackets

	Control

	EightBit  bool // octets outside ASCII
	TestVirus bool // the EICAR test string is in the body or in one of its parts
	Opaque    bool // signed or encrypted by its sender: to be passed as it is

	rules []ruleSet          // of the fields of Header
	walk  message.WalkLimits // that its parts were found to be within
}

// opaqueTypes are the media types of S/MIME and PGP that SES passes as they are (SES:
// security protocols, end-to-end encryption), and the multiparts that hold them.
var opaqueTypes = map[string]bool{
	"application/pkcs7-mime": true, "application/pkcs7-signature": true,
	"application/x-pkcs7-mime": true, "application/x-pkcs7-signature": true,
	"application/pgp-encrypted": true, "application/pgp-keys": true, "application/pgp-signature": true,
	"multipart/signed": true, "multipart/encrypted": true,
}

// Inspect reads a message and refuses what SES refuses, with a fault in SES's words
// that names the header field at fault. Its line ends need not be CRLF. A message
// without a header section, or without From, is not refused here: over SMTP it is
// complete. The result keeps raw, or a copy of it if its line ends had to be changed.
func Inspect(raw []byte, limits Limits) (*Message, error) {
	raw = message.NormalizeCRLF(raw)
	header, body, err := message.Split(raw)
	if err != nil {
		return nil, &fault.Error{Kind: fault.Invalid, Op: "content.Inspect", Text: "Header section too long.", Err: err}
	}
	m := &Message{Header: header, Body: body, EightBit: message.Is8Bit(raw),
		walk: message.WalkLimits{MaxParts: limits.MaxParts, MaxDepth: limits.MaxDepth}}
	if err := m.checkFields(); err != nil {
		return nil, err
	}
	for _, f := range header {
		if err := m.readField(f, limits); err != nil {
			return nil, err
		}
	}
	m.Opaque = opaqueTypes[message.ParseMedia(header.Get("Content-Type")).Type]
	if err := m.checkParts(limits); err != nil {
		return nil, err
	}
	return m, nil
}

// checkFields applies the rules that do not depend on what fields mean.
func (m *Message) checkFields() error {
	var seen [2]uint64
	m.rules = make([]ruleSet, len(m.Header))
	for i, f := range m.Header {
		set := rulesOf(f.NameBytes())
		m.rules[i] = set
		if set.rules&Unique != 0 {
			bit := uint64(1) << (set.index % 64)
			if seen[set.index/64]&bit != 0 {
				return fault.InField(fault.Invalid, set.name, "Duplicate header '%s'.", set.name)
			}
			seen[set.index/64] |= bit
		}
		if len(f.Raw()) > MaxLine && f.LongestLine() > MaxLine {
			return fault.InField(fault.Invalid, f.Name(), "Header too long: '%s'.", fault.Printable(f.Name()))
		}
		if bytes.IndexByte(f.RawValue(), 0) >= 0 {
			return fault.InField(fault.Invalid, f.Name(), "Illegal character in header '%s'.", fault.Printable(f.Name()))
		}
	}
	return nil
}

// readField takes from a field what the message wants of us.
func (m *Message) readField(f message.Field, limits Limits) (err error) {
	switch {
	case f.Is("From"):
		m.From, err = fieldAddresses(f, false)
	case f.Is("Reply-To"):
		err = appendAddresses(&m.ReplyTo, f, true)
	case f.Is("To"):
		err = appendAddresses(&m.To, f, limits.Envelope)
	case f.Is("Cc"):
		err = appendAddresses(&m.Cc, f, limits.Envelope)
	case f.Is("Bcc"):
		err = appendAddresses(&m.Bcc, f, limits.Envelope)
	case f.Is("Sender"):
		m.Sender, err = fieldAddress(f)
	case f.Is("Return-Path"):
		m.ReturnPath, err = fieldAddress(f)
	case f.Is("Subject"):
		m.Subject = message.DecodeText(f.Value())
	case f.Is("Message-ID"):
		m.MessageID = f.Value()
	case isControl(f.NameBytes()):
		err = m.Control.read(f)
	}
	return err
}

// Recipients are the addresses of To, Cc and Bcc, in this order. They are the
// recipients of a message that comes without an envelope.
func (m *Message) Recipients() []address.Address {
	all := make([]address.Address, 0, len(m.To)+len(m.Cc)+len(m.Bcc))
	for _, list := range [][]message.Mailbox{m.To, m.Cc, m.Bcc} {
		for _, mb := range list {
			all = append(all, mb.Address)
		}
	}
	return all
}

// checkParts looks at every MIME part for files that are not sent, and for the test virus.
func (m *Message) checkParts(limits Limits) error {
	m.TestVirus = bytes.Contains(m.Body, []byte(testVirus))
	err := message.WalkParts(m.Header, m.Body, m.walk, func(p message.Part) error {
		for _, name := range p.FileNames() {
			if err := checkFileName(name, limits.Blocked); err != nil {
				return err
			}
		}
		m.TestVirus = m.TestVirus || hasTestVirus(p)
		return nil
	})
	switch {
	case errors.Is(err, message.ErrTooManyParts):
		return &fault.Error{Kind: fault.Invalid, Op: "content.Inspect", Text: "Message contains too many MIME parts.", Err: err}
	case errors.Is(err, message.ErrTooDeep):
		return &fault.Error{Kind: fault.Invalid, Op: "content.Inspect", Text: "MIME parts are nested too deeply.", Err: err}
	case errors.Is(err, message.ErrHeaderTooLarge), errors.Is(err, message.ErrTooManyFields):
		return &fault.Error{Kind: fault.Invalid, Op: "content.Inspect", Text: "Header section of a MIME part too long.", Err: err}
	}
	return err
}
