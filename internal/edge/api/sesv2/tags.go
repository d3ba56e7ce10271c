// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// Bounds of a tag (SES: Tag), in characters.
const (
	maxTagKey   = 128
	maxTagValue = 256
)

// resourceTags checks the tags of a new resource in SES's order and words: their
// number, their characters, the reserved prefix, their lengths, empty and repeated keys.
func resourceTags(in []types.Tag) ([]identity.Tag, error) {
	if len(in) > identity.MaxTags {
		return nil, identity.TooManyTags()
	}
	tags := make([]identity.Tag, 0, len(in))
	for _, t := range in {
		tags = append(tags, identity.Tag{Key: aws.ToString(t.Key), Value: aws.ToString(t.Value)})
	}
	for _, check := range []func([]identity.Tag) error{tagCharacters, tagPrefixes, tagLengths, tagKeys} {
		if err := check(tags); err != nil {
			return nil, err
		}
	}
	return tags, nil
}

func tagFault(format string, args ...any) error {
	return fault.InField(fault.Invalid, "Tags", format, args...)
}

func tagCharacters(tags []identity.Tag) error {
	for _, t := range tags {
		if strings.ContainsFunc(t.Value+t.Key, func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsNumber(r) && !unicode.Is(unicode.Z, r) && !strings.ContainsRune("_.:/=+-@", r)
		}) {
			return tagFault("Tags can only contain letters, numbers, spaces, and the following special characters: _ . : / = + - @")
		}
	}
	return nil
}

func tagPrefixes(tags []identity.Tag) error {
	const reserved = "aws:"
	for _, t := range tags {
		if len(t.Key) >= len(reserved) && strings.EqualFold(t.Key[:len(reserved)], reserved) {
			return tagFault("Caller is an end user and not allowed to mutate system tags")
		}
	}
	return nil
}

func tagLengths(tags []identity.Tag) error {
	var found []string
	for i, t := range tags {
		for _, m := range []struct {
			name, text string
			most       int
		}{{"value", t.Value, maxTagValue}, {"key", t.Key, maxTagKey}} {
			if utf8.RuneCountInString(m.text) > m.most {
				found = append(found, fmt.Sprintf(
					"Value at 'tags.%d.member.%s' failed to satisfy constraint: Member must have length less than or equal to %d", i+1, m.name, m.most))
			}
		}
	}
	switch len(found) {
	case 0:
		return nil
	case 1:
		return tagFault("1 validation error detected: %s", found[0])
	}
	return tagFault("%d validation errors detected: %s", len(found), strings.Join(found, "; "))
}

func tagKeys(tags []identity.Tag) error {
	seen := make(map[string]bool, len(tags))
	for _, t := range tags {
		if t.Key == "" {
			return &types.BadRequestException{} // SES has no text for it
		}
		if seen[t.Key] {
			return tagFault("Cannot provide multiple tags with the same key")
		}
		seen[t.Key] = true
	}
	return nil
}

func tagList(tags []identity.Tag) []types.Tag {
	list := make([]types.Tag, 0, len(tags))
	for _, t := range tags {
		list = append(list, types.Tag{Key: aws.String(t.Key), Value: aws.String(t.Value)})
	}
	return list
}

// taggable are resources that have tags.
type taggable interface {
	Tags(ctx context.Context, sc scope.Scope, name string) ([]identity.Tag, error)
	Tag(ctx context.Context, sc scope.Scope, name string, tags []identity.Tag) error
	Untag(ctx context.Context, sc scope.Scope, name string, keys []string) error
}

// taggedIdentities are the identities, whose tags are read past the cache.
type taggedIdentities struct{ *identity.Identities }

// Tags are the tags of an identity.
func (s taggedIdentities) Tags(ctx context.Context, sc scope.Scope, name string) ([]identity.Tag, error) {
	id, err := s.Read(ctx, sc, name)
	return id.Tags, err
}

// resource finds which resources an ARN is of, and its name among them. What belongs to
// others does not exist, and neither does an ARN that spells its identity's name
// otherwise: policies compare ARNs by every letter.
func (a *API) resource(sc scope.Scope, arn *string) (taggable, string, error) {
	owner, resource, ok := scope.ParseARN(aws.ToString(arn))
	if !ok {
		return nil, "", fault.InField(fault.Invalid, "ResourceArn", "ResourceArn is not the ARN of a resource of Amazon SES.")
	}
	if owner != sc {
		return nil, "", noResource()
	}
	kind, name, _ := strings.Cut(resource, "/")
	switch kind {
	case "identity":
		if kept, _, err := identity.ParseName(name); err == nil && kept == name {
			return taggedIdentities{a.Identities}, name, nil
		}
	case "configuration-set":
		return a.ConfigSets, name, nil
	case "contact-list":
		return a.Contacts, name, nil
	case "custom-verification-email-template":
		return a.Templates, name, nil
	case "template":
		return a.EmailTemplates, name, nil
	}
	return nil, "", noResource()
}

func noResource() error {
	return fault.InField(fault.NotFound, "ResourceArn", "The resource that ResourceArn names does not exist.")
}

// absent is the refusal of a resource that does not exist, for those kinds in SES's words
// whose words are known.
func absent(r taggable, name string) error {
	switch r.(type) {
	case *configset.Sets:
		return fault.InField(fault.NotFound, "ResourceArn", "No ConfigurationSet present with name: %s", fault.Printable(name))
	case *contact.Lists:
		return fault.InField(fault.NotFound, "ResourceArn", "No ContactList present with name: %s", fault.Printable(name))
	}
	return noResource()
}

// tagged runs do on the resource that an ARN is of, and says NotFound of the ARN.
func (a *API) tagged(ctx context.Context, arn *string, do func(r taggable, sc scope.Scope, name string) error) error {
	sc := caller.From(ctx).Scope
	r, name, err := a.resource(sc, arn)
	if err != nil {
		return err
	}
	if err = do(r, sc, name); fault.Is(err, fault.NotFound) || fault.Is(err, fault.ConfigSetNotFound) || fault.Is(err, fault.TemplateNotFound) {
		return absent(r, name)
	}
	return err
}

// ListTagsForResource lists the tags of a resource.
func (a *API) ListTagsForResource(ctx context.Context, in *sesv2.ListTagsForResourceInput) (*sesv2.ListTagsForResourceOutput, error) {
	out := &sesv2.ListTagsForResourceOutput{}
	err := a.tagged(ctx, in.ResourceArn, func(r taggable, sc scope.Scope, name string) error {
		tags, err := r.Tags(ctx, sc, name)
		out.Tags = tagList(tags)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// TagResource adds tags to a resource, or changes those that it has.
func (a *API) TagResource(ctx context.Context, in *sesv2.TagResourceInput) (*sesv2.TagResourceOutput, error) {
	tags, err := resourceTags(in.Tags)
	if err != nil {
		return nil, err
	}
	err = a.tagged(ctx, in.ResourceArn, func(r taggable, sc scope.Scope, name string) error { return r.Tag(ctx, sc, name, tags) })
	if err != nil {
		return nil, err
	}
	return &sesv2.TagResourceOutput{}, nil
}

// UntagResource removes tags from a resource, by their keys.
func (a *API) UntagResource(ctx context.Context, in *sesv2.UntagResourceInput) (*sesv2.UntagResourceOutput, error) {
	err := a.tagged(ctx, in.ResourceArn, func(r taggable, sc scope.Scope, name string) error { return r.Untag(ctx, sc, name, in.TagKeys) })
	if err != nil {
		return nil, err
	}
	return &sesv2.UntagResourceOutput{}, nil
}
