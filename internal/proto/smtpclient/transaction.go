// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"sesame/internal/base/address"
)

// groupSize is how many commands go out before the replies are read, so that neither
// side fills the other's buffers (RFC 2920 §3.1).
const groupSize = 100

// transaction is one message on its way: step 0 is MAIL, 1 to n are RCPT, n+1 is DATA.
type transaction struct {
	c        *Conn
	ctx      context.Context
	env      *Envelope
	out      []Outcome // Command is empty while a recipient is undecided
	mailed   bool      // MAIL was accepted
	accepted int       // recipients that were
	ready    bool      // DATA was answered with 354
	replies  int       // how many there were
	rest     *Outcome  // for whoever is undecided at the end
}

// check refuses what can't be put on a command line.
func (t *transaction) check() error {
	if len(t.env.To) == 0 {
		return errors.New("no recipients")
	}
	if !safePath(t.env.From) {
		return errUnsafe
	}
	for _, a := range t.env.To {
		if a.IsZero() || !safePath(a) {
			return errUnsafe
		}
	}
	return nil
}

// safePath reports whether a can stand between angle brackets. Parsed addresses can;
// this guards against others.
func safePath(a address.Address) bool {
	const special = " <>"
	return safe(a.Local) && safe(string(a.Domain)) && !strings.ContainsAny(string(a.Domain), special) &&
		(strings.HasPrefix(a.Local, `"`) || !strings.ContainsAny(a.Local, special))
}

// leftover deals with a peer that said something since the last message: why it hung
// up, or what nobody asked for.
func (t *transaction) leftover() {
	rep, err := t.c.read(t.c.timeouts.Mail)
	switch {
	case err != nil:
		t.lost(CommandMail, err)
	case rep.closing():
		t.giveUp(CommandMail, &rep)
	default:
		t.lost(CommandMail, fmt.Errorf("%w: unasked: %s", errProtocol, rep.text))
	}
}

func (t *transaction) run(content [][]byte) {
	if t.c.dirty && !t.c.extensions.pipelining && !t.reset() || !t.commands() {
		return
	}
	switch {
	case !t.ready:
		// Whatever was accepted must be forgotten before the next message.
		t.c.dirty = t.mailed
	case t.accepted == 0:
		t.abandon()
	default:
		t.content(content)
	}
}

// commands sends MAIL, RCPT and DATA and reads their replies, in as few writes as the
// peer allows. It reports whether the connection is still good.
func (t *transaction) commands() bool {
	c, last := t.c, len(t.env.To)+1
	reset := c.dirty
	if reset {
		t.appendReset()
	}
	for sent, read := 0, 0; sent <= last; {
		for ; sent <= last && sent-read < groupSize; sent++ {
			t.append(sent)
			if !c.extensions.pipelining {
				sent++
				break
			}
		}
		if err := c.flush(t.timeout(read)); err != nil {
			t.lost(t.command(read), err)
			return false
		}
		if reset {
			if reset = false; !t.readReset() {
				return false
			}
		}
		for ; read < sent; read++ {
			if !t.readReply(read) {
				return false
			}
		}
		if !t.mailed || read == last && t.accepted == 0 {
			break // there is nothing to go on with
		}
	}
	return true
}

// append adds the command of a step to the next write.
func (t *transaction) append(step int) {
	c := t.c
	from := len(c.w)
	switch {
	case step == 0:
		c.w = append(appendPath(append(c.w, "MAIL FROM:"...), t.env.From), ' ')
		if c.extensions.size && t.env.Size > 0 {
			c.w = append(strconv.AppendInt(append(c.w, "SIZE="...), int64(t.env.Size), 10), ' ')
		}
		if c.extensions.eightBit && t.env.EightBit {
			c.w = append(c.w, "BODY=8BITMIME "...)
		}
		c.w = c.w[:len(c.w)-1]
	case step <= len(t.env.To):
		c.w = appendPath(append(c.w, "RCPT TO:"...), t.env.To[step-1])
	default:
		c.w = append(c.w, "DATA"...)
	}
	c.trace.record(Sent, c.w[from:])
	c.w = append(c.w, "\r\n"...)
}

func appendPath(dst []byte, a address.Address) []byte {
	dst = append(dst, '<')
	if !a.IsZero() {
		dst = append(append(dst, a.Local...), '@')
		dst = append(dst, a.Domain...)
	}
	return append(dst, '>')
}

func (t *transaction) command(step int) Command {
	switch {
	case step == 0:
		return CommandMail
	case step <= len(t.env.To):
		return CommandRcpt
	}
	return CommandData
}

func (t *transaction) timeout(step int) time.Duration {
	switch t.command(step) {
	case CommandMail:
		return t.c.timeouts.Mail
	case CommandRcpt:
		return t.c.timeouts.Rcpt
	}
	return t.c.timeouts.Data
}

