// SPDX-License-Identifier: Apache-2.0

package message

import (
	"bytes"
	"encoding/base64"
	"errors"
)

// Encoding is a content transfer encoding (RFC 2045 §6).
type Encoding uint8

// The encodings that Compose uses. The zero value leaves the choice to it.
const (
	EncodingDefault Encoding = iota
	SevenBit
	QuotedPrintable
	Base64
)

// String is the encoding's name in a header field.
func (e Encoding) String() string {
	switch e {
	case QuotedPrintable:
		return "quoted-printable"
	case Base64:
		return "base64"
	}
	return "7bit"
}

// ErrNotSevenBit says that data can't go as 7bit: it has octets outside ASCII, NUL or
// lines of more than 998 octets.
var ErrNotSevenBit = errors.New("message: content is not 7bit")

const (
	encodedLine = 76                  // RFC 2045 §6.7 (5), §6.8
	base64Line  = encodedLine / 4 * 3 // octets in a full line
)

// isSevenBit reports whether text, with CRLF line ends, can go as it is (RFC 2045
// §2.7).
func isSevenBit(text []byte) bool {
	return !Is8Bit(text) && bytes.IndexByte(text, 0) < 0 && LongestLine(text) <= maxLine
}

// chooseText is the encoding for text with CRLF line ends: base64 where quoted-
// printable would be much longer, as it is in scripts other than Latin.
func chooseText(text []byte) Encoding {
	if isSevenBit(text) {
		return SevenBit
	}
	unsafe := 0
	for _, c := range text {
		if !qpSafe(c) {
			unsafe++
		}
	}
	if unsafe*10 > len(text)*3 {
		return Base64
	}
	return QuotedPrintable
}

// appendEncoded writes data in an encoding.
func appendEncoded(dst, data []byte, e Encoding) []byte {
	switch e {
	case QuotedPrintable:
		return appendQP(dst, data)
	case Base64:
		return appendBase64(dst, data)
	}
	return append(dst, data...)
}

// encodedLen is about the length of data in an encoding, never much less.
func encodedLen(n int, e Encoding) int {
	switch e {
	case QuotedPrintable:
		return n + n/4 + encodedLine
	case Base64:
		return base64.StdEncoding.EncodedLen(n) + 2*(n/base64Line+1)
	}
	return n
}

func appendBase64(dst, data []byte) []byte {
	for len(data) > 0 {
		n := min(len(data), base64Line)
		dst = base64.StdEncoding.AppendEncode(dst, data[:n])
		dst = append(dst, '\r', '\n')
		data = data[n:]
	}
	return dst
}

// qpSafe are the octets that quoted-printable leaves alone inside a line.
func qpSafe(c byte) bool { return c >= ' ' && c <= '~' && c != '=' || c == '\t' }

// appendQP writes data as quoted-printable (RFC 2045 §6.7). CRLF is a line end; a CR or
// LF by itself is data, so that any octets survive.
func appendQP(dst, data []byte) []byte {
	line := 0
	for i := 0; i < len(data); {
		if lineEnd(data, i) {
			dst = append(dst, '\r', '\n')
			line, i = 0, i+2
			continue
		}
		end := min(len(data), i+encodedLine-1-line)
		n := i
		for n < end && qpSafe(data[n]) {
			n++
		}
		if n > i && (n == len(data) || lineEnd(data, n)) && (data[n-1] == ' ' || data[n-1] == '\t') {
			n-- // white space at the end of a line may get lost
		}
		if n > i {
			dst = append(dst, data[i:n]...)
			line, i = line+n-i, n
			continue
		}
		// The line is full, or the octet has to be encoded.
		if line+3 > encodedLine-1 {
			dst = append(dst, '=', '\r', '\n')
			line = 0
			continue
		}
		dst = append(dst, '=', upperHex[data[i]>>4], upperHex[data[i]&15])
		line, i = line+3, i+1
	}
	return dst
}

func lineEnd(data []byte, i int) bool {
	return data[i] == '\r' && i+1 < len(data) && data[i+1] == '\n'
}
