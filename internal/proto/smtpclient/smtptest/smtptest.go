// SPDX-License-Identifier: Apache-2.0

// Package smtptest is an SMTP server for tests that follows a script, so that a test
// can show a client any peer, however broken: the script is the conversation as one
// would write it down.
package smtptest

import (
	"bufio"
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/netip"
	"strings"
	"sync"
	"time"
)

// Script is one connection's conversation, a step in each string:
//
//	S: 220 ready      send the line and CRLF
//	C: MAIL FROM:*    expect a line; * at the end stands for the rest
//	DATA              read content up to the lone dot and keep it
//	READ 100          read that many octets of whatever comes
//	RAW 250 a\n       send the text as it is, Go escapes undone
//	TLS               do the server's side of a TLS handshake
//	CUT               reset the connection
//	HANG              say nothing until the client goes away
//
// After the last step the connection is closed. A client that leaves early is no
// error; one that says something else than the script expects is.
type Script []string

// TB is the part of testing.TB that this package needs.
type TB interface {
	Helper()
	Errorf(format string, args ...any)
	Fatalf(format string, args ...any)
	Cleanup(func())
}

// Server is a running server. It is safe for concurrent use.
type Server struct {
	t       TB
	l       net.Listener
	tls     *tls.Config
	scripts []Script
	wg      sync.WaitGroup

	mu       sync.Mutex
	conns    map[net.Conn]bool
	accepted int
	finished int
	closed   bool
	messages [][]byte
}

// New starts a server on a free port of 127.0.0.1 that the end of the test stops. The
// first connection follows the first script and so on; the last script serves all
// further ones.
func New(t TB, scripts ...Script) *Server {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	s := &Server{t: t, l: l, scripts: scripts, conns: make(map[net.Conn]bool)}
	s.wg.Go(s.accept)
	t.Cleanup(s.Close)
	return s
}

// Addr is where the server listens.
func (s *Server) Addr() netip.AddrPort { return netip.MustParseAddrPort(s.l.Addr().String()) }

// SetCertificate sets what TLS shows. It must be called before the first connection.
func (s *Server) SetCertificate(c tls.Certificate) {
	s.tls = &tls.Config{Certificates: []tls.Certificate{c}}
}

// Close stops the server and waits until every connection has ended.
func (s *Server) Close() {
	s.l.Close()
	s.mu.Lock()
	s.closed = true
	for c := range s.conns {
		c.Close()
	}
	s.mu.Unlock()
	s.wg.Wait()
}

// Accepted is how many connections there were.
func (s *Server) Accepted() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.accepted
}

// Finished is how many connections came to the end of their script. It counts one for
// certain once Close has returned.
func (s *Server) Finished() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.finished
}

// Messages returns what came after each DATA, as it was on the wire, the final dot
// included.
func (s *Server) Messages() [][]byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]byte(nil), s.messages...)
}

func (s *Server) accept() {
	for {
		c, err := s.l.Accept()
		if err != nil {
			return
		}
		s.mu.Lock()
		if s.closed {
			s.mu.Unlock()
			c.Close()
			return
		}
		s.conns[c] = true
		script := s.scripts[min(s.accepted, len(s.scripts)-1)]
		s.accepted++
		s.mu.Unlock()
		s.wg.Go(func() {
			err := s.follow(c, script)
			if err != nil && !gone(err) {
				s.t.Errorf("smtptest: %v", err)
			}
			c.Close()
			s.mu.Lock()
			defer s.mu.Unlock()
			delete(s.conns, c)
			if err == nil {
				s.finished++
			}
		})
	}
}

// gone reports that the other side left, or the test is over.
func gone(err error) bool {
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.As(err, &op)
}

func (s *Server) follow(raw net.Conn, script Script) error {
	c := raw
	r := bufio.NewReader(c)
	for _, step := range script {
		verb, arg, _ := strings.Cut(step, " ")
		var err error
		switch verb {
		case "S:":
			_, err = io.WriteString(c, arg+"\r\n")
		case "C:":
			err = expect(r, arg)
		case "DATA":
			err = s.data(r)
		case "READ":
			n := 0
			if _, err = fmt.Sscan(arg, &n); err == nil {
				_, err = io.CopyN(io.Discard, r, int64(n))
			}
		case "RAW":
			_, err = io.WriteString(c, unquote(arg))
		case "TLS":
			t := tls.Server(c, s.tls)
			c, r = t, bufio.NewReader(t)
			if t.Handshake() != nil {
				return nil // what the client says about it is the test's matter
			}
		case "CUT":
			return raw.(*net.TCPConn).SetLinger(0)
		case "HANG":
			_, err = io.Copy(io.Discard, r)
		default:
			err = fmt.Errorf("unknown step %q", step)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func unquote(s string) string {
	return strings.NewReplacer(`\r`, "\r", `\n`, "\n", `\\`, `\`).Replace(s)
}

func expect(r *bufio.Reader, want string) error {
	line, err := r.ReadString('\n')
	if err != nil {
		return err
	}
	line, ok := strings.CutSuffix(line, "\r\n")
	if prefix, any := strings.CutSuffix(want, "*"); ok && (line == want || any && strings.HasPrefix(line, prefix)) {
		return nil
	}
	return fmt.Errorf("the client said %q, the script has %q", line, want)
}

func (s *Server) data(r *bufio.Reader) error {
	var b bytes.Buffer
	for {
		line, err := r.ReadBytes('\n')
		if err != nil {
			return err
		}
		b.Write(line)
		if string(line) == ".\r\n" {
			break
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.messages = append(s.messages, b.Bytes())
	return nil
}

// Certificate makes a certificate for names, and a pool that trusts it.
func Certificate(t TB, names ...string) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "smtptest"}, DNSNames: names,
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatalf("smtptest: %v", err)
	}
	pool := x509.NewCertPool()
	pool.AddCert(leaf)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key, Leaf: leaf}, pool
}
