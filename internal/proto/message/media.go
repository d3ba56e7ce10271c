// SPDX-License-Identifier: Apache-2.0

package message

import (
	"strconv"
	"strings"
)

// maxParams bounds the parameters that are looked at in one field.
const maxParams = 100

// Media is a value with parameters: that of Content-Type or Content-Disposition.
type Media struct {
	Type   string // in lower case: "text/plain", "attachment"
	params []param
}

type param struct{ name, value string } // the name in lower case, the value unquoted

// ParseMedia reads an unfolded value (RFC 2045 §5.1). It takes what it can of wrong
// syntax: values that lack quotes though they need them, a missing end quote, stray
// and trailing semicolons.
func ParseMedia(value string) Media {
	kind, rest, _ := strings.Cut(value, ";")
	m := Media{Type: strings.ToLower(strings.TrimSpace(cutComment(kind)))}
	for rest != "" && len(m.params) < maxParams {
		var p param
		p, rest = nextParam(rest)
		if p.name != "" {
			m.params = append(m.params, p)
		}
	}
	return m
}

// nextParam reads one parameter and returns what follows its semicolon.
func nextParam(s string) (param, string) {
	i := strings.IndexAny(s, "=;")
	if i < 0 {
		return param{}, ""
	}
	if s[i] == ';' {
		return param{}, s[i+1:]
	}
	p := param{name: strings.ToLower(strings.TrimSpace(s[:i]))}
	s = strings.TrimLeft(s[i+1:], " \t")
	if !strings.HasPrefix(s, `"`) {
		v, rest, _ := strings.Cut(s, ";")
		p.value = strings.TrimSpace(cutComment(v))
		return p, rest
	}
	v, rest := unquote(s)
	p.value = v
	if _, after, ok := strings.Cut(rest, ";"); ok {
		return p, after
	}
	return p, ""
}

// unquote reads the quoted string at the beginning of s and returns what follows it.
func unquote(s string) (string, string) {
	end := strings.IndexAny(s[1:], `"\`)
	if end >= 0 && s[1+end] == '"' {
		return s[1 : 1+end], s[2+end:]
	}
	var v strings.Builder
	for i := 1; i < len(s); i++ {
		switch {
		case s[i] == '\\' && i+1 < len(s):
			i++
		case s[i] == '"':
			return v.String(), s[i+1:]
		}
		v.WriteByte(s[i])
	}
	return v.String(), ""
}

// cutComment drops a comment at the end of an unquoted value.
func cutComment(s string) string {
	if i := strings.Index(s, " ("); i >= 0 {
		return s[:i]
	}
	return s
}

// Param is the value of a parameter, decoded, or "".
func (m Media) Param(name string) string {
	if all := m.All(name); len(all) > 0 {
		return all[0]
	}
	return ""
}

// All are the different values that software can read from a parameter: the extended
// one (RFC 2231) first, then the plain ones, with their encoded words decoded.
func (m Media) All(name string) []string {
	var all []string
	if v, ok := m.extended(name); ok {
		all = append(all, v)
	}
	for _, p := range m.params {
		if p.name == name {
			all = append(all, DecodeText(p.value))
		}
	}
	return all
}

// extended puts a parameter together from its continuations and decodes it (RFC 2231
// §3, §4).
func (m Media) extended(name string) (string, bool) {
	var value []byte
	label := ""
	sections := m.sections(name)
	for i, s := range sections {
		v := s.value
		if s.encoded && i == 0 {
			if parts := strings.SplitN(v, "'", 3); len(parts) == 3 {
				label, v = parts[0], parts[2]
			}
		}
		if s.encoded {
			value = appendPercent(value, v)
		} else {
			value = append(value, v...)
		}
	}
	if len(sections) == 0 {
		return "", false
	}
	if s, ok := decodeCharset(label, value); ok {
		return s, true
	}
	return strings.ToValidUTF8(string(value), "\ufffd"), true
}

// section is a piece of an extended parameter.
type section struct {
	value          string
	found, encoded bool
}

// sections are name*0, name*1 and so on up to the first that is missing. A star at the
// end says that a section is encoded; name* is a value in one section.
func (m Media) sections(name string) []section {
	var all [maxParams]section
	for _, p := range m.params {
		suffix, ok := strings.CutPrefix(p.name, name)
		if !ok || suffix == "" || suffix[0] != '*' {
			continue
		}
		number, encoded := strings.CutSuffix(suffix[1:], "*")
		if suffix == "*" {
			number, encoded = "0", true
		}
		n, err := strconv.ParseUint(number, 10, 8)
		if err == nil && n < maxParams && !all[n].found {
			all[n] = section{p.value, true, encoded}
		}
	}
	n := 0
	for n < maxParams && all[n].found {
		n++
	}
	return append([]section(nil), all[:n]...)
}

func appendPercent(dst []byte, s string) []byte {
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if n, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				dst = append(dst, byte(n))
				i += 2
				continue
			}
		}
		dst = append(dst, s[i])
	}
	return dst
}
