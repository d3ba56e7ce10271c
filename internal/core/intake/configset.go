// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/spool"
)

// ConfigSets knows the configuration sets.
type ConfigSets interface {
	Get(ctx context.Context, sc scope.Scope, name string) (configset.Set, error)
}

// configurationSet finds the set that a parameter, or else a header, names.
func (i *Intake) configurationSet(ctx context.Context, d *draft) (err error) {
	if d.ConfigSet == "" {
		d.ConfigSet = d.msg.ConfigurationSet
	}
	if d.ConfigSet != "" {
		if d.set, err = i.o.ConfigSets.Get(ctx, d.Scope, d.ConfigSet); err != nil {
			return err
		}
	}
	if len(d.Tags) == 0 {
		for _, t := range d.msg.Tags {
			d.Tags = append(d.Tags, spool.Tag(t))
		}
	}
	return validTags(d.Tags)
}

// defaultSet finds the set of mail that names none: that of the identity that the message
// is sent under, and of no wider one (SES: default configuration sets). An identity that
// another account lends has none for its delegates. While a default set does not exist
// nothing can be sent without naming another.
func (i *Intake) defaultSet(ctx context.Context, d *draft) error {
	if d.ConfigSet != "" || d.identity.Owner != d.Scope {
		return nil
	}
	id, err := i.o.Identities.Get(ctx, d.Scope, d.identity.Identity)
	if fault.Is(err, fault.NotFound) { // it was removed this moment
		return nil
	}
	if err != nil || id.ConfigSet == "" {
		return err
	}
	d.set, err = i.o.ConfigSets.Get(ctx, d.Scope, id.ConfigSet)
	if fault.Is(err, fault.ConfigSetNotFound) {
		return fault.InField(fault.Invalid, "ConfigurationSetName",
			"Configuration set <%s>, the default of the identity <%s>, does not exist.", id.ConfigSet, id.Name)
	}
	d.ConfigSet = id.ConfigSet
	return err
}

// notPaused refuses mail whose set is paused.
func (i *Intake) notPaused(_ context.Context, d *draft) error {
	if d.ConfigSet != "" && !d.set.SendingEnabled {
		return fault.InField(fault.ConfigSetPaused, "ConfigurationSetName", "Sending is paused for configuration set %s", d.ConfigSet)
	}
	return nil
}
