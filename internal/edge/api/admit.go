// SPDX-License-Identifier: Apache-2.0

package api

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/edge/api/caller"
	"sesame/internal/proto/awswire"
)

// Calls throttles the calls of an operation by an account in a region. An operation that
// is in no region has the region "".
type Calls interface {
	Allow(sc scope.Scope, operation string) bool
}

// Sandbox tells who is out of the sandbox.
type Sandbox interface {
	ProductionAccess(ctx context.Context, sc scope.Scope) (bool, error)
}

// admit refuses an operation of SES for who calls it, before its input is read. For those
// that send, the sending quotas hold instead of the rate of calls (SES: service quotas,
// API call rate).
func (d *Door) admit(ctx context.Context, op *awswire.Operation) error {
	sc := caller.From(ctx).Scope
	if !sends(op.Name) {
		if err := d.throttle(sc, op.Service, op.Name); err != nil {
			return err
		}
	}
	if d.o.Sandbox == nil || !needsProduction(op.Name) {
		return nil
	}
	granted, err := d.o.Sandbox.ProductionAccess(ctx, sc)
	if err == nil && !granted {
		return fault.New(fault.Invalid, "Your account is in the sandbox. The operation %s requires production access.", op.Name)
	}
	return err
}

// throttle refuses a call over the rate of its operation. IAM and STS are everywhere: the
// region there is whatever the client signed for, and gives it no rate of its own.
func (d *Door) throttle(sc scope.Scope, service, operation string) error {
	if service == "iam" || service == "sts" {
		sc.Region = ""
	}
	if d.o.Calls != nil && !d.o.Calls.Allow(sc, service+" "+operation) {
		return fault.New(fault.Throttled, "Rate exceeded")
	}
	return nil
}

// needsProduction reports whether the sandbox has no such operation (SES: the sandbox;
// the account-level suppression list).
func needsProduction(op string) bool {
	switch op {
	case "PutSuppressedDestination", "DeleteSuppressedDestination", "CreateImportJob":
		return true
	}
	return false
}
