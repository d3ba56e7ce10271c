// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/store"
)

// The columns of an identity's row below its scope come in two parts: what its owner
// sets once or by itself, and the state that checks and changes move together.
const (
	ownColumns   = `name, kind, token, config_set, tags, created_at, forwarding, notifications`
	stateColumns = `verification, verified_at, status_since, checked_at, succeeded_at, check_error, next_check_at, vouched, unsure_since, soa_primary, soa_admin, soa_serial,
	signing, dkim_status, dkim_origin, dkim_since, dkim_next_bits, dkim_length_changed_at, dkim_override, dkim_unsure_since,
	mail_from, mail_from_status, mail_from_since, mail_from_behavior, mail_from_unsure_since`
	columns = ownColumns + ", " + stateColumns
)

// insertQuery and updateState take the values in the order of own and state.
var (
	insertQuery = `INSERT INTO identities (account, region, ` + columns + `) VALUES (?, ?, ` + marks(columns) + `) ON CONFLICT DO NOTHING`
	updateState = `UPDATE identities SET claim = '', ` + strings.Join(strings.Split(stateColumns, ","), " = ?,") + ` = ? WHERE account = ? AND region = ? AND name = ?`
)

// marks is as many parameters as there are columns.
func marks(columns string) string {
	return strings.TrimSuffix(strings.Repeat("?, ", strings.Count(columns, ",")+1), ", ")
}

// own is the values of ownColumns, with the scope first.
func (i Identity) own() ([]any, error) {
	tags, err := json.Marshal(i.Tags)
	if err != nil {
		return nil, err
	}
	notifications, err := json.Marshal(i.Notifications)
	if err != nil {
		return nil, err
	}
	return []any{i.Scope.Account, i.Scope.Region, i.Name, string(i.Kind), i.Token, i.ConfigSet, string(tags), store.Millis(i.CreatedAt),
		store.Flag(i.Forwarding), string(notifications)}, nil
}

// state is the values of stateColumns.
func (i Identity) state() []any {
	c, d, m := i.Check, i.DKIMInfo, i.MailFrom
	return []any{
		string(i.Verification), store.Millis(i.VerifiedAt), store.Millis(c.StatusSince), store.Millis(c.At), store.Millis(c.SucceededAt), c.Error,
		store.Millis(c.Next), store.Flag(i.Vouched), store.Millis(i.unsure.verification), c.SOA.Primary, c.SOA.Admin, int64(c.SOA.Serial),
		store.Flag(i.Signing), string(i.DKIM), string(d.Origin), store.Millis(d.Since), d.NextBits, store.Millis(d.LengthChangedAt), store.Flag(d.Override),
		store.Millis(i.unsure.dkim),
		m.Domain, string(m.Status), store.Millis(m.Since), string(m.Behavior), store.Millis(i.unsure.mailFrom),
	}
}

// scan reads columns.
func scan(row interface{ Scan(...any) error }, id *Identity) error {
	var forwarding, vouched, signing, override int
	var tags, notifications string
	var created, verified, statusSince, checked, succeeded, next, unsure int64
	var dkimSince, lengthChanged, dkimUnsure, mailFromSince, mailFromUnsure int64
	err := row.Scan(&id.Name, &id.Kind, &id.Token, &id.ConfigSet, &tags, &created, &forwarding, &notifications,
		&id.Verification, &verified, &statusSince, &checked, &succeeded, &id.Check.Error, &next, &vouched, &unsure,
		&id.Check.SOA.Primary, &id.Check.SOA.Admin, &id.Check.SOA.Serial,
		&signing, &id.DKIM, &id.DKIMInfo.Origin, &dkimSince, &id.DKIMInfo.NextBits, &lengthChanged, &override, &dkimUnsure,
		&id.MailFrom.Domain, &id.MailFrom.Status, &mailFromSince, &id.MailFrom.Behavior, &mailFromUnsure)
	if err != nil {
		return err
	}
	id.CreatedAt, id.VerifiedAt, id.Forwarding, id.Vouched = store.Time(created), store.Time(verified), forwarding != 0, vouched != 0
	id.Check.StatusSince, id.Check.At, id.Check.SucceededAt, id.Check.Next = store.Time(statusSince), store.Time(checked), store.Time(succeeded), store.Time(next)
	id.Signing, id.DKIMInfo.Since, id.DKIMInfo.LengthChangedAt, id.DKIMInfo.Override = signing != 0, store.Time(dkimSince), store.Time(lengthChanged), override != 0
	id.MailFrom.Since = store.Time(mailFromSince)
	id.unsure.verification, id.unsure.dkim, id.unsure.mailFrom = store.Time(unsure), store.Time(dkimUnsure), store.Time(mailFromUnsure)
	return errors.Join(json.Unmarshal([]byte(tags), &id.Tags), json.Unmarshal([]byte(notifications), &id.Notifications))
}

