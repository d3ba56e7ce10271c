// SPDX-License-Identifier: Apache-2.0

package identity

import (
	"cmp"
	"context"
	"encoding/json"
	"slices"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// MaxTags is how many tags a resource may have (SES: Tag).
const MaxTags = 50

// Feedback is a type of notification, in API v1's spelling.
type Feedback string

// The types.
const (
	Bounce    Feedback = "Bounce"
	Complaint Feedback = "Complaint"
	Delivery  Feedback = "Delivery"
)

// Of is the setting of a type, for reading and for changing.
func (n *Notifications) Of(f Feedback) *Notification {
	switch f {
	case Bounce:
		return &n.Bounce
	case Complaint:
		return &n.Complaint
	}
	return &n.Delivery
}

// Read is Get past the cache: it sees what any node has changed. Operations that show an
// identity take it, since their callers expect to read what they have written.
func (s *Identities) Read(ctx context.Context, sc scope.Scope, name string) (Identity, error) {
	return s.fresh(ctx, sc, name)
}

// SetConfigSet gives an identity the configuration set that its mail gets by default, or
// takes it away with "". Whether the set exists is for the caller to know. An identity
// whose policies let others send can't have one (SES: sending authorization).
func (s *Identities) SetConfigSet(ctx context.Context, sc scope.Scope, name, set string) error {
	return s.configure(ctx, sc, name, func(tx *store.Tx, id *Identity) (refusal, err error) {
		if set != "" {
			texts, err := policiesIn(tx, sc, id.Name)
			if err != nil {
				return nil, err
			}
			for _, text := range texts {
				if doc, err := parsePolicy(text); err == nil && delegates(doc, sc.Account) {
					return shared("ConfigurationSetName", id.Name), nil
				}
			}
		}
		id.ConfigSet = set
		return nil, nil
	})
}

// shared is the refusal to have a default configuration set and delegate senders at once.
func shared(field, name string) error {
	return fault.InField(fault.Invalid, field,
		"Identity <%s> can't have both a default configuration set and a policy that lets others send.", name)
}

// SetForwarding says whether bounces and complaints are forwarded by mail (SES: email
// feedback forwarding).
func (s *Identities) SetForwarding(ctx context.Context, sc scope.Scope, name string, on bool) error {
	return s.configure(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		id.Forwarding = on
		return nil, nil
	})
}

// StopForwarding is SetForwarding to off as API v1 has it: topics have to be there for
// what is no longer forwarded.
func (s *Identities) StopForwarding(ctx context.Context, sc scope.Scope, name string) error {
	return s.configure(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		if n := id.Notifications; n.Bounce.Topic == "" || n.Complaint.Topic == "" {
			return fault.InField(fault.Invalid, "ForwardingEnabled",
				"Identity %s is invalid. Feedback forwarding can only be disabled when Amazon SNS topics are set for both bounces and complaints.", id.Name), nil
		}
		id.Forwarding = false
		return nil, nil
	})
}

// SetTopic says which topic hears of a type of feedback; "" is none.
func (s *Identities) SetTopic(ctx context.Context, sc scope.Scope, name string, f Feedback, topic string) error {
	return s.configure(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		id.Notifications.Of(f).Topic = topic
		return nil, nil
	})
}

// SetHeaders says whether notifications of a type have the header fields of the mail.
func (s *Identities) SetHeaders(ctx context.Context, sc scope.Scope, name string, f Feedback, on bool) error {
	return s.configure(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		id.Notifications.Of(f).Headers = on
		return nil, nil
	})
}

// Tag adds tags, which the caller has checked. A key that is there already gets the new
// value.
func (s *Identities) Tag(ctx context.Context, sc scope.Scope, name string, tags []Tag) error {
	return s.configure(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		id.Tags, refusal = WithTags(id.Tags, tags)
		return refusal, nil
	})
}

// WithTags are the tags of a resource with further ones, or with other values where it has
// the key; it refuses more than MaxTags.
func WithTags(has, more []Tag) ([]Tag, error) {
	for _, t := range more {
		if at := slices.IndexFunc(has, func(h Tag) bool { return h.Key == t.Key }); at >= 0 {
			has[at] = t
		} else {
			has = append(has, t)
		}
	}
	if len(has) > MaxTags {
		return nil, TooManyTags()
	}
	return has, nil
}

// WithoutTags are the tags of a resource without those with these keys.
func WithoutTags(has []Tag, keys []string) []Tag {
	return slices.DeleteFunc(has, func(t Tag) bool { return slices.Contains(keys, t.Key) })
}

// TooManyTags is the refusal of more than MaxTags tags.
func TooManyTags() error {
	return fault.InField(fault.Invalid, "Tags",
		"Maximum of %d user tags are allowed per resource, consider reducing the number of tags in the request", MaxTags)
}

// Untag removes the tags with these keys. Those that are not there are no error.
func (s *Identities) Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error {
	return s.configure(ctx, sc, name, func(_ *store.Tx, id *Identity) (refusal, err error) {
		id.Tags = WithoutTags(id.Tags, keys)
		return nil, nil
	})
}

// configure lets edit change the settings of an identity, and keeps those alone: its state
// is moved by change. The row is locked while edit runs, which may be more than once.
// Edit refuses before it writes anything by itself: a refusal is no error of the
// transaction.
func (s *Identities) configure(ctx context.Context, sc scope.Scope, name string, edit func(tx *store.Tx, id *Identity) (refusal, err error)) error {
	norm, _, err := ParseName(name)
	if err != nil {
		return err
	}
	var refusal error
	err = s.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
		var id Identity
		if id, refusal, err = lock(tx, sc, norm); err != nil || refusal != nil {
			return err
		}
		if refusal, err = edit(tx, &id); err != nil || refusal != nil {
			return err
		}
		return keepSettings(tx, id)
	})
	s.changes.Forget(sc.Account)
	return cmp.Or(err, refusal)
}

func keepSettings(tx *store.Tx, id Identity) error {
	tags, err := json.Marshal(id.Tags)
	if err != nil {
		return err
	}
	notifications, err := json.Marshal(id.Notifications)
	if err != nil {
		return err
	}
	_, err = tx.Exec(`UPDATE identities SET config_set = ?, tags = ?, forwarding = ?, notifications = ? WHERE account = ? AND region = ? AND name = ?`,
		id.ConfigSet, string(tags), store.Flag(id.Forwarding), string(notifications), id.Scope.Account, id.Scope.Region, id.Name)
	return err
}
