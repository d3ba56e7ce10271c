// SPDX-License-Identifier: Apache-2.0

package mimegen

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
)

const maxLine = 998 // RFC 5322 §2.1.1

// encodingFor is one of the transfer encodings that can carry the data. Data that is not in
// lines, or whose lines end otherwise than with CRLF, has to be encoded.
func (g *generator) encodingFor(data []byte, lines bool) string {
	can := []string{"quoted-printable", "base64", "base64"}
	rest := bytes.ReplaceAll(data, []byte("\r\n"), nil)
	if lines && !bytes.ContainsAny(rest, "\r\n\x00") {
		can = append(can, "binary")
		if longestLine(data) <= maxLine {
			can = append(can, "8bit", "8bit")
			if !is8Bit(data) {
				can = append(can, "7bit", "7bit", "7bit")
			}
		}
	}
	return g.pick(can...)
}

func (g *generator) encode(data []byte, encoding string) []byte {
	switch encoding {
	case "quoted-printable":
		return g.quotedPrintable(data)
	case "base64":
		return g.base64(data)
	}
	return data
}

// base64 has lines of some length, and perhaps the end of the last one.
func (g *generator) base64(data []byte) []byte {
	text := base64.StdEncoding.EncodeToString(data)
	length := []int{76, 76, 60, 4, 10_000}[g.IntN(5)]
	var b bytes.Buffer
	for len(text) > length {
		b.WriteString(text[:length] + "\r\n")
		text = text[length:]
	}
	b.WriteString(text + g.pick("", "\r\n"))
	return b.Bytes()
}

// quotedPrintable breaks lines where it likes, and encodes more than it must. A line end of
// the text is one of the encoding, or its two octets are.
func (g *generator) quotedPrintable(data []byte) []byte {
	var b strings.Builder
	line, soft, keep := 0, g.IntN(60), !g.one(3)
	put := func(s string) {
		if line+len(s) > 75 || line > 0 && g.IntN(100) < soft/20 {
			b.WriteString("=\r\n")
			line = 0
		}
		b.WriteString(s)
		line += len(s)
	}
	for i := 0; i < len(data); i++ {
		c := data[i]
		switch {
		case keep && bytes.HasPrefix(data[i:], []byte("\r\n")):
			b.WriteString("\r\n")
			line, i = 0, i+1
		case c == ' ' && i+1 < len(data) && data[i+1] != '\r' && data[i+1] != '\n':
			put(" ")
		case c > ' ' && c < 0x7f && c != '=' && !g.one(50):
			put(string(rune(c)))
		default:
			put(fmt.Sprintf(g.pick("=%02X", "=%02X", "=%02x"), c))
		}
	}
	return []byte(b.String())
}

func is8Bit(b []byte) bool { return bytes.ContainsFunc(b, func(r rune) bool { return r >= 0x80 }) }

func longestLine(b []byte) (n int) {
	for line := range bytes.SplitSeq(b, []byte("\r\n")) {
		n = max(n, len(line))
	}
	return n
}

// From is a source of random numbers for New: each octet makes a decision, so that a fuzzer
// changes single ones, and what follows their end is the same for all.
func From(octets []byte) rand.Source { return &source{octets, rand.NewPCG(1, 2)} }

type source struct {
	left []byte
	then rand.Source
}

// Uint64 has the octet wherever rand.IntN looks.
func (s *source) Uint64() uint64 {
	if len(s.left) == 0 {
		return s.then.Uint64()
	}
	c := uint64(s.left[0])
	s.left = s.left[1:]
	return c * 0x0101010101010101
}
