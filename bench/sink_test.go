// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/json"
	"io"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"testing/iotest"
	"time"
)

// listen gives a loopback listener that is closed at the test's end.
func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	return l
}

func TestLoaderAgainstSink(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name            string
		sessions, count int
		size            int
	}{
		{"one session, one message", 1, 1, 4 << 10},
		{"twenty sessions share the messages", 20, 200, 4 << 10},
		{"more sessions than messages", 10, 3, 4 << 10},
		{"large messages need a larger buffer", 4, 20, 300 << 10},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, s := listen(t), &sink{}
			go s.serve(l)
			s.arm(1000, tc.count)
			got := load{Addr: l.Addr().String(), Sessions: tc.sessions, First: 1000, Count: tc.count, Size: tc.size}.run()
			if got.Error != "" || got.Count != tc.count || !got.Accepted.After(got.Start) {
				t.Fatalf("load: %+v", got)
			}
			state := s.state()
			if state.Count != tc.count || state.Duplicates != 0 || state.Strangers != 0 || state.Done.IsZero() {
				t.Errorf("sink: %+v", state)
			}
			if _, body, _ := bytes.Cut(state.Sample, []byte("\r\n\r\n")); len(body) != tc.size+len(".\r\n") {
				t.Errorf("body has %d octets, want %d", len(body), tc.size+len(".\r\n"))
			}
		})
	}
}

func TestSinkCountsEachMessageOnce(t *testing.T) {
	t.Parallel()
	s := &sink{}
	s.arm(10, 2)
	l := newLetter(200)
	for _, seq := range []int{10, 10, 12, 9} {
		s.take(l.message(seq))
	}
	s.take([]byte("Subject: something else\r\n\r\n.\r\n"))
	if got := s.state(); got.Count != 1 || got.Duplicates != 1 || got.Strangers != 3 || !got.Done.IsZero() {
		t.Errorf("before the last: %+v", got)
	}
	s.take(l.message(11))
	if got := s.state(); got.Count != 2 || got.Done.IsZero() || !bytes.Contains(got.Sample, []byte(subject(10))) {
		t.Errorf("after the last: %+v", got)
	}
	s.arm(0, 1)
	if got := s.state(); got.Count+got.Duplicates+got.Strangers != 0 || got.Sample != nil {
		t.Errorf("armed again: %+v", got)
	}
}

// script is a connection that says one thing and notes the answers.
type script struct {
	io.Reader
	bytes.Buffer
}

func (s *script) Read(p []byte) (int, error) { return s.Reader.Read(p) }

func TestSinkDialogue(t *testing.T) {
	t.Parallel()
	const ehlo = "250-sink.example\r\n250-PIPELINING\r\n250-SIZE 104857600\r\n250 8BITMIME\r\n"
	const ok = "250 2.0.0 Ok\r\n"
	for _, tc := range []struct{ name, in, want string }{
		{"a pipelined transaction", "EHLO x\r\nMAIL FROM:<>\r\nRCPT TO:<a@b>\r\nDATA\r\nhi\r\n.\r\nQUIT\r\n",
			ehlo + ok + ok + "354 Go ahead\r\n" + ok + "221 2.0.0 Bye\r\n"},
		{"lower case and unknown commands", "ehlo x\r\nxyzzy\r\n\r\nquit\r\n", ehlo + ok + ok + "221 2.0.0 Bye\r\n"},
		{"a dot in the text does not end it", "DATA\r\n..\r\n.x\r\n\n.\n\r\n.\r\n", "354 Go ahead\r\n" + ok},
		{"a connection that breaks off", "DATA\r\nhalf", "354 Go ahead\r\n"},
	} {
		for _, cut := range []struct {
			name string
			wrap func(io.Reader) io.Reader
		}{
			{"at once", func(r io.Reader) io.Reader { return r }},
			{"octet by octet", iotest.OneByteReader},
		} {
			t.Run(tc.name+", "+cut.name, func(t *testing.T) {
				t.Parallel()
				c := &script{Reader: cut.wrap(strings.NewReader(tc.in))}
				(&sink{}).session(c)
				if got := c.String(); got != tc.want {
					t.Errorf("got  %q\nwant %q", got, tc.want)
				}
			})
		}
	}
}

