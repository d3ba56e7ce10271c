// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/content"
	"sesame/internal/core/keyring"
	"sesame/internal/core/track"
)

var (
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	home  = scope.Scope{Account: "012345678901", Region: "eu-west-1"}
	both  = track.Options{Opens: true, Clicks: true}
)

func newID(t testing.TB) string {
	t.Helper()
	id, err := msgid.New(home.Region, start, strings.NewReader("0123456789abcdef"))
	if err != nil {
		t.Fatal(err)
	}
	return id
}

func newTracker() *track.Tracker {
	return &track.Tracker{Wrap: keyring.Ephemeral(), Host: func(region string) string { return "r." + region + ".example.com" }, HTTP: true, HTTPS: true}
}

// edit rewrites one HTML part.
func edit(t testing.TB, tr *track.Tracker, o track.Options, html string) string {
	t.Helper()
	out, err := tr.Editor(track.Message{Scope: home, ID: newID(t), Recipients: 1}, o)(content.TextPart{HTML: true, Text: []byte(html)})
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

var (
	linkPattern  = regexp.MustCompile(`(https?://[^/"'<> ]*)/L0/([A-Za-z0-9_-]+)`)
	pixelPattern = regexp.MustCompile(`<img alt="" src="(https?://[^/]*)/I0/([A-Za-z0-9_-]+)" style="display: none; width: 1px; height: 1px;">`)
)

// readable shows each link as HOST[URL tags] and the picture as [PIXEL HOST].
func readable(t testing.TB, tr *track.Tracker, html string) string {
	t.Helper()
	html = linkPattern.ReplaceAllStringFunc(html, func(s string) string {
		m := linkPattern.FindStringSubmatch(s)
		l, err := tr.ReadLink(m[2])
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		s = m[1] + "[" + l.URL
		for _, tag := range l.Tags {
			s += " " + tag.Key + "=" + tag.Value
		}
		return s + "]"
	})
	return pixelPattern.ReplaceAllStringFunc(html, func(s string) string {
		m := pixelPattern.FindStringSubmatch(s)
		if _, err := tr.ReadPixel(m[2]); err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		return "[PIXEL " + m[1] + "]"
	})
}

const (
	s1  = "https://r.eu-west-1.example.com"
	p1  = "http://r.eu-west-1.example.com"
	pix = "[PIXEL " + s1 + "]"
)

func TestLinks(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"a link", `<a href="https://x.test/a?b=c#d">x</a>`, `<a href="` + s1 + `[https://x.test/a?b=c#d]">x</a>`},
		{"it keeps its protocol", `<a href="http://x.test">x</a><a href="https://x.test">`, `<a href="` + p1 + `[http://x.test]">x</a><a href="` + s1 + `[https://x.test]">`},
		{"in capitals", `<A CLASS=a HREF='HTTPS://x.test/'>`, `<A CLASS=a HREF='` + s1 + `[HTTPS://x.test/]'>`},
		{"without quotes", `<a href=http://x.test/a/>x`, `<a href=` + p1 + `[http://x.test/a/]>x`},
		{"with white space around it", "<a\n\thref = \"\n https://x.test/ \"\n>", "<a\n\thref = \"" + s1 + "[https://x.test/]\"\n>"},
		{"with entities", `<a href="http://x.test/?a=1&amp;b=2&copy=3&#x2F;">`, `<a href="` + p1 + `[http://x.test/?a=1&b=2&copy=3/]">`},
		{"an area of a picture", `<area shape=rect href="https://x.test/">`, `<area shape=rect href="` + s1 + `[https://x.test/]">`},
		{"the first href counts", `<a href="https://x.test/1" href="https://x.test/2">`, `<a href="` + s1 + `[https://x.test/1]" href="https://x.test/2">`},
		{"where no script runs", `<noscript><a href="https://x.test/">x</a></noscript>`, `<noscript><a href="` + s1 + `[https://x.test/]">x</a></noscript>`},
		{"an attribute of another name", `<a data-href="https://x.test/" xhref=https://x.test>`, ""},
		{"other elements", `<abbr href="https://x.test/"><img src="https://x.test/"><link href="https://x.test/"><form action="https://x.test/">`, ""},
		{"other protocols", `<a href="mailto:a@x.test"><a href="tel:1"><a href="ftp://x.test/"><a href="//x.test/"><a href="/a"><a href="#a"><a href=""><a href>`, ""},
		{"scripts as links", `<a href="javascript:location='https://x.test'"><a href="data:text/html,x">`, ""},
		{"no URL by RFC 3986", `<a href="https://x.test/?name=John Doe"><a href="https://x.test/ä"><a href="https://x.test/%zz"><a href="https://x.test/{a}"><a href="https:///a">`, ""},
		{"a URL by RFC 3986", `<a href="https://x.test/?name=John%20Doe">`, `<a href="` + s1 + `[https://x.test/?name=John%20Doe]">`},
		{"comments, also those for Outlook", `<!-- <a href="https://x.test/"> --><!--[if mso]><a href="https://x.test/"><![endif]--><![if !mso]>`, ""},
		{"scripts, styles, titles, text fields", `<script>"<a href='https://x.test/'>"</script><style><a href=https://x.test></style><title><a href="https://x.test/"></title><textarea><a href="https://x.test/">`, ""},
		{"a link that is not to be tracked", `<a ses:no-track href="https://x.test/">x</a>`, `<a href="https://x.test/">x</a>`},
		{"it may say so with a value and at the end", `<a href=https://x.test/ SES:No-Track="">x</a><a href="https://x.test/"ses:no-track>`, `<a href=https://x.test/>x</a><a href="https://x.test/">`},
		{"it may stand where nothing but it keeps others apart", `<a href=https://x.test/ ses:no-track/>`, `<a href=https://x.test/ />`},
		{"tags", `<a ses:tags="campaign:spring;x:1;" href="https://x.test/">x</a>`, `<a href="` + s1 + `[https://x.test/ campaign=spring x=1]">x</a>`},
		{"tags of which some are none", `<a href="https://x.test/" ses:tags=" a : b ;c;d:é;:e;f:;g_-:H9">x</a>`, `<a href="` + s1 + `[https://x.test/ a=b g_-=H9]">x</a>`},
		{"tags of a link that is not tracked", `<a ses:tags="a:b" href="mailto:a@b.c">x</a>`, `<a href="mailto:a@b.c">x</a>`},
		{"tags twice", `<a ses:tags=a:b ses:tags=c:d href=https://x.test/>x</a>`, `<a href=` + s1 + `[https://x.test/ a=b]>x</a>`},
		{"a tag that never ends", `x<a href="https://x.test/">y</a><a href="https://x.test`, `x<a href="` + s1 + `[https://x.test/]">y</a><a href="https://x.test`},
		{"what no browser would take", `<a<b href="https://x.test/"></><a/href='https://x.test/'/ = =><//a>`, `<a<b href="https://x.test/"></><a/href='` + s1 + `[https://x.test/]'/ = =><//a>`},
		{"a NUL in it", "<a href=\"https://x.test/\x00\">", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tr, want := newTracker(), tc.want
			if want == "" {
				want = tc.in
			}
			if got := readable(t, tr, edit(t, tr, track.Options{Clicks: true}, tc.in)); got != want {
				t.Errorf("became\n%s, want\n%s", got, want)
			}
			if got := edit(t, tr, track.Options{}, tc.in); got != tc.in {
				t.Errorf("without tracking it became\n%s", got)
			}
		})
	}
}

