// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"bufio"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"sesame/internal/core/scan"
	"sesame/internal/core/spool"
)

// timeoutFor is what a client has of patience: little with a server that is expected to
// try it.
func timeoutFor(want string) time.Duration {
	if want == "timeout" || want == "deadline" {
		return 300 * time.Millisecond
	}
	return time.Minute
}

// content is more than the sockets hold where the server does not read all.
func content(what string) []byte {
	if strings.Contains(what, "read") || strings.Contains(what, "amidst") {
		return make([]byte, 16<<20)
	}
	return make([]byte, 1000)
}

// hostile is a server that does what it likes with each connection, until the client is gone.
func hostile(t *testing.T, serve func(conn net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer conn.Close()
				serve(conn)
			}()
		}
	}()
	return l.Addr().String()
}

// forever writes until the client is gone.
func forever(conn net.Conn, text string) {
	for {
		if _, err := io.WriteString(conn, text); err != nil {
			return
		}
	}
}

// slowly writes an octet now and then, until the client is gone.
func slowly(conn net.Conn, text string) {
	for i := 0; ; i++ {
		if _, err := io.WriteString(conn, text[i%len(text):i%len(text)+1]); err != nil {
			return
		}
		if _, err := io.CopyN(io.Discard, &paced{conn}, 1); err != nil {
			return
		}
	}
}

// paced reads what has come, or nothing after a moment.
type paced struct{ net.Conn }

func (p *paced) Read(b []byte) (int, error) {
	_ = p.SetReadDeadline(time.Now().Add(5 * time.Millisecond))
	n, err := p.Conn.Read(b)
	if e, ok := err.(net.Error); ok && e.Timeout() {
		return 1, nil
	}
	return n, err
}

// drained reads all that the client has for a clamd.
func drained(conn net.Conn) {
	r := bufio.NewReader(conn)
	_, _ = r.Discard(len("zINSTREAM\x00"))
	for {
		var size [4]byte
		if _, err := io.ReadFull(r, size[:]); err != nil || size == [4]byte{} {
			return
		}
		_, _ = r.Discard(int(size[0])<<24 | int(size[1])<<16 | int(size[2])<<8 | int(size[3]))
	}
}

// TestHostileClamd: whatever it does, the answer is an error, in time.
func TestHostileClamd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what  string
		serve func(net.Conn)
		err   string
	}{
		{"it closes at once", func(net.Conn) {}, "clamd: "},
		{"it closes amidst the content", func(conn net.Conn) { _, _ = io.CopyN(io.Discard, conn, 100_000) }, "clamd: "},
		{"it closes without a reply", drained, "EOF"},
		{"it never reads", func(conn net.Conn) { <-t.Context().Done() }, "timeout"},
		{"it never replies", func(conn net.Conn) { drained(conn); _, _ = conn.Read(make([]byte, 1)) }, "timeout"},
		{"its reply never ends", func(conn net.Conn) { drained(conn); forever(conn, "stream: OK") }, "no reply of at most"},
		{"its reply never ends and is slow", func(conn net.Conn) { drained(conn); slowly(conn, "stream: OK") }, "timeout"},
		{"NULs without end", func(conn net.Conn) { drained(conn); forever(conn, "\x00\x00\x00\x00") }, "more than one reply"},
		{"no words", func(conn net.Conn) { drained(conn); _, _ = io.WriteString(conn, "\x00") }, "unexpected reply"},
		{"two verdicts", func(conn net.Conn) { drained(conn); _, _ = io.WriteString(conn, "stream: OK\x00stream: X FOUND\x00") }, "more than one reply"},
		{"clean before it has read all", func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 100_000)
			_, _ = io.WriteString(conn, "stream: OK\x00")
		}, "clamd: "},
		{"an HTTP server", func(conn net.Conn) {
			drained(conn)
			_, _ = io.WriteString(conn, "HTTP/1.1 400 Bad Request\r\n\r\n\x00")
		}, "unexpected reply"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s := scan.Clamd{Address: hostile(t, c.serve), Timeout: timeoutFor(c.err)}
			name, err := s.Find(ctx, content(c.what))
			if name != "" || err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%q, %v; want an error with %q", name, err, c.err)
			}
		})
	}
}

// TestClamdThatHasSeenEnough: a virus is one though the rest of the content was not read.
func TestClamdThatHasSeenEnough(t *testing.T) {
	t.Parallel()
	read := make(chan struct{})
	s := scan.Clamd{Timeout: time.Minute, Address: hostile(t, func(conn net.Conn) {
		_, _ = io.WriteString(conn, "stream: Own FOUND\x00")
		_, _ = io.CopyN(io.Discard, conn, 100)
		_ = conn.(*net.TCPConn).CloseRead()
		<-read // with what is unread the close would be a reset, and take the reply with it
	})}
	defer close(read)
	name, err := s.Find(ctx, make([]byte, 1000))
	if name != "Own" || err != nil {
		t.Errorf("%q, %v", name, err)
	}
}

