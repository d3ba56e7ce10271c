// SPDX-License-Identifier: Apache-2.0

package track

import (
	"bytes"
	"io"
	"strings"

	"golang.org/x/net/html"
)

// scanner splits an HTML text into tokens, one after the other without a gap (HTML §13.2.5).
// It does what the tokenizer of golang.org/x/net/html does, and a fuzz test holds it to
// that. But it looks at no octet of text twice and keeps nothing, which makes tracking a
// message cheaper than to sign it; with that tokenizer it is not.
type scanner struct {
	src []byte
	at  int    // where the next token begins
	raw string // name of the element whose content comes next and is no markup
}

// token is in src[from:to]. Its kind is html.ErrorToken at the end of the text, with all of
// what begins a tag or a comment there and does not end.
type token struct {
	kind     html.TokenType // text, start tag, end tag, comment (doctypes are) or error
	from, to int
}

// next returns the next token.
func (s *scanner) next() token {
	from := s.at
	if s.raw != "" {
		s.at += rawLength(s.src[from:], s.raw)
		if s.raw = ""; s.at > from {
			return token{html.TextToken, from, s.at}
		}
	}
	if s.at = s.markup(from); s.at > from {
		return token{html.TextToken, from, s.at}
	}
	if len(s.src)-from < 2 {
		return token{html.ErrorToken, from, len(s.src)}
	}
	kind, end := html.CommentToken, -1
	switch c := s.src[from+1]; {
	case isLetter(c):
		kind, end = html.StartTagToken, s.tag(from+1)
	case c == '/' && from+2 == len(s.src):
		kind, end = html.TextToken, len(s.src)
	case c == '/' && isLetter(s.src[from+2]):
		kind, end = html.EndTagToken, scanTag(s.src, from+2, nil)
	case bytes.HasPrefix(s.src[from:], []byte("<!--")):
		end = commentEnd(s.src, from+4)
	default:
		if n := bytes.IndexByte(s.src[from:], '>'); n >= 0 {
			end = from + n + 1
		}
	}
	if end < 0 {
		kind, end = html.ErrorToken, len(s.src)
	}
	s.at = end
	return token{kind, from, end}
}

// markup is where text ends that begins at from.
func (s *scanner) markup(from int) int {
	for {
		n := bytes.IndexByte(s.src[from:], '<')
		if n < 0 || from+n+1 >= len(s.src) {
			return len(s.src)
		}
		from += n
		switch c := s.src[from+1]; {
		case isLetter(c), c == '!', c == '?', c == '/':
			return from
		}
		from++
	}
}

func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }

// rawElements have content that is no markup. For noscript this is so only where scripts
// run, and no mail client runs them.
var rawElements = [...]string{"iframe", "noembed", "noframes", "plaintext", "script", "style", "textarea", "title", "xmp"}

// tag scans the start tag whose name begins at from.
func (s *scanner) tag(from int) int {
	end := scanTag(s.src, from, nil)
	if end < 0 {
		return end
	}
	for _, name := range &rawElements {
		if isTag(s.src[from:end], name) {
			s.raw = name
		}
	}
	return end
}

// isTag reports whether a tag, from its name on, has this name.
func isTag(tag []byte, name string) bool {
	if tag[0]|0x20 != name[0] || len(tag) <= len(name) || !strings.EqualFold(string(tag[:len(name)]), name) {
		return false
	}
	return endsName(tag[len(name)])
}

func endsName(c byte) bool { return isSpace(c) || c == '/' || c == '>' }

// rawLength is how long the content of an element is that begins src: up to its end tag.
func rawLength(src []byte, name string) int {
	if name == "plaintext" {
		return len(src)
	}
	n := toEndTag(src, name)
	if name != "script" || !bytes.Contains(src[:n], []byte("<!--")) {
		return n
	}
	// Scripts can be hidden in comments, and then scripts in them do not end them.
	// Only what the tokenizer gets to is read: a text may have a script every few octets.
	z := html.NewTokenizer(io.MultiReader(strings.NewReader("<script>"), bytes.NewReader(src)))
	z.Next()
	if z.Next() != html.TextToken {
		return 0
	}
	return len(z.Raw())
}

// toEndTag is where the first end tag of the name begins in src, or its length.
func toEndTag(src []byte, name string) int {
	at := 0
	for {
		n := bytes.Index(src[at:], []byte("</"))
		if n < 0 {
			return len(src)
		}
		at += n
		if rest := src[at+2:]; len(rest) > len(name) && isTag(rest, name) {
			return at
		}
		at += 2
	}
}

// commentEnd is where the comment ends whose text begins at i, or -1.
func commentEnd(src []byte, i int) int {
	switch rest := src[i:]; {
	case bytes.HasPrefix(rest, []byte(">")):
		return i + 1
	case bytes.HasPrefix(rest, []byte("->")):
		return i + 2
	}
	for {
		n := bytes.Index(src[i:], []byte("--"))
		if n < 0 {
			return -1
		}
		i += n
		switch rest := src[i+2:]; {
		case bytes.HasPrefix(rest, []byte(">")):
			return i + 3
		case bytes.HasPrefix(rest, []byte("!>")):
			return i + 4
		}
		i++
	}
}

// attribute is where an attribute stands; the value is without its quotes.
type attribute struct{ name, nameEnd, value, valueEnd, end int }

// maxAttributes is how many attributes of a tag are looked at. A text can be one tag with
// millions.
const maxAttributes = 256

// scanTag reads the tag whose name begins at i, and returns where it ends, or -1 if it does
// not. If attrs is not nil, its first attributes are appended there.
func scanTag(b []byte, i int, attrs *[]attribute) int {
	for i < len(b) && !endsName(b[i]) {
		i++
	}
	for {
		for i < len(b) && (isSpace(b[i]) || b[i] == '/') {
			i++
		}
		if i >= len(b) {
			return -1
		}
		if b[i] == '>' {
			return i + 1
		}
		a, ok := scanAttribute(b, i)
		if !ok {
			return -1
		}
		i = a.end
		if attrs != nil && len(*attrs) < maxAttributes {
			*attrs = append(*attrs, a)
		}
	}
}

// scanAttribute reads the attribute whose name begins at i; not ok says that b ends first.
func scanAttribute(b []byte, i int) (attribute, bool) {
	a := attribute{name: i}
	i++ // even a "=" begins a name
	for i < len(b) && !endsName(b[i]) && b[i] != '=' {
		i++
	}
	a.nameEnd, a.value, a.valueEnd, a.end = i, i, i, i
	i = skipSpace(b, i)
	if i >= len(b) || b[i] != '=' {
		return a, i < len(b)
	}
	i = skipSpace(b, i+1)
	if i >= len(b) {
		return a, false
	}
	a.value = i
	switch c := b[i]; c {
	case '>':
	case '"', '\'':
		a.value++
		n := bytes.IndexByte(b[a.value:], c)
		if n < 0 {
			return a, false
		}
		a.valueEnd = a.value + n
		a.end = a.valueEnd + 1
		return a, true
	default:
		for i < len(b) && !isSpace(b[i]) && b[i] != '>' {
			i++
		}
	}
	a.valueEnd, a.end = i, i
	return a, i < len(b)
}

func skipSpace(b []byte, i int) int {
	for i < len(b) && isSpace(b[i]) {
		i++
	}
	return i
}

func isSpace(c byte) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\f' || c == '\r' }
