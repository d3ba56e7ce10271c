// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/edge/api/caller"
)

// VDM keeps what accounts tell Virtual Deliverability Manager.
type VDM interface {
	VDM(ctx context.Context, sc scope.Scope) (v account.VDM, told bool, err error)
	SetVDM(ctx context.Context, sc scope.Scope, actor string, v account.VDM) error
}

// PutAccountVdmAttributes replaces what the account tells Virtual Deliverability Manager;
// what is not said is switched off.
func (a *API) PutAccountVdmAttributes(ctx context.Context, in *sesv2.PutAccountVdmAttributesInput) (*sesv2.PutAccountVdmAttributesOutput, error) {
	c, said := caller.From(ctx), in.VdmAttributes
	v := account.VDM{Enabled: said.VdmEnabled == types.FeatureStatusEnabled}
	if d := said.DashboardAttributes; d != nil {
		v.EngagementMetrics = d.EngagementMetrics == types.FeatureStatusEnabled
	}
	if g := said.GuardianAttributes; g != nil {
		v.OptimizedSharedDelivery = g.OptimizedSharedDelivery == types.FeatureStatusEnabled
	}
	if err := a.VDM.SetVDM(ctx, c.Scope, c.Principal.ARN(), v); err != nil {
		return nil, err
	}
	return &sesv2.PutAccountVdmAttributesOutput{}, nil
}

// vdmAttributes are those of GetAccount: none until some were put, and their parts only
// while it is enabled, as with SES.
func (a *API) vdmAttributes(ctx context.Context, sc scope.Scope) (*types.VdmAttributes, error) {
	v, told, err := a.VDM.VDM(ctx, sc)
	if err != nil || !told {
		return nil, err
	}
	out := &types.VdmAttributes{VdmEnabled: status(v.Enabled)}
	if v.Enabled {
		out.DashboardAttributes = &types.DashboardAttributes{EngagementMetrics: status(v.EngagementMetrics)}
		out.GuardianAttributes = &types.GuardianAttributes{OptimizedSharedDelivery: status(v.OptimizedSharedDelivery)}
	}
	return out, nil
}

func status(on bool) types.FeatureStatus {
	if on {
		return types.FeatureStatusEnabled
	}
	return types.FeatureStatusDisabled
}
