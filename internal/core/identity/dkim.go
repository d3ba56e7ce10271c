// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"errors"
	"regexp"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/proto/dkim"
)

// DKIMSetup is what a caller wants of an identity's DKIM (SES API v2: DkimSigningAttributes).
type DKIMSetup struct {
	Origin     Origin // "" means OriginEasy
	NextBits   int    // Easy DKIM: 1024 or 2048; 0 for what is set, or 2048
	PrivateKey string // external: base64 of PKCS #1 or PKCS #8, without header, footer and line breaks
	Selector   string // external
}

func (d DKIMSetup) origin() Origin {
	if d.Origin == "" {
		return OriginEasy
	}
	return d.Origin
}

// lengthInterval is how long a key's length stays before it may be raised (SES: changing
// the DKIM key length).
const lengthInterval = 24 * time.Hour

// SetDKIM sets up DKIM for a domain anew, or changes the length of the next key (SES API
// v2: PutEmailIdentityDkimSigningAttributes; v1: VerifyDomainDkim).
//
// A domain whose Easy DKIM is under way or done keeps it; only the length can change. One
// whose DKIM failed, or was of another origin, starts anew, and is signed for by nobody
// until the new records are found (SES: switching between Easy DKIM and BYODKIM). An
// external key of another selector takes over from the old one without a gap.
func (s *Identities) SetDKIM(ctx context.Context, sc scope.Scope, name string, d DKIMSetup) (Identity, error) {
	old, err := s.fresh(ctx, sc, name)
	if err != nil {
		return Identity{}, err
	}
	if old.Kind != Domain {
		return Identity{}, fault.InField(fault.Invalid, "EmailIdentity", "The EmailIdentity value must be a valid domain.")
	}
	if d.origin() == OriginEasy && old.easy() {
		return s.setLength(ctx, old, d.NextBits)
	}
	var keys []Key
	if d.origin() != OriginEasy || len(old.easyKeys()) == 0 {
		if keys, err = s.setupKeys(sc, old.Name, d); err != nil {
			return Identity{}, fault.Wrap("identity.SetDKIM", err)
		}
	}
	return s.change(ctx, sc, old.Name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		now := s.o.Clock()
		made := keys
		if d.origin() == OriginEasy && len(id.easyKeys()) > 0 {
			made = nil // the tokens stay, so that records that are published still count
		}
		id.start(d, made, now)
		if id.Verification == Failed {
			id.restart(now)
		}
		if s.o.VerifyAtOnce {
			id.succeedDKIM(now)
		} else {
			id.Check.Next = now
		}
		return nil, nil
	})
}

// fresh is Get past the cache: whoever changes an identity looks at what is there.
func (s *Identities) fresh(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	norm, _, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	return s.load(ctx, sc, norm)
}

// easy reports whether Easy DKIM is under way or done.
func (i Identity) easy() bool {
	return i.DKIMInfo.Origin == OriginEasy && (i.DKIM == Pending || good(i.DKIM))
}

// easyKeys are the domain's own keys of Easy DKIM, in use or not.
func (i Identity) easyKeys() []Key {
	var keys []Key
	for _, k := range i.stored {
		if k.Algorithm == RSA && !k.External {
			keys = append(keys, k)
		}
	}
	return keys
}

// setLength changes the length of the next key: not to the length that is set, and up
// not within a day of the last change. Down always, which is what SES's rule (once in 24
// hours, but for the first change to 1024) comes to.
func (s *Identities) setLength(ctx context.Context, old Identity, bits int) (Identity, error) {
	if bits == 0 {
		return old, nil
	}
	if err := validBits(bits); err != nil {
		return Identity{}, err
	}
	id, err := s.change(ctx, old.Scope, old.Name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		now := s.o.Clock()
		switch {
		case bits == id.DKIMInfo.NextBits:
			return badLength("the key length is RSA_%d_BIT already.", bits), nil
		case bits > id.DKIMInfo.NextBits && now.Sub(id.DKIMInfo.LengthChangedAt) < lengthInterval:
			return badLength("the key length was changed less than 24 hours ago."), nil
		}
		id.DKIMInfo.NextBits, id.DKIMInfo.LengthChangedAt = bits, now
		if !s.o.VerifyAtOnce {
			id.Check.Next = now
		}
		return nil, nil
	})
	if err == nil && s.o.VerifyAtOnce {
		return s.RotateKeys(ctx, old.Scope, old.Name)
	}
	return id, err
}

func badLength(format string, args ...any) error {
	return fault.InField(fault.Invalid, "SigningAttributes.NextSigningKeyLength", "The input you provided is invalid: "+format, args...)
}

func validBits(bits int) error {
	if bits != 1024 && bits != 2048 {
		return badLength("a key has 1024 or 2048 bits.")
	}
	return nil
}