func TestAMessageHas250TrackedLinks(t *testing.T) {
	t.Parallel()
	tr := newTracker()
	half := strings.Repeat(`<a href="https://x.test/">x</a>`, 200)
	e := tr.Editor(track.Message{Scope: home, ID: newID(t), Recipients: 1}, track.Options{Clicks: true})
	tracked, index := 0, -1
	for range 2 { // over all its parts
		out, err := e(content.TextPart{HTML: true, Text: []byte(half)})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range linkPattern.FindAllStringSubmatch(string(out), -1) {
			l, err := tr.ReadLink(m[2])
			if err != nil || l.Index != index+1 {
				t.Fatalf("link %d is %+v, %v", index+1, l, err)
			}
			tracked, index = tracked+1, l.Index
		}
		if strings.Count(string(out), "<a href=") != 200 {
			t.Error("links are missing")
		}
	}
	if tracked != 250 {
		t.Errorf("%d links are tracked", tracked)
	}
}

func TestPicture(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct{ name, in, want string }{
		{"at the end", `<p>x`, `<p>x` + pix},
		{"at the end of the body", `<html><body>x</BODY ></html>`, `<html><body>x` + pix + `</BODY ></html>`},
		{"not at the end of what looks like one", `<body>x<!-- </body> --><script>"</body>"</script>`, `<body>x<!-- </body> --><script>"</body>"</script>` + pix},
		{"before what hides all that follows", `x<!-- y`, `x` + pix + `<!-- y`},
		{"before a style that does not end", `x<style>y`, `x` + pix + `<style>y`},
		{"before a tag that does not end", `x<p class="y`, `x` + pix + `<p class="y`},
		{"in an empty text", ``, pix},
		{"where the author wants it", `<body>{{ses:openTracker}}x</body>`, `<body>` + pix + `x</body>`},
		{"where it can be shown", `<body><!-- {{ses:openTracker}} -->x</body>`, `<body><!--  -->x` + pix + `</body>`},
		{"and not in an attribute", `<body title="{{ses:openTracker}}">x</body>`, `<body title="">x` + pix + `</body>`},
		{"or in one that is taken out", `<a ses:tags="{{ses:openTracker}}">x`, `<a>x` + pix},
		{"or a title", `<title>{{ses:openTracker}}</title>x`, `<title></title>x` + pix},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			tr := newTracker()
			if got := readable(t, tr, edit(t, tr, both, tc.in)); got != tc.want {
				t.Errorf("became\n%s, want\n%s", got, tc.want)
			}
			want := strings.ReplaceAll(tc.in, track.Placeholder, "")
			if got := edit(t, tr, track.Options{}, tc.in); got != want {
				t.Errorf("without tracking it became\n%s", got)
			}
		})
	}
}

