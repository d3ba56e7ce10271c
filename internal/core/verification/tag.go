// SPDX-License-Identifier: Apache-2.0

package verification

import (
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
	return s.tagged().Tag(ctx, sc, name, tags)
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (s *Templates) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	return s.tagged().Untag(ctx, sc, name, keys)
}

func (s *Templates) tagged() identity.Tagged {
	return identity.Tagged{DB: s.db, Table: "verification_templates", Missing: noTemplate}
}
