// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/dkim"
)

// Rotation has no gap because a domain has three tokens and signs with one of them. A new
// key goes to a token that does not sign. It signs when DNS has shown it at that token's
// name for as long as a verifier may remember the old one; the token that signed before
// keeps its key until its own turn comes, and mail under way still verifies. A customer
// who has published the keys, instead of CNAMEs to ours, sees nothing change: the new key
// is never found, and the old one goes on signing.

// retirement is how long a key stays published after it has last signed.
const retirement = 7 * 24 * time.Hour

// firstKey makes a key sign when DKIM has been found: the one that signs already, else
// the first that DNS shows. External keys sign as they come, the newest one alone.
func (i *Identity) firstKey(shown map[string]finding, now time.Time) {
	external := i.DKIMInfo.Origin == OriginExternal
	if !external && signing(keysOf(i.DKIMInfo.Origin, i.stored), RSA) >= 0 {
		return
	}
	found := -1
	for n, k := range i.stored {
		if k.Algorithm == RSA && k.origin() == i.DKIMInfo.Origin && shown[k.Selector].found && (found < 0 || external) {
			found = n
		}
	}
	if found < 0 {
		return
	}
	if !i.stored[found].Active {
		activate(i.stored, found, now)
	}
	if external {
		i.forget(found)
	}
}

// forget drops the external keys that another has taken over from.
func (i *Identity) forget(keep int) {
	for n, k := range i.stored {
		if n != keep && k.External {
			i.dropped = append(i.dropped, k.Selector)
		}
	}
}

// succeedDKIM takes DKIM as set up without a look at DNS.
func (i *Identity) succeedDKIM(now time.Time) {
	i.DKIM, i.DKIMInfo.Since, i.unsure.dkim = Success, now, time.Time{}
	i.firstKey(i.all(), now)
	i.Keys = keysOf(i.DKIMInfo.Origin, i.stored)
}

// all is the finding that every key is there.
func (i Identity) all() map[string]finding {
	shown := map[string]finding{}
	for _, k := range i.stored {
		shown[k.Selector] = finding{found: true}
	}
	return shown
}

// followKeys goes on with a rotation, and switches the Ed25519 key on while DNS shows it.
func (i *Identity) followKeys(shown map[string]finding, now time.Time, o Options) {
	for n := range i.stored {
		k := &i.stored[n]
		f, asked := shown[k.Selector]
		switch {
		case !asked || f.unsure:
		case k.Algorithm == Ed25519:
			if !f.found || !good(i.DKIM) {
				k.stop(now)
			} else if !k.Active {
				activate(i.stored, n, now)
			}
		case k.Replaces == "" || !good(i.DKIM):
		case !f.found:
			k.SeenAt = time.Time{}
		case k.SeenAt.IsZero():
			k.SeenAt = now
		case now.Sub(k.SeenAt) >= o.KeyTTL:
			activate(i.stored, n, now)
		}
	}
}

// turn is the index of the key in i.stored that is to be replaced by a new one; ok is
// false if none is. With asked, the customer wants it now.
func (i Identity) turn(now time.Time, o Options, asked bool) (n int, ok bool) {
	if i.DKIMInfo.Origin != OriginEasy || !good(i.DKIM) {
		return 0, false
	}
	at := signing(i.stored, RSA)
	if at < 0 {
		return 0, false
	}
	for n, k := range i.stored {
		if k.Replaces != "" { // under way: only its length may still be wrong
			return n, k.Bits != i.DKIMInfo.NextBits
		}
	}
	k := i.stored[at]
	if !asked && k.Bits == i.DKIMInfo.NextBits && (o.RotateEvery == 0 || now.Sub(k.ActiveSince) < o.RotateEvery) {
		return 0, false
	}
	for step := range i.stored {
		n := (at + 1 + step) % len(i.stored)
		k := i.stored[n]
		if !k.Active && k.Algorithm == RSA && !k.External && (k.RetiredAt.IsZero() || o.VerifyAtOnce || now.Sub(k.RetiredAt) >= retirement) {
			return n, true
		}
	}
	return 0, false
}

// renewed is a new key for the token of old, which it replaces when it is found there.
func (s *Identities) renewed(id Identity, old Key) (Key, error) {
	der, err := s.generate(id.DKIMInfo.NextBits)
	if err != nil {
		return Key{}, err
	}
	k, err := s.sealKey(id.Scope, id.Name, old.Selector, der)
	k.position, k.RetiredAt, k.Replaces = old.position, old.RetiredAt, old.Replaces
	if k.Replaces == "" {
		k.Replaces = old.PublicKey
	}
	return k, err
}

// RotateKeys gives a domain with Easy DKIM a new key, which takes over once DNS has shown
// it for long enough. It returns Conflict while another is waiting, or while the tokens
// that do not sign have signed too recently to be given another key.
func (s *Identities) RotateKeys(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	id, err := s.fresh(ctx, sc, name)
	if err != nil {
		return Identity{}, err
	}
	if id.DKIMInfo.Origin != OriginEasy || !good(id.DKIM) {
		return Identity{}, fault.InField(fault.Invalid, "EmailIdentity", "%s has no keys of Easy DKIM in use.", id.Name)
	}
	n, ok := id.turn(s.o.Clock(), s.o, true)
	if !ok {
		return Identity{}, rotating(id.Name)
	}
	k, err := s.renewed(id, id.stored[n])
	if err != nil {
		return Identity{}, fault.Wrap("identity.RotateKeys", err)
	}
	return s.change(ctx, sc, id.Name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		now := s.o.Clock()
		n, ok := id.turn(now, s.o, true)
		if !ok || id.stored[n].Selector != k.Selector {
			return rotating(id.Name), nil
		}
		id.stored[n] = k
		if s.o.VerifyAtOnce {
			activate(id.stored, n, now)
		} else {
			id.Check.Next = now
		}
		return nil, nil
	})
}

func rotating(name string) error {
	return fault.New(fault.Conflict, "A key of %s has been changed too recently, or waits to be found in DNS.", name)
}

// addEd25519 makes the second key of a domain.
func (s *Identities) addEd25519(id *Identity) error {
	der, err := dkim.GenerateEd25519()
	if err != nil {
		return err
	}
	selector, err := newToken(s.o.Random)
	if err != nil {
		return err
	}
	k, err := s.sealKey(id.Scope, id.Name, selector, der)
	if err != nil {
		return err
	}
	k.position, k.Active = edPosition, s.o.VerifyAtOnce
	id.put(k)
	return nil
}
