// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"fmt"
	"strings"
	"testing"

	"sesame/internal/core/content"
	"sesame/internal/proto/message"
)

func TestParseTags(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 256)
	for _, c := range []struct{ name, in, want, text string }{
		{"two tags", "a=b, c=d", "[{a b} {c d}]", ""},
		{"no spaces and empty elements", ",a=b,,c=d,", "[{a b} {c d}]", ""},
		{"spaces everywhere", " a = b ,\tc=d ", "[{a b} {c d}]", ""},
		{"nothing", "", "[]", ""},
		{"all characters that are allowed", "aZ09_-=-_90Za", "[{aZ09_- -_90Za}]", ""},
		{"the tags of the Feedback-ID", "ses:feedback-id-a=x, ses:feedback-id-b=y", "[{ses:feedback-id-a x} {ses:feedback-id-b y}]", ""},
		{"a tag that is not ASCII is left out", "a=b, c=\u00fc, d=e", "[{a b} {d e}]", ""},
		{"no value", "a=", "", "The tag value must be specified."},
		{"no equals sign", "a", "", "The tag value must be specified."},
		{"no name", "=b", "", "The tag name must be specified."},
		{"a name with a colon", "ses:x=b", "", "Invalid tag name <ses:x>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"a value with an equals sign", "a=b=c", "", "Invalid tag value <b=c>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"a value with a space", "a=b c", "", "Invalid tag value <b c>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		{"a name that is too long", long + "=b", "", "Tag name cannot exceed 255 characters."},
		{"a value that is too long", "a=" + long, "", "Tag value cannot exceed 255 characters."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tags, err := content.ParseTags(c.in)
			if c.text != "" {
				wantFault(t, err, "X-SES-MESSAGE-TAGS", c.text)
			} else if err != nil || fmt.Sprint(tags) != c.want {
				t.Errorf("%v, %v", tags, err)
			}
		})
	}
}

func TestCheckHeaders(t *testing.T) {
	t.Parallel()
	nv := func(name, value string) []message.NameValue { return []message.NameValue{{Name: name, Value: value}} }
	for _, c := range []struct {
		name    string
		headers []message.NameValue
		text    string
	}{
		{"none", nil, ""},
		{"an ordinary one", nv("List-Unsubscribe", "<mailto:a@b>"), ""},
		{"the longest value", nv("X", strings.Repeat("x", 995)), ""},
		{"the same unregistered name twice", append(nv("X-A", "1"), nv("X-A", "2")...), ""},
		{"a value that is too long", nv("X", strings.Repeat("x", 996)), "Header too long: 'X'."},
		{"name and value that are too long together", nv("XX", strings.Repeat("x", 995)), "Header too long: 'XX'."},
		{"a name that is too long", nv(strings.Repeat("x", 127), "x"), "Header too long: '" + strings.Repeat("x", 100) + "...'."},
		{"no name", nv("", "x"), "Empty header names are illegal."},
		{"a line break in a value", nv("X", "a\r\nBcc: b"), "Illegal character in header 'X'."},
		{"a value that is not ASCII", nv("X", "\u00fc"), "Illegal character in header 'X'."},
		{"a line break in a name", nv("X\r\nBcc", "b"), "Illegal character in header name 'X??Bcc'."},
		{"a colon in a name", nv("X:", "b"), "Illegal character in header name 'X:'."},
		{"a field that SES sets", nv("SUBJECT", "x"), "Header 'Subject' cannot be set as a custom header."},
		{"a unique field twice", append(nv("References", "1"), nv("references", "2")...), "Duplicate header 'References'."},
		{"too many", make([]message.NameValue, 16), "A message can have at most 15 custom headers."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			err := content.CheckHeaders("Headers", c.headers)
			if c.text != "" {
				wantFault(t, err, "Headers", c.text)
			} else if err != nil {
				t.Error(err)
			}
		})
	}
}

func FuzzParseTags(f *testing.F) {
	f.Add("a=b, c=d")
	f.Fuzz(func(t *testing.T, s string) {
		tags, err := content.ParseTags(s)
		for _, tag := range tags {
			if err == nil && content.CheckTag("", tag) != nil {
				t.Fatalf("%v", tag)
			}
		}
	})
}
