// SPDX-License-Identifier: Apache-2.0

package scan_test

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/scan"
	"sesame/internal/core/spool"
)

var (
	ctx     = context.Background()
	errAway = errors.New("nobody is there")
	when    = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

// kept is a spool that keeps checks in memory.
type kept map[string]spool.Check

func (k kept) Checked(_ context.Context, _ scope.Scope, id string) (spool.Check, bool, error) {
	c, ok := k[id]
	return c, ok, nil
}

func (k kept) RecordCheck(_ context.Context, m *spool.Message, c spool.Check) (spool.Check, error) {
	k[m.ID] = c
	return c, nil
}

// scanners answer as they are told, and count.
type scanners struct {
	virus           string
	opinion         scan.Opinion
	noClamd, noSpam error
	asked           int
}

func (s *scanners) Find(context.Context, []byte) (string, error) {
	s.asked++
	return s.virus, s.noClamd
}

func (s *scanners) Judge(context.Context, *spool.Message) (scan.Opinion, error) {
	return s.opinion, s.noSpam
}

func TestStage(t *testing.T) {
	t.Parallel()
	spam := scan.Opinion{Spam: true, Score: 15, Rules: []string{"A", "B"}}
	for _, c := range []struct {
		what        string
		says        scanners
		reject, let bool
		leaves      bool
		err         error
		want        spool.Check
	}{
		{what: "a clean message leaves", says: scanners{opinion: scan.Opinion{Score: 1}}, leaves: true, want: spool.Check{Scored: true, Score: 1}},
		{what: "a virus does not", says: scanners{virus: "Own"}, want: spool.Check{Virus: "Own", Cause: spool.CauseVirus}},
		{what: "spam is recorded", says: scanners{opinion: spam}, leaves: true, want: spool.Check{Scored: true, Spam: true, Score: 15, Rules: "A B"}},
		{what: "and rejected if asked for", says: scanners{opinion: spam}, reject: true, want: spool.Check{Scored: true, Spam: true, Score: 15, Rules: "A B", Cause: spool.CauseSpam}},
		{what: "without a scanner of viruses it waits", says: scanners{noClamd: errAway}, err: errAway},
		{what: "without one of spam, too", says: scanners{noSpam: errAway}, err: errAway},
		{what: "a virus is one, whoever judges spam", says: scanners{virus: "Own", noSpam: errAway}, want: spool.Check{Virus: "Own", Cause: spool.CauseVirus}},
		{what: "or it passes, marked", says: scanners{noClamd: errAway, opinion: spam}, let: true, leaves: true,
			want: spool.Check{Scored: true, Spam: true, Score: 15, Rules: "A B", Unscanned: "nobody is there"}},
		{what: "too large is no reason to let it out", says: scanners{noClamd: scan.Oversized{Scanner: "clamd"}}, err: scan.Oversized{Scanner: "clamd"}},
	} {
		k := kept{}
		stage := scan.New(scan.Options{Spool: k, Viruses: &c.says, Spam: &c.says, RejectSpam: c.reject, PassUnseen: c.let,
			Clock: clock.NewFake(when).Now, Log: slog.New(slog.DiscardHandler)})
		m := &spool.Message{ID: "m"}
		leaves, err := stage.Check(ctx, m)
		if leaves != c.leaves || !errors.Is(err, c.err) {
			t.Errorf("%s: %v, %v", c.what, leaves, err)
			continue
		}
		if err != nil {
			if len(k) > 0 {
				t.Errorf("%s: kept %+v", c.what, k)
			}
			continue
		}
		c.want.At = when
		if k["m"] != c.want {
			t.Errorf("%s: kept %+v, want %+v", c.what, k["m"], c.want)
		}
		if again, err := stage.Check(ctx, m); again != leaves || err != nil || c.says.asked != 1 {
			t.Errorf("%s: asked %d times", c.what, c.says.asked)
		}
	}
}

// TestAScannerThatHasFailedRests, or each message would wait for its timeout.
func TestAScannerThatHasFailedRests(t *testing.T) {
	t.Parallel()
	s, now := &scanners{noClamd: errAway}, clock.NewFake(when)
	stage := scan.New(scan.Options{Spool: kept{}, Viruses: s, Clock: now.Now, Log: slog.New(slog.DiscardHandler)})
	for range 3 {
		if _, err := stage.Check(ctx, &spool.Message{ID: "m"}); !errors.Is(err, errAway) {
			t.Fatal(err)
		}
	}
	if s.asked != 1 {
		t.Errorf("asked %d times", s.asked)
	}
	now.Advance(time.Minute)
	s.noClamd = nil
	if ok, err := stage.Check(ctx, &spool.Message{ID: "m"}); !ok || err != nil {
		t.Error(err)
	}
}

// clamd is one that reads a stream and gives a reply; "" is none.
func clamd(t *testing.T, reply string, got chan<- string) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		command := make([]byte, len("zINSTREAM\x00"))
		_, _ = io.ReadFull(conn, command)
		text := string(command)
		for {
			var size uint32
			if binary.Read(conn, binary.BigEndian, &size) != nil || size == 0 {
				break
			}
			chunk := make([]byte, size)
			_, _ = io.ReadFull(conn, chunk)
			text += string(chunk)
		}
		got <- text
		if reply == "" {
			_, _ = conn.Read(make([]byte, 1)) // until the client has had enough
		}
		_, _ = io.WriteString(conn, reply)
	}()
	return l.Addr().String()
}

