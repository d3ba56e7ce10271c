// SPDX-License-Identifier: Apache-2.0

package traffic

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/smtp"
	"net/textproto"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"sesame/test/harness"
	"sesame/test/ledger"
)

// Client submits mail to a server over SMTP, with STARTTLS and AUTH, and books what
// the server accepts. It is safe for concurrent use.
type Client struct {
	from           string
	book           *ledger.Ledger
	user, password string
	tls            *tls.Config
	addr           atomic.Pointer[string] // of the submission door
}

// NewClient returns a client of the server that sends from the domain, an identity of the
// server's. Without a book it books nothing.
func NewClient(t testing.TB, s *harness.Server, from string, book *ledger.Ledger) *Client {
	t.Helper()
	pem, err := os.ReadFile(s.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		t.Fatal("no certificate in " + s.CAFile)
	}
	c := &Client{
		from: from, book: book, user: s.Env["SESAME_SMTP_USER"], password: s.Env["SESAME_SMTP_PASSWORD"],
		tls: &tls.Config{RootCAs: pool, ServerName: "localhost"},
	}
	c.Move(s.SMTP)
	return c
}

// Move tells that the server's door is elsewhere now.
func (c *Client) Move(addr string) { c.addr.Store(&addr) }

// Connect opens a session that can send for a minute.
func (c *Client) Connect() (*smtp.Client, error) {
	conn, err := net.DialTimeout("tcp", *c.addr.Load(), time.Second)
	if err != nil {
		return nil, err
	}
	if err := conn.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		return nil, err
	}
	session, err := smtp.NewClient(conn, "localhost")
	if err != nil {
		conn.Close()
		return nil, err
	}
	if err := session.StartTLS(c.tls); err != nil {
		session.Close()
		return nil, err
	}
	if err := session.Auth(smtp.PlainAuth("", c.user, c.password, "localhost")); err != nil {
		session.Close()
		return nil, err
	}
	return session, nil
}

// Send sends one message with a body of size bytes and books the answer. A refusal is a
// *textproto.Error.
func (c *Client) Send(session *smtp.Client, size int, recipients ...string) error {
	if err := session.Mail("sender@" + c.from); err != nil {
		return err
	}
	for _, r := range recipients {
		if err := session.Rcpt(r); err != nil {
			return err
		}
	}
	// net/smtp does not give the text of the reply, which holds the id.
	id, err := data(session.Text, fmt.Sprintf("From: sender@%s\r\nTo: %s\r\nSubject: traffic\r\n\r\n%s\r\n",
		c.from, recipients[0], strings.Repeat(strings.Repeat("x", 70)+"\r\n", size/72+1)))
	if err != nil {
		return err
	}
	for _, r := range recipients {
		if c.book != nil {
			c.book.Accept(id, r)
		}
	}
	return nil
}

// SendOne sends one message over a connection of its own.
func (c *Client) SendOne(size int, recipients ...string) error {
	session, err := c.Connect()
	if err != nil {
		return err
	}
	defer session.Close()
	return c.Send(session, size, recipients...)
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

// pause is how long a sender waits before it connects again.
const pause = 20 * time.Millisecond

// Senders send message after message, each for one or two recipients, over connections
// that they keep while they live.
type Senders struct {
	client *Client
	stop   atomic.Bool
	wg     sync.WaitGroup

	mu      sync.Mutex
	refused map[int]int
}

// Start starts n senders. Whoever starts them must stop them.
func (c *Client) Start(n int) *Senders {
	s := &Senders{client: c, refused: map[int]int{}}
	for i := range n {
		s.wg.Go(func() { s.run(i) })
	}
	return s
}

// Stop ends the senders, each after its message.
func (s *Senders) Stop() {
	s.stop.Store(true)
	s.wg.Wait()
}

// Refused returns how often each reply code refused something so far.
func (s *Senders) Refused() map[int]int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return maps.Clone(s.refused)
}

func (s *Senders) run(n int) {
	for i := 0; !s.stop.Load(); {
		session, err := s.client.Connect()
		for err == nil && !s.stop.Load() {
			err = s.client.Send(session, 500+i%4000, recipients(n, i)...)
			i++
		}
		if session != nil {
			session.Close()
		}
		var refusal *textproto.Error
		if errors.As(err, &refusal) {
			s.mu.Lock()
			s.refused[refusal.Code]++
			s.mu.Unlock()
		}
		if err != nil && !s.stop.Load() {
			<-time.After(pause) // the server may be down
		}
	}
}

func recipients(n, i int) []string {
	to := []string{fmt.Sprintf("r%d-%d@a.example.net", n, i)}
	if i%3 == 0 {
		to = append(to, fmt.Sprintf("r%d-%d@b.example.net", n, i))
	}
	return to
}

// Identity makes the domain an identity that the server knows and takes as verified.
func Identity(t testing.TB, s *harness.Server, domain string) {
	t.Helper()
	if status, body := s.Call(t, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": domain}); status != 200 {
		t.Fatalf("create identity: %d %s", status, body)
	}
	s.VerifyIdentity(t, domain)
}

// Drain waits until all that was accepted has arrived, for most at the longest.
func Drain(book *ledger.Ledger, most time.Duration) {
	deadline := time.Now().Add(most)
	for book.Outstanding() > 0 && time.Now().Before(deadline) {
		<-time.After(pause)
	}
}