// reset ends the transaction that may be open at the peer. It reports whether the
// connection is still good.
func (t *transaction) reset() bool {
	t.appendReset()
	if err := t.c.flush(t.c.timeouts.Mail); err != nil {
		t.lost(CommandReset, err)
		return false
	}
	return t.readReset()
}

func (t *transaction) appendReset() {
	t.c.trace.record(Sent, []byte("RSET"))
	t.c.w = append(t.c.w, "RSET\r\n"...)
}

func (t *transaction) readReset() bool {
	rep, err := t.c.read(t.c.timeouts.Mail)
	switch {
	case err != nil:
		t.lost(CommandReset, err)
	case !rep.positive():
		t.giveUp(CommandReset, &rep)
	default:
		t.c.dirty = false
		return true
	}
	return false
}

// readReply reads the reply to a step and decides what it decides. It reports whether
// the connection is still good.
func (t *transaction) readReply(step int) bool {
	cmd := t.command(step)
	rep, err := t.c.read(t.timeout(step))
	if err != nil {
		t.lost(cmd, err)
		return false
	}
	if !fits(cmd, rep.code) || t.replies == 0 && rep.closing() {
		t.giveUp(cmd, &rep)
		return false
	}
	t.replies++
	switch cmd {
	case CommandMail:
		if t.mailed = rep.positive(); !t.mailed {
			t.decide(rep.outcome(cmd))
		}
	case CommandRcpt:
		switch {
		case !t.mailed: // the peer may say anything to that
		case rep.positive():
			t.accepted++
		default:
			t.out[step-1] = t.refused(&rep)
		}
	case CommandData:
		if t.ready = rep.code == 354; !t.ready {
			t.decide(rep.outcome(cmd))
		}
	}
	return true
}

// refused is the outcome of a recipient that was turned down. RFC 5321 §4.5.3.1.10:
// after others were accepted, 552 means too many recipients, for now.
func (t *transaction) refused(rep *reply) Outcome {
	o := rep.outcome(CommandRcpt)
	if o.Code == 552 && t.accepted > 0 {
		o.Class = Temporary
	}
	return o
}

// decide sets what the undecided recipients get, unless an earlier step has.
func (t *transaction) decide(o Outcome) {
	if t.rest == nil {
		t.rest = &o
	}
}

// lost gives up the connection.
func (t *transaction) lost(cmd Command, err error) {
	t.c.fail(err)
	t.decide(t.c.failure(t.ctx, cmd, err))
}

// giveUp gives up a connection after a reply that ends it.
func (t *transaction) giveUp(cmd Command, rep *reply) {
	t.c.fail(fmt.Errorf("the session ended with the reply to %s: %s", cmd, rep.text))
	t.decide(rep.outcome(cmd))
}

// fits reports whether a session can go on after a reply: not if the peer closes it
// (421, RFC 5321 §3.8), and not if the two sides have lost each other.
func fits(cmd Command, code int) bool {
	switch code / 100 {
	case 2:
		return cmd != CommandData
	case 3:
		return cmd == CommandData && code == 354
	}
	return code != 421
}

// abandon ends a message that has no recipients left but was asked for all the same
// (RFC 2920 §3.1). Whatever the peer says to it, there was nobody to deliver to.
func (t *transaction) abandon() {
	c := t.c
	c.w = append(c.w[:0], ".\r\n"...)
	c.trace.record(Sent, []byte("."))
	err := c.flush(c.timeouts.Block)
	if err == nil {
		_, err = c.read(c.timeouts.Dot)
	}
	if err != nil {
		t.lost(CommandDot, err)
	}
}

// content sends the message itself. From here on a lost connection may mean a second
// copy, if the peer has taken the message and we don't hear of it.
func (t *transaction) content(content [][]byte) {
	c := t.c
	total := 0
	for _, b := range content {
		total += len(b)
	}
	c.trace.record(Sent, append(strconv.AppendInt(append(c.w[:0], "("...), int64(total), 10), " octets)"...))
	if err := c.writeContent(content); err != nil {
		t.lastWords(err)
		return
	}
	rep, err := c.read(c.timeouts.Dot)
	switch {
	case err != nil:
		t.lost(CommandDot, err)
	case !fits(CommandDot, rep.code):
		t.giveUp(CommandDot, &rep)
	default:
		t.decide(rep.outcome(CommandDot))
	}
}

// lastWords reads why the peer hung up in the middle of the content, if it said so.
func (t *transaction) lastWords(err error) {
	c := t.c
	if cause := causeOf(t.ctx, err); cause == CauseClosed {
		if rep, readErr := c.read(c.timeouts.Quit); readErr == nil && rep.code >= 400 {
			t.giveUp(CommandContent, &rep)
			return
		}
	}
	t.lost(CommandContent, err)
}
