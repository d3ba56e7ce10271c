// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"runtime/debug"
	"sync"
	"time"
)

const (
	readBuffer  = 16 << 10 // also the longest line whose end is still found at once
	writeBuffer = 4 << 10
	// maxSkipped is how much of an endless line is read before the connection is
	// given up, and how much unread input is taken in after the last answer.
	maxSkipped = 64 << 10
	// lastWords bounds the time that goodbye takes.
	lastWords = time.Second
)

// Reasons of the engine to end a connection.
var (
	errStopping    = errors.New("smtpserver: shutting down")
	errSessionOver = errors.New("smtpserver: session timeout")
	errBareLF      = errors.New("smtpserver: line without CR")
	errLongLine    = errors.New("smtpserver: line too long")
	errEndless     = errors.New("smtpserver: endless line")
)

// conn is one client's connection. All fields but those under mu belong to the
// goroutine that runs serve.
type conn struct {
	srv *Server
	cfg *Config
	raw net.Conn // where deadlines are set
	nc  net.Conn // raw, or TLS over it
	r   *bufio.Reader
	w   *bufio.Writer
	ctx context.Context
	log *slog.Logger
	id  string

	tracing bool
	ends    time.Time            // end of the session by Limits.SessionTimeout
	tls     *tls.ConnectionState // nil in clear
	greeted bool
	session Session
	errors  int  // since the last accepted message
	linger  bool // the client has been told goodbye and may still be sending

	authenticated bool
	inMail        bool
	rcpts         int
	refusedRcpts  int
	declared      int64

	mu        sync.Mutex
	stopping  bool // Shutdown wants the connection to end
	receiving bool // but not in the middle of DATA
}

// serve runs the dialogue to its end and closes the connection.
func (c *conn) serve() {
	defer c.close()
	defer c.recoverPanic()
	if c.cfg.Implicit {
		if err := c.handshake(); err != nil {
			return
		}
	}
	c.write(answer{Reply{Code: 220, Text: c.greeting()}, isPlain})
	for {
		text, err := c.next()
		if errors.Is(err, errLongLine) {
			c.cfg.Metrics.Refused(LimitLine)
			if c.conclude("OTHER", fault(lineLong)) {
				return
			}
			continue
		}
		if err != nil {
			c.lost(err)
			return
		}
		cmd := parse(text)
		c.traceCommand(cmd, text)
		a, refuse := c.refuse(cmd, text)
		if !refuse {
			if a, err = c.handle(cmd); err != nil {
				c.lost(err)
				return
			}
		}
		if c.conclude(cmd.verb, a) {
			return
		}
	}
}

func (c *conn) greeting() string {
	text := c.cfg.Hostname + " ESMTP "
	if c.cfg.Greeting != "" {
		text += c.cfg.Greeting + " "
	}
	return text + c.id
}

// next is the next command line, unless it is time to stop.
func (c *conn) next() ([]byte, error) {
	c.mu.Lock()
	stopping := c.stopping
	c.mu.Unlock()
	if stopping {
		return nil, errStopping
	}
	return c.readLine()
}

// conclude writes the answer to a command and reports whether it was the last one.
func (c *conn) conclude(verb string, a answer) (ended bool) {
	if a.Code == 0 {
		return false
	}
	c.cfg.Metrics.Reply(verb, a.Code)
	if a.flags&isLast != 0 {
		c.goodbye(a)
		return true
	}
	c.write(a)
	if a.flags&isFault != 0 {
		c.errors++
	}
	if c.errors >= c.cfg.Limits.MaxErrors {
		c.cfg.Metrics.Refused(LimitErrors)
		c.log.Info("too many errors", "errors", c.errors)
		c.goodbye(last(lineTooManyErrors))
		return true
	}
	return false
}

// lost ends a connection that can't be read any more, with the reason if the client
// can still read it.
func (c *conn) lost(err error) {
	c.mu.Lock()
	stopping := c.stopping
	c.mu.Unlock()
	switch {
	case errors.Is(err, errStopping), stopping && isTimeout(err):
		c.goodbye(last(lineStopping))
	case errors.Is(err, errSessionOver), isTimeout(err) && !time.Now().Before(c.ends):
		c.cfg.Metrics.Refused(LimitSession)
		c.goodbye(last(lineSessionOver))
	case isTimeout(err):
		c.cfg.Metrics.Refused(LimitIdle)
		a := last(lineTimeout)
		a.flags |= isCoded
		c.goodbye(a)
	case errors.Is(err, errBareLF):
		c.goodbye(last(lineBareLF))
	case errors.Is(err, errEndless):
		c.cfg.Metrics.Refused(LimitLine)
		c.goodbye(last(lineEndless))
	default:
		c.log.Debug("connection lost", "err", err)
	}
}

// await gets ready for input that is not there yet: the client reads all answers and
// has IdleTimeout from now. Every read of the connection comes after it.
func (c *conn) await() error {
	now := time.Now()
	if !now.Before(c.ends) {
		return errSessionOver
	}
	deadline := now.Add(c.cfg.Limits.IdleTimeout)
	if c.ends.Before(deadline) {
		deadline = c.ends
	}
	c.mu.Lock()
	stop := c.stopping && !c.receiving
	var err error
	if !stop {
		err = c.raw.SetDeadline(deadline)
	}
	c.mu.Unlock()
	if stop {
		return errStopping
	}
	if err != nil {
		return err
	}
	return c.w.Flush()
}

