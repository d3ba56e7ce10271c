// SPDX-License-Identifier: Apache-2.0

// Package identity holds verified identities (SES: creating and verifying
// identities): domains and addresses that an account may send from in a region,
// with the DKIM keys that sign for the domains.
package identity

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
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
	Keys     []Key // DKIM keys in the order of their tokens; none for an address

	MailFrom      MailFrom
	Forwarding    bool // feedback is forwarded by mail
	Notifications Notifications
}

// Check is what the last look at the identity's DNS records gave. Times are zero for
// never.
type Check struct {
	StatusSince time.Time // since when Verification is what it is
	At          time.Time // of the last check
	SucceededAt time.Time // of the last check that found what it looked for
	Error       string    // why the last check failed, as SES names it: HOST_NOT_FOUND ...; "" if it did not
	Next        time.Time // when the next one is due; zero: none is
}

// Origin says where a DKIM key comes from, in API v2's spelling: OriginEasy,
// OriginExternal, or AWS_SES_ with the parent's region for a replica.
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

// Verified reports whether mail may be sent from the identity.
func (i Identity) Verified() bool { return i.Verification == Success }

// Tokens are the DKIM tokens, which are the selectors of the keys.
func (i Identity) Tokens() []string {
	tokens := make([]string, len(i.Keys))
	for n, k := range i.Keys {
		tokens[n] = k.Selector
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

	// VerifyAtOnce makes every new identity verified, as on a laptop.
	VerifyAtOnce bool
}

// Identities serves the identities of one server. It is safe for concurrent use. A
// change made by another node is seen within a second.
type Identities struct {
	o          Options
	cache      *cache[Identity]
	policies   *cache[[]*policy.Document]
	generating chan struct{} // bounds how many keys are made at once
}

// New returns the identities kept in o.DB.
func New(o Options) *Identities {
	return &Identities{o: o, cache: newCache[Identity](), policies: newCache[[]*policy.Document](), generating: make(chan struct{}, 2)}
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

// Settings are what a new identity may be given.
type Settings struct {
	ConfigSet string
	Tags      []Tag
	DKIM      DKIMSetup // of a domain; the zero value is Easy DKIM with 2048 bits

	// TokenOnly makes a domain that is proven by its TXT record alone; its DKIM is not
	// started (SES API v1: VerifyDomainIdentity).
	TokenOnly bool
}

// Create adds an identity. A domain gets its DKIM keys and tokens at once.
func (s *Identities) Create(ctx context.Context, sc scope.Scope, name string, set Settings) (Identity, error) {
	norm, kind, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	if _, err := s.Get(ctx, sc, norm); err == nil {
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
	id, err := s.prepare(sc, norm, kind, set)
	if err != nil {
		return Identity{}, err
	}
	var refusal error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		refusal, err = insert(tx, id)
		return err
	})
	s.cache.drop(sc, norm)
	if err = cmp.Or(err, refusal); err != nil {
		return Identity{}, err
	}
	return id, nil
}

const countQuery = `SELECT count(*) FROM identities WHERE account = ? AND region = ?`

func tooMany() error {
	return fault.New(fault.LimitExceeded, "You have reached the maximum of %d identities.", MaxPerRegion)
}

func (s *Identities) prepare(sc scope.Scope, name string, kind Kind, set Settings) (Identity, error) {
	now := s.o.Clock()
	id := Identity{Scope: sc, Name: name, Kind: kind, Verification: Pending, Signing: kind == Domain,
		DKIM: NotStarted, ConfigSet: set.ConfigSet, Tags: set.Tags, CreatedAt: now, Forwarding: true,
		Check:    Check{StatusSince: now},
		DKIMInfo: DKIMInfo{Origin: OriginEasy, Since: now, NextBits: keyBits},
		MailFrom: MailFrom{Behavior: UseDefault},
	}
	var b [32]byte
	if _, err := io.ReadFull(s.o.Random, b[:]); err != nil {
		return id, store.Wrap("identity.Create", err)
	}
	id.Token = base64.StdEncoding.EncodeToString(b[:])
	if kind == Domain {
		keys, err := s.newKeys(sc, name)
		if err != nil {
			return id, store.Wrap("identity.Create", err)
		}
		id.Keys, id.DKIM = keys, Pending
	}
	if s.o.VerifyAtOnce {
		verify(&id, s.o.Clock())
	}
	return id, nil
}

func verify(id *Identity, now time.Time) {
	id.Verification, id.VerifiedAt, id.Check.StatusSince = Success, now, now
	if id.Kind == Domain {
		id.DKIM, id.DKIMInfo.Since = Success, now
	}
}

// insert adds the rows of id, or tells why not: a refusal is no error of the
// transaction, which others share.
func insert(tx *store.Tx, id Identity) (refusal, err error) {
	var n int64
	if err := tx.Get([]any{&n}, countQuery, id.Scope.Account, id.Scope.Region); err != nil {
		return nil, err
	}
	if n >= MaxPerRegion {
		return tooMany(), nil
	}
	values, err := id.row()
	if err != nil {
		return nil, err
	}
	n, err = tx.Exec(insertQuery, values...)
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return fault.New(fault.AlreadyExists, "Email identity %s already exist.", id.Name), nil
	}
	if id.Verification == Pending {
		if err := mailLink(tx, id, id.CreatedAt); err != nil {
			return nil, err
		}
	}
	return nil, insertKeys(tx, id)
}

