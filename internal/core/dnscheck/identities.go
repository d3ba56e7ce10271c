// SPDX-License-Identifier: Apache-2.0

package dnscheck

import (
	"context"
	"strings"
	"sync"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/zone"
)

// IdentityReader finds identities and knows what their owners should publish.
// *identity.Identities is one.
type IdentityReader interface {
	Get(ctx context.Context, sc scope.Scope, name string) (identity.Identity, error)
	Expected(i identity.Identity, n zone.Names) []identity.Record
	Names() zone.Names
}

var _ IdentityReader = (*identity.Identities)(nil)

// Identities checks what is published for identities. It is safe for concurrent use.
type Identities struct {
	Identities IdentityReader
	Checker    *Checker

	mu   sync.Mutex
	busy map[string]int // checks that run, by account
}

// maxChecks bounds the checks of one account at once: all share the Checker's questions.
const maxChecks = 2

// Subject is what there is to check for an identity. The error is Get's.
func (s *Identities) Subject(ctx context.Context, sc scope.Scope, name string) (Subject, error) {
	id, err := s.Identities.Get(ctx, sc, name)
	if err != nil {
		return Subject{}, err
	}
	return SubjectOf(id, s.Identities.Expected(id, s.Identities.Names())), nil
}

// Check looks at the records of an identity. The error is Get's, or Throttled while
// maxChecks of the account run.
func (s *Identities) Check(ctx context.Context, sc scope.Scope, name string) (Report, error) {
	subject, err := s.Subject(ctx, sc, name)
	if err != nil {
		return Report{}, err
	}
	if !s.begin(sc.Account) {
		return Report{}, fault.New(fault.Throttled, "Too many checks of the account are running. Try again later.")
	}
	defer s.end(sc.Account)
	return s.Checker.Check(ctx, subject), nil
}

func (s *Identities) begin(account string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[account] >= maxChecks {
		return false
	}
	if s.busy == nil {
		s.busy = map[string]int{}
	}
	s.busy[account]++
	return true
}

func (s *Identities) end(account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.busy[account]--; s.busy[account] == 0 {
		delete(s.busy, account)
	}
}

// SubjectOf is what there is to check for an identity whose owner should publish records.
// The subject of an address is its domain.
func SubjectOf(id identity.Identity, records []identity.Record) Subject {
	s := Subject{Domain: id.Name[strings.LastIndexByte(id.Name, '@')+1:], MailFrom: id.MailFrom.Domain}
	for _, r := range records {
		w := Wanted{Name: r.Name, Type: r.Type, Value: r.Value, Purpose: string(r.Purpose), Required: r.Required}
		for _, k := range id.Keys {
			if strings.HasPrefix(r.Name, k.Selector+"._domainkey.") {
				w.Key = k.PublicKey
			}
		}
		s.Wanted = append(s.Wanted, w)
	}
	return s
}
