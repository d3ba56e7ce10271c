// SPDX-License-Identifier: Apache-2.0

package message

import (
	"bytes"
	"encoding/binary"
)

var crlf = []byte("\r\n")

// NormalizeCRLF makes every line end CRLF: a bare LF and a bare CR each become one, so
// that no two programs can see different lines in the message (RFC 5321 §2.3.8). Input
// that is already so is returned as it is, without a copy.
func NormalizeCRLF(raw []byte) []byte {
	if IsCRLF(raw) {
		return raw
	}
	out := make([]byte, 0, len(raw)+bytes.Count(raw, []byte{'\n'})+bytes.Count(raw, []byte{'\r'}))
	for len(raw) > 0 {
		line, end := raw, false
		if n := bytes.IndexByte(raw, '\n'); n >= 0 {
			line, end = raw[:n], true
		}
		raw = raw[min(len(raw), len(line)+1):]
		if end {
			line = bytes.TrimSuffix(line, []byte{'\r'})
		}
		for {
			n := bytes.IndexByte(line, '\r')
			if n < 0 {
				break
			}
			out = append(append(out, line[:n]...), crlf...)
			line = line[n+1:]
		}
		out = append(out, line...)
		if end {
			out = append(out, crlf...)
		}
	}
	return out
}

// IsCRLF reports whether CR and LF occur in raw only together, as CRLF.
func IsCRLF(raw []byte) bool {
	for {
		n := bytes.IndexByte(raw, '\n')
		if n < 0 {
			return bytes.IndexByte(raw, '\r') < 0
		}
		if n == 0 || raw[n-1] != '\r' || bytes.IndexByte(raw[:n-1], '\r') >= 0 {
			return false
		}
		raw = raw[n+1:]
	}
}

// Is8Bit reports whether an octet of b is outside ASCII.
func Is8Bit(b []byte) bool {
	const high = 0x8080808080808080
	for len(b) >= 8 {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return true
		}
		b = b[8:]
	}
	for _, c := range b {
		if c >= 0x80 {
			return true
		}
	}
	return false
}

// LongestLine is the length in octets of the longest line of b, line ends not counted.
func LongestLine(b []byte) int {
	longest := 0
	for len(b) > 0 {
		line, n := cutLine(b)
		longest = max(longest, len(line))
		b = b[n:]
	}
	return longest
}
