// SPDX-License-Identifier: Apache-2.0

package content

import (
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/proto/message"
)

// Control is what a message says about its sending in header fields of SES. Where a
// field occurs more than once the first one counts (SES: sending authorization).
type Control struct {
	ConfigurationSet string
	Tags             []Tag
	SourceARN        string
	FromARN          string
	ReturnPathARN    string
	Tenant           string
	ContactList      string // of X-SES-LIST-MANAGEMENT-OPTIONS
	Topic            string // of the contact list; may be empty
	IdempotencyKey   string

	hasTags bool
}

// Tag is a message tag.
type Tag struct{ Name, Value string }

// maxTag is the longest name or value of a tag that SES takes.
const maxTag = 255

func (c *Control) read(f message.Field) error {
	value := f.Value()
	switch {
	case f.Is("X-SES-CONFIGURATION-SET"):
		first(&c.ConfigurationSet, value)
	case f.Is("X-SES-SOURCE-ARN"):
		first(&c.SourceARN, value)
	case f.Is("X-SES-FROM-ARN"):
		first(&c.FromARN, value)
	case f.Is("X-SES-RETURN-PATH-ARN"):
		first(&c.ReturnPathARN, value)
	case f.Is("X-SES-TENANT"):
		first(&c.Tenant, value)
	case f.Is("X-SES-IDEMPOTENCY-KEY"):
		first(&c.IdempotencyKey, value)
	case f.Is("X-SES-LIST-MANAGEMENT-OPTIONS"):
		if c.ContactList == "" && value != "" {
			c.ContactList, c.Topic = parseListOptions(value)
			if c.ContactList == "" { // who left the list would get the message
				return fault.InField(fault.Invalid, "ContactListName", "ContactListName can't be blank.")
			}
		}
	case f.Is("X-SES-MESSAGE-TAGS") && !c.hasTags:
		c.hasTags = true
		tags, err := ParseTags(value)
		if err != nil {
			return err
		}
		c.Tags = tags
	}
	return nil
}

// ControlOf is what custom headers say. What is wrong with them is found in the message.
func ControlOf(headers []message.NameValue) (c Control) {
	for _, h := range headers {
		_ = c.read(message.NewField(h.Name, h.Value))
	}
	return c
}

func first(to *string, value string) {
	if *to == "" {
		*to = value
	}
}

// parseListOptions reads "list; topic=name".
func parseListOptions(value string) (list, topic string) {
	list, rest, _ := strings.Cut(value, ";")
	for rest != "" {
		var option string
		option, rest, _ = strings.Cut(rest, ";")
		if name, v, ok := strings.Cut(option, "="); ok && strings.EqualFold(strings.TrimSpace(name), "topic") {
			topic = strings.TrimSpace(v)
		}
	}
	return strings.TrimSpace(list), topic
}

// tagsField is what faults about tags name.
const tagsField = "X-SES-MESSAGE-TAGS"

// ParseTags reads the value of X-SES-MESSAGE-TAGS: "name=value, name=value". A tag with
// characters outside ASCII is left out and not refused: SES sends the message and only
// has no metrics for it (SES: event publishing).
func ParseTags(value string) ([]Tag, error) {
	var tags []Tag
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		name, v, _ := strings.Cut(item, "=")
		t := Tag{Name: strings.TrimSpace(name), Value: strings.TrimSpace(v)}
		if message.Is8Bit([]byte(item)) {
			continue
		}
		if err := CheckTag(tagsField, t); err != nil {
			return nil, err
		}
		tags = append(tags, t)
	}
	return tags, nil
}

// CheckTag refuses a tag that SES does not take, wherever it comes from; field is the
// member or header field that has it. The two names that begin with "ses:" put values
// into the Feedback-ID (SES: event publishing, fine-grained feedback).
func CheckTag(field string, t Tag) error {
	refuse := func(format string, args ...any) error {
		return fault.InField(fault.Invalid, field, format, args...)
	}
	switch {
	case t.Name == "":
		return refuse("The tag name must be specified.")
	case t.Value == "":
		return refuse("The tag value must be specified.")
	case len(t.Name) > maxTag:
		return refuse("Tag name cannot exceed %d characters.", maxTag)
	case len(t.Value) > maxTag:
		return refuse("Tag value cannot exceed %d characters.", maxTag)
	case !tagText(t.Name) && t.Name != "ses:feedback-id-a" && t.Name != "ses:feedback-id-b":
		return refuse("Invalid tag name <%s>: only alphanumeric ASCII characters, '_', and '-' are allowed.", fault.Printable(t.Name))
	case !tagText(t.Value):
		return refuse("Invalid tag value <%s>: only alphanumeric ASCII characters, '_', and '-' are allowed.", fault.Printable(t.Value))
	}
	return nil
}

func tagText(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			return false
		}
	}
	return true
}
