// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/ses"

	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/quota"
	"sesame/internal/edge/api/caller"
)

// Quotas tells the sending quotas and their use.
type Quotas interface {
	Report(ctx context.Context, sc scope.Scope) (quota.Report, error)
}

// Accounts tells and changes the state of accounts.
type Accounts interface {
	Current(ctx context.Context, sc scope.Scope) (account.Details, error)
	SetSending(ctx context.Context, sc scope.Scope, actor string, enabled bool) error
}

// GetSendQuota tells the sending quotas of the account in the region.
func (a *API) GetSendQuota(ctx context.Context, _ *ses.GetSendQuotaInput) (*ses.GetSendQuotaOutput, error) {
	r, err := a.Quotas.Report(ctx, caller.From(ctx).Scope)
	if err != nil {
		return nil, err
	}
	return &ses.GetSendQuotaOutput{Max24HourSend: r.Daily, MaxSendRate: r.Rate, SentLast24Hours: r.Sent}, nil
}

// GetAccountSendingEnabled tells whether the account may send, as its owner has it and
// as the operator has it.
func (a *API) GetAccountSendingEnabled(ctx context.Context, _ *ses.GetAccountSendingEnabledInput) (*ses.GetAccountSendingEnabledOutput, error) {
	d, err := a.Accounts.Current(ctx, caller.From(ctx).Scope)
	if err != nil {
		return nil, err
	}
	return &ses.GetAccountSendingEnabledOutput{Enabled: d.MaySend()}, nil
}

// UpdateAccountSendingEnabled is the owner's switch of the account's sending in the
// region. It does not end the operator's pause.
func (a *API) UpdateAccountSendingEnabled(ctx context.Context, in *ses.UpdateAccountSendingEnabledInput) (*ses.UpdateAccountSendingEnabledOutput, error) {
	c := caller.From(ctx)
	if err := a.Accounts.SetSending(ctx, c.Scope, c.Principal.ARN(), in.Enabled); err != nil {
		return nil, err
	}
	return &ses.UpdateAccountSendingEnabledOutput{}, nil
}
