// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"errors"
	"net/mail"
	"strings"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/proto/message"
)

func TestParseAddressList(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string // name|address
	}{
		{"a bare address", "a@example.com", []string{"|a@example.com"}},
		{"a name", "Ann Lee <a@example.com>", []string{"Ann Lee|a@example.com"}},
		{"a quoted name with a comma", `"Lee, Ann" <a@example.com>`, []string{"Lee, Ann|a@example.com"}},
		{"a quoted name with a quoted pair", `"Ann \"A\" Lee" <a@example.com>`, []string{`Ann "A" Lee|a@example.com`}},
		{"a list", "a@x.com, B <b@x.com>,c@x.com", []string{"|a@x.com", "B|b@x.com", "|c@x.com"}},
		{"empty elements", ",a@x.com,, ,b@x.com,", []string{"|a@x.com", "|b@x.com"}},
		{"an encoded name", "=?utf-8?q?J=C3=BCrgen?= <j@x.com>", []string{"Jürgen|j@x.com"}},
		{"an encoded name in quotes", `"=?utf-8?B?SsO8cmdlbg==?=" <j@x.com>`, []string{"Jürgen|j@x.com"}},
		{"an encoded name in another character set", "=?iso-2022-jp?B?GyRCRnxLXBsoQg==?= <j@x.com>", []string{"日本|j@x.com"}},
		{"an unknown character set stays", "=?x-none?q?a?= <j@x.com>", []string{"=?x-none?q?a?=|j@x.com"}},
		{"a raw 8-bit name", "J\xc3\xbcrgen <j@x.com>", []string{"Jürgen|j@x.com"}},
		{"a dot in an unquoted name", "John Q. Public <j@x.com>", []string{"John Q. Public|j@x.com"}},
		{"an address as name", "a@x.com <a@x.com>", []string{"a@x.com|a@x.com"}},
		{"a comment as name", "a@x.com (Ann (the) Lee)", []string{"Ann (the) Lee|a@x.com"}},
		{"comments are no part of the address", "Ann (x) <a(y)@x.com> (z), (q)b@x.com", []string{"Ann|a@x.com", "q|b@x.com"}},
		{"a group", "Team: a@x.com, B <b@x.com>;", []string{"|a@x.com", "B|b@x.com"}},
		{"a group and others", "z@x.com, Team: a@x.com;, b@x.com", []string{"|z@x.com", "|a@x.com", "|b@x.com"}},
		{"an empty group", "undisclosed-recipients:;", nil},
		{"a group without an end", "Team: a@x.com", []string{"|a@x.com"}},
		{"a semicolon at the end of the list", "a@x.com;", []string{"|a@x.com"}},
		{"an empty value", "", nil},
		{"a quoted local part", `"a b,c"@x.com`, []string{`|"a b,c"@x.com`}},
		{"a quoted local part in brackets", `N <"a>b"@x.com>`, []string{`N|"a>b"@x.com`}},
		{"obsolete white space", "a . b @ x . com", []string{"|a.b@x.com"}},
		{"a route", "<@r1.com,@r2.com:a@x.com>", []string{"|a@x.com"}},
		{"an address literal", "a@[192.0.2.1]", []string{"|a@[192.0.2.1]"}},
		{"brackets in a name", "[ext] Ann <a@x.com>", []string{"[ext] Ann|a@x.com"}},
		{"an open bracket in a name", "[ext Ann <a@x.com>", []string{"[ext Ann|a@x.com"}},
		{"the domain in lower case, the local part as it is", "Ab@EXAMPLE.com", []string{"|Ab@example.com"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			list, err := message.ParseAddressList(c.in)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, m := range list {
				got = append(got, m.Name+"|"+m.Address.String())
			}
			if strings.Join(got, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

func TestParseAddressListRefuses(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     error
	}{
		{"a quote without an end", `"Ann <a@x.com>`, message.ErrQuote},
		{"a comment without an end", "a@x.com (Ann", message.ErrComment},
		{"a bracket without an end", "Ann <a@x.com", message.ErrAngle},
		{"a bracket in a bracket", "Ann <<a@x.com>>", message.ErrAngle},
		{"a bracket without a beginning", "a@x.com>", message.ErrNoAngle},
		{"a semicolon between addresses", "a@x.com; b@x.com", message.ErrGroup},
		{"a group in a group", "A: B: a@x.com;;", message.ErrNestedGroup},
		{"text after the address", "<a@x.com> Ann", message.ErrAddressList},
		{"no domain", "Ann", address.ErrSyntax},
		{"an international address", "j\u00fcrgen@x.com", address.ErrNonASCII},
		{"an empty address", "Ann <>", address.ErrSyntax},
		{"too many", strings.Repeat("a@x.com,", message.MaxAddresses+1), message.ErrTooManyAddresses},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			if _, err := message.ParseAddressList(c.in); !errors.Is(err, c.want) {
				t.Errorf("error %v, want %v", err, c.want)
			}
		})
	}
}

func TestSplitAddressListKeepsAddressesAsWritten(t *testing.T) {
	t.Parallel()
	list, err := message.SplitAddressList(`Ann <a b@x.com>, <>, no-domain`)
	if err != nil || len(list) != 3 {
		t.Fatalf("%+v, %v", list, err)
	}
	if e := list[0]; e.Spec != "a b@x.com" || e.Name != "Ann" || !e.Angle {
		t.Errorf("first %+v", e)
	}
	if e := list[1]; e.Spec != "" || !e.Angle {
		t.Errorf("second %+v", e)
	}
	if e := list[2]; e.Spec != "no-domain" || e.Angle {
		t.Errorf("third %+v", e)
	}
}

func TestMailboxStringReadsBack(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"", "Ann", "Ann Lee", "Lee, Ann", `a "b" \c`, "John Q. Public", "Jürgen Groß", "日本語の名前がとても長い場合でも大丈夫でしょうか",
		"=?literal?=", "  two  spaces ", "<x>", "a@b", "emoji 🎉 party",
	} {
		m := message.Mailbox{Name: name, Address: address.Address{Local: "a", Domain: "example.com"}}
		s := m.String()
		list, err := message.ParseAddressList(s)
		if err != nil || len(list) != 1 || strings.TrimSpace(list[0].Name) != strings.TrimSpace(name) || list[0].Address != m.Address {
			t.Errorf("%q: %q reads as %+v, %v", name, s, list, err)
		}
		std, err := mail.ParseAddress(s)
		if err != nil || strings.TrimSpace(std.Name) != strings.TrimSpace(name) {
			t.Errorf("%q: net/mail reads %q as %+v, %v", name, s, std, err)
		}
	}
}

// Whatever net/mail accepts as a list of ASCII addresses is accepted here and means
// the same.
func FuzzAddressList(f *testing.F) {
	for _, s := range []string{
		"a@b.c", `"x, y" <a@b.c>, z@b.c`, "g: a@b.c;", "a@b.c (n)", "=?utf-8?q?a?= <b@c.d>", "[[[[", "<@a:b@c.d>", `"\`, "(", "a@[1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		list, err := message.ParseAddressList(s)
		if err == nil {
			for _, m := range list {
				if back, err := message.ParseAddressList(m.String()); err != nil || len(back) != 1 || back[0].Address != m.Address {
					t.Fatalf("%q: %q reads back as %v, %v", s, m.String(), back, err)
				}
			}
		}
		std, stdErr := mail.ParseAddressList(s)
		if stdErr != nil {
			return
		}
		for _, a := range std {
			if _, err := address.Parse(a.Address); err != nil {
				return
			}
		}
		if err != nil {
			t.Fatalf("net/mail accepts %q as %v, we say %v", s, std, err)
		}
		if len(list) != len(std) {
			t.Fatalf("%q: %v, net/mail has %v", s, list, std)
		}
	})
}
