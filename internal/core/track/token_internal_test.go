// SPDX-License-Identifier: Apache-2.0

package track

import (
	"bytes"
	"strings"
	"testing"

	"golang.org/x/net/html"
)

// FuzzTokens holds scanner to what golang.org/x/net/html makes of a text: the same tokens,
// and in start tags the same attributes.
func FuzzTokens(f *testing.F) {
	for _, s := range []string{
		`<a href="x" b=c d = 'e' f/g>`, `<a/ / =x ==y z= >`, "<a\thref\n=\r\n\"<>\"'>", `<a b='c'd="e"f>`, `<a href /=x>`, `</>`, `<a href=/>`, `<a"b=c>`, `<a b=">">`,
		`<!-->x<!--->y<!-- -- --!>z<!--a--->`, `<!doctype html><?xml?><!x></ y></y z="<">`, `<script><!-- <script> </script> --></script>x`,
		`<style><a></styles></STYLE ><title></title/><textarea></textarea`, `a<b<<c < d</`, `<noscript><a></noscript>`, `<plaintext></plaintext>`, `<a b`, `<!-- x`, `<script></script>`,
		`<a b="x?a=1&amp;b=2&copy=3&lt4=&#38;" c='&amp' d="&not=&notit;=">`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, z := &scanner{src: []byte(text)}, html.NewTokenizer(strings.NewReader(text))
		for {
			got, kind := s.next(), z.Next()
			raw := string(z.Raw())
			if got.kind == html.ErrorToken { // which x/net calls a comment, if one has begun
				if kind != html.ErrorToken && (kind != html.CommentToken && kind != html.DoctypeToken || got.from+len(raw) != len(text)) {
					t.Fatalf("%q ends at %d, not with %v %q", text, got.from, kind, raw)
				}
				return
			}
			switch kind {
			case html.SelfClosingTagToken:
				kind = html.StartTagToken
			case html.DoctypeToken:
				kind = html.CommentToken
			}
			if own := text[got.from:got.to]; got.kind != kind || own != raw {
				t.Fatalf("%q: %v %q, the tokenizer has %v %q", text, got.kind, own, kind, raw)
			}
			if kind == html.StartTagToken {
				sameAttributes(t, z, s.src[got.from:got.to])
				if isTag(s.src[got.from+1:got.to], "noscript") {
					z.NextIsNotRawText()
				}
			}
		}
	})
}

func sameAttributes(t *testing.T, z *html.Tokenizer, tag []byte) {
	t.Helper()
	seen := map[string]bool{}
	var attrs []attribute
	if end := scanTag(tag, 1, &attrs); end != len(tag) {
		t.Fatalf("%q ends at %d", tag, end)
	}
	_, more := z.TagName()
	for _, a := range attrs {
		name := string(bytes.ReplaceAll(lowered(tag[a.name:a.nameEnd]), []byte{0}, []byte("\ufffd")))
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
		if text, ok := unescape(string(own)); ok && !bytes.ContainsAny(own, "\x00\r") && text != string(value) {
			t.Fatalf("%q is %q, the tokenizer has %q", own, text, value)
		}
		if !bytes.ContainsAny(own, "&\x00\r") && !bytes.Equal(value, own) || string(key) != name {
			t.Fatalf("%q: %q=%q, the tokenizer has %q=%q", tag, name, own, key, value)
		}
	}
	if more {
		t.Fatalf("%q: the tokenizer has more", tag)
	}
}

func lowered(b []byte) []byte {
	b = bytes.Clone(b)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}
