// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
)

// Bounds of the tags of a resource (SES: Tag). Lengths are in characters.
const (
	maxTags     = 50
	maxTagKey   = 128
	maxTagValue = 256
)

// resourceTags checks the tags of a new resource in SES's order and words: their
// number, their characters, the reserved prefix, their lengths, empty and repeated keys.
func resourceTags(in []types.Tag) ([]identity.Tag, error) {
	if len(in) > maxTags {
		return nil, tagFault("Maximum of %d user tags are allowed per resource, consider reducing the number of tags in the request", maxTags)
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
