// SPDX-License-Identifier: Apache-2.0

package track

import "strings"

// Tag is a key and a value that the author of a link gave it.
type Tag struct{ Key, Value string }

// parseTags reads "key:value;key2:value2;" (SES: ses:tags). Pairs with other characters
// than 0-9, A-Z, a-z, - and _ are left out; white space around them does not count.
func parseTags(s string) []Tag {
	var tags []Tag
	for pair := range strings.SplitSeq(s, ";") {
		key, value, ok := strings.Cut(pair, ":")
		key, value = strings.TrimSpace(key), strings.TrimSpace(value)
		if ok && validTag(key) && validTag(value) {
			tags = append(tags, Tag{key, value})
		}
	}
	return tags
}

func validTag(s string) bool {
	for i := range len(s) {
		c := s[i]
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return s != ""
}
