// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"sesame/internal/base/scope"
	"sesame/internal/core/spool"
)

// told reads a reply that perhaps never ends, and counts what is taken of it.
type told struct {
	reply   []byte
	endless bool
	taken   int
}

func (r *told) Read(p []byte) (int, error) {
	at := r.taken
	if r.endless && len(r.reply) > 0 {
		at %= len(r.reply)
	}
	if at >= len(r.reply) {
		return 0, io.EOF
	}
	n := copy(p, r.reply[at:])
	r.taken += n
	return n, nil
}

// FuzzClamdReply: only the two words that clamd has for it are a verdict, and no more of a
// reply is read than has to be.
func FuzzClamdReply(f *testing.F) {
	for _, reply := range []string{"stream: OK\x00", "stream: Own.Test FOUND\x00", "INSTREAM size limit exceeded. ERROR\x00", "stream:  FOUND\x00",
		"stream: OK\x00stream: X FOUND\x00", "stream: \xff\xfe FOUND\x00", "\x00", ""} {
		f.Add([]byte(reply), false)
		f.Add([]byte(reply), true)
	}
	f.Fuzz(func(t *testing.T, reply []byte, endless bool) {
		r := &told{reply: reply, endless: endless}
		name, err := readVerdict(r)
		if r.taken > clamdReply {
			t.Errorf("%d octets were read", r.taken)
		}
		if err == nil && string(reply) != "stream: OK\x00" && string(reply) != "stream: "+name+" FOUND\x00" {
			t.Errorf("%q is the verdict %q", reply, name)
		}
		if err != nil && name != "" {
			t.Errorf("%q has a name and an error: %v", reply, err)
		}
		c := checked(t, Options{Viruses: found{name, err}})
		if (c.Virus != "") != (name != "") && storable(name) != "" {
			t.Errorf("%q is on record as %q", name, c.Virus)
		}
	})
}

// FuzzRspamdAnswer: what has no action and score is no opinion, no more of an answer is read
// than has to be, and what is kept of it every database takes.
func FuzzRspamdAnswer(f *testing.F) {
	const ok = "HTTP/1.1 200 OK\r\n\r\n"
	for _, answer := range []string{
		ok + `{"action":"no action","score":-0.5,"symbols":{"A":{},"\u0000":{}}}`, ok + `{"action":"reject","score":99}`,
		ok + `{"action":"add header","score":1e308,"symbols":{"` + strings.Repeat("A", 600) + `":1}}`, ok + "null", ok + "[[[[", ok,
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n{}", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
		"HTTP/1.1 413 Too Large\r\n\r\n", "HTTP/1.1 302 Found\r\nLocation: http://x.test/\r\n\r\n", "HTTP/1.0 200\r\n\r\n{", "\x00",
	} {
		f.Add([]byte(answer), false)
		f.Add([]byte(answer), true)
	}
	f.Fuzz(func(t *testing.T, answer []byte, endless bool) {
		r := &told{reply: answer, endless: endless}
		s := &Rspamd{URL: "http://scanner", Timeout: time.Minute, Client: &http.Client{Transport: r, CheckRedirect: stay}}
		o, err := s.Judge(t.Context(), &spool.Message{ID: "m", Content: []byte("content")})
		if err == nil && (!bytes.Contains(answer, []byte("action")) && !bytes.Contains(answer, []byte(`\u`)) || math.IsNaN(o.Score) || math.IsInf(o.Score, 0)) {
			t.Errorf("%q is the opinion %+v", answer, o)
		}
		if r.taken > rspamdReply+len(answer)+64<<10 {
			t.Errorf("%d octets were read", r.taken)
		}
		c := checked(t, Options{Spam: judged{o, err}})
		if !utf8.ValidString(c.Rules) || strings.Contains(c.Rules, "\x00") || len(c.Rules) > 3*maxText {
			t.Errorf("kept: %q", c.Rules)
		}
	})
}

func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// RoundTrip reads the request and answers with the reply.
func (r *told) RoundTrip(req *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, req.Body); err != nil {
		return nil, err
	}
	return http.ReadResponse(bufio.NewReader(io.LimitReader(r, rspamdReply+64<<10)), req)
}

// found and judged are scanners that have said what they say.
type found struct {
	name string
	err  error
}

func (f found) Find(context.Context, []byte) (string, error) { return f.name, f.err }

type judged struct {
	opinion Opinion
	err     error
}

func (j judged) Judge(context.Context, *spool.Message) (Opinion, error) { return j.opinion, j.err }

// checked has a stage look at a message and returns what it keeps.
func checked(t *testing.T, o Options) (kept spool.Check) {
	t.Helper()
	o.Spool, o.Clock, o.PassUnseen, o.Log = keeper{&kept}, time.Now, true, slog.New(slog.DiscardHandler)
	if _, err := New(o).Check(t.Context(), &spool.Message{ID: "m"}); err != nil {
		t.Errorf("%v", err)
	}
	for _, s := range []string{kept.Virus, kept.Unscanned} {
		if !utf8.ValidString(s) || strings.Contains(s, "\x00") || len(s) > 3*maxText {
			t.Errorf("kept: %q", s)
		}
	}
	return kept
}

type keeper struct{ c *spool.Check }

func (keeper) Checked(context.Context, scope.Scope, string) (spool.Check, bool, error) {
	return spool.Check{}, false, nil
}

func (k keeper) RecordCheck(_ context.Context, _ *spool.Message, c spool.Check) (spool.Check, error) {
	*k.c = c
	return c, nil
}
