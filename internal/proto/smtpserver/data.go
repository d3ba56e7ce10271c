// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"errors"
	"os"
	"sync"
	"sync/atomic"
)

// keptBody is the largest buffer that is kept for the next message, and firstBody
// the size of a fresh one.
const (
	keptBody  = 256 << 10
	firstBody = 8 << 10
)

// bodies are the buffers that messages are collected in.
type bodies struct{ pool sync.Pool }

// get returns a buffer for a message of the declared size. A client may declare what
// it likes and never send it, so a large declaration is not believed.
func (b *bodies) get(declared int64) *[]byte {
	buf, _ := b.pool.Get().(*[]byte)
	if buf == nil {
		buf = new([]byte)
	}
	if want := max(firstBody, int(min(declared, keptBody))); cap(*buf) < want {
		*buf = make([]byte, 0, want)
	}
	return buf
}

// put takes buf back, which has become body in the meantime.
func (b *bodies) put(buf *[]byte, body []byte) {
	if cap(body) >= firstBody && cap(body) <= keptBody {
		*buf = body[:0]
		b.pool.Put(buf)
	}
}

// budget counts the bytes of DATA that all connections hold.
type budget struct {
	limit int64
	used  atomic.Int64
}

// take reserves n bytes, or nothing and reports false.
func (b *budget) take(n int64) bool {
	if b.used.Add(n) > b.limit {
		b.used.Add(-n)
		return false
	}
	return true
}

func (b *budget) release(n int64) { b.used.Add(-n) }

// fits reports whether n bytes could be taken now.
func (b *budget) fits(n int64) bool { return b.used.Load()+max(n, 1) <= b.limit }

// data is DATA (RFC 5321 §4.1.1.4). Whatever comes of it, the transaction is over.
func (c *conn) data(args []byte) (answer, error) {
	switch {
	case !c.inMail:
		return fault(lineNeedMail), nil
	case len(args) > 0:
		return fault(lineNoArgument), nil
	case c.rcpts == 0 && c.refusedRcpts > 0:
		return say(lineNoRcpts), nil
	case c.rcpts == 0:
		return fault(lineNeedRcpt), nil
	case !c.srv.budget.fits(c.declared):
		c.cfg.Metrics.Refused(LimitInFlight)
		return answer{Reply: ErrNoRoom}, nil
	}
	c.setReceiving(true)
	defer c.setReceiving(false)
	c.write(say(lineStartData))

	buf := c.srv.bodies.get(c.declared)
	d := dotDecoder{body: *buf, limit: c.cfg.Limits.MaxMessageBytes}
	held, noRoom, err := c.receive(&d)
	defer c.srv.budget.release(held)
	if err != nil {
		return answer{}, err
	}
	c.trace("C", "[message]")
	size := len(d.body)
	var a answer
	switch {
	case noRoom:
		c.cfg.Metrics.Refused(LimitInFlight)
		a = answer{Reply: ErrNoRoom}
	case d.drop:
		c.cfg.Metrics.Refused(LimitMessage)
		a = answer{Reply: ErrTooLong}
	case c.cfg.RefuseBare && hasBare(d.body):
		a = say(lineBareInData)
	default:
		a = c.deliver(d.body)
	}
	c.srv.bodies.put(buf, d.body)
	c.cfg.Metrics.Message(size, a.Code)
	c.endTransaction()
	return a, nil
}

// receive reads up to the end of DATA. held is what it has taken from the budget;
// noRoom says that the budget did not suffice, and that the content is not there.
func (c *conn) receive(d *dotDecoder) (held int64, noRoom bool, err error) {
	for {
		if c.r.Buffered() == 0 {
			if err := c.await(); err != nil {
				return held, noRoom, err
			}
			if _, err := c.r.Peek(1); err != nil {
				return held, noRoom, err
			}
		}
		p, _ := c.r.Peek(c.r.Buffered())
		switch n := int64(len(p)); {
		case d.drop:
		case c.srv.budget.take(n):
			held += n
		default:
			d.drop, d.body, noRoom = true, nil, true
		}
		n, done := d.decode(p)
		_, _ = c.r.Discard(n) // they are there: they were peeked
		if done {
			return held, noRoom, nil
		}
		if d.drop {
			c.srv.budget.release(held)
			held = 0
		}
	}
}

// deliver hands the message to the Session.
func (c *conn) deliver(message []byte) answer {
	text, err := c.session.Data(c.ctx, message)
	if err != nil {
		return c.refused("Data", err, ErrServiceFailure)
	}
	c.errors = 0
	if text == "" {
		text = "Ok"
	}
	return answer{Reply: Reply{Code: 250, Enhanced: "2.0.0", Text: text}}
}

// isTimeout reports whether err is a deadline that has passed.
func isTimeout(err error) bool { return errors.Is(err, os.ErrDeadlineExceeded) }
