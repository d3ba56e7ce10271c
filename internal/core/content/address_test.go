// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/content"
)

func TestParseMailbox(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"a@example.com":                                "|a@example.com",
		"Sender Name <sender@example.com>":             "Sender Name|sender@example.com",
		`"Karen, Chan" <karen@e.appspotmail.com>`:      "Karen, Chan|karen@e.appspotmail.com",
		" <Ann@EXAMPLE.com> ":                          "|Ann@example.com",
		"=?utf-8?q?J=C3=BCrgen?= <j@xn--bcher-kva.de>": "Jürgen|j@xn--bcher-kva.de",
		"a@example.com (Ann)":                          "Ann|a@example.com",
		`"a b"@example.com`:                            `|"a b"@example.com`,
		"a+b@example.com":                              "|a+b@example.com",
	} {
		m, err := content.ParseMailbox("Source", in)
		if err != nil || m.Name+"|"+m.Address.String() != want {
			t.Errorf("%q reads as %+v, %v", in, m, err)
		}
	}
	for in, text := range map[string]string{
		"":                                      "Illegal address",
		"a@x.com, b@x.com":                      "Illegal address",
		"Karen, Chan <karen@e.appspotmail.com>": "Illegal address",
		"<>":                                    "Illegal address",
		"<a@x.com> b":                           "Illegal address",
		"ann":                                   "Missing final '@domain'",
		"Ann <ann>":                             "Missing final '@domain'",
		"Karen Chan <karen @example.com>":       "Local address contains control or whitespace",
		"a\r\nBcc: b@x.com":                     "Local address contains control or whitespace",
		"Ann\r\n <a@x.com>":                     "Local address contains control or whitespace",
		"github:haiodo":                         "Local address contains illegal character",
		"Team: a@x.com;":                        "Local address contains illegal character",
		"a[b@x.com":                             "Local address contains illegal character",
		"@x.com":                                "Missing local name",
		"a@":                                    "Missing domain",
		"a@x .com":                              "Domain contains control or whitespace",
		"a@gmail.com%!":                         "Domain contains illegal character",
		"a@b@x.com":                             "Domain contains illegal character",
		"a@.x.com":                              "Domain starts with dot",
		"a@x.com.":                              "Domain ends with dot",
		"a@x..com":                              "Domain contains dot-dot",
		".a@x.com":                              "Local address starts with dot",
		"a.@x.com":                              "Local address ends with dot",
		"a..b@x.com":                            "Local address contains dot-dot",
		`"a"b@x.com`:                            "Quote not at end of local address",
		"j\u00fcrgen@x.com":                     "There are non-ASCII characters in the email address",
		"a@b\u00fccher.de":                      "There are non-ASCII characters in the email address",
		"J\u00fcrgen <j@x.com>":                 "There are non-ASCII characters in the email address",
		"Ann <a@x.com":                          "Missing '>'",
		"a@x.com>":                              "Missing '<'",
		`"Ann <a@x.com>`:                        "Missing '\"'",
		"a@x.com (":                             "Missing ')'",
		"a@x.com; b@x.com":                      "Illegal semicolon, not in group",
		"a@-x.com":                              "Illegal address",
		strings.Repeat("a", 65) + "@x.com":      "Illegal address",
		strings.Repeat("x", 300):                "Missing final '@domain'",
	} {
		_, err := content.ParseMailbox("Source", in)
		t.Run(in, func(t *testing.T) { wantFault(t, err, "Source", text) })
	}
}

func FuzzParseMailbox(f *testing.F) {
	f.Add("A <a@b.c>")
	f.Add(`"a\"@b`)
	f.Add("@a:b@c")
	f.Fuzz(func(t *testing.T, s string) {
		m, err := content.ParseMailbox("Source", s)
		if err != nil {
			if fault.KindOf(err) != fault.Invalid {
				t.Fatal(err)
			}
			return
		}
		if back, err := content.ParseMailbox("Source", m.String()); err != nil || back.Address != m.Address {
			t.Fatalf("%q reads back as %v, %v", m.String(), back, err)
		}
	})
}
