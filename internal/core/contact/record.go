// SPDX-License-Identifier: Apache-2.0

package contact

import (
	"encoding/json"
	"slices"
	"strings"

	"sesame/internal/base/fault"
)

// The names of a contact's members in files that are imported (SES: bulk import of
// contacts).
const (
	addressColumn     = "emailAddress"
	unsubscribeColumn = "unsubscribeAll"
	attributesColumn  = "attributesData"
	topicColumns      = "topicPreferences."
)

// maxColumns is the longest header of a CSV file; topics that a list has not are refused
// record by record.
const maxColumns = 100

// Columns are the names of the columns of a CSV file of contacts: its first line.
type Columns []string

// ParseColumns reads the first line of a CSV file. It must name emailAddress, and may name
// unsubscribeAll, attributesData and topicPreferences.TOPIC for some topics, in any order.
func ParseColumns(header []string) (Columns, error) {
	if len(header) > maxColumns {
		return nil, badRecord("The header has more than %d columns.", maxColumns)
	}
	columns := make(Columns, len(header))
	for i, name := range header {
		if i == 0 {
			name = strings.TrimPrefix(name, "\ufeff")
		}
		name = strings.TrimSpace(name)
		topic, isTopic := strings.CutPrefix(name, topicColumns)
		known := name == addressColumn || name == unsubscribeColumn || name == attributesColumn || isTopic && topic != ""
		if !known || slices.Contains(columns[:i], name) {
			return nil, badRecord("The header has an unknown or repeated column <%s>.", fault.Printable(name))
		}
		columns[i] = name
	}
	if !slices.Contains(columns, addressColumn) {
		return nil, badRecord("The header has no column %s.", addressColumn)
	}
	return columns, nil
}

func badRecord(format string, args ...any) error { return fault.New(fault.Invalid, format, args...) }

// Contact reads a further line. A cell that is empty says nothing.
func (c Columns) Contact(cells []string) (Contact, error) {
	if len(cells) != len(c) {
		return Contact{}, badRecord("The line has %d columns, and the header %d.", len(cells), len(c))
	}
	var out Contact
	for i, cell := range cells {
		if cell = strings.TrimSpace(cell); cell == "" {
			continue
		}
		switch c[i] {
		case addressColumn:
			out.Address = cell
		case attributesColumn:
			out.Attributes = cell
		case unsubscribeColumn:
			if !strings.EqualFold(cell, "true") && !strings.EqualFold(cell, "false") {
				return Contact{}, badRecord("%s is true or false.", unsubscribeColumn)
			}
			out.UnsubscribeAll = strings.EqualFold(cell, "true")
		default:
			out.Preferences = append(out.Preferences, Preference{strings.TrimPrefix(c[i], topicColumns), Status(cell)})
		}
	}
	return out, nil
}

// ParseRecord reads a contact from one object of a JSON file.
func ParseRecord(object []byte) (Contact, error) {
	var in struct {
		EmailAddress     string
		UnsubscribeAll   bool
		AttributesData   string
		TopicPreferences []struct {
			TopicName          string
			SubscriptionStatus Status
		}
	}
	if err := json.Unmarshal(object, &in); err != nil {
		return Contact{}, &fault.Error{Kind: fault.Invalid, Text: "The record is not a JSON object of a contact.", Err: err}
	}
	c := Contact{Address: in.EmailAddress, UnsubscribeAll: in.UnsubscribeAll, Attributes: in.AttributesData}
	for _, p := range in.TopicPreferences {
		c.Preferences = append(c.Preferences, Preference{p.TopicName, p.SubscriptionStatus})
	}
	return c, nil
}
