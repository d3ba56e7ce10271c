// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"bytes"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/clock"
)

// Bounds of a Transcript.
const (
	MaxSteps    = 250 // steps; further ones are counted only
	MaxStepText = 512 // octets of one step's text
)

// cut stands at the end of a text that was too long.
const cut = "..."

// Direction says whose a step of a transcript is.
type Direction byte

// The directions; each is its own sign in the printed form.
const (
	Sent     Direction = '>'
	Received Direction = '<'
	Noted    Direction = '*' // neither: a connection, a TLS handshake, a decision
)

// Step is one line of a conversation.
type Step struct {
	Direction Direction
	Text      string        // ASCII, at most MaxStepText octets
	At        time.Duration // since the transcript's start
}

// Transcript records the conversation of one attempt: every command and reply with
// its time. Content appears as its size and credentials never appear. A nil
// Transcript records nothing. It is not safe for concurrent use.
type Transcript struct {
	clock   clock.Clock
	start   time.Time
	text    []byte // of all steps, one after the other
	marks   []mark
	omitted int
}

// mark is where a step's text ends; it begins where the one before ends.
type mark struct {
	end       int
	direction Direction
	at        time.Duration
}

// NewTranscript starts a transcript now.
func NewTranscript(c clock.Clock) *Transcript {
	return &Transcript{clock: c, start: c(), text: make([]byte, 0, 512), marks: make([]mark, 0, 12)}
}

// Note adds a step that neither side said. What isn't printable ASCII is replaced.
func (t *Transcript) Note(parts ...string) {
	if t.begin() {
		for _, p := range parts {
			t.text = appendSafe(t.text, p)
		}
		t.end(Noted)
	}
}

// record adds a step whose text is known to be safe.
func (t *Transcript) record(d Direction, text []byte) {
	if t.begin() {
		t.text = append(t.text, text...)
		t.end(d)
	}
}

// recordReply adds a step for each line of a reply.
func (t *Transcript) recordReply(lines []byte) {
	if t == nil {
		return
	}
	for more := true; more; {
		var line []byte
		line, lines, more = bytes.Cut(lines, []byte{'\n'})
		t.record(Received, line)
	}
}

// begin reports whether there is room for a step.
func (t *Transcript) begin() bool {
	if t == nil {
		return false
	}
	if len(t.marks) >= MaxSteps {
		t.omitted++
		return false
	}
	return true
}

func (t *Transcript) end(d Direction) {
	from := 0
	if n := len(t.marks); n > 0 {
		from = t.marks[n-1].end
	}
	if len(t.text) > from+MaxStepText {
		t.text = append(t.text[:from+MaxStepText-len(cut)], cut...)
	}
	t.marks = append(t.marks, mark{len(t.text), d, t.clock().Sub(t.start)})
}

// Steps returns the steps so far.
func (t *Transcript) Steps() []Step {
	if t == nil {
		return nil
	}
	all := string(t.text)
	steps := make([]Step, len(t.marks))
	from := 0
	for i, m := range t.marks {
		steps[i] = Step{m.direction, all[from:m.end], m.at}
		from = m.end
	}
	return steps
}

// Omitted is how many steps were too many to record.
func (t *Transcript) Omitted() int {
	if t == nil {
		return 0
	}
	return t.omitted
}

// String has one line per step: milliseconds, direction, text.
func (t *Transcript) String() string {
	if t == nil {
		return ""
	}
	var b strings.Builder
	from := 0
	for _, m := range t.marks {
		b.WriteString(strconv.FormatInt(m.at.Milliseconds(), 10))
		b.WriteByte(' ')
		b.WriteByte(byte(m.direction))
		b.WriteByte(' ')
		b.Write(t.text[from:m.end])
		b.WriteByte('\n')
		from = m.end
	}
	if t.omitted > 0 {
		b.WriteString("... and " + strconv.Itoa(t.omitted) + " more\n")
	}
	return b.String()
}

// appendSafe appends s with everything but printable ASCII replaced, so that no log
// or notification carries control characters of a stranger.
func appendSafe[T string | []byte](dst []byte, s T) []byte {
	for i := range len(s) {
		c := s[i]
		switch {
		case c == '\t':
			c = ' '
		case c < ' ' || c > '~':
			c = '?'
		}
		dst = append(dst, c)
	}
	return dst
}