// setupKeys makes the keys that d asks for: three tokens, the customer's one key, or
// none of its own.
func (s *Identities) setupKeys(sc scope.Scope, domain string, d DKIMSetup) ([]Key, error) {
	switch d.origin() {
	case OriginEasy:
		bits := orDefault(d.NextBits)
		if err := validBits(bits); err != nil {
			return nil, err
		}
		return s.newKeys(sc, domain, bits)
	case OriginExternal:
		return s.externalKey(sc, domain, d)
	}
	if _, ok := d.Origin.region(); !ok {
		return nil, fault.InField(fault.Invalid, "SigningAttributesOrigin", "The value %s is no origin of signing attributes.", safe(string(d.Origin)))
	}
	return nil, nil
}

// selectorForm is what the model of the API has: a label, hyphens within. The guide, which
// knows letters and digits alone (SES: troubleshooting BYODKIM), is narrower than SES.
var selectorForm = regexp.MustCompile(`^[0-9A-Za-z]([0-9A-Za-z-]{0,61}[0-9A-Za-z])?$`)

// externalKey is the key that a customer brings. The errors tell nothing of it.
func (s *Identities) externalKey(sc scope.Scope, domain string, d DKIMSetup) ([]Key, error) {
	const selector, private = "SigningAttributes.DomainSigningSelector", "SigningAttributes.DomainSigningPrivateKey"
	switch {
	case d.Selector == "":
		return nil, fault.InField(fault.Invalid, selector, "DomainSigningSelector must be given with the origin EXTERNAL.")
	case d.PrivateKey == "":
		return nil, fault.InField(fault.Invalid, private, "DomainSigningPrivateKey must be given with the origin EXTERNAL.")
	case !selectorForm.MatchString(d.Selector):
		return nil, fault.InField(fault.Invalid, selector, "DomainSigningSelector must be 1 to 63 letters, digits and hyphens, and begin and end with a letter or digit.")
	}
	der, err := dkim.ParseRSA(d.PrivateKey)
	switch {
	case errors.Is(err, dkim.ErrKeySize):
		return nil, fault.InField(fault.Invalid, private, "DomainSigningPrivateKey must be an RSA key of 1024 to 2048 bits.")
	case err != nil:
		return nil, fault.InField(fault.Invalid, private, "DomainSigningPrivateKey must be an RSA private key of PKCS #1 or PKCS #8 "+
			"in base64, without header, footer and line breaks.")
	}
	k, err := s.sealKey(sc, domain, d.Selector, der)
	k.External = true
	return []Key{k}, err
}

// start begins DKIM with the keys that were made for d.
func (i *Identity) start(d DKIMSetup, keys []Key, now time.Time) {
	switched := i.DKIMInfo.Origin != d.origin()
	same := !switched && i.DKIMInfo.Origin == OriginExternal && good(i.DKIM)
	i.DKIM, i.DKIMInfo.Origin, i.DKIMInfo.Since, i.unsure.dkim = Pending, d.origin(), now, time.Time{}
	for n := range i.stored {
		if !same || i.stored[n].Selector == keys[0].Selector {
			i.stored[n].stop(now)
		}
	}
	if bits := d.NextBits; bits != 0 {
		i.DKIMInfo.NextBits = bits
	}
	for _, k := range keys {
		i.put(k)
	}
	i.Keys = keysOf(i.DKIMInfo.Origin, i.stored)
}

// put adds a key, or replaces the one of its selector.
func (i *Identity) put(k Key) {
	for n := range i.stored {
		if i.stored[n].Selector == k.Selector {
			i.stored[n] = k
			return
		}
	}
	i.stored = append(i.stored, k)
}

// SetSigning switches DKIM signing on or off (SES API v2: PutEmailIdentityDkimAttributes;
// v1: SetIdentityDkimEnabled). An address has nothing of its own to switch on: it signs as
// its domain's identity does, or has that switched off for itself.
func (s *Identities) SetSigning(ctx context.Context, sc scope.Scope, name string, on bool) error {
	norm, kind, err := ParseName(name)
	if err != nil {
		return err
	}
	var inherits bool
	if kind == Address {
		parent, err := s.parent(ctx, sc, norm)
		if err != nil && !absent(err) {
			return err
		}
		inherits = err == nil && parent.Verified() && parent.Signing
	}
	_, err = s.change(ctx, sc, norm, func(_ *store.Tx, id *Identity) (refusal, err error) {
		if kind == Address && on && !inherits {
			return fault.InField(fault.Invalid, "EmailIdentity",
				"DKIM signing can't be enabled for %s: the domain of the address is not a verified identity with DKIM signing enabled.", norm), nil
		}
		id.Signing = on && kind == Domain
		id.DKIMInfo.Override = !on && kind == Address
		return nil, nil
	})
	return err
}