// TestPlaceholders: one in a message, which text parts may have too.
func TestPlaceholders(t *testing.T) {
	t.Parallel()
	text := func(s string) content.TextPart { return content.TextPart{Text: []byte(s)} }
	html := func(s string) content.TextPart { return content.TextPart{HTML: true, Text: []byte(s)} }
	const h = track.Placeholder
	for _, tc := range []struct {
		name    string
		parts   []content.TextPart
		want    []string
		refused bool
	}{
		{"in both forms of a text", []content.TextPart{text("a" + h), html("b" + h + "c")}, []string{"a", "b" + pix + "c"}, false},
		{"in the text alone", []content.TextPart{text("a" + h), html("b")}, []string{"a", "b" + pix}, false},
		{"twice", []content.TextPart{html("b" + h + h)}, nil, true},
		{"twice in the text", []content.TextPart{text("b" + h + h)}, nil, true},
		{"in two HTML parts", []content.TextPart{html("b" + h), html(h)}, nil, true},
		{"one picture for two HTML parts", []content.TextPart{html("a"), html("b")}, []string{"a" + pix, "b"}, false},
		{"it is in already", []content.TextPart{html("a"), html("b" + h)}, []string{"a" + pix, "b"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			for _, o := range []track.Options{both, {Opens: true}, {}} {
				tr := newTracker()
				e := tr.Editor(track.Message{Scope: home, ID: newID(t), Recipients: 1}, o)
				var err error
				for i, p := range tc.parts {
					var out []byte
					if out, err = e(p); err != nil {
						break
					}
					want := ""
					if !tc.refused {
						if want = tc.want[i]; !o.Opens {
							want = strings.ReplaceAll(want, pix, "")
						}
						if got := readable(t, tr, string(out)); got != want {
							t.Errorf("%+v: part %d became %s, want %s", o, i, got, want)
						}
					}
				}
				if (err != nil) != tc.refused || err != nil && !fault.Is(err, fault.Invalid) {
					t.Errorf("%+v: %v", o, err)
				}
			}
		})
	}
}

