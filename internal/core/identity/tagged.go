// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"encoding/json"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// Tagged is a table of resources with tags, which are kept as JSON in the column tags of a
// row for account, region and name.
type Tagged struct {
	DB      *store.DB
	Table   string
	Missing func(name string) error // the refusal of a name that there is no row of
}

// Tag adds tags to a resource, or changes those that it has.
func (t Tagged) Tag(ctx context.Context, sc scope.Scope, name string, tags []Tag) error {
	return t.edit(ctx, sc, name, func(has []Tag) ([]Tag, error) { return WithTags(has, tags) })
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (t Tagged) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	return t.edit(ctx, sc, name, func(has []Tag) ([]Tag, error) { return WithoutTags(has, keys), nil })
}

// edit changes the tags while their row is locked; change may refuse.
func (t Tagged) edit(ctx context.Context, sc scope.Scope, name string, change func([]Tag) ([]Tag, error)) error {
	const row = ` WHERE account = ? AND region = ? AND name = ?`
	var refusal error
	err := t.DB.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE `+t.Table+` SET tags = tags`+row, sc.Account, sc.Region, name)
		if refusal = nil; err != nil || n == 0 {
			refusal = t.Missing(name)
			return err
		}
		var text string
		if err := tx.Get([]any{&text}, `SELECT tags FROM `+t.Table+row, sc.Account, sc.Region, name); err != nil {
			return err
		}
		var tags []Tag
		if err := json.Unmarshal([]byte(text), &tags); err != nil {
			return err
		}
		if tags, refusal = change(tags); refusal != nil {
			return nil
		}
		changed, err := json.Marshal(tags)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE `+t.Table+` SET tags = ?`+row, string(changed), sc.Account, sc.Region, name)
		return err
	})
	return cmp.Or(store.Wrap("identity.Tagged", err), refusal)
}
