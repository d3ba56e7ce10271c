// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"

	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/content"
	"sesame/internal/core/track"
)

// Tracking decides what of a message is tracked, and makes the edit for that.
type Tracking interface {
	Options(ctx context.Context, sc scope.Scope, identity string, set configset.Set) (track.Options, error)
	Editor(m track.Message, o track.Options) func(content.TextPart) ([]byte, error)
}

// editText makes all changes of what the recipient reads, in one walk over the message.
// Here is where their edits are collected, in the order in which they see a part. Tracking
// is the first: what later edits put in is not tracked.
func (i *Intake) editText(ctx context.Context, d *draft, id string, out contact.Offer) error {
	var edits []func(content.TextPart) ([]byte, error)
	tracking, err := i.tracking(ctx, d, id)
	if err != nil {
		return err
	}
	if tracking != nil {
		edits = append(edits, tracking)
	}
	if out.URL != "" {
		edits = append(edits, unsubscribeLinks(out.URL))
	}
	if len(edits) == 0 {
		return nil
	}
	return d.msg.EditText(func(p content.TextPart) (_ []byte, err error) {
		for _, edit := range edits {
			if p.Text, err = edit(p); err != nil {
				return nil, err
			}
		}
		return p.Text, nil
	})
}

// tracking is the edit for opens and clicks; nil for mail that is never tracked.
func (i *Intake) tracking(ctx context.Context, d *draft, id string) (func(content.TextPart) ([]byte, error), error) {
	if i.o.Tracking == nil || d.System || d.Untracked {
		return nil, nil
	}
	own := "" // another account's identity has no settings for this one
	if d.identity.Owner == d.Scope {
		own = d.identity.Identity
	}
	o, err := i.o.Tracking.Options(ctx, d.Scope, own, d.set)
	if err != nil {
		return nil, err
	}
	return i.o.Tracking.Editor(track.Message{Scope: d.Scope, ID: id, Recipients: len(d.recipients)}, o), nil
}
