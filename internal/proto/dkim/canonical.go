// SPDX-License-Identifier: Apache-2.0

package dkim

import (
	"crypto/sha256"
)

// BodyHash is the hash of a body in simple canonicalization (RFC 6376 §3.4.3): the body
// as it is, but with exactly one CRLF at its end. The body may come in pieces, which
// are not changed. Its lines must end with CRLF.
func BodyHash(body ...[]byte) [sha256.Size]byte {
	end := pieces{body, len(body) - 1, 0}
	end.rewind()
	for end.hasCRLF() {
		end.back()
		end.back()
	}
	h := sha256.New()
	for i := 0; i < end.piece; i++ {
		h.Write(body[i])
	}
	if end.piece >= 0 {
		h.Write(body[end.piece][:end.n])
	}
	h.Write([]byte{'\r', '\n'})
	return [sha256.Size]byte(h.Sum(nil))
}

// pieces is a place in a body in pieces, which moves backwards: before it are n octets
// of a piece and all pieces before that.
type pieces struct {
	body  [][]byte
	piece int
	n     int
}

// rewind moves to the end of the body, or to its beginning if it is empty.
func (p *pieces) rewind() {
	if p.piece >= 0 {
		p.n = len(p.body[p.piece])
	}
	p.settle()
}

// settle leaves pieces of which nothing is before the place.
func (p *pieces) settle() {
	for p.piece >= 0 && p.n == 0 {
		if p.piece--; p.piece >= 0 {
			p.n = len(p.body[p.piece])
		}
	}
}

// back moves one octet to the left and returns the octet; ok is false at the beginning.
func (p *pieces) back() (c byte, ok bool) {
	if p.piece < 0 {
		return 0, false
	}
	p.n--
	c = p.body[p.piece][p.n]
	p.settle()
	return c, true
}

// hasCRLF reports whether CRLF is just before the place.
func (p pieces) hasCRLF() bool {
	lf, ok := p.back()
	if !ok || lf != '\n' {
		return false
	}
	cr, ok := p.back()
	return ok && cr == '\r'
}

// appendRelaxedField writes a field in relaxed canonicalization (RFC 6376 §3.4.2),
// without the CRLF at its end: the name in lower case, the value unfolded, white space
// in it reduced to single spaces and removed at both ends.
func appendRelaxedField(dst, name, value []byte) []byte {
	for _, c := range name {
		if c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	dst = append(dst, ':')
	start, space := len(dst), false
	for _, c := range value {
		switch c {
		case ' ', '\t':
			space = true
		case '\r', '\n':
		default:
			if space && len(dst) > start {
				dst = append(dst, ' ')
			}
			space = false
			dst = append(dst, c)
		}
	}
	return dst
}
