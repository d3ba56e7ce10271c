// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestLetter(t *testing.T) {
	t.Parallel()
	for _, size := range []int{0, 128, 129, 150, 205, 206, 207, 208, 4 << 10, 50 << 10} {
		l := newLetter(size)
		one := string(l.message(7))
		two := string(l.message(12345678))
		head, body, ok := strings.Cut(one, "\r\n\r\n")
		if want := max(size, 128) + len(".\r\n"); !ok || len(body) != want {
			t.Errorf("size %d: body of %d octets, want %d", size, len(body), want)
		}
		if len(one) != len(two) || one == two {
			t.Errorf("size %d: messages differ in length or do not differ at all", size)
		}
		if n, ok := messageNumber([]byte(two)); !ok || n != 12345678 {
			t.Errorf("size %d: number %d, %v", size, n, ok)
		}
		if !strings.Contains(head, "\r\nSubject: "+subject(7)+"\r\n") {
			t.Errorf("size %d: the API's subject is another", size)
		}
		for line := range strings.SplitSeq(strings.TrimSuffix(body, ".\r\n"), "\r\n") {
			if strings.HasPrefix(line, ".") || len(line) > 78 || strings.ContainsAny(line, "\r\n") {
				t.Errorf("size %d: bad line %q", size, line)
			}
		}
	}
}

func TestMessageNumberOfStrangers(t *testing.T) {
	t.Parallel()
	for _, msg := range []string{"", "Subject: hello", "Subject: bench-12", "Subject: bench-1234x678", "Subject: bench--0000001"} {
		if n, ok := messageNumber([]byte(msg)); ok {
			t.Errorf("%q has number %d", msg, n)
		}
	}
}

func TestCheckSigned(t *testing.T) {
	t.Parallel()
	sig := func(bits int) string { return base64.StdEncoding.EncodeToString(make([]byte, bits/8)) }
	folded := sig(2048)[:70] + "\r\n\t" + sig(2048)[70:]
	for _, tc := range []struct{ name, msg, want string }{
		{"a folded signature", "Received: x\r\nDKIM-Signature: v=1; a=rsa-sha256; d=bench.example;\r\n b=" + folded + "; bh=x=\r\n\r\nhi", ""},
		{"a second signature of another domain", "dkim-signature: a=rsa-sha256; d=example.org; b=\r\nDKIM-Signature: d=bench.example; a=rsa-sha256; b=" + folded + "\r\n\r\n", ""},
		{"a short key", "DKIM-Signature: a=rsa-sha256; d=bench.example; b=" + sig(1024) + "\r\n\r\n", "1024 bits"},
		{"another algorithm", "DKIM-Signature: a=ed25519-sha256; d=bench.example; b=" + sig(512) + "\r\n\r\n", "ed25519"},
		{"a signature that is none", "DKIM-Signature: a=rsa-sha256; d=bench.example; b=***\r\n\r\n", "base64"},
		{"no signature", "Subject: x\r\n\r\nDKIM-Signature: a=rsa-sha256; d=bench.example; b=" + sig(2048), "no DKIM signature"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			err := checkSigned([]byte(tc.msg))
			if tc.want == "" && err != nil || tc.want != "" && (err == nil || !strings.Contains(err.Error(), tc.want)) {
				t.Errorf("error %v, want %q", err, tc.want)
			}
		})
	}
}

func TestCallsAgainstServer(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	subjects := map[string]bool{}
	refuse := false
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var in struct {
			Content struct {
				Simple struct {
					Subject struct{ Data string }
					Body    struct{ Text, HTML struct{ Data string } }
				}
			}
		}
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if err := json.Unmarshal(b, &in); err != nil || refuse || !strings.Contains(r.Header.Get("Authorization"), "AWS4-HMAC-SHA256") {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		m := in.Content
		if n := len(m.Simple.Body.Text.Data) + len(m.Simple.Body.HTML.Data); n != 4<<10 {
			t.Errorf("content of %d octets", n)
		}
		subjects[m.Simple.Subject.Data] = true
		_, _ = io.WriteString(w, `{"MessageId":"1"}`)
	}))
	t.Cleanup(srv.Close)
	work := calls{URL: srv.URL, Key: "AKIA", Secret: "s", Connections: 5, First: 100, Count: 40, Size: 4 << 10}
	got := work.run()
	if got.Error != "" || got.Count != 40 || got.P50 <= 0 || got.P99 < got.P50 {
		t.Errorf("calls: %+v", got)
	}
	mu.Lock()
	if len(subjects) != 40 || !subjects[subject(139)] {
		t.Errorf("%d different subjects", len(subjects))
	}
	refuse = true
	mu.Unlock()
	if got := work.run(); !strings.HasPrefix(got.Error, "call 1") || got.Count != 0 {
		t.Errorf("refused calls: %+v", got)
	}
}

