// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

const link = "https://mail.example.com/verify/AQAA"

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="

// want is SES's table, written down a second time.
const want = `abbr acronym address area b bdo big blockquote:cite body br button caption center cite code col:span,width
colgroup:span,width dd del dfn dir div dl dt em fieldset font form h1 h2 h3 h4 h5 h6 head hr html i img:align,alt,height,src,width input
ins kbd label legend li map menu ol:start,type optgroup option p pre q:cite s samp select small span strike strong sub sup
table:summary,width tbody td:abbr,axis,colspan,rowspan,width textarea tfoot th:abbr,axis,colspan,rowspan,scope,width thead tr tt u
ul:type var`

func TestWhatSESAllowsSurvives(t *testing.T) {
	t.Parallel()
	p := newPolicy()
	words := strings.Fields(want)
	if len(words) != len(allowedElements) {
		t.Errorf("%d elements are allowed, want %d", len(allowedElements), len(words))
	}
	for _, word := range words {
		element, own, _ := strings.Cut(word, ":")
		attributes := []string{"class", "id", "style", "title"}
		if own != "" {
			attributes = append(attributes, strings.Split(own, ",")...)
		}
		if bare := "<" + element + ">"; p.Sanitize(bare) != bare {
			t.Errorf("%s becomes %q", bare, p.Sanitize(bare))
		}
		for _, a := range attributes {
			value := "1"
			switch a {
			case "style":
				value = "color: rgb(1, 2, 3); margin:0 auto !important"
			case "src", "cite":
				value = "https://example.com/a.png?b=c"
			}
			in := fmt.Sprintf(`<%s %s="%s">`, element, a, value)
			if got := p.Sanitize(in); got != in {
				t.Errorf("%s becomes %q", in, got)
			}
		}
		for _, a := range []string{"onclick", "onload", "href", "action", "formaction", "background", "srcset", "data-x", "name", "xmlns", "srcdoc"} {
			if got := p.Sanitize(fmt.Sprintf(`<%s %s="1">`, element, a)); got != "<"+element+">" {
				t.Errorf("%s of %s is left: %q", a, element, got)
			}
		}
	}
}

