// SPDX-License-Identifier: Apache-2.0

// Package smtpclient speaks the client's side of SMTP (RFC 5321): one connection, as
// many messages as the peer takes, as few writes and waits as its extensions allow
// (PIPELINING, RFC 2920; SIZE, RFC 1870; 8BITMIME, RFC 6152; STARTTLS, RFC 3207;
// enhanced codes, RFC 2034; AUTH PLAIN, RFC 4954).
//
// The package must not choose hosts, retry, or hold connections for later: it says in
// an Outcome what happened to each recipient, and leaves the rest to its caller.
// Whatever the peer sends is bounded and made printable.
package smtpclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"sync/atomic"
	"syscall"
	"time"
)

// Conn is an open session. It is not safe for concurrent use, but Close may be called
// at any time.
type Conn struct {
	raw      net.Conn // for deadlines and closing
	nc       net.Conn // for reading and writing: raw, or TLS on top of it
	r        *bufio.Reader
	w        []byte   // commands that wait for the next flush
	text     []byte   // space for the reply that was read last
	segments [][]byte // the content's parts until the next write
	pending  int      // their octets
	vector   net.Buffers
	record   []byte // the content's parts on their way into TLS
	timeouts Timeouts
	trace    *Transcript

	hello      string
	extensions extensions
	tls        TLSState
	remote     netip.AddrPort
	local      netip.Addr

	dirty    bool  // the peer may hold an open transaction
	broken   error // why no more can be sent, nil while it can
	canceled atomic.Bool
}

// extensions are what the peer offered (RFC 5321 §4.1.1.1).
type extensions struct {
	pipelining, size, eightBit, startTLS, authPlain bool
}

// aLongTimeAgo is a deadline that ends all waiting.
var aLongTimeAgo = time.Unix(1, 0)

// Remote is the peer's address.
func (c *Conn) Remote() netip.AddrPort { return c.remote }

// Local is the source address.
func (c *Conn) Local() netip.Addr { return c.local }

// TLS is the protection of the connection.
func (c *Conn) TLS() TLSState { return c.tls }

// Usable reports whether another message can be sent.
func (c *Conn) Usable() bool { return c.broken == nil }

// Close closes the connection at once. It may be called more than once and while
// another call is running.
func (c *Conn) Close() error {
	c.canceled.Store(true)
	if err := c.raw.Close(); !errors.Is(err, net.ErrClosed) {
		return err
	}
	return nil
}

// Quit says goodbye, waits a little for the answer and closes (RFC 5321 §4.1.1.10).
// It returns what Close returns: a peer that has gone already is no loss.
func (c *Conn) Quit(ctx context.Context) error {
	if c.broken == nil {
		stop := c.watch(ctx)
		c.w = append(c.w[:0], "QUIT\r\n"...)
		if err := c.flush(c.timeouts.Quit); err == nil {
			_, _ = c.read(c.timeouts.Quit)
		}
		if c.tls.Active() {
			_ = c.nc.Close() // TLS says goodbye too; the peer may not listen any more
		}
		stop()
		c.fail(errQuit)
	}
	return c.Close()
}

var errQuit = fmt.Errorf("the session was ended: %w", net.ErrClosed)

// Reset aborts the transaction that the last message may have left open (RSET). Send
// does so by itself, without a round trip of its own where it can.
func (c *Conn) Reset(ctx context.Context) error {
	if c.broken != nil {
		return c.broken
	}
	stop := c.watch(ctx)
	defer stop()
	t := &transaction{c: c, ctx: ctx}
	t.reset()
	return c.broken
}

// fail makes the connection unusable and returns why it first became so.
func (c *Conn) fail(err error) error {
	if c.broken == nil {
		c.broken = err
	}
	return c.broken
}

// watch ends the connection's waiting, and its use, when ctx ends. The function that
// it returns stops watching.
func (c *Conn) watch(ctx context.Context) func() {
	if ctx.Done() == nil {
		return func() {}
	}
	stop := context.AfterFunc(ctx, func() {
		c.canceled.Store(true)
		// The error would be that of a closed connection.
		_ = c.raw.SetDeadline(aLongTimeAgo)
	})
	return func() {
		if !stop() {
			c.fail(context.Cause(ctx))
		}
	}
}

// deadline gives the next read or write d from now. The machine's clock is the one
// that the network goes by.
func (c *Conn) deadline(d time.Duration) error {
	err := c.raw.SetDeadline(time.Now().Add(d))
	if c.canceled.Load() { // after, so that watch's deadline is never the one overwritten
		err = c.raw.SetDeadline(aLongTimeAgo)
	}
	return err
}

// flush writes the commands that wait.
func (c *Conn) flush(timeout time.Duration) error {
	if err := c.deadline(timeout); err != nil {
		return err
	}
	_, err := c.nc.Write(c.w)
	c.w = c.w[:0]
	return err
}

// read reads one reply; it is good until the next.
func (c *Conn) read(timeout time.Duration) (reply, error) {
	if err := c.deadline(timeout); err != nil {
		return reply{}, err
	}
	rep, err := readReply(c.r, c.text)
	c.text = rep.text
	if rep.lines > 0 {
		c.trace.recordReply(rep.text)
	}
	if err != nil {
		c.trace.Note(err.Error())
	}
	return rep, err
}

// failure is the outcome of a step that got no reply.
func (c *Conn) failure(ctx context.Context, cmd Command, err error) Outcome {
	return Outcome{
		Class: Temporary, Cause: causeOf(ctx, err), Command: cmd,
		Enhanced: Enhanced{4, 4, 2}, Err: err, // RFC 3463 §3.5: bad connection
	}
}

// causeOf names what a failed read, write or dial failed of.
func causeOf(ctx context.Context, err error) Cause {
	var timeout interface{ Timeout() bool }
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return CauseCanceled
	case errors.Is(err, errProtocol):
		return CauseProtocol
	case errors.Is(err, os.ErrDeadlineExceeded), errors.Is(err, context.DeadlineExceeded),
		errors.As(err, &timeout) && timeout.Timeout():
		return CauseTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return CauseRefused
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, net.ErrClosed),
		errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE):
		return CauseClosed
	}
	return CauseUnreachable
}