func flag(b bool) int {
	if b {
		return 1
	}
	return 0
}

// Get returns the identity with exactly this name, or NotFound.
func (s *Identities) Get(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	norm, _, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	now := s.o.Clock()
	if id, found, ok := s.cache.get(sc, norm, now); ok {
		if !found {
			return Identity{}, notFound(norm)
		}
		return id, nil
	}
	id, err := s.load(ctx, sc, norm)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return Identity{}, err
	}
	s.cache.put(sc, norm, id, err == nil, now)
	return id, err
}

func notFound(name string) error {
	return fault.New(fault.NotFound, "Email identity %s does not exist.", name)
}

// columns are those of an identity's row below its scope, in the order of row and scan.
const columns = `name, kind, verification, token, config_set, tags, created_at, verified_at,
	status_since, checked_at, succeeded_at, check_error, next_check_at,
	signing, dkim_status, dkim_origin, dkim_since, dkim_next_bits, dkim_length_changed_at, dkim_override,
	mail_from, mail_from_status, mail_from_since, mail_from_behavior, forwarding, notifications`

const insertQuery = `INSERT INTO identities (account, region, ` + columns + `)
	VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`

// row is the values of the identity's row, with its scope first.
func (i Identity) row() ([]any, error) {
	tags, err := json.Marshal(i.Tags)
	if err != nil {
		return nil, err
	}
	notifications, err := json.Marshal(i.Notifications)
	if err != nil {
		return nil, err
	}
	c, d, m := i.Check, i.DKIMInfo, i.MailFrom
	return []any{
		i.Scope.Account, i.Scope.Region,
		i.Name, string(i.Kind), string(i.Verification), i.Token, i.ConfigSet, string(tags), store.Millis(i.CreatedAt), store.Millis(i.VerifiedAt),
		store.Millis(c.StatusSince), store.Millis(c.At), store.Millis(c.SucceededAt), c.Error, store.Millis(c.Next),
		flag(i.Signing), string(i.DKIM), string(d.Origin), store.Millis(d.Since), d.NextBits, store.Millis(d.LengthChangedAt), flag(d.Override),
		m.Domain, string(m.Status), store.Millis(m.Since), string(m.Behavior), flag(i.Forwarding), string(notifications),
	}, nil
}

func scan(row interface{ Scan(...any) error }, id *Identity) error {
	var signing, override, forwarding int
	var tags, notifications string
	var created, verified, statusSince, checked, succeeded, next, dkimSince, lengthChanged, mailFromSince int64
	err := row.Scan(&id.Name, &id.Kind, &id.Verification, &id.Token, &id.ConfigSet, &tags, &created, &verified,
		&statusSince, &checked, &succeeded, &id.Check.Error, &next,
		&signing, &id.DKIM, &id.DKIMInfo.Origin, &dkimSince, &id.DKIMInfo.NextBits, &lengthChanged, &override,
		&id.MailFrom.Domain, &id.MailFrom.Status, &mailFromSince, &id.MailFrom.Behavior, &forwarding, &notifications)
	if err != nil {
		return err
	}
	id.CreatedAt, id.VerifiedAt = store.Time(created), store.Time(verified)
	id.Check.StatusSince, id.Check.At, id.Check.SucceededAt, id.Check.Next = store.Time(statusSince), store.Time(checked), store.Time(succeeded), store.Time(next)
	id.Signing, id.DKIMInfo.Since, id.DKIMInfo.LengthChangedAt, id.DKIMInfo.Override = signing != 0, store.Time(dkimSince), store.Time(lengthChanged), override != 0
	id.MailFrom.Since, id.Forwarding = store.Time(mailFromSince), forwarding != 0
	return errors.Join(json.Unmarshal([]byte(tags), &id.Tags), json.Unmarshal([]byte(notifications), &id.Notifications))
}

