// SPDX-License-Identifier: Apache-2.0

//lint:file-ignore SA1019 UseCaseDescription is deprecated, and SES still takes and tells it.

package sesv2

import (
	"context"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
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
	PutProfile(ctx context.Context, sc scope.Scope, actor string, p account.Profile, production bool) error
}

// GetAccount tells the state and the quotas of the account in the region. Details are
// left out until they were put.
func (a *API) GetAccount(ctx context.Context, _ *sesv2.GetAccountInput) (*sesv2.GetAccountOutput, error) {
	sc := caller.From(ctx).Scope
	d, err := a.Accounts.Current(ctx, sc)
	if err != nil {
		return nil, err
	}
	r, err := a.Quotas.Report(ctx, sc)
	if err != nil {
		return nil, err
	}
	vdm, err := a.vdmAttributes(ctx, sc)
	if err != nil {
		return nil, err
	}
	attributes, err := a.suppressionAttributes(ctx, sc)
	if err != nil {
		return nil, err
	}
	return &sesv2.GetAccountOutput{
		EnforcementStatus: aws.String(string(d.Enforcement)), ProductionAccessEnabled: !d.Sandbox, SendingEnabled: d.MaySend(),
		SendQuota:             &types.SendQuota{Max24HourSend: r.Daily, MaxSendRate: r.Rate, SentLast24Hours: r.Sent},
		SuppressionAttributes: attributes,
		Details:               details(d), VdmAttributes: vdm,
	}, nil
}

func details(d account.Details) *types.AccountDetails {
	p := d.Profile
	if p.MailType == "" {
		return nil
	}
	out := &types.AccountDetails{
		MailType: types.MailType(p.MailType), WebsiteURL: &p.WebsiteURL, ContactLanguage: types.ContactLanguage(p.Language),
		AdditionalContactEmailAddresses: p.Contacts,
	}
	if p.UseCase != "" {
		out.UseCaseDescription = &p.UseCase
	}
	if d.Review != "" {
		out.ReviewDetails = &types.ReviewDetails{Status: types.ReviewStatus(d.Review), CaseId: &d.CaseID}
	}
	return out
}

// PutAccountDetails replaces the details of the account. If production access is asked
// for from within the sandbox, the operator decides; until then the details are fixed.
// To ask for none changes nothing: an account leaves production by its operator alone.
func (a *API) PutAccountDetails(ctx context.Context, in *sesv2.PutAccountDetailsInput) (*sesv2.PutAccountDetailsOutput, error) {
	c := caller.From(ctx)
	p := account.Profile{
		MailType: string(in.MailType), WebsiteURL: aws.ToString(in.WebsiteURL), Language: string(in.ContactLanguage),
		UseCase: aws.ToString(in.UseCaseDescription), Contacts: in.AdditionalContactEmailAddresses,
	}
	err := a.Accounts.PutProfile(ctx, c.Scope, c.Principal.ARN(), p, aws.ToBool(in.ProductionAccessEnabled))
	if errors.Is(err, account.ErrInReview) {
		return nil, &types.ConflictException{Message: aws.String(fault.PeerText(err))}
	}
	if err != nil {
		return nil, err
	}
	return &sesv2.PutAccountDetailsOutput{}, nil
}

// PutAccountSendingAttributes is the owner's switch of the account's sending in the
// region. It does not end the operator's pause.
func (a *API) PutAccountSendingAttributes(ctx context.Context, in *sesv2.PutAccountSendingAttributesInput) (*sesv2.PutAccountSendingAttributesOutput, error) {
	c := caller.From(ctx)
	if err := a.Accounts.SetSending(ctx, c.Scope, c.Principal.ARN(), in.SendingEnabled); err != nil {
		return nil, err
	}
	return &sesv2.PutAccountSendingAttributesOutput{}, nil
}
