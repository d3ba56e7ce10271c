// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"sesame/internal/proto/smtpcred"
)

// patience is how long a test waits for what must happen.
const patience = time.Minute

func loopback(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// door is a way into the service.
type door string

// The doors.
const (
	query      door = "v1" // the Query API
	rest       door = "v2" // the REST API
	submitting door = "smtp"
)

var doors = []door{query, rest, submitting}

// answer is what came back from a door.
type answer struct {
	status int    // of HTTP, or the reply code of SMTP
	code   string // of an error of HTTP
	text   string // the message's id, or the error's text, or the reply's
}

// ok reports whether the request was accepted.
func (a answer) ok() bool { return a.status/100 == 2 }

// String is the answer on one line.
func (a answer) String() string {
	s := strconv.Itoa(a.status) + " "
	if a.code != "" {
		s += a.code + ": "
	}
	return strings.TrimSpace(s + strings.TrimSpace(a.text))
}

// call makes a signed request of an HTTP API.
func (w *world) call(t testing.TB, method, path, kind string, body []byte) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, "https://email."+region+".amazonaws.com"+path, bytes.NewReader(body))
	r.Header.Set("Content-Type", kind)
	sum := sha256.Sum256(body)
	keys := aws.Credentials{AccessKeyID: keyID, SecretAccessKey: secretKey}
	if err := v4.NewSigner().SignHTTP(t.Context(), keys, r, hex.EncodeToString(sum[:]), "ses", region, w.clock.Now()); err != nil {
		t.Fatal(err)
	}
	out := httptest.NewRecorder()
	w.api.ServeHTTP(out, r)
	return out
}

// form calls an operation of API v1.
func (w *world) form(t testing.TB, body string) answer {
	t.Helper()
	out := w.call(t, http.MethodPost, "/", "application/x-www-form-urlencoded; charset=utf-8", []byte(body))
	var x struct {
		Error   struct{ Code, Message string }
		IDs     []string                                    `xml:"SendEmailResult>MessageId"`
		Raw     []string                                    `xml:"SendRawEmailResult>MessageId"`
		Made    []string                                    `xml:"SendTemplatedEmailResult>MessageId"`
		Entries []struct{ Status, Error, MessageId string } `xml:"SendBulkTemplatedEmailResult>Status>member"`
	}
	if err := xml.Unmarshal(out.Body.Bytes(), &x); err != nil {
		t.Fatalf("HTTP %d: %v in\n%s", out.Code, err, out.Body)
	}
	a := answer{status: out.Code, code: x.Error.Code, text: x.Error.Message + strings.Join(append(append(x.IDs, x.Raw...), x.Made...), " ")}
	for _, e := range x.Entries {
		a.text += e.Status + " " + e.Error + e.MessageId + "\n"
	}
	return a
}

// json calls an operation of API v2, or of the admin API.
func (w *world) json(t testing.TB, method, path, body string) answer {
	t.Helper()
	out := w.call(t, method, path, "application/json", []byte(body))
	var j struct {
		Message, MessageId    string
		BulkEmailEntryResults []struct{ Status, Error, MessageId string }
	}
	if err := json.Unmarshal(out.Body.Bytes(), &j); err != nil {
		t.Fatalf("HTTP %d: %v in\n%s", out.Code, err, out.Body)
	}
	a := answer{status: out.Code, code: out.Header().Get("X-Amzn-Errortype"), text: j.Message + j.MessageId}
	for _, e := range j.BulkEmailEntryResults {
		a.text += e.Status + " " + e.Error + e.MessageId + "\n"
	}
	return a
}

// session is a client of the SMTP door that has logged in.
type session struct {
	t    testing.TB
	conn net.Conn
	r    *bufio.Reader
}

func (w *world) session(t testing.TB) *session {
	t.Helper()
	conn, err := tls.Dial("tcp", w.listen(t), &tls.Config{InsecureSkipVerify: true, MinVersion: tls.VersionTLS12}) // its certificate is the test's own
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	s := &session{t: t, conn: conn, r: bufio.NewReader(conn)}
	password := smtpcred.Password(secretKey, region)
	s.reply()
	s.say("EHLO client.example.com")
	if a := s.say("AUTH PLAIN " + base64.StdEncoding.EncodeToString([]byte("\x00"+keyID+"\x00"+password))); !a.ok() {
		t.Fatalf("AUTH: %v", a)
	}
	return s
}

// say sends a command and returns the reply. The text of one of several lines is that of the last.
func (s *session) say(command string) answer {
	s.t.Helper()
	s.send([]byte(command + "\r\n"))
	return s.reply()
}

// send sends octets. What comes of them must come in time.
func (s *session) send(b []byte) {
	s.t.Helper()
	if err := s.conn.SetDeadline(time.Now().Add(patience)); err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.conn.Write(b); err != nil {
		s.t.Fatal(err)
	}
}

// closed stands for a reply where the server hung up; no reply has this code.
const closed = 600

func (s *session) reply() answer {
	s.t.Helper()
	for {
		line, err := s.r.ReadString('\n')
		if errors.Is(err, io.EOF) && line == "" {
			return answer{status: closed, text: "the connection was closed"}
		}
		if err != nil || len(line) < 5 {
			s.t.Fatalf("reply %q: %v", line, err)
		}
		code, err := strconv.Atoi(line[:3])
		if err != nil {
			s.t.Fatalf("reply %q", line)
		}
		if line[3] == ' ' {
			return answer{status: code, text: strings.TrimSpace(line[4:])}
		}
	}
}

// data sends the content of a message after DATA was taken, stuffed with dots.
func (s *session) data(content []byte) answer {
	s.t.Helper()
	content = bytes.ReplaceAll(content, []byte("\r\n."), []byte("\r\n.."))
	if bytes.HasPrefix(content, []byte(".")) {
		content = append([]byte("."), content...)
	}
	if !bytes.HasSuffix(content, []byte("\r\n")) {
		content = append(content, '\r', '\n')
	}
	s.send(append(content, ".\r\n"...))
	return s.reply()
}

// submit goes through a whole transaction. The answer is the first refusal, or else that
// to the message.
func (s *session) submit(from string, to []string, content []byte) answer {
	s.t.Helper()
	if a := s.say("MAIL FROM:<" + from + ">"); !a.ok() {
		return a
	}
	for _, r := range to {
		if a := s.say("RCPT TO:<" + r + ">"); !a.ok() {
			return a
		}
	}
	if a := s.say("DATA"); a.status != 354 {
		return a
	}
	return s.data(content)
}