func TestHostsAndProtocols(t *testing.T) {
	t.Parallel()
	const in = `<a href="http://x.test/"></a><a href="https://x.test/"></a>`
	for _, tc := range []struct {
		name                string
		o                   track.Options
		http, https         bool
		link1, link2, pixel string
	}{
		{"the service's host", track.Options{}, true, true, p1, s1, s1},
		{"a domain", track.Options{Domain: "go.x.test"}, true, true, "http://go.x.test", "https://go.x.test", "http://go.x.test"},
		{"OPTIONAL", track.Options{Domain: "go.x.test", HTTPS: "OPTIONAL"}, true, true, "http://go.x.test", "https://go.x.test", "http://go.x.test"},
		{"REQUIRE", track.Options{Domain: "go.x.test", HTTPS: "REQUIRE"}, true, true, "https://go.x.test", "https://go.x.test", "https://go.x.test"},
		{"REQUIRE_OPEN_ONLY", track.Options{Domain: "go.x.test", HTTPS: "REQUIRE_OPEN_ONLY"}, true, true, "http://go.x.test", "https://go.x.test", "https://go.x.test"},
		{"a server without HTTP", track.Options{Domain: "go.x.test"}, false, true, "https://go.x.test", "https://go.x.test", "https://go.x.test"},
		{"a server without HTTPS", track.Options{}, true, false, p1, p1, p1},
	} {
		tr := newTracker()
		tr.HTTP, tr.HTTPS = tc.http, tc.https
		tc.o.Opens, tc.o.Clicks = true, true
		want := `<a href="` + tc.link1 + `[http://x.test/]"></a><a href="` + tc.link2 + `[https://x.test/]"></a>[PIXEL ` + tc.pixel + `]`
		if got := readable(t, tr, edit(t, tr, tc.o, in)); got != want {
			t.Errorf("%s:\n%s, want\n%s", tc.name, got, want)
		}
	}
}

func TestLinksTellTheMessage(t *testing.T) {
	t.Parallel()
	tr, id := newTracker(), newID(t)
	for _, tc := range []struct {
		recipients int
		discard    bool
		want       track.Ref
	}{
		{1, false, track.Ref{Scope: home, MessageID: id, Recipient: 0}},
		{2, true, track.Ref{Scope: home, MessageID: id, Recipient: -1, Discard: true}},
	} {
		e := tr.Editor(track.Message{Scope: home, ID: id, Recipients: tc.recipients}, track.Options{Opens: true, Clicks: true, Discard: tc.discard})
		out, err := e(content.TextPart{HTML: true, Text: []byte(`<a href="https://x.test/" ses:tags=k:v>`)})
		if err != nil {
			t.Fatal(err)
		}
		l, err := tr.ReadLink(linkPattern.FindStringSubmatch(string(out))[2])
		if err != nil || l.Ref != tc.want || l.URL != "https://x.test/" || len(l.Tags) != 1 || l.Tags[0] != (track.Tag{Key: "k", Value: "v"}) {
			t.Errorf("%+v, %v", l, err)
		}
		r, err := tr.ReadPixel(pixelPattern.FindStringSubmatch(string(out))[2])
		if err != nil || r != tc.want || !r.SentAt().Equal(start) {
			t.Errorf("%+v of %v, %v", r, r.SentAt(), err)
		}
	}
}

