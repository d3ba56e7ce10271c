// SPDX-License-Identifier: Apache-2.0

package smtpserver

import "bytes"

// dotDecoder finds the end of DATA and undoes dot-stuffing (RFC 5321 §4.5.2). Only
// CRLF ends a line: a "." between any other mixture of CR and LF is content. A
// server that is softer here takes two messages where the sender's checks saw one
// (SMTP smuggling).
//
// The content is collected in body. From the moment that it would pass limit, drop
// is set, body is let go and only the end is still looked for.
type dotDecoder struct {
	body  []byte
	limit int64
	drop  bool
	state dotState
	cr    bool // in line: the last byte taken was a CR
}

// dotState says where in the content the next byte stands.
type dotState uint8

const (
	lineStart dotState = iota // the DATA command's own CRLF comes before the first line
	inLine
	afterDot   // a "." at a line's start is held back
	afterDotCR // ".CR" at a line's start is held back
)

// decode takes p in. It returns how many bytes of p are spoken for: all, unless the
// end was among them, which done reports.
func (d *dotDecoder) decode(p []byte) (n int, done bool) {
	start := 0 // of the run that is content and not in body yet
	for i := 0; i < len(p); {
		switch d.state {
		case lineStart:
			if p[i] != '.' {
				d.state = inLine
				continue
			}
			d.keep(p[start:i])
			d.state = afterDot
			i++
			start = i
		case inLine:
			j := bytes.IndexByte(p[i:], '\n')
			if j < 0 {
				d.cr = p[len(p)-1] == '\r'
				i = len(p)
				continue
			}
			if j > 0 && p[i+j-1] == '\r' || j == 0 && d.cr {
				d.state = lineStart
			}
			d.cr = false
			i += j + 1
		case afterDot:
			if p[i] != '\r' {
				d.state = inLine
				continue
			}
			d.state = afterDotCR
			i++
			start = i
		case afterDotCR:
			if p[i] == '\n' {
				return i + 1, true
			}
			d.keep([]byte{'\r'})
			d.state = inLine
			start = i
		}
	}
	d.keep(p[start:])
	return len(p), false
}

// keep appends content to body, in steps that double.
func (d *dotDecoder) keep(p []byte) {
	if d.drop || len(p) == 0 {
		return
	}
	need := len(d.body) + len(p)
	if int64(need) > d.limit {
		d.drop, d.body = true, nil
		return
	}
	if need > cap(d.body) {
		grown := make([]byte, len(d.body), max(need, int(min(int64(2*cap(d.body)), d.limit))))
		copy(grown, d.body)
		d.body = grown
	}
	d.body = append(d.body, p...)
}

// hasBare reports whether p holds a CR or an LF outside of a CRLF.
func hasBare(p []byte) bool {
	returns := bytes.Count(p, []byte{'\r'})
	for {
		i := bytes.IndexByte(p, '\n')
		if i < 0 {
			return returns != 0
		}
		if i == 0 || p[i-1] != '\r' {
			return true
		}
		returns--
		p = p[i+1:]
	}
}
