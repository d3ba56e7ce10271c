// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"bytes"
	"context"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/contact"
	"sesame/internal/core/content"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
)

// List names the contact list that a message is sent to, and a topic of it or "" (SES API
// v2: ListManagementOptions). The zero value is no list.
type List struct{ Name, Topic string }

// Contacts tells who wants the mail of a contact list.
type Contacts interface {
	ForSend(ctx context.Context, sc scope.Scope, list, topic string, recipients []address.Address) (contact.Sending, error)
}

// unsubscribed is what is told of a recipient that does not want the message.
const unsubscribed = "Amazon SES did not send the message to this address because it has unsubscribed from the contact list."

// subscribers settles the recipients that don't want the mail of the list that the message
// is sent to: the message bounces there (SES: list management). The others are on the list
// once the message is accepted.
func (i *Intake) subscribers(ctx context.Context, d *draft) (err error) {
	if d.List.Name == "" {
		d.List = List{d.msg.ContactList, d.msg.Topic}
	}
	if d.List.Name == "" {
		return nil
	}
	if d.subscribed, err = i.o.Contacts.ForSend(ctx, d.Scope, d.List.Name, d.List.Topic, d.recipients); err != nil {
		return err
	}
	if len(d.subscribed.Unwanted) == 0 {
		return nil
	}
	reason := "not subscribed to the contact list " + d.List.Name
	if d.List.Topic != "" {
		reason = "not subscribed to the topic " + d.List.Topic + " of the contact list " + d.List.Name
	}
	d.fates = append(d.fates, spool.Fate{
		Recipients: d.subscribed.Unwanted, State: spool.Suppressed, Cause: "unsubscribed", Reason: reason, Event: event.Bounce,
		Detail: event.Detail{BounceType: "Permanent", BounceSubType: "UnsubscribedRecipient", Cause: "unsubscribed", Enhanced: "5.7.1", Reply: unsubscribed},
	})
	return nil
}

// waysOut is how the recipient may unsubscribe from the list of the message with this id:
// the zero value for mail of no list, to several, or signed by its sender, which must stay
// as it is (SES: subscription management).
func (d *draft) waysOut(id string) contact.Offer {
	if d.List.Name == "" || d.System || len(d.recipients) != 1 || len(d.msg.Header.Values("DKIM-Signature")) > 0 {
		return contact.Offer{}
	}
	return d.subscribed.Offer(0, id, d.set)
}

// uris are those of the List-Unsubscribe field.
func uris(o contact.Offer) (all []string) {
	for _, u := range []string{o.URL, o.Mailto} {
		if u != "" {
			all = append(all, u)
		}
	}
	return all
}

// unsubscribePlaceholder is where a text wants the link to the page of subscriptions. It
// may have it twice; more are left as they are (SES: subscription management).
const (
	unsubscribePlaceholder = "{{amazonSESUnsubscribeUrl}}"
	maxPlaceholders        = 2
)

// unsubscribeLinks is the edit that puts the link in.
func unsubscribeLinks(url string) func(content.TextPart) ([]byte, error) {
	return func(p content.TextPart) ([]byte, error) {
		return bytes.Replace(p.Text, []byte(unsubscribePlaceholder), []byte(url), maxPlaceholders), nil
	}
}
