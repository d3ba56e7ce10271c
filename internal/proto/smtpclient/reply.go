// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// Bounds of a reply. RFC 5321 §4.5.3.1.5 has lines of 512 octets; real servers go
// beyond, and none has reason to go beyond these.
const (
	maxReplyLine  = 2048
	maxReplyLines = 100
	maxReplySize  = 16 << 10
)

// errProtocol is the root of everything that isn't SMTP.
var errProtocol = errors.New("not an SMTP reply")

// reply is what the peer said to one command.
type reply struct {
	code     int
	enhanced Enhanced
	text     []byte // whole lines without their ends, joined by LF, safe; good until the next read
	lines    int
}

// positive reports a 2yz reply.
func (r *reply) positive() bool { return r.code/100 == 2 }

// closing reports a reply that gives up the connection and says nothing of the
// message: 421 (RFC 5321 §3.8), or a bad connection (RFC 3463 §3.5), as some servers,
// SES among them, have it: "451 4.4.2 Timeout waiting for data from client."
func (r *reply) closing() bool { return r.code == 421 || r.enhanced == Enhanced{4, 4, 2} }

// readReply reads a reply (RFC 5321 §4.2), its text into buf's space. Lines may end
// with a bare LF, and a line may be the code alone. Any error but errProtocol comes
// from the connection.
func readReply(r *bufio.Reader, buf []byte) (reply, error) {
	rep := reply{text: buf[:0]}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			if errors.Is(err, bufio.ErrBufferFull) {
				err = fmt.Errorf("%w: a line of over %d octets", errProtocol, maxReplyLine)
			}
			return rep, err
		}
		line = bytes.TrimRight(line, "\r\n")
		code, more, ok := splitReply(line)
		switch {
		case !ok:
			return rep, fmt.Errorf("%w: %q", errProtocol, appendSafe(nil, line[:min(len(line), 64)]))
		case rep.lines > 0 && code != rep.code:
			return rep, fmt.Errorf("%w: lines with the codes %d and %d", errProtocol, rep.code, code)
		case rep.lines == maxReplyLines || len(rep.text)+len(line) > maxReplySize:
			return rep, fmt.Errorf("%w: over %d lines or %d octets", errProtocol, maxReplyLines, maxReplySize)
		}
		if rep.lines == 0 {
			rep.code = code
			if len(line) > 4 {
				rep.enhanced = parseEnhanced(line[4:], code)
			}
		} else {
			rep.text = append(rep.text, '\n')
		}
		rep.text = appendSafe(rep.text, line)
		rep.lines++
		if !more {
			return rep, nil
		}
	}
}

// splitReply reads the code of a line and whether another line follows.
func splitReply(line []byte) (code int, more, ok bool) {
	if len(line) < 3 {
		return 0, false, false
	}
	for _, c := range line[:3] {
		if c < '0' || c > '9' {
			return 0, false, false
		}
		code = code*10 + int(c-'0')
	}
	if code < 200 || code > 599 {
		return 0, false, false
	}
	if len(line) == 3 {
		return code, false, true
	}
	return code, line[3] == '-', line[3] == '-' || line[3] == ' '
}

// outcome makes a lasting value of a reply to cmd.
func (r *reply) outcome(cmd Command) Outcome {
	o := Outcome{
		Class: classOf(r.code), Cause: CauseReply, Command: cmd, Code: r.code, Enhanced: r.enhanced,
		Lines: strings.Split(string(r.text), "\n"),
	}
	if cmd == CommandReset {
		o.Class = Temporary // it says nothing about the message
	}
	if c := r.code / 100; c != 4 && c != 5 && (cmd != CommandDot || c != 2) {
		// Neither a refusal nor the acceptance of a message.
		o.Class, o.Cause = Temporary, CauseProtocol
	}
	return o
}