const loadQuery = `SELECT ` + columns + ` FROM identities WHERE account = ? AND region = ? AND name = ?`

// load reads an identity with its keys and what it inherits.
func (s *Identities) load(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	id := Identity{Scope: sc}
	err := scan(s.o.DB.QueryRow(ctx, loadQuery, sc.Account, sc.Region, name), &id)
	if errors.Is(err, sql.ErrNoRows) {
		return Identity{}, notFound(name)
	}
	if err == nil {
		err = s.complete(ctx, &id)
	}
	if err != nil {
		return Identity{}, store.Wrap("identity.Get", err)
	}
	return id, nil
}

// complete adds to an identity what is not in its row.
func (s *Identities) complete(ctx context.Context, id *Identity) (err error) {
	if id.Kind == Address {
		return s.inherit(ctx, id)
	}
	if id.stored, err = s.loadKeys(ctx, id.Scope, id.Name); err != nil {
		return err
	}
	if parent, ok := id.DKIMInfo.Origin.region(); ok {
		err = s.replicate(ctx, id, parent)
	} else {
		id.Keys = keysOf(id.DKIMInfo.Origin, id.stored)
	}
	return err
}

// keysOf are the keys that count where DKIM was set up as origin has it. The Ed25519 key
// counts with any.
func keysOf(origin Origin, stored []Key) []Key {
	return slices.DeleteFunc(slices.Clone(stored), func(k Key) bool { return k.Algorithm == RSA && k.origin() != origin })
}

func (k Key) origin() Origin {
	if k.External {
		return OriginExternal
	}
	return OriginEasy
}

// change moves the state of an identity in one commit. fn sees the identity and its own
// keys as they are in the transaction; what it leaves in its state and its keys is
// written, and what a check under way finds is dropped. A refusal of fn leaves everything
// as it is.
func (s *Identities) change(ctx context.Context, sc scope.Scope, name string, fn func(tx *store.Tx, id *Identity) (refusal, err error)) (Identity, error) {
	norm, _, err := ParseName(name)
	if err != nil {
		return Identity{}, err
	}
	var id Identity
	var refusal error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		id, refusal, err = lock(tx, sc, norm)
		if err != nil || refusal != nil {
			return err
		}
		before := slices.Clone(id.stored)
		if refusal, err = fn(tx, &id); err != nil || refusal != nil {
			return err
		}
		if _, err = tx.Exec(updateState, append(id.state(), sc.Account, sc.Region, norm)...); err != nil {
			return err
		}
		return saveKeys(tx, id, before)
	})
	s.changes.Forget(sc.Account)
	if err != nil {
		return Identity{}, err
	}
	if refusal != nil {
		return Identity{}, refusal
	}
	s.poke()
	return s.Get(ctx, sc, norm)
}

// lock reads an identity's row and own keys in a transaction that then is the only one
// to change them.
func lock(tx *store.Tx, sc scope.Scope, name string) (id Identity, refusal, err error) {
	id.Scope = sc
	if err := fresh.Changed(tx, sc.Account); err != nil {
		return id, nil, err
	}
	n, err := tx.Exec(`UPDATE identities SET account = account WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
	if err != nil || n == 0 {
		return id, notFound(name), err
	}
	rows, err := tx.Query(loadQuery, sc.Account, sc.Region, name)
	if err != nil {
		return id, nil, err
	}
	rows.Next()
	if err := errors.Join(scan(rows, &id), rows.Close()); err != nil {
		return id, nil, err
	}
	rows, err = tx.Query(keysQuery, sc.Account, sc.Region, name)
	if err != nil {
		return id, nil, err
	}
	if id.stored, err = scanKeys(rows, sc); err != nil {
		return id, nil, err
	}
	id.Keys = keysOf(id.DKIMInfo.Origin, id.stored)
	return id, nil, nil
}

// inherit gives an address the DKIM state of the identity of its exact domain, if that
// is verified and signs: that one's key signs the address's mail, unless the address has
// it switched off.
func (s *Identities) inherit(ctx context.Context, id *Identity) error {
	parent, err := s.parent(ctx, id.Scope, id.Name)
	if absent(err) {
		return nil
	}
	if err == nil && parent.Verified() && parent.Signing {
		id.Signing, id.DKIM = !id.DKIMInfo.Override, parent.DKIM
	}
	return err
}

// parent is the identity of an address's exact domain.
func (s *Identities) parent(ctx context.Context, sc scope.Scope, addr string) (Identity, error) {
	return s.Get(ctx, sc, addr[strings.LastIndexByte(addr, '@')+1:])
}

// absent reports that there is no such identity. Any other error says nothing about who
// may send: a database that does not answer is no reason to refuse mail for good, or to
// send it unsigned.
func absent(err error) bool { return fault.Is(err, fault.NotFound) || fault.Is(err, fault.Invalid) }
