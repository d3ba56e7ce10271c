// SPDX-License-Identifier: Apache-2.0

// Package identity holds verified identities (SES: creating and verifying
// identities): domains and addresses that an account may send from in a region,
// with the DKIM keys that sign for the domains.
package identity

import (
	"context"
	"io"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/policy"
)

// Kind tells domains from addresses.
type Kind string

// Status is a verification or DKIM status, in API v2's spelling.
type Status string

// The kinds and the statuses that are used so far.
const (
	Domain  Kind = "DOMAIN"
	Address Kind = "EMAIL_ADDRESS"

	Pending          Status = "PENDING"
	Success          Status = "SUCCESS"
	Failed           Status = "FAILED"
	TemporaryFailure Status = "TEMPORARY_FAILURE"
	NotStarted       Status = "NOT_STARTED"
)

// MaxPerRegion is SES's quota of identities of an account in a region.
const MaxPerRegion = 10_000

// Tag is a resource tag.
type Tag struct{ Key, Value string }

// Identity is a domain or address of a scope.
type Identity struct {
	Scope        scope.Scope
	Name         string // domain in lower case, or address as it was written
	Kind         Kind
	Verification Status
	Token        string // for the TXT record that proves a domain (API v1)
	ConfigSet    string // default configuration set
	Tags         []Tag
	CreatedAt    time.Time
	VerifiedAt   time.Time // zero until verified

	Check    Check
	Signing  bool // DKIM signing is switched on
	DKIM     Status
	DKIMInfo DKIMInfo
	Keys     []Key // DKIM keys of the present origin in the order of their tokens; none for an address

	MailFrom      MailFrom
	Forwarding    bool // feedback is forwarded by mail
	Notifications Notifications

	// Vouched says that the operator took the identity as verified: checks look, but
	// take nothing away from it.
	Vouched bool

	unsure unsure
	stored []Key // all keys of the identity's own, those of other origins too

	dropped []string // selectors of keys that are no longer in stored or needed
}

// unsure is since when DNS has not answered about each of the three statuses; zero where
// it has.
type unsure struct{ verification, dkim, mailFrom time.Time }

// Check is what the last look at the identity's DNS records gave. Times are zero for
// never.
type Check struct {
	StatusSince time.Time // since when Verification is what it is
	At          time.Time // of the last check
	SucceededAt time.Time // of the last check that found what it looked for
	Error       string    // why the last check failed, as SES names it: HOST_NOT_FOUND ...; "" if it did not
	Next        time.Time // when the next one is due; zero: none is

	SOA dns.SOA // start of the zone that a domain is in, as the last check saw it; the zero value if it saw none
}

// Origin says where a DKIM key comes from, in API v2's spelling: OriginEasy,
// OriginExternal, or ReplicaOf a region.
type Origin string

// The origins.
const (
	OriginEasy     Origin = "AWS_SES"
	OriginExternal Origin = "EXTERNAL"
)

// DKIMInfo is how an identity's DKIM was set up.
type DKIMInfo struct {
	Origin          Origin
	Since           time.Time // since when DKIM is what it is
	NextBits        int       // length of the next key (Easy DKIM)
	LengthChangedAt time.Time // of NextBits
	Override        bool      // an address has a setting of its own, instead of its domain's
}

// MailFrom is the custom MAIL FROM domain. Status is "" where there is none.
type MailFrom struct {
	Domain   string
	Status   Status
	Since    time.Time // since when Status is what it is
	Behavior Behavior
}

// Behavior says what happens to mail while the custom MAIL FROM domain can't be used,
// in API v2's spelling.
type Behavior string

// The behaviours (SES: custom MAIL FROM, behavior on MX failure).
const (
	UseDefault    Behavior = "USE_DEFAULT_VALUE"
	RejectMessage Behavior = "REJECT_MESSAGE"
)

// Notifications say which topics hear of feedback, by type. They are kept, and read by
// whoever delivers feedback.
type Notifications struct {
	Bounce    Notification `json:"bounce,omitzero"`
	Complaint Notification `json:"complaint,omitzero"`
	Delivery  Notification `json:"delivery,omitzero"`
}

// Notification is the setting of one feedback type.
type Notification struct {
	Topic   string `json:"topic,omitempty"`   // ARN of the SNS topic; "" for none
	Headers bool   `json:"headers,omitempty"` // include the original header fields
}

// Verified reports whether mail may be sent from the identity. A temporary failure is a
// warning: it takes that away when it has become a failure (SES: identity statuses).
func (i *Identity) Verified() bool { return good(i.Verification) }

// good are the statuses in which something works.
func good(s Status) bool { return s == Success || s == TemporaryFailure }

// Tokens are the DKIM tokens of SES's answers: the selectors of the keys that this server
// made, so none where the customer brought the key (SES: checking BYODKIM).
func (i Identity) Tokens() []string {
	tokens := []string{}
	for _, k := range i.Keys {
		if k.Algorithm == RSA && !k.External {
			tokens = append(tokens, k.Selector)
		}
	}
	return tokens
}

