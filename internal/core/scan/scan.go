// SPDX-License-Identifier: Apache-2.0

// Package scan has other programs look at the content of messages, between the spool and
// the first attempt: clamd for viruses, Rspamd for spam. What they find is kept with the
// message, so that each is looked at once. A virus rejects the whole message; spam is
// recorded and counted, and rejects only where the operator says so.
package scan

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/spool"
)

// Oversized says that content is more than a scanner takes.
type Oversized struct{ Scanner string }

// Error says it for people.
func (o Oversized) Error() string { return o.Scanner + ": the message is larger than it takes" }

// Viruses finds viruses; Clamd is one.
type Viruses interface {
	Find(ctx context.Context, content []byte) (string, error)
}

// Spam judges messages; Rspamd is one.
type Spam interface {
	Judge(ctx context.Context, m *spool.Message) (Opinion, error)
}

// Spool keeps what was found.
type Spool interface {
	Checked(ctx context.Context, sc scope.Scope, id string) (spool.Check, bool, error)
	RecordCheck(ctx context.Context, m *spool.Message, c spool.Check) (spool.Check, error)
}

// Options configure a Stage.
type Options struct {
	Spool      Spool
	Viruses    Viruses // nil: nobody looks for them
	Spam       Spam    // nil: nobody judges
	RejectSpam bool    // spam is rejected, too
	PassUnseen bool    // while a scanner is away messages pass, marked; else they wait
	Clock      clock.Clock
	Log        *slog.Logger
}

// Stage is safe for concurrent use.
type Stage struct {
	o     Options
	slots chan struct{}

	mu   sync.Mutex
	away map[string]absence // by scanner
}

type absence struct {
	until time.Time
	why   error
}

const (
	maxScans = 8                // at once
	rest     = 10 * time.Second // a scanner that has failed is not asked again before
	maxText  = 500              // octets of what scanners say that are kept
)

// New returns a stage.
func New(o Options) *Stage {
	return &Stage{o: o, slots: make(chan struct{}, maxScans), away: map[string]absence{}}
}

// Check has the content looked at, unless that was done before. It returns whether the
// message may leave: false means that all its recipients have been rejected. After an error
// nobody knows yet, and the message waits.
func (s *Stage) Check(ctx context.Context, m *spool.Message) (bool, error) {
	c, ok, err := s.o.Spool.Checked(ctx, m.Scope, m.ID)
	if err == nil && !ok {
		c, err = s.scan(ctx, m)
	}
	return err == nil && c.Cause == "", err
}

func (s *Stage) scan(ctx context.Context, m *spool.Message) (spool.Check, error) {
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	case <-ctx.Done():
		return spool.Check{}, context.Cause(ctx)
	}
	c := spool.Check{At: s.o.Clock()}
	if err := errors.Join(s.viruses(ctx, m, &c), s.spam(ctx, m, &c)); err != nil && c.Cause != spool.CauseVirus {
		if ctx.Err() != nil || !s.o.PassUnseen {
			return spool.Check{}, err
		}
		c.Unscanned = storable(strings.ReplaceAll(err.Error(), "\n", "; "))
		s.o.Log.Warn("a message passes without having been scanned", "message", m.ID, "error", err)
	}
	if c.Cause == "" && c.Spam && s.o.RejectSpam {
		c.Cause = spool.CauseSpam
	}
	return s.o.Spool.RecordCheck(ctx, m, c)
}

func (s *Stage) viruses(ctx context.Context, m *spool.Message, c *spool.Check) error {
	if s.o.Viruses == nil {
		return nil
	}
	return s.ask(ctx, "viruses", func() error {
		name, err := s.o.Viruses.Find(ctx, m.Content)
		if name != "" {
			c.Virus, c.Cause = storable(name), spool.CauseVirus
		}
		return err
	})
}

func (s *Stage) spam(ctx context.Context, m *spool.Message, c *spool.Check) error {
	if s.o.Spam == nil || c.Cause != "" {
		return nil
	}
	return s.ask(ctx, "spam", func() error {
		o, err := s.o.Spam.Judge(ctx, m)
		if err == nil {
			c.Scored, c.Spam, c.Score, c.Rules = true, o.Spam, o.Score, storable(strings.Join(o.Rules, " "))
		}
		return err
	})
}

// ask asks a scanner, unless it has just failed: one that hangs must not hold up every
// message for its whole timeout.
func (s *Stage) ask(ctx context.Context, scanner string, question func() error) error {
	now := s.o.Clock()
	s.mu.Lock()
	a := s.away[scanner]
	s.mu.Unlock()
	if now.Before(a.until) {
		return a.why
	}
	err := question()
	var big Oversized
	if err == nil || errors.As(err, &big) || ctx.Err() != nil {
		return err
	}
	s.o.Log.Error("a content scanner does not answer", "error", err)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.away[scanner] = absence{s.o.Clock().Add(rest), err}
	return err
}

// storable is s as every database takes it, and no longer than maxText.
func storable(s string) string {
	s = s[:min(len(s), maxText)]
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", ""), "\ufffd")
}