func TestClamd(t *testing.T) {
	t.Parallel()
	content := strings.Repeat("0123456789abcdef", 10_000) // three chunks
	for _, c := range []struct{ reply, virus, err string }{
		{"stream: OK\x00", "", ""},
		{"stream: Own.Test.UNOFFICIAL FOUND\x00", "Own.Test.UNOFFICIAL", ""},
		{"INSTREAM size limit exceeded. ERROR\x00", "", "larger than it takes"},
		{"stream: whatever ERROR\x00", "", "unexpected reply"},
		{"stream:  FOUND\x00", "", "unexpected reply"},
		{"stream: OK", "", "EOF"},
		{strings.Repeat("x", 100_000), "", "clamd: "},
		{"", "", "timeout"},
	} {
		got := make(chan string, 1)
		s := scan.Clamd{Address: clamd(t, c.reply, got), Timeout: time.Minute}
		if c.reply == "" {
			s.Timeout = 100 * time.Millisecond
		}
		virus, err := s.Find(ctx, []byte(content))
		if virus != c.virus || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%.50q: %q, %v", c.reply, virus, err)
		}
		if sent := <-got; sent != "zINSTREAM\x00"+content {
			t.Errorf("%.50q: it got %d octets", c.reply, len(sent))
		}
	}
	if _, err := (&scan.Clamd{Address: "/nowhere/clamd.ctl", Timeout: time.Second}).Find(ctx, nil); err == nil {
		t.Error("a socket that is not there answers")
	}
}

func TestRspamd(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what   string
		status int
		answer string
		spam   bool
		score  float64
		err    string
	}{
		{"clean", 200, `{"action":"no action","score":-0.5,"symbols":{"A":{}}}`, false, -0.5, ""},
		{"greylisting is for others", 200, `{"action":"greylist","score":4}`, false, 4, ""},
		{"spam", 200, `{"action":"add header","score":7.5}`, true, 7.5, ""},
		{"more spam", 200, `{"action":"reject","score":99}`, true, 99, ""},
		{"no score", 200, `{"action":"reject"}`, false, 0, "without action and score"},
		{"no JSON", 200, `<html>`, false, 0, "invalid character"},
		{"an error", 500, ``, false, 0, "status 500"},
		{"elsewhere", 302, ``, false, 0, "status 302"},
		{"too large", 413, ``, false, 0, "larger than it takes"},
		{"an endless answer", 200, strings.Repeat(" ", 2<<20), false, 0, "answer of more than"},
	} {
		var path, body string
		srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b, _ := io.ReadAll(r.Body)
			path, body = r.URL.Path, string(b)
			w.WriteHeader(c.status)
			_, _ = io.WriteString(w, c.answer)
		}))
		o, err := (&scan.Rspamd{URL: srv.URL + "/", Timeout: time.Minute}).Judge(ctx, &spool.Message{ID: "m", Content: []byte("content")})
		srv.Close()
		if o.Spam != c.spam || o.Score != c.score || (err == nil) != (c.err == "") || err != nil && !strings.Contains(err.Error(), c.err) {
			t.Errorf("%s: %+v, %v", c.what, o, err)
		}
		if path != "/checkv2" || body != "content" {
			t.Errorf("%s: %s got %q", c.what, path, body)
		}
	}
}