func (s *Identities) load(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	id := Identity{Scope: sc}
	err := scan(s.o.DB.QueryRow(ctx, `SELECT `+columns+` FROM identities WHERE account = ? AND region = ? AND name = ?`,
		sc.Account, sc.Region, name), &id)
	if errors.Is(err, sql.ErrNoRows) {
		return Identity{}, notFound(name)
	}
	if err != nil {
		return Identity{}, store.Wrap("identity.Get", err)
	}
	if id.Kind == Domain {
		id.Keys, err = s.loadKeys(ctx, sc, name)
	} else {
		err = s.inherit(ctx, &id)
	}
	if err != nil {
		return Identity{}, store.Wrap("identity.Get", err)
	}
	return id, nil
}

// inherit gives an address the DKIM state of the identity of its exact domain, if that
// is verified and signs: that one's key signs the address's mail.
func (s *Identities) inherit(ctx context.Context, id *Identity) error {
	_, domain, _ := strings.Cut(id.Name, "@")
	parent, err := s.Get(ctx, id.Scope, domain[strings.LastIndexByte(domain, '@')+1:])
	if fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) {
		return nil
	}
	if err == nil && parent.Verified() && parent.Signing {
		id.Signing, id.DKIM = true, parent.DKIM
	}
	return err
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
		n, err = tx.Exec(`DELETE FROM identities WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, norm)
		if err == nil {
			_, err = tx.Exec(`DELETE FROM dkim_keys WHERE account = ? AND region = ? AND identity = ?`, sc.Account, sc.Region, norm)
		}
		if err == nil {
			err = deletePolicies(tx, sc, norm)
		}
		return err
	})
	s.cache.drop(sc, norm)
	s.policies.drop(sc, norm)
	if err == nil && n == 0 {
		return notFound(norm)
	}
	return err
}

// MarkVerified records the operator's word that the identity is the account's own
// (`sesame identity verify`), with DKIM in use.
func (s *Identities) MarkVerified(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	norm, _, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	id, err := s.load(ctx, sc, norm)
	if err != nil {
		return Identity{}, err
	}
	verify(&id, s.o.Clock())
	var n int64
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		n, err = tx.Exec(`UPDATE identities SET verification = ?, dkim_status = ?, verified_at = ? WHERE account = ? AND region = ? AND name = ?`,
			string(id.Verification), string(id.DKIM), store.Millis(id.VerifiedAt), sc.Account, sc.Region, norm)
		return err
	})
	s.cache.drop(sc, norm)
	if err == nil && n == 0 {
		return id, notFound(norm)
	}
	return id, err
}

// absent reports that there is no such identity. Any other error says nothing about who
// may send: a database that does not answer is no reason to refuse mail for good, or to
// send it unsigned.
func absent(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) }

// Resolve returns the identity that mail from a is sent under: the most specific that is
// verified of the address itself, the address without its label (SES: a verified
// user@example.com covers user+label@example.com), and the domains that a's domain is in
// or below (a verified domain covers its subdomains and addresses). It returns NotFound
// if there is none.
func (s *Identities) Resolve(ctx context.Context, sc scope.Scope, a address.Address) (Identity, error) {
	if a.IsZero() {
		return Identity{}, notFound("")
	}
	for _, name := range withoutLabels(a.Written()) {
		id, err := s.Get(ctx, sc, name)
		if err == nil && id.Verified() {
			return id, nil
		}
		if err != nil && !absent(err) {
			return Identity{}, err
		}
	}
	return s.ResolveDomain(ctx, sc, a.Domain)
}

// withoutLabels is the address, and what it may be a labelled form of. A label begins at
// the first plus sign, or at the last, if the address that it is put on has signs of its
// own; more forms are not tried, for a hostile sender must not cost a look-up per sign.
func withoutLabels(name string) []string {
	names := []string{name}
	if name[0] == '"' {
		return names // the sign is part of a quoted string
	}
	at := strings.LastIndexByte(name, '@')
	first, last := strings.IndexByte(name[:at], '+'), strings.LastIndexByte(name[:at], '+')
	if last > first {
		names = append(names, name[:last]+name[at:])
	}
	if first > 0 {
		names = append(names, name[:first]+name[at:])
	}
	return names
}

// ResolveDomain returns the most specific verified domain identity at or above d, or
// NotFound.
func (s *Identities) ResolveDomain(ctx context.Context, sc scope.Scope, d address.Domain) (Identity, error) {
	for ; d.Parent() != ""; d = d.Parent() {
		id, err := s.Get(ctx, sc, string(d))
		if err == nil && id.Verified() {
			return id, nil
		}
		if err != nil && !absent(err) {
			return Identity{}, err
		}
	}
	return Identity{}, notFound(string(d))
}
