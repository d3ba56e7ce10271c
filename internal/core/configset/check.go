// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"errors"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// What is at fault, for the version of the API that has an error type for each: the cause
// of the fault.
var (
	ErrExists             = errors.New("configset: the set exists")
	ErrTracking           = errors.New("configset: the tracking options are of no use")
	ErrTrackingExists     = errors.New("configset: the set has tracking options")
	ErrNoTracking         = errors.New("configset: the set has no tracking options")
	ErrDestinationExists  = errors.New("configset: the event destination exists")
	ErrNoDestination      = errors.New("configset: no such event destination")
	ErrSNSDestination     = errors.New("configset: the topic is of no use")
	ErrStreamDestination  = errors.New("configset: the delivery stream is of no use")
	ErrMetricsDestination = errors.New("configset: the dimensions are of no use")
)

// because is a fault with its cause.
func because(cause error, kind fault.Kind, field, format string, args ...any) error {
	f := fault.InField(kind, field, format, args...)
	f.Err = cause
	return f
}

// notFound is SES's refusal of a set that does not exist.
func notFound(name string) error {
	return fault.InField(fault.ConfigSetNotFound, "ConfigurationSetName", "Configuration set <%s> does not exist.", name)
}

// checkName refuses names that no set can have, in SES's order and words.
func checkName(name string) error {
	const field = "ConfigurationSetName"
	switch {
	case name == "":
		return fault.InField(fault.Invalid, field, "The configuration set name must be specified.")
	case len(name) > MaxName:
		return fault.InField(fault.Invalid, field, "Configuration set name cannot exceed %d characters.", MaxName)
	case !plain(name, "_-"):
		return fault.InField(fault.Invalid, field,
			"Invalid configuration set name <%s>: only alphanumeric ASCII characters, '_', and '-' are allowed.", printable(name))
	}
	return nil
}

// plain reports whether s has nothing but letters and digits of ASCII, and those of more.
func plain(s, more string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune(more, r))
	})
}

// printable is s for a text that goes to the peer: no control characters, and not long.
func printable(s string) string {
	const most = 100
	if len(s) > most {
		s = s[:most] + "..."
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, s)
}

// checkReasons refuses reasons that are none (SES API v2:
// PutConfigurationSetSuppressionOptions).
func checkReasons(reasons *[]string) error {
	if reasons == nil {
		return nil
	}
	for _, r := range *reasons {
		if r != Bounce && r != Complaint {
			return fault.InField(fault.Invalid, "SuppressedReasons", "Reason %s is invalid, must be one of [BOUNCE, COMPLAINT].", printable(r))
		}
	}
	return nil
}

// checkDomain refuses a tracking domain that is not the account's own: a verified domain,
// or one below it (SES: configuring custom domains to handle open and click tracking).
func (s *Sets) checkDomain(ctx context.Context, sc scope.Scope, name string) error {
	const field = "CustomRedirectDomain"
	d, err := address.ParseDomain(name)
	if err == nil {
		_, err = s.domains.ResolveDomain(ctx, sc, d)
		if err == nil || !fault.Is(err, fault.NotFound) && !fault.Is(err, fault.Invalid) {
			return err
		}
	}
	return because(ErrTracking, fault.Invalid, field, "Domain <%s> is not verified under this account.", printable(name))
}

// checkPool wants one of the pools that every account has (SES: assigning IP pools).
func checkPool(name string) error {
	switch name {
	case "", "ses-default-dedicated-pool", "ses-shared-pool":
		return nil
	}
	return fault.InField(fault.Invalid, "SendingPoolName", "SendingPool <%s> doesn't exist", printable(name))
}
