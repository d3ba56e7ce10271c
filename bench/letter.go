// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// benchDomain is the sending domain that every system signs for.
const benchDomain = "bench.example"

const (
	envelopeFrom = "sender@" + benchDomain
	envelopeTo   = "recipient@destination.example"
	subjectMark  = "bench-"
)

// letter makes messages whose body has an exact size and whose subject, Message-ID
// and first body line carry a number, so that no two are alike and the sink can
// tell them apart. It is not safe for concurrent use: each session has its own.
type letter struct {
	body []byte // the body after its first line
	size int
	buf  []byte
}

// newLetter prepares messages whose body is size octets long, CRLF included.
// Sizes under 128 are raised to 128.
func newLetter(size int) *letter {
	size = max(size, 128)
	return &letter{body: filler(size - len(firstLine(nil, 0))), size: size}
}

// message returns message number seq as it stands on the wire after DATA, with the
// final dot. No body line begins with a dot, so nothing needs stuffing. The slice is
// valid until the next call.
func (l *letter) message(seq int) []byte {
	b := l.buf[:0]
	b = append(b, "From: Bench <"+envelopeFrom+">\r\nTo: <"+envelopeTo+">\r\nSubject: "+subjectMark...)
	b = appendSeq(b, seq)
	b = append(b, " of the benchmark\r\nDate: Mon, 05 Jan 2026 10:00:00 +0000\r\nMessage-ID: <"...)
	b = appendSeq(b, seq)
	b = append(b, "@"+benchDomain+">\r\nMIME-Version: 1.0\r\n"...)
	b = append(b, "Content-Type: text/plain; charset=us-ascii\r\n\r\n"...)
	b = firstLine(b, seq)
	b = append(b, l.body...)
	b = append(b, ".\r\n"...)
	l.buf = b
	return b
}

// subject is the subject line of message number seq when it is sent through the API.
func subject(seq int) string {
	return subjectMark + string(appendSeq(nil, seq)) + " of the benchmark"
}

func firstLine(b []byte, seq int) []byte {
	b = append(b, "This is message number "...)
	b = appendSeq(b, seq)
	return append(b, " of the benchmark.\r\n"...)
}

// appendSeq writes seq with eight digits.
func appendSeq(b []byte, seq int) []byte {
	s := strconv.Itoa(seq)
	for range 8 - len(s) {
		b = append(b, '0')
	}
	return append(b, s...)
}

// filler is n octets of text in lines of at most 78 octets that end with CRLF.
func filler(n int) []byte {
	const text = "The quick brown fox jumps over the lazy dog and thinks about delivery. "
	b := make([]byte, 0, n+80)
	for i := 0; len(b) < n; i++ {
		line := text[i%len(text):] + text[:i%len(text)]
		b = append(b, "Line "+strings.TrimSpace(line)+"\r\n"...)
	}
	b = b[:n]
	b[n-2], b[n-1] = '\r', '\n'
	if n > 2 && b[n-3] == '\r' {
		b[n-3] = '.'
	}
	return b
}

// messageNumber reads the number back from a message's subject. It looks at the
// header section only through the first mark, which is the cheapest way that works
// for everything that this benchmark sends.
func messageNumber(msg []byte) (int, bool) {
	i := bytes.Index(msg, []byte("Subject: "+subjectMark))
	if i < 0 {
		return 0, false
	}
	digits := msg[i+len("Subject: "+subjectMark):]
	if len(digits) < 8 {
		return 0, false
	}
	n, err := strconv.Atoi(string(digits[:8]))
	return n, err == nil && n >= 0
}

// checkSigned tells whether a delivered message carries a DKIM signature of the
// kind that all systems are asked for: rsa-sha256, benchDomain, a 2048-bit key
// (RFC 6376 section 3.5). It does not verify the signature; the interoperation tests do.
func checkSigned(msg []byte) error {
	head, _, _ := bytes.Cut(msg, []byte("\r\n\r\n"))
	for _, field := range unfold(string(head)) {
		name, value, _ := strings.Cut(field, ":")
		if !strings.EqualFold(strings.TrimSpace(name), "DKIM-Signature") {
			continue
		}
		tags := dkimTags(value)
		if tags["d"] != benchDomain {
			continue
		}
		if tags["a"] != "rsa-sha256" {
			return fmt.Errorf("signed with %q, not rsa-sha256", tags["a"])
		}
		sig, err := base64.StdEncoding.DecodeString(tags["b"])
		if err != nil {
			return fmt.Errorf("signature is not base64: %w", err)
		}
		if len(sig) != 256 {
			return fmt.Errorf("signature has %d bits, not 2048", len(sig)*8)
		}
		return nil
	}
	return errors.New("no DKIM signature for " + benchDomain)
}

// unfold splits a header section into fields with their continuation lines joined.
func unfold(head string) []string {
	var fields []string
	for line := range strings.SplitSeq(head, "\r\n") {
		if len(fields) > 0 && line != "" && (line[0] == ' ' || line[0] == '\t') {
			fields[len(fields)-1] += line
			continue
		}
		fields = append(fields, line)
	}
	return fields
}

func dkimTags(value string) map[string]string {
	tags := map[string]string{}
	for tag := range strings.SplitSeq(value, ";") {
		name, v, ok := strings.Cut(tag, "=")
		if ok {
			tags[strings.TrimSpace(name)] = strings.Join(strings.Fields(v), "")
		}
	}
	return tags
}
