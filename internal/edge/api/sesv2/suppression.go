// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/suppression"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// unbuiltTenant refuses the lists of tenants, which this server does not have.
func unbuiltTenant(operation string, tenant *string) error {
	if tenant == nil {
		return nil
	}
	return fault.InField(fault.NotImplemented, "TenantName", "The parameter TenantName of %s is not implemented by this server.", operation)
}

// PutSuppressedDestination puts an address on the account's suppression list, or changes
// the reason why it is there.
func (a *API) PutSuppressedDestination(ctx context.Context, in *sesv2.PutSuppressedDestinationInput) (*sesv2.PutSuppressedDestinationOutput, error) {
	if err := unbuiltTenant("PutSuppressedDestination", in.TenantName); err != nil {
		return nil, err
	}
	if err := a.Suppression.Put(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailAddress), suppression.Reason(in.Reason)); err != nil {
		return nil, err
	}
	return &sesv2.PutSuppressedDestinationOutput{}, nil
}

// GetSuppressedDestination shows an address on the account's suppression list, with the
// message that put it there, if one did.
func (a *API) GetSuppressedDestination(ctx context.Context, in *sesv2.GetSuppressedDestinationInput) (*sesv2.GetSuppressedDestinationOutput, error) {
	if err := unbuiltTenant("GetSuppressedDestination", in.TenantName); err != nil {
		return nil, err
	}
	e, err := a.Suppression.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailAddress))
	if err != nil {
		return nil, err
	}
	out := &types.SuppressedDestination{EmailAddress: &e.Address, LastUpdateTime: &e.UpdatedAt, Reason: types.SuppressionListReason(e.Reason)}
	if e.MessageID != "" {
		out.Attributes = &types.SuppressedDestinationAttributes{MessageId: &e.MessageID, FeedbackId: &e.FeedbackID}
	}
	return &sesv2.GetSuppressedDestinationOutput{SuppressedDestination: out}, nil
}

// DeleteSuppressedDestination takes an address off the account's suppression list.
func (a *API) DeleteSuppressedDestination(ctx context.Context, in *sesv2.DeleteSuppressedDestinationInput) (*sesv2.DeleteSuppressedDestinationOutput, error) {
	if err := unbuiltTenant("DeleteSuppressedDestination", in.TenantName); err != nil {
		return nil, err
	}
	if err := a.Suppression.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.EmailAddress)); err != nil {
		return nil, err
	}
	return &sesv2.DeleteSuppressedDestinationOutput{}, nil
}

// suppressedKind is the kind of the tokens of lists of suppressed addresses.
const suppressedKind = "suppressed-destination"

// ListSuppressedDestinations lists the account's suppression list in the order in which
// the addresses were put there.
func (a *API) ListSuppressedDestinations(ctx context.Context, in *sesv2.ListSuppressedDestinationsInput) (*sesv2.ListSuppressedDestinationsOutput, error) {
	if err := unbuiltTenant("ListSuppressedDestinations", in.TenantName); err != nil {
		return nil, err
	}
	sc := caller.From(ctx).Scope
	tokens := page.List{Kind: suppressedKind, Region: sc.Region}
	size, err := page.Size("PageSize", in.PageSize, suppression.MaxPage, suppression.MaxPage)
	if err != nil {
		return nil, err
	}
	behind, err := position(tokens, in.NextToken)
	if err != nil {
		return nil, err
	}
	f := suppression.Filter{After: aws.ToTime(in.StartDate), Before: aws.ToTime(in.EndDate)}
	if rs := reasonsOf(in.Reasons); len(rs) == 1 { // both are no restriction
		f.Reason = rs[0]
	}
	entries, more, err := a.Suppression.List(ctx, sc, f, behind, size)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListSuppressedDestinationsOutput{SuppressedDestinationSummaries: []types.SuppressedDestinationSummary{}}
	for _, e := range entries {
		out.SuppressedDestinationSummaries = append(out.SuppressedDestinationSummaries, types.SuppressedDestinationSummary{
			EmailAddress: &e.Address, LastUpdateTime: &e.UpdatedAt, Reason: types.SuppressionListReason(e.Reason),
		})
	}
	if more {
		last := entries[len(entries)-1]
		out.NextToken = tokens.Token(fmt.Sprintf("%d %s", last.UpdatedAt.UnixMilli(), last.Address))
	}
	return out, nil
}

// position is where the page of a token begins. This list has an error of its own for bad
// tokens.
func position(tokens page.List, token *string) (suppression.Position, error) {
	last, err := tokens.After(token)
	if err == nil && last == "" {
		return suppression.Position{}, nil
	}
	at, address, ok := strings.Cut(last, " ")
	ms, numeric := strconv.ParseInt(at, 10, 64)
	if err != nil || !ok || numeric != nil {
		return suppression.Position{}, &types.InvalidNextTokenException{Message: aws.String("The NextToken is not valid.")}
	}
	return suppression.Position{At: time.UnixMilli(ms), Address: address}, nil
}

// reasonsOf are reasons without those that are named twice.
func reasonsOf(list []types.SuppressionListReason) (rs []suppression.Reason) {
	for _, r := range []suppression.Reason{suppression.Bounce, suppression.Complaint} {
		for _, given := range list {
			if string(given) == string(r) {
				rs = append(rs, r)
				break
			}
		}
	}
	return rs
}

// PutAccountSuppressionAttributes says for which reasons addresses go on the account's
// suppression list and get no mail; none ends its use. The addresses on it stay.
func (a *API) PutAccountSuppressionAttributes(ctx context.Context, in *sesv2.PutAccountSuppressionAttributesInput) (*sesv2.PutAccountSuppressionAttributesOutput, error) {
	if v := in.ValidationAttributes; v != nil && v.ConditionThreshold.ConditionThresholdEnabled == types.FeatureStatusEnabled {
		return nil, fault.InField(fault.NotImplemented, "ValidationAttributes", "The validation of addresses is not implemented by this server.")
	}
	if err := a.Suppression.SetReasons(ctx, caller.From(ctx).Scope, reasonsOf(in.SuppressedReasons)); err != nil {
		return nil, err
	}
	return &sesv2.PutAccountSuppressionAttributesOutput{}, nil
}

// suppressionAttributes are those of GetAccount.
func (a *API) suppressionAttributes(ctx context.Context, sc scope.Scope) (*types.SuppressionAttributes, error) {
	rs, err := a.Suppression.Reasons(ctx, sc)
	if err != nil {
		return nil, err
	}
	out := &types.SuppressionAttributes{SuppressedReasons: []types.SuppressionListReason{}}
	for _, r := range rs {
		out.SuppressedReasons = append(out.SuppressedReasons, types.SuppressionListReason(r))
	}
	return out, nil
}
