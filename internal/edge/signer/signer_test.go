// SPDX-License-Identifier: Apache-2.0

package signer_test

import (
	"context"
	"errors"
	"testing"

	"sesame/internal/core/account"
	"sesame/internal/edge/signer"
	"sesame/internal/proto/sigv4"
)

// keys has a permanent key and a temporary one, each good, and answers for others.
type keys struct{}

var errAway = errors.New("the database is away")

func (keys) Key(_ context.Context, id string) (account.Key, error) {
	switch id {
	case "AKIAGOOD":
		return account.Key{Secret: "permanent"}, nil
	case "AKIAAWAY":
		return account.Key{}, errAway
	}
	return account.Key{}, account.ErrNoKey
}

func (keys) SessionKey(_ context.Context, _, token string) (account.Key, error) {
	switch token {
	case "good":
		return account.Key{Secret: "temporary"}, nil
	case "old":
		return account.Key{}, account.ErrExpired
	}
	return account.Key{}, account.ErrNoKey
}

func (keys) Used(string, string, string) {}

func TestFind(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, id, token, secret string
		kind                    sigv4.Kind // of the refusal, where there is no secret
	}{
		{"a permanent key", "AKIAGOOD", "", "permanent", 0},
		{"a temporary key with its token", "ASIAGOODGOODGOODGOOD", "good", "temporary", 0},
		{"a key that is none", "AKIANONE", "", "", sigv4.UnknownKey},
		{"a key that is none, with a token", "AKIANONE", "good", "", sigv4.UnknownKey},
		{"a permanent key with a token", "AKIAGOOD", "good", "", sigv4.TokenInvalid},
		{"a temporary key without a token", "ASIAGOODGOODGOODGOOD", "", "", sigv4.TokenInvalid},
		{"a temporary key with another's token", "ASIAGOODGOODGOODGOOD", "bad", "", sigv4.TokenInvalid},
		{"a temporary key that had its time", "ASIAGOODGOODGOODGOOD", "old", "", sigv4.TokenExpired},
	} {
		key, err := signer.Find(t.Context(), keys{}, &sigv4.Claim{AccessKeyID: c.id, SessionToken: c.token})
		var refusal *sigv4.Error
		if c.secret != "" && (err != nil || key.Secret != c.secret) || c.secret == "" && (!errors.As(err, &refusal) || refusal.Kind != c.kind) {
			t.Errorf("%s: %q, %v", c.what, key.Secret, err)
		}
	}
	if _, err := signer.Find(t.Context(), keys{}, &sigv4.Claim{AccessKeyID: "AKIAAWAY"}); !errors.Is(err, errAway) {
		t.Errorf("a failure of ours: %v", err)
	}
}
