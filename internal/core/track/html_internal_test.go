// SPDX-License-Identifier: Apache-2.0

package track

import (
	"bytes"
	"io"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// FuzzAttributes: where the tokenizer finds an attribute, so does attributes, and its
// tokens are the text.
func FuzzAttributes(f *testing.F) {
	for _, s := range []string{`<a href="x" b=c d = 'e' f/g>`, `<a/ / =x ==y z= >`, "<a\thref\n=\r\n\"<>\"'>", `<a b='c'd="e"f>`, `<a href /=x>`, `</>`, `<a href=/>`, `<a"b=c>`, `<a b=">">`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		z := html.NewTokenizer(strings.NewReader(text))
		pos := 0
		for {
			kind := z.Next()
			n := len(z.Raw())
			if kind == html.ErrorToken {
				if z.Err() != io.EOF || pos+n > len(text) {
					t.Fatalf("%q ends with %v after %d octets", text, z.Err(), pos+n)
				}
				return
			}
			if kind == html.StartTagToken || kind == html.SelfClosingTagToken {
				sameAttributes(t, z, []byte(text[pos:pos+n]))
			}
			pos += n
		}
	})
}

func sameAttributes(t *testing.T, z *html.Tokenizer, tag []byte) {
	t.Helper()
	seen := map[string]bool{}
	_, more := z.TagName()
	for _, a := range attributes(tag) {
		name := strings.Map(func(r rune) rune {
			if r >= 'A' && r <= 'Z' {
				return r + 'a' - 'A'
			}
			return r
		}, strings.ReplaceAll(string(tag[a.name:a.nameEnd]), "\x00", "\ufffd"))
		if seen[name] {
			continue
		}
		seen[name] = true
		if !more {
			t.Fatalf("%q: the tokenizer has no %q", tag, name)
		}
		var key, value []byte
		key, value, more = z.TagAttr()
		own := tag[a.value:a.valueEnd]
		if !bytes.ContainsAny(own, "&\x00\r") && !bytes.Equal(value, own) || !bytes.ContainsRune(key, '\ufffd') && strings.ToValidUTF8(name, "") == name && string(key) != name {
			t.Fatalf("%q: %q=%q, the tokenizer has %q=%q", tag, name, own, key, value)
		}
	}
	if more {
		t.Fatalf("%q: the tokenizer has more", tag)
	}
}