// Sealer keeps private keys unreadable at rest; aad binds a key to its row.
type Sealer interface {
	Seal(plaintext, aad []byte) []byte
	Open(sealed, aad []byte) ([]byte, error)
}

// Options configure Identities.
type Options struct {
	DB     *store.DB
	Seal   Sealer
	Clock  clock.Clock
	Random io.Reader
	// Resolver answers checks; nil where none are made.
	Resolver Resolver

	// Accounts tells which accounts are paused; nil: none is.
	Accounts Accounts
	// MailsPerHour bounds the verification mails of all accounts together; 0: nothing does.
	MailsPerHour int

	// VerifyAtOnce makes everything verified as soon as it is set up, as on a laptop.
	VerifyAtOnce bool

	Names        zone.Names     // of the service's zone; the zero value: customers publish keys themselves
	FeedbackHost address.Domain // without a zone, the MX of custom MAIL FROM domains
	// AmazonNames lets MAIL FROM domains lead to SES's own hosts, for clients that build
	// these names themselves (dev answers for them).
	AmazonNames bool

	// RotateEvery is how long a key of Easy DKIM signs; 0: until somebody asks for
	// another.
	RotateEvery time.Duration
	// KeyTTL is how long a verifier may remember a key record; 0 means an hour.
	KeyTTL time.Duration

	// Signatures tells which signatures beside its own an identity's mail gets; nil
	// means the service's and no Ed25519.
	Signatures func(ctx context.Context, sc scope.Scope, identity, configSet string) (Signatures, error)
}

// Signatures are those that a message may get beside the RSA signature of its identity.
type Signatures struct {
	Ed25519 bool // of its identity (RFC 8463)
	Service bool // of the service's own domain (SES: d=amazonses.com)
}

// Identities serves the identities of one server. It is safe for concurrent use. A
// change made by another node is seen within a second.
type Identities struct {
	o          Options
	changes    *fresh.Changes
	cache      *fresh.Cache[cacheKey, *Identity]
	policies   *fresh.Cache[cacheKey, *policy.Set]
	generating chan struct{} // bounds how many keys are made at once
	wake       chan struct{} // has room for one: something is due
	asking     chan struct{} // bounds CheckNow
}

// New returns the identities kept in o.DB.
func New(o Options) *Identities {
	if o.KeyTTL == 0 {
		o.KeyTTL = time.Hour
	}
	if o.Signatures == nil {
		o.Signatures = func(context.Context, scope.Scope, string, string) (Signatures, error) {
			return Signatures{Service: true}, nil
		}
	}
	changes := fresh.NewChanges(o.DB, o.Clock)
	return &Identities{
		o: o, changes: changes,
		cache:      fresh.NewCache[cacheKey](changes, fresh.Options[*Identity]{Size: cacheSize}),
		policies:   fresh.NewCache[cacheKey](changes, fresh.Options[*policy.Set]{Size: cacheSize}),
		generating: make(chan struct{}, 2), wake: make(chan struct{}, 1), asking: make(chan struct{}, maxAsked),
	}
}

// poke tells the checker of this node that something is due.
func (s *Identities) poke() {
	select {
	case s.wake <- struct{}{}:
	default: // it knows already
	}
}

// ParseName gives an identity's name in the form in which it is kept, and tells its
// kind. A domain is in lower case: example.com is EXAMPLE.com, too. An address is as it
// was written, since SES tells addresses apart by every letter, their domain's included.
// International domains are given by their A-labels.
func ParseName(name string) (string, Kind, error) {
	if strings.Contains(name, "@") {
		a, err := address.Parse(name)
		if err != nil || strings.HasPrefix(string(a.Domain), "[") {
			return "", "", fault.InField(fault.Invalid, "EmailIdentity", "Invalid email address <%s>.", safe(name))
		}
		return a.Written(), Address, nil
	}
	d, err := address.ParseDomain(name)
	if err != nil || d.Parent() == "" {
		return "", "", fault.InField(fault.Invalid, "EmailIdentity", "Invalid domain name <%s>.", safe(name))
	}
	return string(d), Domain, nil
}

// safe makes a name from outside fit to be shown in an error.
func safe(s string) string {
	if len(s) > 320 {
		s = s[:320] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return '?'
		}
		return r
	}, s)
}

// Get returns the identity with exactly this name, or NotFound. When it was checked last,
// as long as that changed nothing, may be older than what Read says.
func (s *Identities) Get(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	id, err := s.get(ctx, sc, name)
	if err != nil {
		return Identity{}, err
	}
	return *id, nil
}

// get is Get; the identity is shared.
func (s *Identities) get(ctx context.Context, sc scope.Scope, name string) (*Identity, error) {
	return s.cache.Get(ctx, sc.Account, cacheKey{sc, name}, func() (*Identity, error) {
		norm, _, err := ParseName(name)
		if err != nil {
			return nil, err
		}
		id, err := s.load(ctx, sc, norm)
		if err != nil {
			return nil, err
		}
		return &id, nil
	})
}

func notFound(name string) error {
	return fault.New(fault.NotFound, "Email identity %s does not exist.", name)
}

