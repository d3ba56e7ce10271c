// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/contact"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// The kinds of the tokens of lists of contact lists and of contacts.
const (
	contactListKind = "contact-list"
	contactKind     = "contact"
)

// CreateContactList makes the contact list of the account in the region.
func (a *API) CreateContactList(ctx context.Context, in *sesv2.CreateContactListInput) (*sesv2.CreateContactListOutput, error) {
	tags, err := resourceTags(in.Tags)
	if err != nil {
		return nil, err
	}
	err = a.Contacts.CreateList(ctx, contact.List{
		Scope: caller.From(ctx).Scope, Name: aws.ToString(in.ContactListName), Description: aws.ToString(in.Description), Topics: topicsOf(in.Topics), Tags: tags,
	})
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateContactListOutput{}, nil
}

func topicsOf(in []types.Topic) (topics []contact.Topic) {
	for _, t := range in {
		topics = append(topics, contact.Topic{
			Name: aws.ToString(t.TopicName), DisplayName: aws.ToString(t.DisplayName), Description: aws.ToString(t.Description),
			Default: contact.Status(t.DefaultSubscriptionStatus),
		})
	}
	return topics
}

// GetContactList shows a contact list.
func (a *API) GetContactList(ctx context.Context, in *sesv2.GetContactListInput) (*sesv2.GetContactListOutput, error) {
	list, err := a.Contacts.List(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName))
	if err != nil {
		return nil, err
	}
	out := &sesv2.GetContactListOutput{
		ContactListName: &list.Name, Description: optional(list.Description), Topics: []types.Topic{}, Tags: tagList(list.Tags),
		CreatedTimestamp: &list.CreatedAt, LastUpdatedTimestamp: &list.UpdatedAt,
	}
	for _, t := range list.Topics {
		out.Topics = append(out.Topics, types.Topic{
			TopicName: &t.Name, DisplayName: &t.DisplayName, Description: optional(t.Description), DefaultSubscriptionStatus: types.SubscriptionStatus(t.Default),
		})
	}
	return out, nil
}

// ListContactLists lists the contact lists of the account in the region: one or none.
func (a *API) ListContactLists(ctx context.Context, in *sesv2.ListContactListsInput) (*sesv2.ListContactListsOutput, error) {
	sc := caller.From(ctx).Scope
	tokens := page.List{Kind: contactListKind, Region: sc.Region}
	if _, err := page.Size("PageSize", in.PageSize, contact.MaxPage, contact.MaxPage); err != nil {
		return nil, err
	}
	if _, err := tokens.After(in.NextToken); err != nil {
		return nil, err
	}
	lists, err := a.Contacts.All(ctx, sc)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListContactListsOutput{ContactLists: []types.ContactList{}}
	for _, l := range lists {
		out.ContactLists = append(out.ContactLists, types.ContactList{ContactListName: &l.Name, LastUpdatedTimestamp: &l.UpdatedAt})
	}
	return out, nil
}

// UpdateContactList replaces the description and the topics of a contact list. What is
// left out stays.
func (a *API) UpdateContactList(ctx context.Context, in *sesv2.UpdateContactListInput) (*sesv2.UpdateContactListOutput, error) {
	var topics *[]contact.Topic
	if in.Topics != nil {
		all := topicsOf(in.Topics)
		topics = &all
	}
	if err := a.Contacts.UpdateList(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName), in.Description, topics); err != nil {
		return nil, err
	}
	return &sesv2.UpdateContactListOutput{}, nil
}

// DeleteContactList removes a contact list with its contacts.
func (a *API) DeleteContactList(ctx context.Context, in *sesv2.DeleteContactListInput) (*sesv2.DeleteContactListOutput, error) {
	if err := a.Contacts.DeleteList(ctx, caller.From(ctx).Scope, aws.ToString(in.ContactListName)); err != nil {
		return nil, err
	}
	return &sesv2.DeleteContactListOutput{}, nil
}
