// SPDX-License-Identifier: Apache-2.0

package app

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"sesame/internal/config"
)

// heard is a log that closes the channel of a message when it is logged first.
type heard struct {
	slog.Handler
	message string
	first   chan struct{}
}

func (h heard) WithAttrs([]slog.Attr) slog.Handler       { return h }
func (h heard) Enabled(context.Context, slog.Level) bool { return true }
func (h heard) Handle(_ context.Context, r slog.Record) error {
	if r.Message == h.message {
		close(h.first)
	}
	return nil
}

func TestStopStopsCertmagic(t *testing.T) {
	t.Parallel()
	c := config.Default()
	c.DataDir, c.Hostname = filepath.Join(t.TempDir(), "data"), "mail.example.com"
	free := []string{"127.0.0.1:0"}
	c.Listen = config.Listen{HTTPS: free, SMTP: free, SMTPS: free, Ops: free[0]}
	c.TLS = config.TLS{ACMEDomains: []string{c.Hostname}, ACMEDirectory: "https://127.0.0.1:1/"} // nobody is there
	end := heard{Handler: slog.DiscardHandler, message: "stopped background certificate maintenance", first: make(chan struct{})}
	s, err := Start(t.Context(), c, slog.New(end))
	if err != nil {
		t.Fatal(err)
	}
	select {
	case <-end.first:
		t.Error("certmagic ended before the server did")
	default:
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Error(err)
	}
	<-end.first
}

func TestACMEFailsAtTheStartForWhatTheFileSays(t *testing.T) {
	t.Parallel()
	notPEM := filepath.Join(t.TempDir(), "ca.pem")
	if err := os.WriteFile(notPEM, []byte("no certificate"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := acmeRoots(notPEM); err == nil || !strings.Contains(err.Error(), "ca.pem has no certificate") {
		t.Errorf("a file without a certificate: %v", err)
	}
	if _, err := acmeRoots(notPEM + ".not"); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("no file: %v", err)
	}
	if _, _, err := challengeListener([]string{"127.0.0.1:nonsense"}); err == nil {
		t.Error("a port that is none was taken")
	}
}

func TestTheProofIsGivenOnTheFirstHTTPSListener(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		https []string
		host  string
		port  int
	}{
		{"on all addresses", []string{":443"}, "", 443},
		{"behind something that forwards port 443", []string{"192.0.2.1:8443", ":443"}, "192.0.2.1", 8443},
		{"a port by its name", []string{"[::1]:https"}, "::1", 443},
		{"no listener, so on certmagic's own", nil, "", 0},
	} {
		if host, port, err := challengeListener(c.https); host != c.host || port != c.port || err != nil {
			t.Errorf("%s: got %q, %d, %v", c.name, host, port, err)
		}
	}
}

func TestACMELocks(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := newACMEStorage(t.TempDir())
		if err := s.Lock(t.Context(), "a"); err != nil {
			t.Fatal(err)
		}
		if ok, err := s.TryLock(t.Context(), "a"); ok || err != nil {
			t.Errorf("a lock that is held was given: %t, %v", ok, err)
		}
		if ok, err := s.TryLock(t.Context(), "b"); !ok || err != nil {
			t.Errorf("another lock was not given: %t, %v", ok, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		if err := s.Lock(ctx, "a"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("who could not wait longer got %v", err)
		}
		got := make(chan int, 2)
		for n := range cap(got) {
			go func() {
				if err := s.Lock(t.Context(), "a"); err != nil {
					t.Error(err)
				}
				got <- n
			}()
		}
		for left := cap(got); left >= 0; left-- {
			synctest.Wait()
			if holders := cap(got) - left; len(got) != holders {
				t.Errorf("%d have the lock, %d released it before", len(got), holders)
			}
			if err := s.Unlock(t.Context(), "a"); err != nil {
				t.Error(err)
			}
		}
		if err := s.Unlock(t.Context(), "a"); err == nil {
			t.Error("a lock that nobody holds was released")
		}
	})
}

func TestCertmagicLogsIntoTheServersLog(t *testing.T) {
	t.Parallel()
	stopping := make(chan struct{})
	for _, c := range []struct {
		name  string
		level slog.Level
		log   func(*zap.Logger)
		want  string
	}{
		{"a step is for debugging", slog.LevelDebug, func(l *zap.Logger) { l.Info("lock acquired", zap.Strings("names", []string{"a"})) },
			`level=DEBUG msg="lock acquired" part=acme names=[a]` + "\n"},
		{"and else not there", slog.LevelInfo, func(l *zap.Logger) { l.Info("lock acquired") }, ""},
		{"a warning", slog.LevelInfo, func(l *zap.Logger) { l.With(zap.Int("n", 1)).Warn("odd", zap.Duration("in", time.Minute)) },
			"level=WARN msg=odd part=acme n=1 in=1m0s\n"},
		{"an error with its cause", slog.LevelInfo, func(l *zap.Logger) { l.Named("obtain").Error("will retry", zap.Error(errors.New("refused"))) },
			"level=ERROR msg=\"will retry\" part=acme error=refused\n"},
		{"what fails because the server stops", slog.LevelInfo, func(l *zap.Logger) {
			close(stopping)
			l.Error("job failed")
		}, ""},
	} {
		var out bytes.Buffer
		h := slog.NewTextHandler(&out, &slog.HandlerOptions{Level: c.level, ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey {
				return slog.Attr{}
			}
			return a
		}})
		core := zapCore{slog.New(h).With("part", "acme").Handler(), stopping}
		c.log(zap.New(core, zap.ErrorOutput(zapcore.AddSync(&out))))
		if err := core.Sync(); err != nil || out.String() != c.want {
			t.Errorf("%s: got %q, want %q (%v)", c.name, out.String(), c.want, err)
		}
	}
}