// readLine is the next line without its CRLF, valid until the next read. The client
// has IdleTimeout for the whole of it. Answers are held back as long as a whole
// line is there already (RFC 2920 §3.2).
func (c *conn) readLine() ([]byte, error) {
	if p, _ := c.r.Peek(c.r.Buffered()); bytes.IndexByte(p, '\n') < 0 {
		if err := c.await(); err != nil {
			return nil, err
		}
	}
	text, err := c.r.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		return nil, c.skipLine(text[len(text)-1] == '\r')
	}
	if err != nil {
		return nil, err
	}
	end := len(text) - len("\r\n")
	if end < 0 || text[end] != '\r' {
		return nil, errBareLF
	}
	return text[:end], nil
}

// skipLine throws the rest of a line away that is longer than the buffer. cr says
// that the part in the buffer ended in CR.
func (c *conn) skipLine(cr bool) error {
	for skipped := readBuffer; skipped < maxSkipped; skipped += readBuffer {
		text, err := c.r.ReadSlice('\n')
		switch {
		case err == nil && (len(text) > 1 && text[len(text)-2] == '\r' || len(text) == 1 && cr):
			return errLongLine
		case err == nil:
			return errBareLF
		case !errors.Is(err, bufio.ErrBufferFull):
			return err
		}
		cr = text[len(text)-1] == '\r'
	}
	return errEndless
}

// write puts an answer into the buffer, which await and goodbye empty. An error
// comes back from there: it stays with the buffer.
func (c *conn) write(a answer) {
	if c.tracing {
		c.trace("S", a.Error())
	}
	b := a.appendTo(c.w.AvailableBuffer(), c.cfg.EnhancedCodes)
	if len(b) > c.w.Available() {
		// Many pipelined commands: the flush must not depend on an old deadline.
		_ = c.raw.SetWriteDeadline(time.Now().Add(c.cfg.Limits.IdleTimeout))
	}
	_, _ = c.w.Write(b)
}

// goodbye writes the last answer and says that nothing more will come.
func (c *conn) goodbye(a answer) {
	c.write(a)
	wait := min(lastWords, c.cfg.Limits.IdleTimeout)
	_ = c.raw.SetDeadline(time.Now().Add(wait))
	if c.w.Flush() != nil {
		return
	}
	if t, ok := c.nc.(*tls.Conn); ok {
		_ = t.CloseWrite()
	}
	half, ok := c.raw.(interface{ CloseWrite() error })
	c.linger = ok && half.CloseWrite() == nil
}

// hangUp closes the connection. After a goodbye, what the client has sent in the
// meantime is read for a moment: closing over unread input resets the connection,
// and the client might never see the last answer.
func (c *conn) hangUp() {
	if c.linger {
		_, _ = io.CopyN(io.Discard, c.raw, maxSkipped)
	}
	_ = c.raw.Close()
}

// handshake sends what is left to say in clear and begins TLS. It reads from the
// connection itself, and nothing of what was read in clear is left after it.
func (c *conn) handshake() error {
	if err := c.await(); err != nil {
		return err
	}
	t := tls.Server(c.raw, c.cfg.TLS)
	err := t.HandshakeContext(c.ctx)
	c.cfg.Metrics.TLS(err == nil)
	if err != nil {
		c.log.Debug("TLS handshake failed", "err", err)
		return errHandshake
	}
	state := t.ConnectionState()
	c.nc, c.tls = t, &state
	c.r.Reset(t)
	c.w.Reset(t)
	return nil
}

// errHandshake ends a connection without a word: nobody could read it.
var errHandshake = errors.New("smtpserver: TLS handshake failed")

// setReceiving says whether DATA is under way, which Shutdown does not interrupt.
func (c *conn) setReceiving(on bool) {
	c.mu.Lock()
	c.receiving = on
	c.mu.Unlock()
}

// stop asks the connection to end: at once if it waits for a command, else after
// the DATA that is under way.
func (c *conn) stop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stopping = true
	if !c.receiving {
		_ = c.raw.SetReadDeadline(time.Unix(1, 0))
	}
}

// recoverPanic turns a panic of the Session (or of the engine) into the end of this
// connection alone.
func (c *conn) recoverPanic() {
	p := recover()
	if p == nil {
		return
	}
	c.cfg.Metrics.Panic()
	c.log.Error("panic in SMTP session", "panic", p, "stack", string(debug.Stack()))
	c.goodbye(answer{ErrServiceFailure, isLast})
}

// close ends the Session and the connection.
func (c *conn) close() {
	defer c.srv.forget(c)
	defer func() {
		if p := recover(); p != nil {
			c.cfg.Metrics.Panic()
			c.log.Error("panic at the end of an SMTP session", "panic", p, "stack", string(debug.Stack()))
		}
	}()
	defer c.hangUp()
	defer c.endSession()
	c.endTransaction()
}

// traceCommand logs a command. A line that is no command may be a password that was
// sent at the wrong time, and so is not logged.
func (c *conn) traceCommand(cmd command, text []byte) {
	if !c.tracing {
		return
	}
	switch cmd.verb {
	case "AUTH":
		mechanism, _, _ := bytes.Cut(cmd.args, []byte(" "))
		if name := string(bytes.ToUpper(mechanism)); name == "PLAIN" || name == "LOGIN" {
			c.trace("C", "AUTH "+name+" [...]")
			return
		}
		c.trace("C", "AUTH [...]")
	case "EHLO", "HELO", "MAIL", "RCPT":
		c.trace("C", string(text))
	case "OTHER":
		c.trace("C", "[unknown command]")
	default:
		c.trace("C", cmd.verb)
	}
}

func (c *conn) trace(from, text string) {
	if c.tracing {
		c.log.Log(c.ctx, LevelTrace, "smtp", "from", from, "line", text)
	}
}
