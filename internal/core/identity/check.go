// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"encoding/hex"
	"io"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/notice"
	"sesame/internal/core/store"
)

// Bounds of the checks of a node.
const (
	checkTimeout  = 20 * time.Second // of one check, whatever its name servers do
	claimFor      = 2 * time.Minute  // then another node takes over from one that died
	maxChecks     = 32               // at the same time
	maxPerAccount = maxChecks / 4    // so that nobody's silent name servers hold up the others
	maxPerSearch  = 4 * maxChecks    // identities read at once
	maxAsked      = 8                // checks by CheckNow at the same time
	checkEvery    = 5 * time.Second  // how often a node looks for what is due
)

// Checker asks DNS about identities when they are due, and moves their statuses. Nodes
// that share a database share the work. It is safe for concurrent use.
type Checker struct {
	ids *Identities
	log *slog.Logger

	mu      sync.Mutex
	running map[string]int // checks under way by account
	total   int
	free    chan struct{} // has room for one: a check has ended

	checks, changes, failures atomic.Int64
}

// NewChecker returns the checker of ids.
func NewChecker(ids *Identities, log *slog.Logger) *Checker {
	return &Checker{ids: ids, log: log, running: map[string]int{}, free: make(chan struct{}, 1)}
}

// CheckerStats are counters since the start, for metrics.
type CheckerStats struct {
	Checks    int64 // made
	Changes   int64 // of them, those that an account was told something of
	Failures  int64 // of them, those that came to nothing
	Active    int
	MaxActive int
}

// Stats returns the present counters.
func (c *Checker) Stats() CheckerStats {
	c.mu.Lock()
	defer c.mu.Unlock()
	return CheckerStats{c.checks.Load(), c.changes.Load(), c.failures.Load(), c.total, maxChecks}
}

// Run checks until ctx ends, and waits for the checks under way.
func (c *Checker) Run(ctx context.Context) {
	var wg sync.WaitGroup
	defer wg.Wait()
	t := time.NewTicker(checkEvery)
	defer t.Stop()
	for {
		if _, err := c.fill(ctx, &wg); err != nil && ctx.Err() == nil {
			c.log.Error("identities that are due can't be read", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		case <-c.ids.wake:
		case <-c.free:
		}
	}
}

// Round checks all that is due now, and returns how many were checked.
func (c *Checker) Round(ctx context.Context) (int, error) {
	var wg sync.WaitGroup
	all := 0
	for {
		n, err := c.fill(ctx, &wg)
		wg.Wait()
		all += n
		if err != nil || n == 0 {
			return all, err
		}
	}
}

// fill starts the checks that are due, as far as there is room, and returns how many.
func (c *Checker) fill(ctx context.Context, wg *sync.WaitGroup) (int, error) {
	due, err := c.ids.due(ctx)
	if err != nil {
		return 0, err
	}
	var claims []claim
	for _, d := range due {
		if c.enter(d.scope.Account) {
			claims = append(claims, d)
		}
	}
	if len(claims) == 0 {
		return 0, nil
	}
	won, err := c.ids.claim(ctx, claims)
	for n, d := range claims {
		if err != nil || !won[n] {
			c.leave(d.scope.Account)
			continue
		}
		wg.Go(func() {
			defer c.leave(d.scope.Account)
			c.check(ctx, d)
		})
	}
	return len(claims), err
}

func (c *Checker) enter(account string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.total >= maxChecks || c.running[account] >= maxPerAccount {
		return false
	}
	c.total++
	c.running[account]++
	return true
}

func (c *Checker) leave(account string) {
	c.mu.Lock()
	c.total--
	if c.running[account]--; c.running[account] == 0 {
		delete(c.running, account)
	}
	c.mu.Unlock()
	select {
	case c.free <- struct{}{}:
	default:
	}
}

// check makes one check that was claimed.
func (c *Checker) check(ctx context.Context, d claim) {
	c.checks.Add(1)
	told, err := c.ids.check(ctx, d)
	if err != nil {
		c.failures.Add(1)
		if ctx.Err() == nil && !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Conflict) { // which are somebody's change meanwhile
			c.log.Error("an identity can't be checked", "identity", d.name, "account", d.scope.Account, "region", d.scope.Region, "error", err)
		}
	}
	if len(told) > 0 {
		c.changes.Add(1)
	}
	for _, n := range told {
		c.log.Info("identity", "identity", d.name, "account", d.scope.Account, "region", d.scope.Region, "change", string(n.Kind))
	}
}

// CheckNow looks at DNS for one identity at once, whether it is due or not, and returns
// what became of it (`sesame identity check`). It returns Conflict where somebody has
// changed the identity meanwhile.
func (s *Identities) CheckNow(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	norm, _, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	select {
	case s.asking <- struct{}{}:
		defer func() { <-s.asking }()
	case <-ctx.Done():
		return Identity{}, fault.Wrap("identity.CheckNow", ctx.Err())
	}
	claims := []claim{{scope: sc, name: norm, any: true}}
	won, err := s.claim(ctx, claims)
	if err != nil {
		return Identity{}, err
	}
	if !won[0] {
		return Identity{}, notFound(norm)
	}
	if _, err = s.check(ctx, claims[0]); err != nil {
		return Identity{}, err
	}
	return s.load(ctx, sc, norm)
}

