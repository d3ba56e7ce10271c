// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"encoding/base64"
	"io"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
)

// Settings are what a new identity may be given.
type Settings struct {
	ConfigSet string
	Tags      []Tag
	DKIM      DKIMSetup // of a domain; the zero value is Easy DKIM with 2048 bits

	// TokenOnly makes a domain that is proven by its TXT record alone; its DKIM is not
	// started (SES API v1: VerifyDomainIdentity).
	TokenOnly bool

	// Confirmed makes an address that has proven itself already, so that no mail asks it
	// to (SES API v2: SendCustomVerificationEmail, which makes the identity on the click).
	Confirmed bool
}

// Create adds an identity, which then waits for its verification: a domain for its DNS
// records, an address for the mail that a notice asks for in the same commit.
func (s *Identities) Create(ctx context.Context, sc scope.Scope, name string, set Settings) (Identity, error) {
	norm, kind, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	if _, err := s.fresh(ctx, sc, norm); err == nil {
		return Identity{}, fault.New(fault.AlreadyExists, "Email identity %s already exist.", norm)
	} else if !fault.Is(err, fault.NotFound) {
		return Identity{}, err
	}
	// Before the key is made, which costs more than all the rest.
	var n int
	if err := s.o.DB.QueryRow(ctx, countQuery, sc.Account, sc.Region).Scan(&n); err != nil {
		return Identity{}, store.Wrap("identity.Create", err)
	}
	if n >= MaxPerRegion {
		return Identity{}, tooMany()
	}
	if kind == Address && !s.proven(set) {
		if err := s.mayAsk(ctx, sc); err != nil {
			return Identity{}, err
		}
	}
	id, err := s.prepare(sc, norm, kind, set)
	if err != nil {
		return Identity{}, fault.Wrap("identity.Create", err)
	}
	var refusal error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		refusal, err = s.insert(tx, id)
		return err
	})
	s.changes.Forget(sc.Account)
	if err = cmp.Or(err, refusal); err != nil {
		return Identity{}, err
	}
	s.poke()
	err = s.complete(ctx, &id)
	return id, err
}

const countQuery = `SELECT count(*) FROM identities WHERE account = ? AND region = ?`

func tooMany() error {
	return fault.New(fault.LimitExceeded, "You have reached the maximum of %d identities.", MaxPerRegion)
}

// prepare makes an identity with its keys, in memory.
func (s *Identities) prepare(sc scope.Scope, name string, kind Kind, set Settings) (Identity, error) {
	now := s.o.Clock()
	id := Identity{Scope: sc, Name: name, Kind: kind, Verification: Pending, Signing: kind == Domain,
		DKIM: NotStarted, ConfigSet: set.ConfigSet, Tags: set.Tags, CreatedAt: now, Forwarding: true,
		Check:    Check{StatusSince: now},
		DKIMInfo: DKIMInfo{Origin: OriginEasy, Since: now, NextBits: orDefault(set.DKIM.NextBits)},
		MailFrom: MailFrom{Behavior: UseDefault},
	}
	var b [32]byte
	if _, err := io.ReadFull(s.o.Random, b[:]); err != nil {
		return id, err
	}
	id.Token = base64.StdEncoding.EncodeToString(b[:])
	if kind == Domain && !set.TokenOnly {
		keys, err := s.setupKeys(sc, name, set.DKIM)
		if err != nil {
			return id, err
		}
		id.start(set.DKIM, keys, now)
	}
	if s.o.VerifyAtOnce || kind == Address && set.Confirmed {
		id.verify(now)
	} else if kind == Domain {
		id.Check.Next = now
	} else {
		id.Check.Next = id.next(now, s.o)
	}
	return id, nil
}

// proven reports whether an address needs no mail to be verified.
func (s *Identities) proven(set Settings) bool { return s.o.VerifyAtOnce || set.Confirmed }

// verify takes the identity as verified, with DKIM in use where it was set up.
func (i *Identity) verify(now time.Time) {
	i.Verification, i.VerifiedAt, i.Check.StatusSince, i.Check.Error, i.unsure.verification = Success, now, now, "", time.Time{}
	if i.Kind == Domain && i.DKIM != NotStarted {
		i.succeedDKIM(now)
	}
}

// insert adds the rows of id, or tells why not: a refusal is no error of the
// transaction, which others share.
func (s *Identities) insert(tx *store.Tx, id Identity) (refusal, err error) {
	var n int64
	if err := tx.Get([]any{&n}, countQuery, id.Scope.Account, id.Scope.Region); err != nil {
		return nil, err
	}
	if n >= MaxPerRegion {
		return tooMany(), nil
	}
	values, err := id.own()
	if err != nil {
		return nil, err
	}
	if err := fresh.Changed(tx, id.Scope.Account); err != nil {
		return nil, err
	}
	n, err = tx.Exec(insertQuery, append(values, id.state()...)...)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return fault.New(fault.AlreadyExists, "Email identity %s already exist.", id.Name), nil
	}
	if id.Kind == Address && id.Verification == Pending {
		refusal, err := s.askAddress(tx, id.Scope, id.Name, id.CreatedAt)
		if refusal != nil {
			_, err = tx.Exec(`DELETE FROM identities WHERE account = ? AND region = ? AND name = ?`, id.Scope.Account, id.Scope.Region, id.Name)
		}
		return refusal, err // an address has no keys
	}
	return nil, putKeys(tx, id.Scope, id.Name, id.stored...)
}
