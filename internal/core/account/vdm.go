// SPDX-License-Identifier: Apache-2.0

package account

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// VDM is what the owner has told Virtual Deliverability Manager, for the account in a
// region (SES API v2: VdmAttributes). The configuration sets may override the two parts.
type VDM struct {
	Enabled                 bool
	EngagementMetrics       bool
	OptimizedSharedDelivery bool
}

// VDM returns what was told last, as the database has it now. Told is false while nothing
// was.
func (a *Accounts) VDM(ctx context.Context, sc scope.Scope) (v VDM, told bool, err error) {
	var text string
	err = a.db.QueryRow(ctx, `SELECT vdm FROM account_details WHERE account = ? AND region = ?`, sc.Account, sc.Region).Scan(&text)
	if errors.Is(err, sql.ErrNoRows) || err == nil && text == "" {
		return VDM{}, false, nil
	}
	if err == nil {
		err = json.Unmarshal([]byte(text), &v)
	}
	return v, err == nil, store.Wrap("account.VDM", err)
}

// SetVDM replaces it (SES API v2: PutAccountVdmAttributes).
func (a *Accounts) SetVDM(ctx context.Context, sc scope.Scope, actor string, v VDM) error {
	text, err := json.Marshal(v)
	if err != nil {
		return store.Wrap("account.SetVDM", err)
	}
	now := a.now()
	return a.change(ctx, sc.Account, func(tx *store.Tx) error {
		if _, err := tx.Exec(`INSERT INTO account_details (account, region, vdm) VALUES (?, ?, ?)
			ON CONFLICT (account, region) DO UPDATE SET vdm = excluded.vdm`, sc.Account, sc.Region, string(text)); err != nil {
			return err
		}
		_, err := tx.Exec(`INSERT INTO account_changes (account, region, at, actor, change) VALUES (?, ?, ?, ?, ?)`,
			sc.Account, sc.Region, store.Millis(now), actor, fmt.Sprintf("virtual deliverability manager: %+v", v))
		return err
	})
}