func TestNothingElseSurvives(t *testing.T) {
	t.Parallel()
	p := newPolicy()
	for _, c := range []struct{ name, in, want string }{
		{"a script with what is in it", `a<script>alert(1)</script>b`, "ab"},
		{"a script in capitals, unclosed", `a<SCRIPT SRC=//x>b`, "a"},
		{"a style sheet", `a<style>p{background:url(//x)}</style>b`, "ab"},
		{"the title of a document", `<head><title>x</title></head>a`, "<head></head>a"},
		{"a link keeps its text alone", `<a href="https://example.com">here</a>`, "here"},
		{"a link that runs", `<a href="javascript:alert(1)">here</a>`, "here"},
		{"a comment", `a<!-- secret -->b`, "ab"},
		{"a conditional comment", `a<!--[if mso]><p>x</p><![endif]-->b`, "ab"},
		{"a bogus comment", `a<!x><?php x ?>b`, "ab"},
		{"a vector image with a script", `a<svg onload=alert(1)><script>alert(1)</script></svg>b`, "ab"},
		{"mathematics", `a<math><mtext><img src=x onerror=alert(1)></mtext></math>b`, "ab"},
		{"a page that is left by itself", `a<meta http-equiv="refresh" content="0;url=https://x">b`, "ab"},
		{"a base of all addresses", `a<base href="https://x">b`, "ab"},
		{"a sheet from elsewhere", `a<link rel="stylesheet" href="https://x">b`, "ab"},
		{"a page in the page", `a<iframe src="https://x">c</iframe>b`, "ab"},
		{"an object", `a<object data="https://x">c</object>b`, "ab"},
		{"an embedded file, and not what follows", `a<embed src="https://x">b`, "ab"},
		{"a script of an event", `<img src="https://x/a.png" onerror="alert(1)">`, `<img src="https://x/a.png">`},
		{"an image that runs", `<img src="javascript:alert(1)">`, `<img>`},
		{"an image that runs, in disguise", "<img src=\"jav&#x09;ascript:alert(1)\">", `<img>`},
		{"an image of this page's site", `<img src="/a.png">`, `<img>`},
		{"a vector image as data", `<img src="data:image/svg+xml;base64,PHN2Zz4=">`, `<img>`},
		{"a page as data", `<img src="data:text/html;base64,PHN2Zz4=">`, `<img>`},
		{"an image as data that is not base64", `<img src="data:image/png,x">`, `<img>`},
		{"a style that loads", `<p style="background:url(https://x)">a</p>`, "<p>a</p>"},
		{"a style that loads, in disguise", `<p style="background:u\72l(https://x)">a</p>`, "<p>a</p>"},
		{"a style that loads, cut by a comment", `<p style="background:ur/**/l(https://x)">a</p>`, "<p>a</p>"},
		{"a style that runs", `<p style="width:expression(alert(1))">a</p>`, "<p>a</p>"},
		{"a style that loads a set", `<p style="background:image-set('https://x' 1x)">a</p>`, "<p>a</p>"},
		{"a citation that runs", `<q cite="javascript:alert(1)">a</q>`, "<q>a</q>"},
		{"a tag in a tag", `<scr<script>ipt>alert(1)</script>`, "ipt&gt;alert(1)"},
		{"a tag out of a text field", `<textarea></textarea><script>alert(1)</script></textarea>`, "<textarea></textarea></textarea>"},
		{"a tag out of an attribute", `<p title="</p><script>alert(1)</script>">a</p>`, `<p title="&lt;/p&gt;&lt;script&gt;alert(1)&lt;/script&gt;">a</p>`},
		{"a tag out of what shows as it is", `<noscript><p title="</noscript><img src=x onerror=alert(1)>"></noscript>`, `<img>&#34;&gt;`},
		{"a document type", `<!DOCTYPE html><p>a</p>`, "<p>a</p>"},
	} {
		if got := p.Sanitize(c.in); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func rendering(t testing.TB, content string) rendered {
	t.Helper()
	got, err := renderer{newPolicy()}.render(content, link)
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func TestTheLinkAndTheDisclaimerAreAtTheEnd(t *testing.T) {
	t.Parallel()
	got := rendering(t, `<html><head></head><body style="font-family:sans-serif;"><h1 id="x">Ready &amp; set?</h1><p>Just <b>one</b> step.</p></body></html>`)
	const html = `<!DOCTYPE html>
<html><head></head><body><div style="font-family:sans-serif;"><h1 id="x">Ready &amp; set?</h1><p>Just <b>one</b> step.</p></div>` +
		`<p><a href="` + link + `">Click here to verify your email address.</a></p>` +
		`<p>If you did not request to verify this email address, please disregard this message.</p></body></html>`
	const text = "Ready & set?\nJust one step.\n\n" + link + "\n\n" +
		"If you did not request to verify this email address, please disregard this message.\n"
	if got.HTML != html || got.Text != text || got.Images != nil {
		t.Errorf("got\n%s\n%s", got.HTML, got.Text)
	}
	if got := rendering(t, "Hello,\n5 is > 4 & that's it"); !strings.Contains(got.HTML, "<div>Hello,<br/>\n5 is &gt; 4 &amp; that&#39;s it</div>") ||
		!strings.HasPrefix(got.Text, "Hello,\n5 is > 4 & that's it\n\n"+link) {
		t.Errorf("text alone becomes\n%s\n%s", got.HTML, got.Text)
	}
}

// TestNoTemplateHidesTheLink opens what would swallow what follows.
func TestNoTemplateHidesTheLink(t *testing.T) {
	t.Parallel()
	for _, content := range []string{
		`x<textarea>`, `x<select><option>`, `x<div style="display:none">`, `<body style="display:none">x`, `<html style="display:none">x`,
		`x<table><tr><td>`, `x<button>`, `x<p title="`, `x<!--`, `x<script>`, `x<style>`, `x<plaintext>`, `x<xmp>`, `x<noscript>`, `x<title>`,
		`x</body></html>`, `x<form><input>`, `x<map><area>`, `x<object>`, `x<template>`, `x<frameset>`, `x<svg><style>`,
	} {
		wantLink(t, content, rendering(t, content))
	}
}

// wantLink demands the link and the disclaimer as the last of the body, under nothing
// but it.
func wantLink(t *testing.T, content string, got rendered) {
	t.Helper()
	doc, err := html.Parse(strings.NewReader(got.HTML))
	if err != nil {
		t.Fatal(err)
	}
	var body *html.Node
	for n := range doc.Descendants() {
		if n.DataAtom == atom.Body {
			body = n
		}
	}
	last := body.LastChild
	if last == nil || last.PrevSibling == nil || last.FirstChild == nil || last.FirstChild.Data != disclaimer || len(body.Attr)+len(body.Parent.Attr) != 0 {
		t.Fatalf("%q: the disclaimer is not the end of\n%s", content, got.HTML)
	}
	a := last.PrevSibling.FirstChild
	if a == nil || a.DataAtom != atom.A || attribute(a, "href").Val != link {
		t.Errorf("%q: the link is not before the disclaimer in\n%s", content, got.HTML)
	}
	if !strings.HasSuffix(got.Text, link+"\n\n"+disclaimer+"\n") {
		t.Errorf("%q: the text is %q", content, got.Text)
	}
}

func TestImagesBecomeAttachments(t *testing.T) {
	t.Parallel()
	gif := base64.StdEncoding.EncodeToString([]byte("GIF89a\x01\x00\x01\x00\x00\x00\x00;"))
	got := rendering(t, `<img alt="a" src="data:image/png;base64,`+pixel+`"/><img src="data:image/jpg;base64,`+gif+`"><p><img src="data:image/png;base64,`+
		pixel[:40]+"\n"+pixel[40:]+`"></p><img src="data:image/png;base64,AAAA"><img src="data:image/png;base64,!"><img src="https://example.com/a.png">`)
	for _, want := range []string{
		`<img alt="a" src="cid:image1@verification"/>`, `<img src="cid:image2@verification"/>`, `<p><img src="cid:image1@verification"/></p>`,
		`<img src=""/><img src="https://example.com/a.png"/>`,
	} {
		if !strings.Contains(got.HTML, want) {
			t.Errorf("no %s in\n%s", want, got.HTML)
		}
	}
	if strings.Contains(got.HTML, "data:") {
		t.Errorf("data is left in\n%s", got.HTML)
	}
	if len(got.Images) != 2 {
		t.Fatalf("%d attachments", len(got.Images))
	}
	png, second := got.Images[0], got.Images[1]
	if png.ContentType != "image/png" || png.ContentID != "image1@verification" || !png.Inline || base64.StdEncoding.EncodeToString(png.Data) != pixel ||
		png.FileName != "image1.png" || second.ContentType != "image/gif" { // whatever its URL says
		t.Errorf("%+v, %+v", png, second)
	}
}

func TestContentThatIsOfNoUse(t *testing.T) {
	t.Parallel()
	var images strings.Builder
	for i := range maxImages + 1 {
		fmt.Fprintf(&images, `<img src="data:image/gif;base64,%s">`, base64.StdEncoding.EncodeToString(fmt.Appendf(nil, "GIF89a%d", i)))
	}
	for _, c := range []struct {
		name, content string
		want          error
	}{
		{"nothing but a script", "<script>alert(1)</script>", errNothingLeft},
		{"nothing but a comment and space", "<p> <!-- x --> &nbsp; </p>", errNothingLeft},
		{"an image that is none", `<img src="data:image/png;base64,AAAA">`, errNothingLeft},
		{"too many images", images.String(), errTooManyImages},
		{"too many tags", strings.Repeat("<p>", maxMarkup) + "&amp;", errTooMuch},
		{"too deep", strings.Repeat("<div>", 600) + "x", nil},
	} {
		if _, err := (renderer{newPolicy()}).render(c.content, link); err == nil || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}

// FuzzRender: whatever the content is, the mail has allowed elements alone, and the link
// where it belongs.
func FuzzRender(f *testing.F) {
	for _, s := range []string{
		"text", `<p style="color:red" onclick=x>a</p>`, `<img src="data:image/png;base64,` + pixel + `">`, "<textarea><script>", "<select><svg><p>",
		`<math><mtext><table><mglyph><style><!--</style><img title="--&gt;&lt;img src=1 onerror=alert(1)&gt;">`, "<body style=x><body id=y><html class=z>",
		"<table><div>x<tr><form><input></form>", "<noscript><p title=\"</noscript><img src=x onerror=alert(1)>\">", "a\x00b<", "</p><br/></br>",
	} {
		f.Add(s)
	}
	r := renderer{newPolicy()}
	f.Fuzz(func(t *testing.T, s string) {
		got, err := r.render(s, link)
		if err != nil {
			return
		}
		wantLink(t, s, got)
		doc, err := html.Parse(strings.NewReader(got.HTML))
		if err != nil {
			t.Fatal(err)
		}
		links := 0
		for n := range doc.Descendants() {
			switch n.Type {
			case html.ElementNode:
				if n.DataAtom == atom.A {
					links++
				}
				checkElement(t, n)
			case html.CommentNode:
				t.Errorf("a comment is left: %q", n.Data)
			}
		}
		if links != 1 {
			t.Errorf("%d links in\n%s", links, got.HTML)
		}
	})
}

func checkElement(t *testing.T, n *html.Node) {
	t.Helper()
	own, ok := allowedElements[n.Data]
	if !ok && n.DataAtom != atom.A || n.Namespace != "" {
		t.Errorf("element %s is left", n.Data)
	}
	for _, a := range n.Attr {
		value := strings.ToLower(a.Val)
		switch {
		case n.DataAtom == atom.A && a.Key == "href":
		case a.Key == "style" && !safeStyle.MatchString(a.Val):
			t.Errorf("style %q is left", a.Val)
		case a.Key == "src" && value != "" && !strings.HasPrefix(value, "http:") && !strings.HasPrefix(value, "https:") && !strings.HasPrefix(value, "cid:image"):
			t.Errorf("source %q is left", a.Val)
		case a.Key != "style" && !slices.Contains(commonAttributes, a.Key) && !slices.Contains(own, a.Key):
			t.Errorf("attribute %s of %s is left", a.Key, n.Data)
		}
	}
}