// List returns up to limit identities of a kind (any if kind is "") by name, from
// the first after the name after. More reports whether others follow.
func (s *Identities) List(ctx context.Context, sc scope.Scope, kind Kind, after string, limit int) (ids []Identity, more bool, err error) {
	rows, err := s.o.DB.Query(ctx, `SELECT `+columns+` FROM identities
		WHERE account = ? AND region = ? AND name > ? AND (? = '' OR kind = ?) ORDER BY name LIMIT ?`,
		sc.Account, sc.Region, after, string(kind), string(kind), limit+1)
	if err != nil {
		return nil, false, store.Wrap("identity.List", err)
	}
	defer rows.Close()
	for rows.Next() {
		id := Identity{Scope: sc}
		if err := scan(rows, &id); err != nil {
			return nil, false, store.Wrap("identity.List", err)
		}
		ids = append(ids, id)
	}
	if err := rows.Err(); err != nil {
		return nil, false, store.Wrap("identity.List", err)
	}
	if len(ids) > limit {
		return ids[:limit], true, nil
	}
	return ids, false, nil
}

// Delete removes the identity with its keys and policies, or returns NotFound.
func (s *Identities) Delete(ctx context.Context, sc scope.Scope, name string) error {
	norm, _, err := ParseName(name)
	if err != nil {
		return err
	}
	var n int64
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if err := fresh.Changed(tx, sc.Account); err != nil {
			return err
		}
		n, err = tx.Exec(`DELETE FROM identities WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, norm)
		if err == nil {
			_, err = tx.Exec(`DELETE FROM dkim_keys WHERE account = ? AND region = ? AND identity = ?`, sc.Account, sc.Region, norm)
		}
		if err == nil {
			err = deletePolicies(tx, sc, norm)
		}
		if err == nil {
			err = setting.Forget(tx, setting.Resource{Scope: sc, Kind: setting.Identity, Name: norm})
		}
		return err
	})
	s.changes.Forget(sc.Account)
	if err == nil && n == 0 {
		return notFound(norm)
	}
	return err
}

// Resolve returns the identity that mail from a is sent under: the most specific that is
// verified of the address itself, the address without its label (SES: a verified
// user@example.com covers user+label@example.com), and the domains that a's domain is in
// or below (a verified domain covers its subdomains and addresses). It returns NotFound
// if there is none.
func (s *Identities) Resolve(ctx context.Context, sc scope.Scope, a address.Address) (Identity, error) {
	names := withoutLabels(make([]string, 0, maxNames), a)
	id, err := s.nearest(ctx, sc, names, a.Domain, (*Identity).Verified)
	return id.orNotFound(a.Domain, err)
}

// ResolveDomain returns the most specific verified domain identity at or above d, or
// NotFound.
func (s *Identities) ResolveDomain(ctx context.Context, sc scope.Scope, d address.Domain) (Identity, error) {
	id, err := s.nearest(ctx, sc, nil, d, (*Identity).Verified)
	return id.orNotFound(d, err)
}

// orNotFound is what nearest found for a domain.
func (i *Identity) orNotFound(d address.Domain, err error) (Identity, error) {
	if err == nil && i == nil {
		err = notFound(string(d))
	}
	if err != nil {
		return Identity{}, err
	}
	return *i, nil
}

// nearest returns the first identity that is wanted of those with these names and of the
// domains at or above d; nil if there is none. It is shared.
func (s *Identities) nearest(ctx context.Context, sc scope.Scope, names []string, d address.Domain, want func(*Identity) bool) (*Identity, error) {
	for _, name := range names {
		if id, err := s.wanted(ctx, sc, name, want); id != nil || err != nil {
			return id, err
		}
	}
	for ; d.Parent() != ""; d = d.Parent() {
		if id, err := s.wanted(ctx, sc, string(d), want); id != nil || err != nil {
			return id, err
		}
	}
	return nil, nil
}

// wanted returns the identity of a name, or nil where there is none or another is wanted.
func (s *Identities) wanted(ctx context.Context, sc scope.Scope, name string, want func(*Identity) bool) (*Identity, error) {
	id, err := s.get(ctx, sc, name)
	switch {
	case err == nil && want(id):
		return id, nil
	case err == nil || absent(err):
		return nil, nil
	}
	return nil, err
}

// maxNames is how many names withoutLabels gives.
const maxNames = 3

// withoutLabels adds to names that of an address, and those of the addresses that it may be
// a labelled form of. A label begins at the first plus sign, or at the last, if the address
// that it is put on has signs of its own; more forms are not tried, for a hostile sender
// must not cost a look-up per sign.
func withoutLabels(names []string, a address.Address) []string {
	name := a.Written()
	at := len(a.Local)
	names = append(names, name)
	if a.IsZero() || name[0] == '"' {
		return names // a sign in a quoted string is part of it
	}
	first, last := strings.IndexByte(a.Local, '+'), strings.LastIndexByte(a.Local, '+')
	if last > first {
		names = append(names, name[:last]+name[at:])
	}
	if first > 0 {
		names = append(names, name[:first]+name[at:])
	}
	return names
}
