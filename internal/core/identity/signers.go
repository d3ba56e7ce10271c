// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"fmt"
	"sync"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/proto/dkim"
	"sesame/internal/proto/rsasign"
)

// signerCache bounds the parsed private keys in memory; at the bound it starts anew.
const signerCache = 10_000

// Signers gives the keys that sign. It parses each private key once. It is safe for
// concurrent use.
type Signers struct {
	ids  *Identities
	rsa  *rsasign.Engine
	mu   sync.Mutex
	keys map[string]dkim.Key
}

// NewSigners returns the signers of ids.
func NewSigners(ids *Identities, rsa *rsasign.Engine) *Signers {
	return &Signers{ids: ids, rsa: rsa, keys: map[string]dkim.Key{}}
}

// Signer is one signature that a message gets.
type Signer struct {
	Domain   string // d=
	Selector string // s=
	Key      dkim.Key
}

// For returns the signers of a message from a, in the order of its signatures: the RSA
// key of the domain that a is sent under, if that signs, its Ed25519 key where the
// settings want it, and the service's own (SES: d=amazonses.com). The domain is that of
// the most specific verified identity; an address that is an identity itself has the
// signature of its exact domain's identity, unless it is switched off. No signers are no
// error: the mail goes unsigned.
func (g *Signers) For(ctx context.Context, sc scope.Scope, a address.Address, configSet string) ([]Signer, error) {
	id, err := g.ids.Resolve(ctx, sc, a)
	if err != nil && !absent(err) {
		return nil, err
	}
	want, err := g.ids.o.Signatures(ctx, sc, id.Name, configSet)
	if err != nil {
		return nil, err
	}
	var signers []Signer
	if id.Signing && id.Kind == Address {
		id, err = g.ids.parent(ctx, sc, id.Name)
		if absent(err) { // gone since
			id, err = Identity{}, nil
		}
		if err != nil {
			return nil, err
		}
	}
	if id.Signing && id.Verified() {
		if signers, err = g.of(signers, id, want.Ed25519); err != nil {
			return nil, err
		}
	}
	if want.Service && g.ids.o.Names.Configured() {
		service, err := g.ids.Get(ctx, serviceScope(), string(g.ids.o.Names.Zone))
		if err != nil && !absent(err) {
			return nil, err
		}
		return g.of(signers, service, false)
	}
	return signers, nil
}

// of adds the signers of a domain.
func (g *Signers) of(signers []Signer, id Identity, ed25519 bool) ([]Signer, error) {
	for _, a := range []Algorithm{RSA, Ed25519} {
		n := signing(id.Keys, a)
		if n < 0 || a == Ed25519 && !ed25519 {
			continue
		}
		key, err := g.parsed(id, id.Keys[n])
		if err != nil {
			return nil, fault.Wrap("identity.Signers", err)
		}
		signers = append(signers, Signer{Domain: id.Name, Selector: id.Keys[n].Selector, Key: key})
	}
	return signers, nil
}

func (g *Signers) parsed(id Identity, k Key) (dkim.Key, error) {
	aad := keyAAD(k.home, id.Name, k.Selector)
	name := string(aad) + "/" + k.PublicKey // a token gets another key when it is rotated
	g.mu.Lock()
	defer g.mu.Unlock()
	if key := g.keys[name]; key != nil {
		return key, nil
	}
	key, err := g.parse(k, aad)
	if err != nil {
		return nil, fmt.Errorf("DKIM key %s of %s: %w", k.Selector, id.Name, err)
	}
	if len(g.keys) >= signerCache {
		clear(g.keys)
	}
	g.keys[name] = key
	return key, nil
}

func (g *Signers) parse(k Key, aad []byte) (dkim.Key, error) {
	der, err := g.ids.o.Seal.Open([]byte(k.sealed), aad)
	if err != nil {
		return nil, err
	}
	if k.Algorithm == Ed25519 {
		return dkim.LoadEd25519(der)
	}
	return g.rsa.Load(der)
}

// serviceScope is where the service's own identity is kept: the one of its zone's name.
func serviceScope() scope.Scope { return scope.Scope{Account: scope.ServiceAccount, Region: "service"} }

// EnsureService makes the identity of the service's own domain unless it is there. Its
// keys are found in DNS and rotated like any other's, and sign all mail.
func (s *Identities) EnsureService(ctx context.Context) error {
	if !s.o.Names.Configured() {
		return nil
	}
	_, err := s.Create(ctx, serviceScope(), string(s.o.Names.Zone), Settings{})
	if fault.Is(err, fault.AlreadyExists) {
		return nil
	}
	return err
}

// Service returns the identity of the service's own domain, or NotFound before the first
// start with a zone.
func (s *Identities) Service(ctx context.Context) (Identity, error) {
	return s.Get(ctx, serviceScope(), string(s.o.Names.Zone))
}
