// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

// load is the work of one loader: Count messages, numbered from First, over
// Sessions connections that stay open. Commands are not pipelined, one recipient a
// message.
type load struct {
	Addr     string
	Sessions int
	First    int
	Count    int
	Size     int    // octets in the body
	CAFile   string // trust anchor for STARTTLS; empty: no TLS
	User     string // AUTH PLAIN; empty: none
	Password string
}

// loaded says how a load went.
type loaded struct {
	Start    time.Time // before the first connection was opened
	Accepted time.Time // when the last reply to DATA came
	Count    int       // messages that got their 250
	Error    string    // the first failure; empty when everything was accepted
}

// run sends everything. It stops at the first failure of any session, as a rate
// with failures in it says nothing.
func (l load) run() loaded {
	conf, err := l.tlsConfig()
	if err != nil {
		return loaded{Error: err.Error()}
	}
	var (
		next   = atomic.Int64{}
		sent   = atomic.Int64{}
		failed = atomic.Pointer[error]{}
		wg     sync.WaitGroup
		res    = loaded{Start: time.Now()}
	)
	for range l.Sessions {
		wg.Go(func() {
			if err := l.session(conf, &next, &sent, &failed); err != nil {
				failed.CompareAndSwap(nil, &err)
			}
		})
	}
	wg.Wait()
	res.Accepted, res.Count = time.Now(), int(sent.Load())
	if p := failed.Load(); p != nil {
		res.Error = (*p).Error()
	}
	return res
}

func (l load) tlsConfig() (*tls.Config, error) {
	if l.CAFile == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(l.CAFile)
	if err != nil {
		return nil, err
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no certificate", l.CAFile)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost", MinVersion: tls.VersionTLS12}, nil
}

func (l load) session(conf *tls.Config, next, sent *atomic.Int64, failed *atomic.Pointer[error]) error {
	c, err := dialSMTP(l.Addr, conf, l.User, l.Password)
	if err != nil {
		return err
	}
	defer c.close()
	letters := newLetter(l.Size)
	for failed.Load() == nil {
		i := int(next.Add(1)) - 1
		if i >= l.Count {
			break
		}
		if err := c.send(letters.message(l.First + i)); err != nil {
			return fmt.Errorf("message %d: %w", l.First+i, err)
		}
		sent.Add(1)
	}
	return nil
}

// smtpConn is a minimal SMTP client.
type smtpConn struct {
	conn net.Conn
	r    *bufio.Reader
}

// replyTimeout bounds each wait for a reply.
const replyTimeout = 60 * time.Second

// dialSMTP opens a session: greeting, EHLO, then STARTTLS when conf is given, then
// AUTH PLAIN when user is given (RFC 3207, RFC 4954).
func dialSMTP(addr string, conf *tls.Config, user, password string) (*smtpConn, error) {
	conn, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	c := &smtpConn{conn: conn, r: bufio.NewReader(conn)}
	if err := c.open(conf, user, password); err != nil {
		_ = conn.Close()
		return nil, err
	}
	return c, nil
}

func (c *smtpConn) open(conf *tls.Config, user, password string) error {
	if err := c.expect("greeting", '2', replyTimeout); err != nil {
		return err
	}
	if err := c.cmd("EHLO loader.example", '2'); err != nil {
		return err
	}
	if conf != nil {
		if err := c.cmd("STARTTLS", '2'); err != nil {
			return err
		}
		c.conn = tls.Client(c.conn, conf)
		c.r.Reset(c.conn)
		if err := c.cmd("EHLO loader.example", '2'); err != nil {
			return err
		}
	}
	if user != "" {
		plain := base64.StdEncoding.EncodeToString([]byte("\x00" + user + "\x00" + password))
		return c.cmd("AUTH PLAIN "+plain, '2')
	}
	return nil
}

// send transfers one message, given as it goes on the wire with the final dot.
func (c *smtpConn) send(wire []byte) error {
	if err := c.cmd("MAIL FROM:<"+envelopeFrom+">", '2'); err != nil {
		return err
	}
	if err := c.cmd("RCPT TO:<"+envelopeTo+">", '2'); err != nil {
		return err
	}
	if err := c.cmd("DATA", '3'); err != nil {
		return err
	}
	if _, err := c.conn.Write(wire); err != nil {
		return err
	}
	return c.expect("end of data", '2', replyTimeout)
}

// close says QUIT without waiting long for the answer.
func (c *smtpConn) close() {
	_ = c.conn.SetWriteDeadline(time.Now().Add(time.Second))
	if _, err := io.WriteString(c.conn, "QUIT\r\n"); err == nil {
		_ = c.expect("QUIT", '2', 2*time.Second)
	}
	_ = c.conn.Close()
}

func (c *smtpConn) cmd(line string, class byte) error {
	if _, err := c.conn.Write([]byte(line + "\r\n")); err != nil {
		return err
	}
	verb, _, _ := strings.Cut(line, " ")
	return c.expect(verb, class, replyTimeout)
}

// expect reads a reply, which may have several lines, and wants its first digit to
// be class.
func (c *smtpConn) expect(what string, class byte, within time.Duration) error {
	if err := c.conn.SetReadDeadline(time.Now().Add(within)); err != nil {
		return err
	}
	for {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return fmt.Errorf("%s: %w", what, err)
		}
		if len(line) < 4 {
			return errors.New(what + ": short reply")
		}
		if line[3] == '-' {
			continue
		}
		if line[0] != class {
			return fmt.Errorf("%s: %s", what, strings.TrimSpace(string(line)))
		}
		return nil
	}
}