// TestLinksShowNothing: who gets a mail does not read there whose account it came from, nor
// what else the sender wrote, and the token is as short as if it did.
func TestLinksShowNothing(t *testing.T) {
	t.Parallel()
	const url = "https://x.test/story?id=4711"
	out := edit(t, newTracker(), both, `<a href="`+url+`" ses:tags="campaign:spring">`)
	for name, m := range map[string]struct {
		token string
		most  int // octets
	}{
		"link":    {linkPattern.FindStringSubmatch(out)[2], 12 + 40 + 2 + 1 + len("campaign") + 1 + len("spring") + len(url)},
		"picture": {pixelPattern.FindStringSubmatch(out)[2], 12 + 40},
	} {
		b, err := base64.RawURLEncoding.DecodeString(m.token)
		if err != nil || len(b) > m.most {
			t.Errorf("the %s has %d octets, not %d: %v", name, len(b), m.most, err)
		}
		number, err := strconv.ParseUint(home.Account, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		for what, plain := range map[string][]byte{
			"account": binary.BigEndian.AppendUint64(nil, number)[3:], "region": []byte(home.Region), "target": []byte("x.test"), "tag": []byte("spring"),
		} {
			if bytes.Contains(b, plain) {
				t.Errorf("the %s shows the %s: %q", name, what, b)
			}
		}
	}
}

// TestAlteredLinksLeadNowhere changes every bit of a link and of a picture.
func TestAlteredLinksLeadNowhere(t *testing.T) {
	t.Parallel()
	tr := newTracker()
	out := edit(t, tr, both, `<a href="https://x.test/">`)
	click, open := linkPattern.FindStringSubmatch(out)[2], pixelPattern.FindStringSubmatch(out)[2]
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	for i := range click {
		for bit := range 6 {
			c := digits[strings.IndexByte(digits, click[i])^1<<bit]
			if l, err := tr.ReadLink(click[:i] + string(c) + click[i+1:]); !errors.Is(err, track.ErrBroken) {
				t.Errorf("character %d: %+v, %v", i, l, err)
			}
		}
	}
	for name, bad := range map[string]string{
		"nothing": "", "the picture's": open, "cut off": click[:len(click)-1], "with more behind it": click + "AAAA", "in lines": click[:9] + "\n" + click[9:],
		"another server's": linkPattern.FindStringSubmatch(edit(t, newTracker(), both, `<a href="https://x.test/">`))[2],
		"long":             strings.Repeat("A", 9000),
	} {
		if _, err := tr.ReadLink(bad); !errors.Is(err, track.ErrBroken) {
			t.Errorf("a link that is %s: %v", name, err)
		}
	}
	if _, err := tr.ReadPixel(click); !errors.Is(err, track.ErrBroken) {
		t.Errorf("a link as a picture: %v", err)
	}
}

func TestLongLinksStayAsTheyAre(t *testing.T) {
	t.Parallel()
	in := `<a href="https://x.test/` + strings.Repeat("x", 7000) + `">`
	if out := edit(t, newTracker(), track.Options{Clicks: true}, in); out != in {
		t.Error("a link of 7000 characters is tracked")
	}
}

func FuzzReadLink(f *testing.F) {
	tr := newTracker()
	f.Add(linkPattern.FindStringSubmatch(edit(f, tr, both, `<a href="https://x.test/" ses:tags="a:b">`))[2])
	f.Add(strings.Repeat("A", 100))
	f.Fuzz(func(t *testing.T, s string) {
		if l, err := tr.ReadLink(s); err == nil && l.Scope != home {
			t.Errorf("%q is a link: %+v", s, l)
		}
		if r, err := tr.ReadPixel(s); err == nil && r.Scope != home {
			t.Errorf("%q is a picture: %+v", s, r)
		}
	})
}
