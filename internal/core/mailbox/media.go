// SPDX-License-Identifier: Apache-2.0

package mailbox

import (
	"strconv"
	"strings"
)

// maxParams bounds the parameters of one field, and the pieces of one parameter.
const maxParams = 100

// media is a Content-Type or a Content-Disposition: a word in lower case and its
// parameters, decoded, their names in lower case.
type media struct {
	word   string
	params map[string]string
}

// parseMedia reads RFC 2045 §5.1 with the parameters of RFC 2231, which may have a
// charset and come in pieces. It takes what senders really write: values with
// spaces and no quotes, encoded words in quotes, stray semicolons.
func parseMedia(value string) media {
	word, rest, _ := strings.Cut(value, ";")
	if i := strings.IndexByte(word, '('); i >= 0 {
		word = word[:i]
	}
	m := media{word: strings.ToLower(strings.TrimSpace(word)), params: map[string]string{}}
	pieces := map[string][]piece{}
	for n := 0; rest != "" && n < maxParams; n++ {
		var name, v string
		name, v, rest = cutParam(rest)
		if name == "" {
			continue
		}
		base, p, extended := parsePiece(name, v)
		switch {
		case extended:
			pieces[base] = append(pieces[base], p)
		case m.params[name] == "":
			m.params[name] = decodeWords(v)
		}
	}
	for name, list := range pieces {
		m.params[name] = joinPieces(list)
	}
	return m
}

// cutParam takes one name=value off s.
func cutParam(s string) (name, value, rest string) {
	s = strings.TrimLeft(s, "; \t\r\n")
	end := strings.IndexAny(s, "=;")
	if end < 0 {
		return "", "", ""
	}
	if s[end] == ';' {
		return "", "", s[end:]
	}
	name = strings.ToLower(strings.TrimSpace(s[:end]))
	s = strings.TrimLeft(s[end+1:], " \t\r\n")
	if !strings.HasPrefix(s, `"`) {
		value, rest, _ = strings.Cut(s, ";")
		return name, strings.TrimSpace(value), rest
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			_, rest, _ = strings.Cut(s[i+1:], ";")
			return name, b.String(), rest
		case c == '\\' && i+1 < len(s):
			i++
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return name, b.String(), "" // no closing quote
}

// piece is one part of a parameter (RFC 2231 §3) or its extended form (§4).
type piece struct {
	number  int
	encoded bool // percent-encoded; the first such piece begins with charset'language'
	value   string
}

// parsePiece tells name*, name*0 and name*0* apart from a plain name.
func parsePiece(name, value string) (base string, p piece, extended bool) {
	base, suffix, ok := strings.Cut(name, "*")
	if !ok {
		return name, piece{}, false
	}
	p.value = value
	if number, encoded := strings.CutSuffix(suffix, "*"); encoded || suffix == "" {
		p.encoded, suffix = true, number
	}
	if suffix != "" {
		n, err := strconv.Atoi(suffix)
		if err != nil || n < 0 || n >= maxParams {
			return name, piece{}, false
		}
		p.number = n
	}
	return base, p, true
}

// joinPieces puts the pieces in their order, up to the first that is missing.
func joinPieces(list []piece) string {
	var byNumber [maxParams]*piece
	for i := range list {
		if n := list[i].number; byNumber[n] == nil {
			byNumber[n] = &list[i]
		}
	}
	charset := ""
	var b []byte
	for n, p := range byNumber {
		if p == nil {
			break
		}
		value := p.value
		if n == 0 && p.encoded {
			if parts := strings.SplitN(value, "'", 3); len(parts) == 3 {
				charset, value = parts[0], parts[2]
			}
		}
		if p.encoded {
			b = append(b, unpercent(value)...)
		} else {
			b = append(b, value...)
		}
	}
	return toUTF8(b, charset)
}

func unpercent(s string) []byte {
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			hi, lo := unhex(s[i+1]), unhex(s[i+2])
			if hi >= 0 && lo >= 0 {
				out = append(out, byte(hi<<4|lo))
				i += 2
				continue
			}
		}
		out = append(out, s[i])
	}
	return out
}
