// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/intake"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// listOf is the contact list that a message is sent to. Options without a name are refused:
// who left the list would get the message.
func listOf(o *types.ListManagementOptions) (intake.List, error) {
	if o == nil {
		return intake.List{}, nil
	}
	if aws.ToString(o.ContactListName) == "" {
		return intake.List{}, fault.InField(fault.Invalid, "ContactListName", "ContactListName can't be blank.")
	}
	return intake.List{Name: *o.ContactListName, Topic: aws.ToString(o.TopicName)}, nil
}

// CreateContact puts a contact on a contact list.
func (a *API) CreateContact(ctx context.Context, in *sesv2.CreateContactInput) (*sesv2.CreateContactOutput, error) {
	err := a.Contacts.Create(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName), contact.Contact{
		Address: aws.ToString(in.EmailAddress), UnsubscribeAll: in.UnsubscribeAll, Attributes: aws.ToString(in.AttributesData), Preferences: preferencesOf(in.TopicPreferences),
	})
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateContactOutput{}, nil
}

func preferencesOf(in []types.TopicPreference) (all []contact.Preference) {
	for _, p := range in {
		all = append(all, contact.Preference{Topic: aws.ToString(p.TopicName), Status: contact.Status(p.SubscriptionStatus)})
	}
	return all
}

func preferenceList(all []contact.Preference) []types.TopicPreference {
	out := []types.TopicPreference{}
	for _, p := range all {
		out = append(out, types.TopicPreference{TopicName: &p.Topic, SubscriptionStatus: types.SubscriptionStatus(p.Status)})
	}
	return out
}

// GetContact shows a contact, with what it has said and what holds where it has not.
func (a *API) GetContact(ctx context.Context, in *sesv2.GetContactInput) (*sesv2.GetContactOutput, error) {
	c, list, err := a.Contacts.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName), aws.ToString(in.EmailAddress))
	if err != nil {
		return nil, err
	}
	return &sesv2.GetContactOutput{
		ContactListName: &list.Name, EmailAddress: &c.Address, AttributesData: optional(c.Attributes), UnsubscribeAll: c.UnsubscribeAll,
		TopicPreferences: preferenceList(c.Preferences), TopicDefaultPreferences: preferenceList(list.Defaults(c)),
		CreatedTimestamp: &c.CreatedAt, LastUpdatedTimestamp: &c.UpdatedAt,
	}, nil
}

// ListContacts lists the contacts of a contact list in the order of their addresses.
func (a *API) ListContacts(ctx context.Context, in *sesv2.ListContactsInput) (*sesv2.ListContactsOutput, error) {
	sc := caller.From(ctx).Scope
	tokens := page.List{Kind: contactKind, Region: sc.Region}
	size, err := page.Size("PageSize", in.PageSize, contact.MaxPage, contact.MaxPage)
	if err != nil {
		return nil, err
	}
	q := contact.Query{Limit: size}
	if q.Behind, err = tokens.After(in.NextToken); err != nil {
		return nil, err
	}
	if in.Filter != nil {
		q.Status = contact.Status(in.Filter.FilteredStatus)
		if t := in.Filter.TopicFilter; t != nil {
			q.Topic, q.UseDefault = aws.ToString(t.TopicName), t.UseDefaultIfPreferenceUnavailable
		}
	}
	p, err := a.Contacts.Contacts(ctx, sc, aws.ToString(in.ContactListName), q)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListContactsOutput{Contacts: []types.Contact{}}
	for _, c := range p.Contacts {
		out.Contacts = append(out.Contacts, types.Contact{
			EmailAddress: &c.Address, UnsubscribeAll: c.UnsubscribeAll, LastUpdatedTimestamp: &c.UpdatedAt,
			TopicPreferences: preferenceList(c.Preferences), TopicDefaultPreferences: preferenceList(p.List.Defaults(c)),
		})
	}
	if p.More {
		out.NextToken = tokens.Token(p.Contacts[len(p.Contacts)-1].Address)
	}
	return out, nil
}

// UpdateContact changes what a contact wants, and its attributes. Topics that it does not
// name stay as they are; all else is replaced.
func (a *API) UpdateContact(ctx context.Context, in *sesv2.UpdateContactInput) (*sesv2.UpdateContactOutput, error) {
	err := a.Contacts.Update(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName), contact.Contact{
		Address: aws.ToString(in.EmailAddress), UnsubscribeAll: in.UnsubscribeAll, Attributes: aws.ToString(in.AttributesData), Preferences: preferencesOf(in.TopicPreferences),
	})
	if err != nil {
		return nil, err
	}
	return &sesv2.UpdateContactOutput{}, nil
}

// DeleteContact takes a contact off a contact list.
func (a *API) DeleteContact(ctx context.Context, in *sesv2.DeleteContactInput) (*sesv2.DeleteContactOutput, error) {
	if err := a.Contacts.Delete(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName), aws.ToString(in.EmailAddress)); err != nil {
		return nil, err
	}
	return &sesv2.DeleteContactOutput{}, nil
}
