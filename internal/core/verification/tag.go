// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"cmp"
	"context"
	"database/sql"
	"encoding/json"
	"errors"

	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// Tags are the tags of a template.
func (s *Templates) Tags(ctx context.Context, sc scope.Scope, name string) ([]identity.Tag, error) {
	var text string
	err := s.db.QueryRow(ctx, `SELECT tags FROM verification_templates WHERE account = ? AND region = ? AND name = ?`,
		sc.Account, sc.Region, name).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, noTemplate(name)
	}
	var tags []identity.Tag
	if err == nil {
		err = json.Unmarshal([]byte(text), &tags)
	}
	return tags, store.Wrap("verification.Tags", err)
}

// Tag adds tags to a template, or changes those that it has.
func (s *Templates) Tag(ctx context.Context, sc scope.Scope, name string, tags []identity.Tag) error {
	return s.retag(ctx, sc, name, func(has []identity.Tag) ([]identity.Tag, error) { return identity.WithTags(has, tags) })
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (s *Templates) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	return s.retag(ctx, sc, name, func(has []identity.Tag) ([]identity.Tag, error) { return identity.WithoutTags(has, keys), nil })
}

// retag changes a template's tags while its row is locked; edit may refuse.
func (s *Templates) retag(ctx context.Context, sc scope.Scope, name string, edit func([]identity.Tag) ([]identity.Tag, error)) error {
	const row = ` WHERE account = ? AND region = ? AND name = ?`
	var refusal error
	err := s.db.Write(ctx, func(tx *store.Tx) error {
		n, err := tx.Exec(`UPDATE verification_templates SET account = account`+row, sc.Account, sc.Region, name)
		if refusal = nil; err != nil || n == 0 {
			refusal = noTemplate(name)
			return err
		}
		var text string
		if err := tx.Get([]any{&text}, `SELECT tags FROM verification_templates`+row, sc.Account, sc.Region, name); err != nil {
			return err
		}
		var tags []identity.Tag
		if err := json.Unmarshal([]byte(text), &tags); err != nil {
			return err
		}
		if tags, refusal = edit(tags); refusal != nil {
			return nil
		}
		changed, err := json.Marshal(tags)
		if err != nil {
			return err
		}
		_, err = tx.Exec(`UPDATE verification_templates SET tags = ?`+row, string(changed), sc.Account, sc.Region, name)
		return err
	})
	return cmp.Or(store.Wrap("verification.Tag", err), refusal)
}
