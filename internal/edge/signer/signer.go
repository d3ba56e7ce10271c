// SPDX-License-Identifier: Apache-2.0

// Package signer finds the key that a request says it was signed with, for every door whose
// requests carry Signature Version 4.
package signer

import (
	"context"
	"errors"

	"sesame/internal/core/account"
	"sesame/internal/proto/sigv4"
)

// Keys finds access keys; account.ErrNoKey is its answer to unknown ones. SessionKey
// finds temporary ones by their token; account.ErrExpired says that they had their time.
// Used is told of each key that proved a request.
type Keys interface {
	Key(ctx context.Context, id string) (account.Key, error)
	SessionKey(ctx context.Context, id, token string) (account.Key, error)
	Used(id, service, region string)
}

// Find finds the key that a claim names: a permanent one, or a temporary one by its token.
// For keys and tokens that are none it returns a *sigv4.Error. Nothing is proven yet.
func Find(ctx context.Context, keys Keys, claim *sigv4.Claim) (key account.Key, err error) {
	temporary := account.IsTemporary(claim.AccessKeyID)
	if temporary {
		key, err = keys.SessionKey(ctx, claim.AccessKeyID, claim.SessionToken)
	} else {
		key, err = keys.Key(ctx, claim.AccessKeyID)
	}
	switch {
	case errors.Is(err, account.ErrExpired):
		return key, sigv4.NewTokenExpired()
	case errors.Is(err, account.ErrNoKey) && temporary:
		return key, sigv4.NewTokenInvalid()
	case errors.Is(err, account.ErrNoKey):
		return key, sigv4.NewUnknownKey()
	case err == nil && !temporary && claim.SessionToken != "":
		return key, sigv4.NewTokenInvalid()
	}
	return key, err
}
