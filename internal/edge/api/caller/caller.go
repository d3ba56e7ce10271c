// SPDX-License-Identifier: Apache-2.0

// Package caller carries who calls an operation from the door to its handler.
package caller

import (
	"context"

	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
)

// Caller is an authenticated request's origin.
type Caller struct {
	Scope     scope.Scope // the key's account, and the region of the signature
	Principal account.Principal
	RequestID string
	SourceIP  string
	UserAgent string
	Secure    bool // the request came under TLS

	Idempotency intake.Idempotency // how the request is known again; no Entry
}

// Access is the caller for whoever decides what it may do; version is that of the SES
// API, "" for other services.
func (c Caller) Access(version string) access.Request {
	return access.Request{
		Scope: c.Scope, Principal: c.Principal, SourceIP: c.SourceIP, UserAgent: c.UserAgent, Secure: c.Secure, APIVersion: version,
	}
}

type key struct{}

// With returns a context that carries c.
func With(ctx context.Context, c Caller) context.Context { return context.WithValue(ctx, key{}, c) }

// From returns the caller of an operation. The door sets it for every handler, so it
// panics where there is none.
func From(ctx context.Context) Caller { return ctx.Value(key{}).(Caller) }
