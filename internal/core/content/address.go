// SPDX-License-Identifier: Apache-2.0

package content

import (
	"errors"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/proto/message"
)

// What SES says of addresses that it can't read.
const (
	textIllegal  = "Illegal address"
	textNonASCII = "There are non-ASCII characters in the email address"
	textNoDomain = "Missing final '@domain'"

	textLocalControl  = "Local address contains control or whitespace"
	textLocalIllegal  = "Local address contains illegal character"
	textDomainControl = "Domain contains control or whitespace"
	textDomainIllegal = "Domain contains illegal character"
)

// listTexts are SES's words for lists that can't be taken apart.
var listTexts = []struct {
	err  error
	text string
}{
	{message.ErrQuote, "Missing '\"'"},
	{message.ErrComment, "Missing ')'"},
	{message.ErrAngle, "Missing '>'"},
	{message.ErrNoAngle, "Missing '<'"},
	{message.ErrGroup, "Illegal semicolon, not in group"},
	{message.ErrNestedGroup, "Nested group"},
}

// ParseMailbox reads an address parameter of the API: an address, alone or with a
// display name before it in angle brackets. The name is returned decoded; it has to be
// ASCII or encoded words (RFC 2047). The fault has SES's words and names field.
func ParseMailbox(field, s string) (message.Mailbox, error) {
	if message.Is8Bit([]byte(s)) {
		return message.Mailbox{}, addressFault(field, textNonASCII)
	}
	for i := range len(s) {
		if s[i] < ' ' && s[i] != '\t' || s[i] == 0x7f {
			return message.Mailbox{}, addressFault(field, textLocalControl)
		}
	}
	list, err := message.SplitAddressList(s)
	if err != nil {
		return message.Mailbox{}, listFault(field, err)
	}
	if len(list) != 1 {
		return message.Mailbox{}, addressFault(field, textIllegal)
	}
	if list[0].Group {
		return message.Mailbox{}, addressFault(field, textLocalIllegal)
	}
	a, text := readSpec(list[0].Spec)
	if text != "" {
		return message.Mailbox{}, addressFault(field, text)
	}
	return message.Mailbox{Name: list[0].Name, Address: a}, nil
}

// fieldAddresses reads the address list of a header field. If passNonASCII is set,
// addresses that are not ASCII are left out and not refused.
func fieldAddresses(f message.Field, passNonASCII bool) ([]message.Mailbox, error) {
	entries, err := message.SplitAddressList(f.Value())
	if err != nil {
		return nil, listFault(f.Name(), err)
	}
	list := make([]message.Mailbox, 0, len(entries))
	for _, e := range entries {
		a, text := readSpec(e.Spec)
		if text == textNonASCII && passNonASCII {
			continue
		}
		if text != "" {
			return nil, addressFault(f.Name(), text)
		}
		list = append(list, message.Mailbox{Name: e.Name, Address: a})
	}
	return list, nil
}

func appendAddresses(to *[]message.Mailbox, f message.Field, passNonASCII bool) error {
	list, err := fieldAddresses(f, passNonASCII)
	*to = append(*to, list...)
	return err
}

// fieldAddress reads a field with one address. An empty one, as of a Return-Path that
// is "<>", says nothing.
func fieldAddress(f message.Field) (address.Address, error) {
	entries, err := message.SplitAddressList(f.Value())
	switch {
	case err != nil:
		return address.Address{}, listFault(f.Name(), err)
	case len(entries) == 0 || len(entries) == 1 && entries[0].Angle && entries[0].Spec == "":
		return address.Address{}, nil
	case len(entries) > 1:
		return address.Address{}, addressFault(f.Name(), textIllegal)
	}
	a, text := readSpec(entries[0].Spec)
	if text != "" {
		return address.Address{}, addressFault(f.Name(), text)
	}
	return a, nil
}

func addressFault(field, text string) error {
	return &fault.Error{Kind: fault.Invalid, Field: field, Text: text}
}

func listFault(field string, err error) error {
	text := textIllegal
	for _, t := range listTexts {
		if errors.Is(err, t.err) {
			text = t.text
		}
	}
	return &fault.Error{Kind: fault.Invalid, Op: "content", Field: field, Text: text, Err: err}
}

// readSpec reads an address without name and comments, or says in SES's words what is
// wrong with it.
func readSpec(spec string) (address.Address, string) {
	if strings.HasPrefix(spec, "@") {
		// RFC 5322 §4.4: a route, which is to be ignored.
		if i := strings.IndexByte(spec, ':'); i >= 0 {
			spec = spec[i+1:]
		}
	}
	a, err := address.Parse(spec)
	switch {
	case err == nil:
		return a, ""
	case errors.Is(err, address.ErrNonASCII):
		return address.Address{}, textNonASCII
	case spec == "":
		return address.Address{}, textIllegal
	}
	local, domain, hasDomain := cutSpec(spec)
	if text := localFault(local, hasDomain); text != "" {
		return address.Address{}, text
	}
	if !hasDomain {
		return address.Address{}, textNoDomain
	}
	if text := domainFault(domain); text != "" {
		return address.Address{}, text
	}
	return address.Address{}, textIllegal
}

// cutSpec cuts at the first at sign outside quotes.
func cutSpec(spec string) (local, domain string, ok bool) {
	quoted := false
	for i := 0; i < len(spec); i++ {
		switch c := spec[i]; {
		case c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case c == '@' && !quoted:
			return spec[:i], spec[i+1:], true
		}
	}
	return spec, "", false
}

func localFault(local string, hasDomain bool) string {
	if local == "" && hasDomain {
		return "Missing local name"
	}
	if local[0] == '"' {
		switch i := strings.LastIndexByte(local, '"'); {
		case i == 0:
			return "Unterminated quote"
		case i < len(local)-1:
			return "Quote not at end of local address"
		}
		return ""
	}
	for i := range len(local) {
		switch c := local[i]; {
		case c <= ' ' || c == 0x7f:
			return textLocalControl
		case c == '"':
			return "Unexpected quote"
		case strings.IndexByte("()<>,;:\\[]", c) >= 0:
			return textLocalIllegal
		}
	}
	switch {
	case local[0] == '.':
		return "Local address starts with dot"
	case local[len(local)-1] == '.':
		return "Local address ends with dot"
	case strings.Contains(local, ".."):
		return "Local address contains dot-dot"
	}
	return ""
}

func domainFault(domain string) string {
	if domain == "" {
		return "Missing domain"
	}
	for i := range len(domain) {
		c := domain[i]
		switch {
		case c <= ' ' || c == 0x7f:
			return textDomainControl
		case !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '.' || c == '_'):
			return textDomainIllegal
		}
	}
	switch {
	case domain[0] == '.':
		return "Domain starts with dot"
	case domain[len(domain)-1] == '.':
		return "Domain ends with dot"
	case strings.Contains(domain, ".."):
		return "Domain contains dot-dot"
	}
	return ""
}
