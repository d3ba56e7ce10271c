// SPDX-License-Identifier: Apache-2.0

package address_test

import (
	"errors"
	"strings"
	"testing"

	"sesame/internal/base/address"
)

func TestParse(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("a", 64)
	for _, c := range []struct {
		name, in, want string
		err            error
	}{
		{"plain", "a@example.com", "a@example.com", nil},
		{"local part keeps its case, domain does not", "User@Example.COM", "User@example.com", nil},
		{"label", "a+b@example.com", "a+b@example.com", nil},
		{"all the odd characters of an atom", "!#$%&'*+-/=?^_`{|}~@example.com", "!#$%&'*+-/=?^_`{|}~@example.com", nil},
		{"quoted local part", `"a b"@example.com`, `"a b"@example.com`, nil},
		{"quoted at sign", `"a@b"@example.com`, `"a@b"@example.com`, nil},
		{"quoted pair", `"a\"b"@example.com`, `"a\"b"@example.com`, nil},
		{"underscore in a domain", "a@x_y.example", "a@x_y.example", nil},
		{"address literal", "a@[127.0.0.1]", "a@[127.0.0.1]", nil},
		{"top-level domain", "a@localhost", "a@localhost", nil},
		{"longest local part", long + "@example.com", long + "@example.com", nil},
		{"empty", "", "", address.ErrSyntax},
		{"no at sign", "example.com", "", address.ErrSyntax},
		{"no local part", "@example.com", "", address.ErrSyntax},
		{"no domain", "a@", "", address.ErrSyntax},
		{"local part too long", long + "a@example.com", "", address.ErrSyntax},
		{"leading dot", ".a@example.com", "", address.ErrSyntax},
		{"trailing dot in local part", "a.@example.com", "", address.ErrSyntax},
		{"two dots", "a..b@example.com", "", address.ErrSyntax},
		{"space", "a b@example.com", "", address.ErrSyntax},
		{"line break", "a\r\n@example.com", "", address.ErrSyntax},
		{"line break in quotes", "\"a\r\nb\"@example.com", "", address.ErrSyntax},
		{"open quote", `"a@example.com`, "", address.ErrSyntax},
		{"quote ends in a backslash", `"a\"@example.com`, "", address.ErrSyntax},
		{"domain with a trailing dot", "a@example.com.", "", address.ErrSyntax},
		{"domain with a hyphen at its end", "a@example-.com", "", address.ErrSyntax},
		{"display name", "A <a@example.com>", "", address.ErrSyntax},
		{"umlaut in the local part", "ü@example.com", "", address.ErrNonASCII},
		{"umlaut in the domain", "a@ü.example", "", address.ErrNonASCII},
		{"too long as a whole", "a@" + strings.Repeat("b23456789.", 26) + "com", "", address.ErrSyntax},
	} {
		got, err := address.Parse(c.in)
		if got.String() != c.want || !errors.Is(err, c.err) {
			t.Errorf("%s: Parse(%q) = %q, %v", c.name, c.in, got, err)
		}
	}
}

func TestTheSpellingOfTheDomainIsKept(t *testing.T) {
	t.Parallel()
	parse := func(s string) address.Address {
		a, err := address.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		return a
	}
	upper, lower := parse("User@EXAMPLE.com"), parse("User@example.com")
	if upper.Written() != "User@EXAMPLE.com" || lower.Written() != "User@example.com" || upper.String() != lower.String() {
		t.Errorf("%q and %q", upper.Written(), lower.Written())
	}
	if upper == lower || upper.Folded() != lower || lower.Folded() != lower {
		t.Error("addresses are equal when they are folded, and only then")
	}
	if (address.Address{}).Written() != "" || !(address.Address{}).Folded().IsZero() {
		t.Error("the null reverse-path has no spelling")
	}
}

// A mailbox that quotes made another one got mail though it was on the suppression list.
func TestQuotesThatAreNotNeededMakeNoOtherMailbox(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ in, want string }{
		{`reader@example.com`, `reader@example.com`},
		{`"reader"@example.com`, `reader@example.com`},
		{`"re\ader"@EXAMPLE.com`, `reader@example.com`},
		{`"a.b"@example.com`, `a.b@example.com`},
		{`"a b"@example.com`, `"a b"@example.com`},
		{`"a\b\ c"@example.com`, `"ab c"@example.com`},
		{`"a..b"@example.com`, `"a..b"@example.com`},
		{`".a"@example.com`, `".a"@example.com`},
		{`"a@b"@example.com`, `"a@b"@example.com`},
		{`"a\"b"@example.com`, `"a\"b"@example.com`},
		{`"a\\b"@example.com`, `"a\\b"@example.com`},
		{`"\"a\""@example.com`, `"\"a\""@example.com`},
		{`""@example.com`, `""@example.com`},
	} {
		a, err := address.Parse(c.in)
		if err != nil {
			t.Fatalf("%s: %v", c.in, err)
		}
		if got := a.Folded().String(); got != c.want || a.Local != strings.TrimSuffix(c.in, c.in[strings.LastIndexByte(c.in, '@'):]) {
			t.Errorf("%s is the mailbox %s, want %s", c.in, got, c.want)
		}
	}
}

func TestParentsOfADomain(t *testing.T) {
	t.Parallel()
	d := address.Domain("a.b.example.com")
	for _, want := range []address.Domain{"b.example.com", "example.com", "com", "", ""} {
		if d = d.Parent(); d != want {
			t.Errorf("got %q, want %q", d, want)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"a@example.com", `"a b"@x`, "a@[::1]", "\x00@\x00", "a@b@c"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		a, err := address.Parse(s)
		if err != nil {
			return
		}
		if strings.ContainsAny(a.String(), "\r\n\x00<>") && !strings.HasPrefix(a.Local, `"`) {
			t.Fatalf("%q was taken", s)
		}
		if again, err := address.Parse(a.String()); err != nil || again.Folded() != a.Folded() {
			t.Fatalf("%q does not parse again: %v %v", s, again, err)
		}
		if folded, err := address.Parse(a.Folded().String()); err != nil || folded.Folded() != a.Folded() || len(folded.Local) > len(a.Local) {
			t.Fatalf("%q is folded to what is another: %v %v", s, folded, err)
		}
		if again, err := address.Parse(a.Written()); err != nil || again != a {
			t.Fatalf("%q does not parse again as it was written: %v %v", s, again, err)
		}
	})
}