// claim is one identity to be checked, by whoever wins it.
type claim struct {
	scope scope.Scope
	name  string
	next  int64 // when it is due
	any   bool  // or whenever that is
	token string
}

// dueQuery takes turns between the accounts, so that one with thousands of identities
// waits for itself alone.
const dueQuery = `SELECT account, region, name, next_check_at FROM (
	SELECT account, region, name, next_check_at, row_number() OVER (PARTITION BY account ORDER BY next_check_at) AS turn
	FROM identities WHERE next_check_at > 0 AND next_check_at <= ?) AS due
	WHERE turn <= ? ORDER BY turn, next_check_at LIMIT ?`

func (s *Identities) due(ctx context.Context) ([]claim, error) {
	rows, err := s.o.DB.Query(ctx, dueQuery, store.Millis(s.o.Clock()), maxPerAccount, maxPerSearch)
	if err != nil {
		return nil, store.Wrap("identity.Check", err)
	}
	defer rows.Close()
	var due []claim
	for rows.Next() {
		var d claim
		if err := rows.Scan(&d.scope.Account, &d.scope.Region, &d.name, &d.next); err != nil {
			return nil, store.Wrap("identity.Check", err)
		}
		due = append(due, d)
	}
	return due, store.Wrap("identity.Check", rows.Err())
}

// claim takes the identities for this node, unless another was faster or somebody has
// changed them. It gives each of claims its token.
func (s *Identities) claim(ctx context.Context, claims []claim) (won []bool, err error) {
	for n := range claims {
		var b [16]byte
		if _, err := io.ReadFull(s.o.Random, b[:]); err != nil {
			return nil, fault.Wrap("identity.Check", err)
		}
		claims[n].token = hex.EncodeToString(b[:])
	}
	until := store.Millis(s.o.Clock().Add(claimFor))
	err = s.o.DB.Write(ctx, func(tx *store.Tx) error {
		won = make([]bool, len(claims))
		for n, d := range claims {
			changed, err := tx.Exec(`UPDATE identities SET claim = ?, next_check_at = ?
				WHERE account = ? AND region = ? AND name = ? AND (? = 1 OR next_check_at = ?)`,
				d.token, until, d.scope.Account, d.scope.Region, d.name, store.Flag(d.any), d.next)
			if err != nil {
				return err
			}
			won[n] = changed > 0
		}
		return nil
	})
	return won, err
}

// check looks at DNS for a claimed identity and settles what follows, in one commit. It
// returns what the account is told.
func (s *Identities) check(ctx context.Context, d claim) ([]notice.Notice, error) {
	id, err := s.load(ctx, d.scope, d.name)
	if err != nil {
		return nil, err
	}
	before := id
	before.stored = slices.Clone(id.stored)
	look, cancel := context.WithTimeout(ctx, checkTimeout)
	f, err := s.lookup(look, id)
	cancel()
	if err = cmp.Or(ctx.Err(), err); err != nil { // a node that stops has seen nothing
		return nil, fault.Wrap("identity.Check", err)
	}
	told := id.apply(f, s.o.Clock(), s.o)
	if err := s.renew(ctx, &id); err != nil {
		return nil, fault.Wrap("identity.Check", err)
	}
	return told, s.settle(ctx, d, id, before, told)
}

// renew makes the keys that are due.
func (s *Identities) renew(ctx context.Context, id *Identity) error {
	now := s.o.Clock()
	if n, ok := id.turn(now, s.o, false); ok {
		k, err := s.renewed(*id, id.stored[n])
		if err != nil {
			return err
		}
		id.stored[n] = k
		id.Check.Next = id.next(now, s.o)
	}
	if id.Kind != Domain || !good(id.DKIM) {
		return nil
	}
	if slices.ContainsFunc(id.stored, func(k Key) bool { return k.Algorithm == Ed25519 }) {
		return nil
	}
	want, err := s.o.Signatures(ctx, id.Scope, id.Name, "")
	if err != nil || !want.Ed25519 {
		return err
	}
	return s.addEd25519(id)
}

// settle writes what a check has found, unless somebody has changed the identity since it
// was claimed.
func (s *Identities) settle(ctx context.Context, d claim, id, before Identity, told []notice.Notice) error {
	lost, moved := false, id.moved(before)
	err := s.o.DB.Write(ctx, func(tx *store.Tx) error {
		if moved {
			if err := fresh.Changed(tx, d.scope.Account); err != nil {
				return err
			}
		}
		n, err := tx.Exec(updateState+` AND claim = ?`, append(id.state(), d.scope.Account, d.scope.Region, d.name, d.token)...)
		if lost = n == 0; err != nil || lost {
			return err
		}
		if err := saveKeys(tx, id, before.stored); err != nil {
			return err
		}
		for _, n := range told {
			if err := notice.Append(tx, n); err != nil {
				return err
			}
		}
		return nil
	})
	if moved {
		s.changes.Forget(d.scope.Account)
	}
	if err == nil && lost {
		return fault.New(fault.Conflict, "%s has been changed during the check.", d.name)
	}
	return err
}

// moved reports whether i differs from what it was in what matters to mail: that it was
// looked at is nobody else's concern.
func (i Identity) moved(was Identity) bool {
	return i.Verification != was.Verification || i.DKIM != was.DKIM || i.MailFrom != was.MailFrom || !slices.Equal(i.stored, was.stored)
}
