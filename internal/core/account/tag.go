// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"slices"
	"strings"

	"sesame/internal/core/store"
)

// SetTags adds tags to a user, a role or a policy, and replaces those of the same keys.
// Keys are told apart without the case of their letters.
func (a *Accounts) SetTags(ctx context.Context, e Entity, tags []Tag) error {
	if err := checkTags(tags); err != nil {
		return err
	}
	return a.changeTags(ctx, e, func(have []Tag) []Tag {
		for _, t := range tags {
			i := slices.IndexFunc(have, func(h Tag) bool { return strings.EqualFold(h.Key, t.Key) })
			if i < 0 {
				have = append(have, t)
				continue
			}
			have[i] = t
		}
		return have
	})
}

// RemoveTags removes the tags of the keys; those that are not there are no error.
func (a *Accounts) RemoveTags(ctx context.Context, e Entity, keys []string) error {
	return a.changeTags(ctx, e, func(have []Tag) []Tag {
		return slices.DeleteFunc(have, func(t Tag) bool {
			return slices.ContainsFunc(keys, func(k string) bool { return strings.EqualFold(k, t.Key) })
		})
	})
}

func (a *Accounts) changeTags(ctx context.Context, e Entity, fn func([]Tag) []Tag) error {
	read := map[Kind]string{
		KindUser:   `SELECT tags FROM users WHERE account = ? AND name = ?`,
		KindRole:   `SELECT tags FROM roles WHERE account = ? AND name = ?`,
		KindPolicy: `SELECT tags FROM managed_policies WHERE account = ? AND name = ?`,
	}[e.Kind]
	write := map[Kind]string{
		KindUser:   `UPDATE users SET tags = ? WHERE account = ? AND name = ?`,
		KindRole:   `UPDATE roles SET tags = ? WHERE account = ? AND name = ?`,
		KindPolicy: `UPDATE managed_policies SET tags = ? WHERE account = ? AND name = ?`,
	}[e.Kind]
	return a.change(ctx, e.Account, func(tx *store.Tx) error {
		if err := e.exists(tx); err != nil {
			return err
		}
		var text string
		if err := tx.Get([]any{&text}, read, e.Account, e.Name); err != nil {
			return err
		}
		have, err := decodeTags(text)
		if err != nil {
			return err
		}
		have = fn(have)
		if err := checkTags(have); err != nil {
			return err
		}
		_, err = tx.Exec(write, encodeTags(have), e.Account, e.Name)
		return err
	})
}

// TagPolicy and UntagPolicy are SetTags and RemoveTags for the policy of an ARN.
func (a *Accounts) TagPolicy(ctx context.Context, account, arn string, tags []Tag) error {
	e, err := a.policyEntity(ctx, account, arn)
	if err != nil {
		return err
	}
	return a.SetTags(ctx, e, tags)
}

// UntagPolicy removes tags from a policy.
func (a *Accounts) UntagPolicy(ctx context.Context, account, arn string, keys []string) error {
	e, err := a.policyEntity(ctx, account, arn)
	if err != nil {
		return err
	}
	return a.RemoveTags(ctx, e, keys)
}

func (a *Accounts) policyEntity(ctx context.Context, account, arn string) (Entity, error) {
	p, err := a.Policy(ctx, account, arn)
	if err == nil && p.IsAWS() {
		err = outside()
	}
	return Entity{account, KindPolicy, p.Name}, err
}
