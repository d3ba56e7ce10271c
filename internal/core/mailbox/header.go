// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"bytes"
	"net/mail"
	"strings"
)

// Bounds of what is read of a header section. What is beyond them is left out.
const (
	maxFields     = 2000
	maxFieldBytes = 64 << 10
	maxAddresses  = 500
)

// Header is a field as it stands in the message, unfolded (RFC 5322 §2.2.3) and not
// decoded. Both parts are valid UTF-8.
type Header struct {
	Name  string
	Value string
}

type header []Header

// get returns the first field of the name, "" without one.
func (h header) get(name string) string {
	for _, f := range h {
		if strings.EqualFold(f.Name, name) {
			return f.Value
		}
	}
	return ""
}

// all joins the fields of the name, which for addresses makes one list of several.
func (h header) all(name string) string {
	var values []string
	total := 0
	for _, f := range h {
		if strings.EqualFold(f.Name, name) && total+len(f.Value) <= maxFieldBytes {
			values = append(values, f.Value)
			total += len(f.Value)
		}
	}
	return strings.Join(values, ", ")
}

// splitHeader takes the header section off. It ends at an empty line, or at a line
// that can be no field: then that line is the body's first.
func splitHeader(raw []byte) (header, []byte) {
	var h header
	for len(raw) > 0 {
		line, rest := cutLine(raw)
		if len(line) == 0 {
			return h, rest
		}
		colon := bytes.IndexByte(line, ':')
		if colon <= 0 || !isFieldName(line[:colon]) {
			return h, raw
		}
		value := append([]byte(nil), line[colon+1:]...)
		for len(rest) > 0 && (rest[0] == ' ' || rest[0] == '\t') {
			line, rest = cutLine(rest)
			if len(value)+len(line) <= maxFieldBytes {
				value = append(value, line...)
			}
		}
		if len(h) < maxFields {
			name := string(bytes.TrimRight(raw[:colon], " \t"))
			h = append(h, Header{name, toUTF8(bytes.TrimSpace(value[:min(len(value), maxFieldBytes)]), "")})
		}
		raw = rest
	}
	return h, nil
}

// cutLine returns the first line without its end, and what follows it.
func cutLine(b []byte) (line, rest []byte) {
	line, rest, _ = bytes.Cut(b, []byte("\n"))
	return bytes.TrimSuffix(line, []byte("\r")), rest
}

// isFieldName is RFC 5322 §3.6.8 with the obsolete white space before the colon
// (§4.5).
func isFieldName(b []byte) bool {
	b = bytes.TrimRight(b, " \t")
	for _, c := range b {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return len(b) > 0 && len(b) <= 200
}

// person is one mailbox of an address field.
type person struct {
	name    string // decoded
	address string
}

// String is the form for people: Name <local@domain>, in Unicode.
func (p person) String() string {
	switch {
	case p.name == "":
		return p.address
	case strings.ContainsAny(p.name, "()<>[]:;@\\,.\""):
		return `"` + strings.NewReplacer(`\`, `\\`, `"`, `\"`).Replace(p.name) + `" <` + p.address + ">"
	}
	return p.name + " <" + p.address + ">"
}

// people reads an address field (RFC 5322 §3.4). A field that does not parse is cut
// at its commas, so that something is shown.
func people(value string) []person {
	if strings.TrimSpace(value) == "" {
		return nil
	}
	parser := mail.AddressParser{WordDecoder: wordDecoder()}
	list, err := parser.ParseList(value)
	if err != nil {
		return looselyPeople(value)
	}
	var all []person
	for _, a := range list[:min(len(list), maxAddresses)] {
		all = append(all, person{oneLine(a.Name), oneLine(a.Address)})
	}
	return all
}

func looselyPeople(value string) []person {
	var all []person
	for _, item := range splitCommas(value, maxAddresses) {
		name, rest, ok := strings.Cut(item, "<")
		if !ok {
			all = append(all, person{address: oneLine(decodeWords(item))})
			continue
		}
		addr, _, _ := strings.Cut(rest, ">")
		name = strings.Trim(strings.TrimSpace(name), `"`)
		if p := (person{oneLine(decodeWords(name)), oneLine(addr)}); p != (person{}) {
			all = append(all, p)
		}
	}
	return all
}

// splitCommas cuts s at commas outside quotes and angle brackets.
func splitCommas(s string, most int) []string {
	var items []string
	quoted, angle, start := false, false, 0
	add := func(item string) {
		if item = strings.TrimSpace(item); item != "" && len(items) < most {
			items = append(items, item)
		}
	}
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' && (i == 0 || s[i-1] != '\\'):
			quoted = !quoted
		case quoted:
		case c == '<':
			angle = true
		case c == '>':
			angle = false
		case c == ',' && !angle:
			add(s[start:i])
			start = i + 1
		}
	}
	add(s[start:])
	return items
}

func names(all []person) []string {
	out := make([]string, 0, len(all))
	for _, p := range all {
		out = append(out, p.String())
	}
	return out
}

// oneLine replaces control characters, which a decoded header could hold, by spaces.
func oneLine(s string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, "\uFFFD")))
}