func TestParseStat(t *testing.T) {
	t.Parallel()
	p, err := parseStat([]byte("42 (a (b) c) Z 7 1 1 0 -1 4 0 0 0 0 100 20 3 4 20 0 1 0 5\n"))
	if want := (proc{pid: 42, ppid: 7, name: "a (b) c", zombie: true, cpu: 1270 * time.Millisecond}); err != nil || p != want {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, bad := range []string{"", "1 x S", "x (y) S 1", "1 (y) S 1 2", "1 (y) S x 1 1 0 -1 4 0 0 0 0 1 2 3 4 0 0", ")("} {
		if _, err := parseStat([]byte(bad)); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

func TestProcs(t *testing.T) {
	t.Parallel()
	ps := procs{}
	for _, p := range []proc{{pid: 1}, {pid: 2}, {pid: 3, ppid: 2}, {pid: 10, ppid: 1, cpu: 1}, {pid: 11, ppid: 10, cpu: 2},
		{pid: 12, ppid: 11, cpu: 4}, {pid: 20, ppid: 1, cpu: 8, name: "noise"}} {
		ps[p.pid] = p
	}
	if got := ps.tree(10).cpu(); got != 7 {
		t.Errorf("tree of 10 used %d", got)
	}
	if got := ps.tree(11, 10, 99).cpu(); got != 7 {
		t.Errorf("a process is counted twice or a missing one at all: %d", got)
	}
	if got := ps.strangers(10); len(got) != 2 || got.cpu() != 8 {
		t.Errorf("strangers %v", got)
	}
}

func TestReadProcsSeesThisProcess(t *testing.T) {
	t.Parallel()
	ps, err := readProcs()
	if err != nil {
		t.Skip(err)
	}
	self := ps.tree(os.Getpid())
	if len(self) == 0 || self.pss() <= 0 {
		t.Errorf("%v with %d octets", self, self.pss())
	}
}

func TestSpread(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		in   []float64
		want spread
		text string
	}{
		{nil, spread{}, "failed"},
		{[]float64{4}, spread{4, 4, 4, 1}, "4.0"},
		{[]float64{9, 1, 5}, spread{5, 1, 9, 3}, "**5.0** (1.0–9.0)"},
		{[]float64{1, 2, 4, 3}, spread{2.5, 1, 4, 4}, "**2.5** (1.0–4.0)"},
	} {
		if got := spreadOf(tc.in); got != tc.want || got.format(1) != tc.text {
			t.Errorf("%v: %+v %s", tc.in, got, got.format(1))
		}
	}
}

func TestChoose(t *testing.T) {
	t.Parallel()
	all := plan(options{})
	if n := len(choose(all, nil)); n != 4*3+1+3 {
		t.Errorf("%d scenarios", n)
	}
	if got := choose(all, regexp.MustCompile(`relay/Postfix.*/4KiB/20$`)); len(got) != 1 || got[0].System != postfix {
		t.Errorf("chose %v", got)
	}
	seen := map[string]bool{}
	for _, s := range all {
		if seen[s.name()] {
			t.Errorf("%s twice", s.name())
		}
		seen[s.name()] = true
	}
}

// fixture is a result of a scenario with figures that are easy to follow.
func fixture(kind, system string, rate float64, cpu time.Duration) result {
	r := result{scenario: scenario{System: system, Kind: kind, Size: 4 << 10, Sessions: 20, Count: 1000}, Round: 1,
		At: time.Unix(0, 0), Accepted: rate + 10, P50: 2 * time.Millisecond, P99: 9 * time.Millisecond,
		Usage: usage{System: cpu, Sink: 100 * time.Millisecond, Loader: 200 * time.Millisecond, PeakPSS: 50e6}, Calibrate: 10 * time.Millisecond}
	if kind != kindAccept {
		r.EndToEnd = rate
	}
	return r
}

func fixtures() (machine, []result) {
	disturbed := fixture(kindRelay, sesame, 100, 9*time.Second)
	disturbed.Usage.Others = 0.5
	failed := fixture(kindRelay, haraka, 0, 0)
	failed.Error, failed.Round = "start: no\nlong log", 2
	twice := fixture(kindRelay, sesame, 1400, 1200*time.Millisecond)
	twice.Extra = 3
	m := machine{CPU: "Test CPU", CPUs: 2, Memory: 8 << 30, System: "Debian", Kernel: "6.1", Disk: "ext4 on /dev/x",
		Versions: []string{"Sesame abc", "Postfix 3"}, Date: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), Command: "go run ./bench", Rounds: 2,
		SyncP50: []float64{0.2, 0.4}, SyncP99: []float64{1, 1}}
	return m, []result{
		fixture(kindRelay, sesame, 1200, time.Second), fixture(kindRelay, postfix, 400, 5*time.Second), fixture(kindRelay, haraka, 500, 4*time.Second),
		fixture(kindAccept, sesame, 4000, time.Second), fixture(kindAccept, standIn, 5000, time.Second), fixture(kindAPI, sesame, 900, time.Second),
		twice, disturbed, failed,
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	m, results := fixtures()
	got := render(m, results)
	golden := filepath.Join("testdata", "render.golden")
	if os.Getenv("UPDATE") != "" {
		if err := os.WriteFile(golden, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("rendered otherwise than %s (UPDATE=1 rewrites it):\n%s", golden, got)
	}
}

func TestBars(t *testing.T) {
	t.Parallel()
	_, results := fixtures()
	var got []string
	for _, b := range bars(grouped(results)) {
		got = append(got, b.measured+" "+b.verdict)
	}
	if want := []string{"3.25 × met", "2.60 × **missed**", "1.10 ms met", "0.80 × met"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, b := range bars(nil) {
		if b.measured != "not measured" {
			t.Errorf("%+v", b)
		}
	}
}

func TestGroupedKeepsDisturbedRunsOnlyWithoutOthers(t *testing.T) {
	t.Parallel()
	noisy := fixture(kindRelay, sesame, 100, time.Second)
	noisy.Usage.Steal = 0.2
	g := grouped([]result{noisy, noisy})
	if len(g) != 1 || len(g[0].runs) != 2 || g[0].kept() != "0/2*" {
		t.Errorf("%+v", g)
	}
	g = grouped([]result{noisy, fixture(kindRelay, sesame, 300, time.Second)})
	if len(g[0].runs) != 1 || g[0].kept() != "1/2" || g[0].of(endToEnd).median != 300 {
		t.Errorf("%+v", g)
	}
}

func TestWriteBetweenMarkers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "page.md")
	write := func(text string) {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("before\n" + beginMarker + "\nold\n" + endMarker + "\nafter\n")
	for range 2 { // the second time changes nothing
		if err := writeBetweenMarkers(path, "new\n"); err != nil {
			t.Fatal(err)
		}
		b, _ := os.ReadFile(path)
		if want := "before\n" + beginMarker + "\n\nnew\n\n" + endMarker + "\nafter\n"; string(b) != want {
			t.Fatalf("got %q", b)
		}
	}
	write("no markers")
	if err := writeBetweenMarkers(path, "new"); err == nil {
		t.Error("a page without markers is overwritten")
	}
}

func TestPageHasItsMarkers(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile(filepath.Join("..", filepath.FromSlash(page)))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(b), beginMarker) || !strings.Contains(string(b), endMarker) {
		t.Error(page + " lacks the markers to write between")
	}
}

// It is not parallel, as closing a site ends every child of this process.
func TestSiteEndsWhatItStarted(t *testing.T) {
	s, err := newSite(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	// A shell with a child that outlives it is what a mail server looks like.
	if err := s.spawn("shell", "/bin/sh", "-c", "sleep 60 & sleep 60"); err != nil {
		t.Fatal(err)
	}
	err = s.await(t.Context(), "children", func() error {
		ps, err := readProcs()
		if err == nil && len(ps.tree(s.roots...)) < 3 {
			err = io.ErrNoProgress
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	before, _ := readProcs()
	if err := s.close(); err != nil {
		t.Fatal(err)
	}
	after, _ := readProcs()
	for pid := range before.tree(s.roots...) {
		if p, ok := after[pid]; ok && !p.zombie {
			t.Errorf("process %d (%s) still runs", pid, p.name)
		}
	}
	if _, err := os.Stat(s.dir); !os.IsNotExist(err) {
		t.Errorf("directory: %v", err)
	}
}
