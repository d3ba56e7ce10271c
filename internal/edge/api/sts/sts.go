// SPDX-License-Identifier: Apache-2.0

// Package sts answers the part of the STS API that people use against this server: who
// am I, and temporary credentials for oneself or for a role. Each method is the operation
// of its name.
package sts

import (
	"context"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/edge/api/caller"
)

// API answers STS.
type API struct {
	Accounts *account.Accounts
	Clock    clock.Clock
}

// How long credentials last if the request does not say.
const (
	sessionTime = 12 * time.Hour
	roleTime    = time.Hour
)

func duration(asked *int32, def time.Duration) time.Duration {
	if asked == nil {
		return def
	}
	return time.Duration(*asked) * time.Second
}

func toCredentials(t account.Temporary) *types.Credentials {
	return &types.Credentials{
		AccessKeyId: aws.String(t.KeyID), SecretAccessKey: aws.String(t.Secret), SessionToken: aws.String(t.Token), Expiration: aws.Time(t.Expires),
	}
}

// noMFA refuses a code of multi-factor authentication: no user has a device.
func noMFA(serial, code *string) error {
	if serial != nil || code != nil {
		return fault.New(fault.AccessDenied, "MultiFactorAuthentication failed with invalid MFA one time pass code.")
	}
	return nil
}

// GetCallerIdentity is the operation of its name. It needs no permission.
func (a *API) GetCallerIdentity(ctx context.Context, _ *sts.GetCallerIdentityInput) (*sts.GetCallerIdentityOutput, error) {
	who := caller.From(ctx).Principal
	return &sts.GetCallerIdentityOutput{Account: aws.String(who.Account), Arn: aws.String(who.ARN()), UserId: aws.String(who.ID)}, nil
}

// GetSessionToken is the operation of its name.
func (a *API) GetSessionToken(ctx context.Context, in *sts.GetSessionTokenInput) (*sts.GetSessionTokenOutput, error) {
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	t, err := a.Accounts.UserSession(ctx, caller.From(ctx).Principal, duration(in.DurationSeconds, sessionTime))
	if err != nil {
		return nil, err
	}
	return &sts.GetSessionTokenOutput{Credentials: toCredentials(t)}, nil
}

// AssumeRole is the operation of its name, for the roles of this server's accounts. What
// a session would have to carry along and this server does not know is refused.
func (a *API) AssumeRole(ctx context.Context, in *sts.AssumeRoleInput) (*sts.AssumeRoleOutput, error) {
	if err := noMFA(in.SerialNumber, in.TokenCode); err != nil {
		return nil, err
	}
	if len(in.Tags) > 0 || len(in.TransitiveTagKeys) > 0 || in.SourceIdentity != nil || len(in.ProvidedContexts) > 0 {
		return nil, fault.New(fault.NotImplemented, "Session tags, source identities and provided contexts are not implemented by this server.")
	}
	from := caller.From(ctx)
	org, err := a.Accounts.Organization(ctx, from.Principal.Account)
	if err != nil {
		return nil, err
	}
	assume := account.Assume{
		RoleARN: aws.ToString(in.RoleArn), Session: aws.ToString(in.RoleSessionName), Duration: duration(in.DurationSeconds, roleTime),
		Policy: aws.ToString(in.Policy), ExternalID: aws.ToString(in.ExternalId), Context: from.Access("").Context(a.Clock(), org),
	}
	for _, p := range in.PolicyArns {
		assume.PolicyARNs = append(assume.PolicyARNs, aws.ToString(p.Arn))
	}
	t, err := a.Accounts.AssumeRole(ctx, from.Principal, assume)
	if err != nil {
		return nil, err
	}
	return &sts.AssumeRoleOutput{
		Credentials:     toCredentials(t),
		AssumedRoleUser: &types.AssumedRoleUser{Arn: aws.String(t.ARN()), AssumedRoleId: aws.String(t.ID)},
	}, nil
}
