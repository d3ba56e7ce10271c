// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"context"
	"errors"

	"sesame/internal/base/address"
)

// Envelope is one transaction's: who sends, who receives, and what MAIL has to say
// about the content.
type Envelope struct {
	From     address.Address // the zero value is the null reverse-path
	To       []address.Address
	Size     int  // octets of the content, 0 if unknown (RFC 1870)
	EightBit bool // the content has octets above 127 (RFC 6152)

	Transcript *Transcript // may be nil
}

// Result is what became of a message.
type Result struct {
	// Outcomes has one outcome for each recipient, in the envelope's order.
	Outcomes []Outcome

	// Unused tells that the connection was lost, or given up by the peer in words,
	// before anything was said about the message: nothing of the message was taken, and it can be sent on
	// another connection without the risk of a second copy.
	Unused bool
}

// errUnsafe refuses an envelope that would change the conversation's meaning.
var errUnsafe = errors.New("an address or host name with control characters or octets above 127")

// Send sends one message. content is the blocks of the message, to be sent one after
// the other: its lines must end with CRLF and it must not hold a CR or LF elsewhere,
// since a bare one could end the message early at some peers. Dots are doubled here.
// A peer without 8BITMIME gets 8-bit content as it is, which all of them take in
// practice; the alternative is to encode anew what may be signed.
//
// The error is not nil if the connection can't be used again; what happened to the
// recipients is in Result all the same.
func (c *Conn) Send(ctx context.Context, env Envelope, content [][]byte) (Result, error) {
	t := &transaction{c: c, ctx: ctx, env: &env, out: make([]Outcome, len(env.To))}
	c.trace = env.Transcript
	stop := c.watch(ctx)
	switch err := t.check(); {
	case err != nil:
		t.rest = &Outcome{Cause: CauseProtocol, Command: CommandMail, Err: err}
	case c.broken != nil:
		t.lost(CommandMail, c.broken)
	case c.r.Buffered() > 0:
		t.leftover()
	default:
		t.run(content)
	}
	stop()
	c.trace = nil
	for i := range t.out {
		if t.out[i].Command == "" {
			t.out[i] = *t.rest
		}
	}
	return Result{Outcomes: t.out, Unused: t.replies == 0 && c.broken != nil}, c.broken
}