// asked reads the request.
func asked(conn net.Conn) {
	req, err := http.ReadRequest(bufio.NewReader(conn))
	if err == nil {
		_, _ = io.Copy(io.Discard, req.Body)
	}
}

// TestHostileRspamd: whatever it does, the answer is an error, in time.
func TestHostileRspamd(t *testing.T) {
	t.Parallel()
	const ok = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
	answer := func(text string) func(net.Conn) {
		return func(conn net.Conn) { asked(conn); _, _ = io.WriteString(conn, text) }
	}
	const clean = `{"action":"no action","score":0}`
	for _, c := range []struct {
		what  string
		serve func(net.Conn)
		err   string
	}{
		{"it closes at once", func(net.Conn) {}, "rspamd: "},
		{"it closes without an answer", asked, "EOF"},
		{"it never reads", func(conn net.Conn) { <-t.Context().Done() }, "deadline"},
		{"it never answers", func(conn net.Conn) { asked(conn); _, _ = conn.Read(make([]byte, 1)) }, "deadline"},
		{"fields without end", func(conn net.Conn) { asked(conn); _, _ = io.WriteString(conn, ok); forever(conn, "X: y\r\n") }, "exceeded"},
		{"one field without end", func(conn net.Conn) { asked(conn); _, _ = io.WriteString(conn, ok+"X: "); forever(conn, "yyyyyyyy") }, "exceeded"},
		{"interim answers without end", func(conn net.Conn) { asked(conn); forever(conn, "HTTP/1.1 103 Early Hints\r\n\r\n") }, "exceeded"},
		{"a body without end", func(conn net.Conn) { asked(conn); _, _ = io.WriteString(conn, ok+"\r\n"); forever(conn, "        ") }, "answer of more than"},
		{"a slow body without end", func(conn net.Conn) { asked(conn); _, _ = io.WriteString(conn, ok+"\r\n"); slowly(conn, " ") }, "deadline"},
		{"a chunk without end", func(conn net.Conn) {
			asked(conn)
			_, _ = io.WriteString(conn, ok+"Transfer-Encoding: chunked\r\n\r\n7fffffffffffffff\r\n")
			forever(conn, "        ")
		}, "answer of more than"},
		{"a bomb", func(conn net.Conn) {
			asked(conn)
			_, _ = io.WriteString(conn, ok+"Content-Encoding: gzip\r\n\r\n")
			z := gzip.NewWriter(conn)
			_, _ = io.CopyN(z, zeros{}, 4<<20)
			_ = z.Close()
		}, "invalid character"},
		{"less body than it says", answer(ok + "Content-Length: 100\r\n\r\n" + clean), "unexpected EOF"},
		{"two answers in one", answer(ok + "\r\n" + clean + clean), "after top-level value"},
		{"nothing", answer(ok + "\r\n"), "unexpected end"},
		{"null", answer(ok + "\r\nnull"), "without action and score"},
		{"a list", answer(ok + "\r\n[" + clean + "]"), "cannot unmarshal"},
		{"lists in lists", answer(ok + "\r\n" + strings.Repeat("[", 500_000)), "exceeded max depth"},
		{"a score that is none", answer(ok + "\r\n" + `{"action":"no action","score":1e999}`), "cannot unmarshal"},
		{"NUL", answer(ok + "\r\n\x00" + clean), "invalid character"},
		{"no HTTP", answer("stream: OK\x00"), "malformed HTTP"},
		{"somewhere else", answer("HTTP/1.1 307 Temporary Redirect\r\nLocation: http://192.0.2.1/\r\n\r\n"), "status 307"},
		{"clean before it has read all", func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 100_000)
			_, _ = io.WriteString(conn, ok+"Content-Length: 32\r\n\r\n"+clean)
			<-t.Context().Done()
		}, "has not read"},
	} {
		t.Run(c.what, func(t *testing.T) {
			t.Parallel()
			s := scan.Rspamd{URL: "http://" + hostile(t, c.serve), Timeout: timeoutFor(c.err)}
			o, err := s.Judge(ctx, &spool.Message{ID: "m", Content: content(c.what)})
			if err == nil || !strings.Contains(err.Error(), c.err) {
				t.Errorf("%+v, %v; want an error with %q", o, err, c.err)
			}
		})
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }
