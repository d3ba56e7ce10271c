// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bufio"
	"context"
	"errors"
	"io"
	"log/slog"
	"net"
	neturl "net/url"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/config"
	"sesame/internal/core/store"
	"sesame/internal/testkit/pgtest"
)

// devConfig is a server like that of `sesame dev`, on free ports.
func devConfig(t *testing.T) config.Config {
	t.Helper()
	c := config.Default()
	free := []string{"127.0.0.1:0"}
	c.Dev, c.DevAccount, c.DataDir, c.Hostname = true, "123456789012", filepath.Join(t.TempDir(), "data"), "localhost"
	c.Listen = config.Listen{HTTP: free, SMTP: free, SMTPS: free, MX: free, DNS: free, Ops: free[0]}
	c.Zone = config.DevZone()
	return c
}

// TestAClientThatNeverEndsDoesNotKeepTheServerFromStopping has two: one announces a
// body and sends none, one starts a message to the mail exchanger and goes silent.
func TestAClientThatNeverEndsDoesNotKeepTheServerFromStopping(t *testing.T) {
	t.Parallel()
	s, err := Start(t.Context(), devConfig(t), slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	// Its body never comes, so the connection is never idle.
	busy := dial(t, s.Addresses().HTTP[0])
	send(t, busy, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n")
	mx := dial(t, s.Addresses().MX[0])
	r := bufio.NewReader(mx)
	for _, line := range []string{"", "EHLO a.example", "MAIL FROM:<a@a.example>", "RCPT TO:<b@b.example>", "DATA"} {
		if line != "" {
			send(t, mx, line+"\r\n")
		}
		for {
			got, err := r.ReadString('\n')
			if err != nil || got[0] > '3' {
				t.Fatalf("%s: %q, %v", line, got, err)
			}
			if got[3] == ' ' {
				break
			}
		}
	}
	begin := time.Now()
	if err := s.Stop(context.Background()); err != nil {
		t.Errorf("the end was not clean: %v", err)
	}
	if took := time.Since(begin); took > doorTimeout+quitTimeout {
		t.Errorf("it took %v", took)
	}
	// The folder was given back in order.
	c := s.cfg
	again, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	if n := again.spool.Stats().Recovered; n != 0 {
		t.Errorf("%d leases were left", n)
	}
	if err := again.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

func dial(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	if err := c.SetDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	return c
}

func send(t *testing.T, c net.Conn, s string) {
	t.Helper()
	if _, err := io.WriteString(c, s); err != nil {
		t.Fatal(err)
	}
}

func TestASignalDuringTheStartEndsIt(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	c := devConfig(t)
	if _, err := Start(ctx, c, slog.New(slog.DiscardHandler)); !errors.Is(err, context.Canceled) {
		t.Fatalf("got %v", err)
	}
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatalf("the folder was not given back: %v", err)
	}
	if err := s.Stop(context.Background()); err != nil {
		t.Error(err)
	}
}

// TestADatabaseThatHangsDoesNotKeepTheServerFromStopping: its connections stay open, and
// nothing comes back from it any more.
func TestADatabaseThatHangsDoesNotKeepTheServerFromStopping(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	url := pgtest.URL(t)
	database, err := neturl.Parse(url)
	if err != nil {
		t.Fatal(err)
	}
	w := newWire(t, database.Host)
	database.Host = w.addr
	c.Database.URL = database.String()
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	s.accounts.Used("AKIAIOSFODNN7EXAMPLE", "ses", "us-east-1") // is to be written at the end
	w.hang()
	waits := make(chan error, 1)
	go func() {
		waits <- s.db.Write(t.Context(), func(tx *store.Tx) error { _, err := tx.Exec(`DELETE FROM counters`); return err })
	}()
	const patience = 2 * time.Second
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	began := time.Now()
	if err := s.Stop(ctx); err == nil {
		t.Error("nothing is said of what was left")
	}
	if took := time.Since(began); took > patience+5*time.Second {
		t.Errorf("it took %v", took)
	}
	if err := <-waits; !fault.Is(err, fault.Unavailable) {
		t.Errorf("who waited for a commit got %v", err)
	}
	again, err := claim(c.DataDir)
	if err != nil {
		t.Fatalf("the folder was not given back: %v", err)
	}
	if err := again.release(); err != nil {
		t.Error(err)
	}
}

// wire is a TCP proxy before a database. Once it hangs, it swallows what comes.
type wire struct {
	addr  string
	hangs atomic.Bool
}

func newWire(t *testing.T, to string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	w := &wire{addr: l.Addr().String()}
	go func() {
		for {
			client, err := l.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", to)
			if err != nil {
				_ = client.Close()
				continue
			}
			go w.copy(server, client)
			go w.copy(client, server)
		}
	}()
	return w
}

func (w *wire) hang() { w.hangs.Store(true) }

func (w *wire) copy(to, from net.Conn) {
	defer to.Close()
	b := make([]byte, 32<<10)
	for {
		n, err := from.Read(b)
		if err != nil {
			return
		}
		if w.hangs.Load() {
			continue
		}
		if _, err := to.Write(b[:n]); err != nil {
			return
		}
	}
}
