// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"fmt"
	"io"
	"strings"
)

// maxString is the longest character-string of a TXT record (RFC 1035 §3.3).
const maxString = 255

// WriteZone writes the wanted records as lines of a zone file (RFC 1035 §5.1) that stand
// for themselves: all names are absolute. What is only advice is a comment.
func (s Subject) WriteZone(w io.Writer) error {
	for _, r := range s.Wanted {
		mark := ""
		if !r.Required {
			mark = "; advice: "
		}
		if _, err := fmt.Fprintf(w, "%s%s. 3600 IN %s %s\n", mark, tidy(r.Name), r.Type, r.data()); err != nil {
			return err
		}
	}
	return nil
}

// data is the value as a zone file has it.
func (w Wanted) data() string {
	if w.Type != "TXT" {
		return strings.TrimSuffix(w.Value, ".") + "."
	}
	var parts []string
	for v := w.Value; v != "" || parts == nil; {
		n := min(len(v), maxString)
		parts = append(parts, quote(v[:n]))
		v = v[n:]
	}
	return strings.Join(parts, " ")
}

// quote writes a character-string.
func quote(s string) string {
	var b strings.Builder
	b.WriteByte('"')
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"' || c == '\\':
			b.WriteString(`\` + string(c))
		case c < ' ' || c > '~':
			fmt.Fprintf(&b, `\%03d`, c)
		default:
			b.WriteByte(c)
		}
	}
	b.WriteByte('"')
	return b.String()
}