func TestSinkBoundsItsBuffer(t *testing.T) {
	t.Parallel()
	r := &sinkReader{src: io.LimitReader(endless{}, 4*maxSinkMessage), buf: make([]byte, 0, 64)}
	if _, err := r.data(); err == nil || len(r.buf) > maxSinkMessage {
		t.Errorf("error %v with %d octets buffered", err, len(r.buf))
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// submission is a server that wants STARTTLS and AUTH PLAIN before it becomes a sink.
func submission(t *testing.T, l net.Listener, s *sink, certs string) {
	t.Helper()
	cert, err := tls.LoadX509KeyPair(filepath.Join(certs, "cert.pem"), filepath.Join(certs, "key.pem"))
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer func() { _ = c.Close() }()
				greet(c, tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}), s)
			}()
		}
	}()
}

func greet(plain, secure net.Conn, s *sink) {
	_, _ = io.WriteString(plain, "220 hello\r\n")
	r := bufio.NewReader(plain)
	for _, reply := range []string{"250-me\r\n250 STARTTLS\r\n", "220 go\r\n"} {
		if _, err := r.ReadString('\n'); err != nil {
			return
		}
		_, _ = io.WriteString(plain, reply)
	}
	r.Reset(secure)
	if line, err := r.ReadString('\n'); err != nil || !strings.HasPrefix(line, "EHLO") {
		return
	}
	_, _ = io.WriteString(secure, "250-me\r\n250 AUTH PLAIN\r\n")
	line, err := r.ReadString('\n')
	if err != nil {
		return
	}
	if line != "AUTH PLAIN "+base64.StdEncoding.EncodeToString([]byte("\x00ann\x00secret"))+"\r\n" {
		_, _ = io.WriteString(secure, "535 5.7.8 no\r\n")
		return
	}
	_, _ = io.WriteString(secure, "235 2.7.0 yes\r\n")
	s.session(secure)
}

func TestLoaderWithTLSAndAuth(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ca := filepath.Join(dir, "cert.pem")
	if err := writeCertificate(ca, filepath.Join(dir, "key.pem")); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.pem")
	if err := writeCertificate(other, filepath.Join(dir, "other-key.pem")); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, ca, password, want string }{
		{"the right password is let in", ca, "secret", ""},
		{"a wrong password stops the load", ca, "guess", "AUTH: 535 5.7.8 no"},
		{"a certificate of somebody else stops the load", other, "secret", "certificate"},
		{"a missing trust anchor stops the load", filepath.Join(dir, "none.pem"), "secret", "no such file"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			l, s := listen(t), &sink{}
			submission(t, l, s, dir)
			s.arm(1, 30)
			got := load{Addr: l.Addr().String(), Sessions: 3, First: 1, Count: 30, Size: 4 << 10, CAFile: tc.ca, User: "ann", Password: tc.password}.run()
			if tc.want == "" && (got.Error != "" || s.state().Count != 30) {
				t.Errorf("load %+v, sink %+v", got, s.state())
			}
			if !strings.Contains(got.Error, tc.want) {
				t.Errorf("error %q, want %q", got.Error, tc.want)
			}
		})
	}
}

func TestSinkWorkerProtocol(t *testing.T) {
	t.Parallel()
	in, ask := io.Pipe()
	tell, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- runSink(in, out) }()
	replies, requests := json.NewDecoder(tell), json.NewEncoder(ask)
	var addr string
	if err := replies.Decode(&addr); err != nil {
		t.Fatal(err)
	}
	exchange := func(q sinkRequest) (state sinkState) {
		t.Helper()
		if err := requests.Encode(q); err != nil {
			t.Fatal(err)
		}
		if err := replies.Decode(&state); err != nil {
			t.Fatal(err)
		}
		return state
	}
	exchange(sinkRequest{First: 5, Count: 2})
	if got := (load{Addr: addr, Sessions: 1, First: 5, Count: 2, Size: 200}).run(); got.Error != "" {
		t.Fatal(got.Error)
	}
	if state := exchange(sinkRequest{}); state.Count != 2 || time.Since(state.Done) > time.Minute {
		t.Errorf("state %+v", state)
	}
	_ = ask.Close()
	if err := <-ended; err != nil {
		t.Error(err)
	}
}
