// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sesame/test/harness"
)

// wire is a TCP proxy that can be cut, between the server and its database.
type wire struct {
	addr string
	to   string

	mu    sync.Mutex
	cut   bool
	conns map[net.Conn]bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{addr: l.Addr().String(), to: to, conns: map[net.Conn]bool{}}
	t.Cleanup(func() {
		l.Close()
		w.Cut()
	})
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go w.serve(conn)
		}
	}()
	return w
}

func (w *wire) serve(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", w.to)
	if err != nil {
		return
	}
	defer server.Close()
	if !w.add(client, server) {
		return
	}
	done := make(chan struct{}, 2)
	for _, pair := range [][2]net.Conn{{client, server}, {server, client}} {
		go func() {
			_, _ = io.Copy(pair[0], pair[1]) // ends with either connection
			done <- struct{}{}
		}()
	}
	<-done
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.conns, client)
	delete(w.conns, server)
}

func (w *wire) add(conns ...net.Conn) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range conns {
		w.conns[c] = true
	}
	return !w.cut
}

// Cut ends every connection, and new ones as soon as they begin.
func (w *wire) Cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = true
	for c := range w.conns {
		c.Close()
	}
}

// Mend lets connections through again.
func (w *wire) Mend() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cut = false
}

func TestADatabaseThatGoesAwayAndComesBackLosesNothing(t *testing.T) {
	config := harness.ServeConfig(t)
	direct, err := url.Parse(harness.Postgres(t))
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, direct.Host)
	through := *direct
	through.Host = w.addr
	config.Database.URL = through.String()
	s := start(t, config)
	load := s.client.Start(senders)
	const cuts = 3
	for i := range cuts {
		began := time.Now()
		s.moreAccepted(t, 100)
		w.Cut()
		refused := load.Refused()
		<-time.After(300 * time.Millisecond)
		v1, v2 := sendBoth(s.Server, fmt.Sprintf("api%d@example.net", i))
		wantRetryable(t, "API v1", v1)
		wantRetryable(t, "API v2", v2)
		if status := ready(t, s); status != http.StatusServiceUnavailable {
			t.Errorf("/readyz answers %d", status)
		}
		<-time.After(time.Second)
		w.Mend()
		t.Logf("cut %d after %v: replies %v, %v before it", i+1, time.Since(began), load.Refused(), refused)
	}
	s.moreAccepted(t, 100)
	load.Stop()
	for code := range load.Refused() {
		if code/100 != 4 {
			t.Errorf("SMTP clients were told %d, as if it were for good", code)
		}
	}
	if len(load.Refused()) == 0 {
		t.Error("no SMTP client was refused: the test shows nothing")
	}
	if r := s.balance(t); r.Duplicates > 0 {
		t.Errorf("%d duplicates", r.Duplicates)
	}
}

// ready is the status of /readyz.
func ready(t *testing.T, s *site) int {
	t.Helper()
	file, err := os.ReadFile(filepath.Join(s.Dir, "listen.json"))
	if err != nil {
		t.Fatal(err)
	}
	var doors struct{ Ops []string }
	if err := json.Unmarshal(file, &doors); err != nil {
		t.Fatal(err)
	}
	answer, err := http.Get("http://" + doors.Ops[0] + "/readyz")
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	return answer.StatusCode
}
