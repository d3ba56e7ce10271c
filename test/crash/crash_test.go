// SPDX-License-Identifier: Apache-2.0

// Package crash kills the server while it works and proves with a ledger that nothing
// that it accepted is lost. `make soak` runs it for longer: SESAME_KILLS says how often
// the server is killed.
//
//	20 senders --SMTP, STARTTLS, AUTH--> sesame serve --SMTP--> sink (in the test)
//	                                     ^ kill -9, start, kill -9, start ...
package crash

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"math/rand/v2"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sesame/test/harness"
	"sesame/test/ledger"
)

const (
	senders   = 20
	shortRun  = 10 // kills in `make test`
	domain    = "crash.example.com"
	lifeLeast = 150 * time.Millisecond // between the server's start and its end
	lifeMost  = 900 * time.Millisecond

	// window is how long after a copy's arrival the commit of its outcome may be
	// missing: a commit takes milliseconds, and the machine may be slow.
	window = 3 * time.Second
	// drain bounds the wait for the queue to empty after the last kill.
	drain = 2 * time.Minute
)

func kills(t *testing.T) int {
	s := os.Getenv("SESAME_KILLS")
	if s == "" {
		return shortRun
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("SESAME_KILLS=%q is no number of kills", s)
	}
	return n
}

func TestKilledAtRandomItLosesNothingItAcceptedSQLite(t *testing.T) {
	run(t, harness.ServeConfig(t))
}

func TestKilledAtRandomItLosesNothingItAcceptedPostgres(t *testing.T) {
	config := harness.ServeConfig(t)
	config.Database.URL = harness.Postgres(t)
	run(t, config)
}

func run(t *testing.T, config harness.Config) {
	book := ledger.New(time.Now)
	sink := startSink(t, book)
	config.Routes = []harness.Route{{Domain: "*", Hosts: []string{sink.addr}, TLS: "none"}}
	// The listener stays where it is, so that senders find it after each start.
	config.Listen.SMTP = []string{harness.FreeAddr(t, "127.0.0.1")}
	server := harness.Serve(t, config)
	createIdentity(t, server, domain)

	var stop atomic.Bool
	var wg sync.WaitGroup
	for n := range senders {
		s := &sender{n: n, server: server, addr: server.SMTP, book: book, stop: &stop, tls: clientTLS(t, server)}
		wg.Go(s.run)
	}
	n := kills(t)
	for i := range n {
		<-time.After(lifeLeast + rand.N(lifeMost-lifeLeast)) // the random moment
		server.Kill()
		book.Kill()
		server.Start()
		if i%20 == 19 {
			t.Logf("after %d kills %d are outstanding", i+1, book.Outstanding())
		}
	}
	stop.Store(true)
	wg.Wait()
	deadline := time.Now().Add(drain)
	for book.Outstanding() > 0 && time.Now().Before(deadline) {
		<-time.After(50 * time.Millisecond)
	}
	r := book.Balance(window)
	t.Log(r)
	if !r.Balanced() {
		t.Error("the ledger does not balance")
	}
	if r.Accepted < n {
		t.Errorf("only %d were accepted: the test shows nothing", r.Accepted)
	}
}

// sender sends message after message, each for one or two recipients, over
// connections that it keeps while they live.
type sender struct {
	n      int
	server *harness.Server
	addr   string
	book   *ledger.Ledger
	stop   *atomic.Bool
	tls    *tls.Config
}

func (s *sender) run() {
	for i := 0; !s.stop.Load(); {
		c, err := s.connect()
		if err != nil {
			<-time.After(20 * time.Millisecond) // the server is down
			continue
		}
		for err == nil && !s.stop.Load() {
			err = s.send(c, i)
			i++
		}
		c.Close()
	}
}

func (s *sender) connect() (*smtp.Client, error) {
	conn, err := net.DialTimeout("tcp", s.addr, time.Second)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	c, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		conn.Close()
		return nil, err
	}
	if err := c.StartTLS(s.tls); err != nil {
		c.Close()
		return nil, err
	}
	auth := smtp.PlainAuth("", s.server.Env["SESAME_SMTP_USER"], s.server.Env["SESAME_SMTP_PASSWORD"], "localhost")
	if err := c.Auth(auth); err != nil {
		c.Close()
		return nil, err
	}
	return c, nil
}

// send sends one message and books the answer.
func (s *sender) send(c *smtp.Client, i int) error {
	recipients := []string{fmt.Sprintf("r%d-%d@a.example.net", s.n, i)}
	if i%3 == 0 {
		recipients = append(recipients, fmt.Sprintf("r%d-%d@b.example.net", s.n, i))
	}
	if err := c.Mail("sender@" + domain); err != nil {
		return err
	}
	for _, r := range recipients {
		if err := c.Rcpt(r); err != nil {
			return err
		}
	}
	// net/smtp does not give the text of the reply, which holds the id.
	id, err := data(c.Text, fmt.Sprintf("From: sender@%s\r\nTo: %s\r\nSubject: crash\r\n\r\n%s\r\n", domain, recipients[0], strings.Repeat("x", 500+i%4000)))
	if err != nil {
		return err
	}
	for _, r := range recipients {
		s.book.Accept(id, r)
	}
	return nil
}

// data is smtp.Client.Data with the text of the last reply.
func data(c *textproto.Conn, message string) (id string, err error) {
	request, err := c.Cmd("DATA")
	if err != nil {
		return "", err
	}
	c.StartResponse(request)
	defer c.EndResponse(request)
	if _, _, err := c.ReadResponse(354); err != nil {
		return "", err
	}
	w := c.DotWriter()
	if _, err := w.Write([]byte(message)); err != nil {
		return "", err
	}
	if err := w.Close(); err != nil {
		return "", err
	}
	_, text, err := c.ReadResponse(250)
	return strings.TrimPrefix(text, "Ok "), err
}

func clientTLS(t *testing.T, s *harness.Server) *tls.Config {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in " + s.CAFile)
	}
	return &tls.Config{RootCAs: pool, ServerName: "localhost"}
}

func createIdentity(t *testing.T, s *harness.Server, name string) {
	t.Helper()
	if status, body := s.Call(t, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": name}); status != 200 {
		t.Fatalf("create identity: %d %s", status, body)
	}
	s.VerifyIdentity(t, name)
}
