// SPDX-License-Identifier: Apache-2.0

// Package iam answers the part of the IAM API that people script: users and their keys,
// roles, managed and inline policies, tags, and the simulator. Each method is the
// operation of its name. IAM has no regions: everything belongs to the caller's account.
package iam

import (
	"context"
	"encoding/base64"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/edge/api/caller"
)

// API answers IAM.
type API struct {
	Accounts *account.Accounts
	Clock    clock.Clock
}

// own is the caller's account.
func own(ctx context.Context) string { return caller.From(ctx).Principal.Account }

func user(ctx context.Context, name *string) account.Entity {
	return account.Entity{Account: own(ctx), Kind: account.KindUser, Name: aws.ToString(name)}
}

func role(ctx context.Context, name *string) account.Entity {
	return account.Entity{Account: own(ctx), Kind: account.KindRole, Name: aws.ToString(name)}
}

// self is the user that a request is about: the one it names, or else the caller.
func self(ctx context.Context, name *string) (string, error) {
	if name != nil {
		return *name, nil
	}
	if who := caller.From(ctx).Principal; who.User != "" {
		return who.User, nil
	}
	return "", fault.InField(fault.Invalid, "userName", "Must specify userName when calling with non-User credentials")
}

// unbounded refuses a permissions boundary: one that does not hold must not seem to.
func unbounded(boundary *string) error {
	if boundary != nil {
		return fault.New(fault.NotImplemented, "Permissions boundaries are not implemented by this server.")
	}
	return nil
}

// encoded is a policy as IAM answers it: percent-encoded (RFC 3986).
func encoded(document string) *string {
	return aws.String(strings.ReplaceAll(url.QueryEscape(document), "+", "%20"))
}

func toTags(tags []account.Tag) []types.Tag {
	var out []types.Tag
	for _, t := range tags {
		out = append(out, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return out
}

func fromTags(tags []types.Tag) []account.Tag {
	var out []account.Tag
	for _, t := range tags {
		out = append(out, account.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	return out
}

// pageSize is how many items a page has unless the request says (IAM: MaxItems).
const pageSize = 100

// page is where in a list a request is.
type page struct {
	list     string // the operation; its markers are of no use to others
	marker   *string
	maxItems *int32
}

// cut sorts all by key and returns the page's part, and the marker of the next page or
// nil.
func cut[T any](p page, all []T, key func(T) string) (items []T, next *string, err error) {
	slices.SortStableFunc(all, func(a, b T) int { return strings.Compare(key(a), key(b)) })
	if p.marker != nil {
		text, err := base64.RawURLEncoding.DecodeString(*p.marker)
		after, ok := strings.CutPrefix(string(text), p.list+"\x00")
		if err != nil || !ok {
			return nil, nil, fault.InField(fault.Invalid, "marker", "Invalid Marker.")
		}
		i, found := slices.BinarySearchFunc(all, after, func(x T, after string) int { return strings.Compare(key(x), after) })
		if found {
			i++
		}
		all = all[i:]
	}
	size := pageSize
	if p.maxItems != nil {
		size = int(*p.maxItems)
	}
	if len(all) <= size {
		return append([]T{}, all...), nil, nil // IAM writes an empty list, too
	}
	marker := base64.RawURLEncoding.EncodeToString([]byte(p.list + "\x00" + key(all[size-1])))
	return all[:size], &marker, nil
}

// date is a time as IAM answers it, in whole seconds.
func date(t time.Time) *time.Time { return aws.Time(t.Truncate(time.Second)) }

// text is the key of a list of texts.
func text(s string) string { return s }
