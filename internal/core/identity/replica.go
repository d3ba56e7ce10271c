// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"context"
	"database/sql"
	"errors"
	"strings"

	"sesame/internal/base/scope"
)

// ReplicaOf is the origin of an identity whose keys are those of the same domain in
// another region (SES: Deterministic Easy DKIM).
func ReplicaOf(region string) Origin {
	return Origin(replicaPrefix + strings.ToUpper(strings.ReplaceAll(region, "-", "_")))
}

const replicaPrefix = "AWS_SES_"

// region is the parent's region of a replica's origin.
func (o Origin) region() (string, bool) {
	name, ok := strings.CutPrefix(string(o), replicaPrefix)
	if !ok {
		return "", false
	}
	region := strings.ToLower(strings.ReplaceAll(name, "_", "-"))
	return region, scope.ValidRegion(region) && ReplicaOf(region) == o
}

// The reasons why a replica has no keys, in API v2's spelling (VerificationError).
const (
	replicaNoParent    = "REPLICATION_PRIMARY_NOT_FOUND"
	replicaOfExternal  = "REPLICATION_PRIMARY_BYO_DKIM_NOT_SUPPORTED"
	replicaOfReplica   = "REPLICATION_REPLICA_AS_PRIMARY_NOT_SUPPORTED"
	replicaOfOwnRegion = "REPLICATION_PRIMARY_INVALID_REGION"
)

// replicate gives a replica the tokens and keys of its parent, by looking: what the
// parent rotates, its replicas follow. A replica signs with the parent's active key, or
// the first one where the parent does not sign.
func (s *Identities) replicate(ctx context.Context, id *Identity, region string) error {
	keys, _, err := s.parentKeys(ctx, *id, region)
	if err != nil {
		return err
	}
	active := max(signing(keys, RSA), 0)
	for n := range keys {
		keys[n].Active = n == active && good(id.DKIM)
	}
	id.Keys = append(keys, keysOf(id.DKIMInfo.Origin, id.stored)...)
	return nil
}

// parentKeys are the keys of a replica's parent, or why there are none.
func (s *Identities) parentKeys(ctx context.Context, id Identity, region string) (keys []Key, problem string, err error) {
	if region == id.Scope.Region {
		return nil, replicaOfOwnRegion, nil
	}
	home := scope.Scope{Account: id.Scope.Account, Region: region}
	parent := Identity{Scope: home}
	err = scan(s.o.DB.QueryRow(ctx, loadQuery, home.Account, home.Region, id.Name), &parent)
	if errors.Is(err, sql.ErrNoRows) {
		return nil, replicaNoParent, nil
	}
	if err != nil {
		return nil, "", err
	}
	if parent.DKIMInfo.Origin == OriginExternal {
		return nil, replicaOfExternal, nil
	}
	if parent.DKIMInfo.Origin != OriginEasy {
		return nil, replicaOfReplica, nil
	}
	if parent.stored, err = s.loadKeys(ctx, home, id.Name); err != nil {
		return nil, "", err
	}
	if keys = parent.easyKeys(); len(keys) == 0 { // proven by its token alone
		return nil, replicaNoParent, nil
	}
	return keys, "", nil
}
