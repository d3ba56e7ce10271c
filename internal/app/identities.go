// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/config"
	"sesame/internal/core/identity"
	"sesame/internal/core/keyring"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/proto/dns"
)

// How long the checks of identities remember what DNS said: long enough to ask for a name
// once in a check, so short that a record is found soon after it is published.
const (
	checkTTL         = 10 * time.Second
	checkNegativeTTL = 2 * time.Second
)

// NewIdentities returns the identities of a server as its configuration has them, with a
// resolver and settings of their own.
func NewIdentities(c config.Config, db *store.DB, ring *keyring.Ring, now clock.Clock) (*identity.Identities, error) {
	o, err := identityOptions(c, db, ring, now, setting.New(setting.Options{DB: db, Clock: now}))
	if err != nil {
		return nil, err
	}
	return identity.New(o), nil
}

func identityOptions(c config.Config, db *store.DB, ring *keyring.Ring, now clock.Clock, settings *setting.Settings) (identity.Options, error) {
	resolver, err := dns.New(dns.Options{Servers: c.DNS.Servers, MaxTTL: checkTTL, NegativeTTL: checkNegativeTTL, TemporaryTTL: checkNegativeTTL, Clock: now})
	if err != nil {
		return identity.Options{}, err
	}
	o := identity.Options{
		DB: db, Seal: ring, Clock: now, Random: rand.Reader, Resolver: resolver, VerifyAtOnce: c.Dev && !c.VerifyDNS, AmazonNames: c.Dev,
		Names: zoneNames(c), Signatures: signatures(settings), MailsPerHour: c.Limits.VerificationMails,
	}
	if o.FeedbackHost, err = address.ParseDomain(c.Hostname); err != nil {
		return identity.Options{}, err
	}
	if o.Names.Configured() {
		o.RotateEvery = c.DKIM.RotateEvery.Duration
		o.KeyTTL = cmp.Or(c.Zone.KeyTTL.Duration, zone.DefaultKeyTTL)
	}
	return o, nil
}

// signatures tells which signatures mail gets by the settings of its account, identity and
// configuration set.
func signatures(s *setting.Settings) func(ctx context.Context, sc scope.Scope, name, configSet string) (identity.Signatures, error) {
	return func(ctx context.Context, sc scope.Scope, name, configSet string) (identity.Signatures, error) {
		v, err := s.Effective(ctx, sc, name, configSet)
		return identity.Signatures{Ed25519: v.Ed25519Signature, Service: v.ServiceSignature}, err
	}
}
