// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"slices"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/fresh"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// CreateList adds a list; its times are now, and the caller has looked at its tags. An
// account has one in a region; whatever the name, a second is refused as bad (as SES does).
func (l *Lists) CreateList(ctx context.Context, list List) error {
	if err := list.check(); err != nil {
		return err
	}
	topics, tags, err := list.encoded()
	if err != nil {
		return fault.Wrap("contact.CreateList", err)
	}
	now := store.Millis(l.now())
	return l.write(ctx, list.Scope, func(tx *store.Tx) (refusal, err error) {
		n, err := tx.Exec(`INSERT INTO contact_lists (account, region, name, description, topics, tags, created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
			ON CONFLICT (account, region) DO NOTHING`, list.Scope.Account, list.Scope.Region, list.Name, list.Description, topics, tags, now, now)
		if err == nil && n == 0 {
			refusal = fault.InField(fault.Invalid, "ContactListName", "A maximum of 1 Lists allowed per account.")
		}
		return refusal, err
	})
}

// encoded are topics and tags as they are kept.
func (l List) encoded() (topics, tags string, err error) {
	t, err1 := json.Marshal(l.Topics)
	g, err2 := json.Marshal(l.Tags)
	return string(t), string(g), errors.Join(err1, err2)
}

// write runs a change of an account's list, which other nodes then hear of. A refusal is
// no error of the transaction, which others share. fn may run more than once; it refuses
// before it changes anything.
func (l *Lists) write(ctx context.Context, sc scope.Scope, fn func(tx *store.Tx) (refusal, err error)) error {
	var refusal error
	err := l.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		if err := fresh.Changed(tx, sc.Account); err != nil {
			return err
		}
		refusal, err = fn(tx)
		return err
	})
	l.changes.Forget(sc.Account)
	return cmp.Or(store.Wrap("contact", err), refusal)
}

// List returns the list of a name, or NotFound. It sees what any node has changed.
func (l *Lists) List(ctx context.Context, sc scope.Scope, name string) (List, error) {
	if err := checkName("ContactListName", name); err != nil {
		return List{}, err
	}
	list, err := l.only(ctx, sc)
	if fault.Is(err, fault.NotFound) || err == nil && list.Name != name {
		return List{}, noList(name)
	}
	return list, err
}

// All returns the account's lists: one or none.
func (l *Lists) All(ctx context.Context, sc scope.Scope) ([]List, error) {
	list, err := l.only(ctx, sc)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return []List{list}, nil
}

const listQuery = `SELECT id, name, description, topics, tags, created_at, updated_at FROM contact_lists WHERE account = ? AND region = ?`

// only is the account's list, or NotFound.
func (l *Lists) only(ctx context.Context, sc scope.Scope) (List, error) {
	list := List{Scope: sc}
	err := scanList(l.o.DB.QueryRow(ctx, listQuery, sc.Account, sc.Region), &list)
	if errors.Is(err, sql.ErrNoRows) {
		return List{}, fault.New(fault.NotFound, "There is no contact list.")
	}
	return list, store.Wrap("contact.List", err)
}

func scanList(row interface{ Scan(...any) error }, list *List) error {
	var topics, tags string
	var created, updated int64
	if err := row.Scan(&list.id, &list.Name, &list.Description, &topics, &tags, &created, &updated); err != nil {
		return err
	}
	list.CreatedAt, list.UpdatedAt = store.Time(created), store.Time(updated)
	return errors.Join(json.Unmarshal([]byte(topics), &list.Topics), json.Unmarshal([]byte(tags), &list.Tags))
}

// lockList is the list of a name in a transaction of write, which lets changes of an
// account's list in one at a time.
func lockList(tx *store.Tx, sc scope.Scope, name string) (list List, refusal, err error) {
	rows, err := tx.Query(listQuery, sc.Account, sc.Region)
	if err != nil {
		return list, nil, err
	}
	defer rows.Close()
	if !rows.Next() {
		return list, noList(name), rows.Err()
	}
	list.Scope = sc
	if err := scanList(rows, &list); err != nil {
		return list, nil, err
	}
	if list.Name != name {
		return list, noList(name), nil
	}
	return list, nil, rows.Close()
}

// changeList lets edit change a list.
func (l *Lists) changeList(ctx context.Context, sc scope.Scope, name string, edit func(list *List) error) error {
	if err := checkName("ContactListName", name); err != nil {
		return err
	}
	return l.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		list, refusal, err := lockList(tx, sc, name)
		if err != nil || refusal != nil {
			return refusal, err
		}
		if refusal = edit(&list); refusal != nil {
			return refusal, nil
		}
		topics, tags, err := list.encoded()
		if err != nil {
			return nil, err
		}
		_, err = tx.Exec(`UPDATE contact_lists SET description = ?, topics = ?, tags = ?, updated_at = ? WHERE account = ? AND region = ?`,
			list.Description, topics, tags, store.Millis(list.UpdatedAt), sc.Account, sc.Region)
		return nil, err
	})
}

// UpdateList replaces the description and the topics of a list; nil keeps what there is.
// Contacts keep what they have said of a topic that goes, for the case that it comes back.
func (l *Lists) UpdateList(ctx context.Context, sc scope.Scope, name string, description *string, topics *[]Topic) error {
	now := l.now()
	return l.changeList(ctx, sc, name, func(list *List) error {
		if description != nil {
			list.Description = *description
		}
		if topics != nil {
			list.Topics = *topics
		}
		list.UpdatedAt = now
		return list.check()
	})
}

// DeleteList removes a list. Its contacts are gone at once, and removed by Clean.
func (l *Lists) DeleteList(ctx context.Context, sc scope.Scope, name string) error {
	if err := checkName("ContactListName", name); err != nil {
		return err
	}
	return l.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		n, err := tx.Exec(`DELETE FROM contact_lists WHERE account = ? AND region = ? AND name = ?`, sc.Account, sc.Region, name)
		if err == nil && n == 0 {
			refusal = noList(name)
		}
		return refusal, err
	})
}

// Tags are the tags of a list.
func (l *Lists) Tags(ctx context.Context, sc scope.Scope, name string) ([]identity.Tag, error) {
	list, err := l.List(ctx, sc, name)
	return list.Tags, err
}

// Tag adds tags to a list, or changes those that it has.
func (l *Lists) Tag(ctx context.Context, sc scope.Scope, name string, tags []identity.Tag) error {
	return l.changeList(ctx, sc, name, func(list *List) (err error) {
		list.Tags, err = identity.WithTags(list.Tags, tags)
		return err
	})
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (l *Lists) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	return l.changeList(ctx, sc, name, func(list *List) error {
		list.Tags = slices.Clip(identity.WithoutTags(list.Tags, keys))
		return nil
	})
}
