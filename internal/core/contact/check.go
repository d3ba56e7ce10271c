// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"

	"sesame/internal/base/fault"
)

// The refusals, in SES's words.

func noList(name string) error {
	return fault.InField(fault.NotFound, "ContactListName", "List with name: %s doesn't exist.", fault.Printable(name))
}

func noTopic(list, topic string) error {
	return fault.InField(fault.Invalid, "TopicName", "List: %s doesn't contain Topic: %s", fault.Printable(list), fault.Printable(topic))
}

func noContact(address string) error {
	return fault.InField(fault.NotFound, "EmailAddress", "%s doesn't exist in List.", address)
}

// checkName refuses what is no name of a list or a topic; member is which.
func checkName(member, name string) error {
	const most = 64
	if strings.TrimSpace(name) == "" {
		return fault.InField(fault.Invalid, member, "%s can't be blank.", member)
	}
	bad := strings.ContainsFunc(name, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || r == '_' || r == '-')
	})
	if bad || len(name) > most {
		return fault.InField(fault.Invalid, member,
			"%s can contain up to %d characters. Only alphanumeric characters, underscores(_) and hyphens(-) are allowed.", member, most)
	}
	return nil
}

// check looks at a list in SES's order: name, topics, description.
func (l List) check() error {
	if err := checkName("ContactListName", l.Name); err != nil {
		return err
	}
	if err := checkTopics(l.Topics); err != nil {
		return err
	}
	if utf8.RuneCountInString(l.Description) > MaxDescription {
		return fault.InField(fault.Invalid, "Description", "List description can contain up to %d characters.", MaxDescription)
	}
	return checkText("Description", l.Description)
}

func checkTopics(topics []Topic) error {
	if len(topics) > MaxTopics {
		return fault.InField(fault.Invalid, "Topics", "Maximum of <%d> topics allowed per ContactList", MaxTopics)
	}
	seen := map[string]bool{}
	for _, t := range topics {
		if err := checkName("TopicName", t.Name); err != nil {
			return err
		}
		switch {
		case utf8.RuneCountInString(t.DisplayName) > MaxDisplayName:
			return fault.InField(fault.Invalid, "DisplayName", "Topic DisplayName can contain up to <%d> characters.", MaxDisplayName)
		case utf8.RuneCountInString(t.Description) > MaxDescription:
			return fault.InField(fault.Invalid, "Description", "Topic description can contain up to %d characters.", MaxDescription)
		case seen[t.Name]:
			return fault.InField(fault.Invalid, "Topics", "Duplicate topic names are not allowed within a List.")
		}
		if err := checkText("Topics", t.DisplayName+t.Description); err != nil {
			return err
		}
		seen[t.Name] = true
	}
	return nil
}

// checkText refuses what not every database takes.
func checkText(member, s string) error {
	if strings.ContainsRune(s, 0) || !utf8.ValidString(s) {
		return fault.InField(fault.Invalid, member, "%s has characters that are not allowed.", member)
	}
	return nil
}

// checkAttributes wants a JSON object, or nothing.
func checkAttributes(s string) error {
	const field = "AttributesData"
	if s == "" {
		return nil
	}
	if len(s) > MaxAttributes {
		return fault.InField(fault.Invalid, field, "AttributesData can contain up to %d characters.", MaxAttributes)
	}
	b := []byte(s)
	if !json.Valid(b) || bytes.TrimLeft(b, " \t\r\n")[0] != '{' {
		return fault.InField(fault.Invalid, field, "AttributesData must be a valid JSON object.")
	}
	return checkText(field, s)
}

// checkPreferences wants topics of the list. Of several for one topic the last counts.
func (l List) checkPreferences(all []Preference) error {
	for _, p := range all {
		if _, ok := l.topic(p.Topic); !ok {
			return noTopic(l.Name, p.Topic)
		}
		if p.Status != OptIn && p.Status != OptOut {
			return fault.InField(fault.Invalid, "SubscriptionStatus", "A subscription status is %s or %s.", OptIn, OptOut)
		}
	}
	return nil
}
