// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sesame/internal/proto/message"
)

// badHTML is what no browser would take, or each would take for something else.
var badHTML = []struct{ what, html string }{
	{"nothing", ""},
	{"text that is no HTML", "1 < 2 & 3 > 2 \" ' `"},
	{"a tag that never ends", "<p>x</p><a href=\"https://example.com/"},
	{"an attribute that never ends", "<a href='https://example.com/>x</a><p>y</p>"},
	{"an attribute without a value at the end", "<a href="},
	{"a lone bracket", "<"},
	{"very many brackets", strings.Repeat("<", 100_000)},
	{"tags in tags", "<a <a href=\"https://example.com/\">x</a>"},
	{"brackets in brackets", "<<<a href=\"https://example.com/\">>>x</a>"},
	{"links in links", "<a href=\"https://example.com/1\"><a href=\"https://example.com/2\">x</a></a>"},
	{"ends without beginnings", "</a></body></html></body>x</p>"},
	{"elements very deep", strings.Repeat("<div>", 50_000) + "x"},
	{"the same attribute twice", "<a href=\"https://example.com/1\" href=\"https://example.com/2\">x</a>"},
	{"attributes without space between", "<a class=\"x\"href=\"https://example.com/\"id='y'>x</a>"},
	{"slashes for space", "<a/href=\"https://example.com/\"/>x</a>"},
	{"an attribute of very many octets", "<a title=\"" + strings.Repeat("x", 900_000) + "\" href=\"https://example.com/\">x</a>"},
	{"very many attributes", "<a " + strings.Repeat("x=y ", 50_000) + "href=\"https://example.com/\">x</a>"},
	{"zero octets", "<a\x00 href=\"https://example.com/\">x</a><a href=\"https://exam\x00ple.com/\">x</a>\x00"},
	{"control characters in a link", "<a href=\"https://example.com/\x01\x1b\">x</a>"},
	{"a line break in a link", "<a href=\"https://exam\r\nple.com/\">x</a>"},
	{"white space round a link, which is none of it", "<a href=\"\thttps://example.com/\">x</a>"},
	{"a script", "<a href=\"javascript:alert(1)\">x</a><script>if (a</b) { \"<a href='https://example.com/'>\" }</script>"},
	{"a script that never ends", "<script><a href=\"https://example.com/\">x</a>"},
	{"a comment that never ends", "<!-- <a href=\"https://example.com/\">x</a>"},
	{"comments that browsers end elsewhere", "<!--> <a href=\"https://example.com/\">x</a> --><!---!><a href=\"https://example.com/\">y</a>"},
	{"character data of XML", "<![CDATA[<a href=\"https://example.com/\">x</a>]]>"},
	{"a declaration and an instruction", "<!DOCTYPE html [<!ENTITY x \"y\">]><?php echo '<a href=\"https://example.com/\">' ?>"},
	{"text that is no markup", "<textarea><a href=\"https://example.com/\">x</a></textarea><title><a href=\"https://example.com/\">x</a>"},
	{"plain text to the end", "<plaintext><a href=\"https://example.com/\">x</a></body>"},
	{"octets that are no UTF-8", "\xff\xfe<a href=\"https://example.com/\xff\">\xc3</a>\x80"},
	{"a byte order mark", "\xef\xbb\xbf<a href=\"https://example.com/\">x</a>"},
	{"UTF-16 without a word of it", "<\x00a\x00 \x00h\x00r\x00e\x00f\x00=\x00\"\x00h\x00t\x00t\x00p\x00:\x00/\x00/\x00x\x00\"\x00>\x00"},
	{"a link that is no URL", "<a href=\"https://[::1\">x</a><a href=\"https://\">x</a><a href=\"https:example.com\">x</a><a href=\"//example.com/\">x</a>"},
	{"a link of very many octets", "<a href=\"https://example.com/" + strings.Repeat("x", 100_000) + "\">x</a>"},
	{"more links than are tracked", strings.Repeat("<a href=\"https://example.com/\">x</a>\r\n", 1000)},
	{"SVG and MathML", "<svg><a xlink:href=\"https://example.com/\"><title><a href=\"https://example.com/\">x</svg><math><a href=\"https://example.com/\">y</math>"},
	{"a form for Outlook", "<!--[if mso]><a href=\"https://example.com/\">x</a><![endif]--><![if !mso]><a href=\"https://example.com/\">y</a><![endif]>"},
	{"a tag of a template that was not filled in", "<a href=\"{{url}}\">x</a><a href=\"https://example.com/{{id}}\">y</a>"},
}

var (
	trackedLink = regexp.MustCompile(`https?://r\.us-east-1\.ses\.example\.net/L0/([A-Za-z0-9_-]+)`)
	picture     = regexp.MustCompile(`<img alt="" src="https://r\.us-east-1\.ses\.example\.net/I0/[A-Za-z0-9_-]+" style="[a-z0-9:; ]+">`)
)

// untracked is HTML with the links that it had, without the picture.
func (w *world) untracked(html []byte) []byte {
	html = picture.ReplaceAll(html, nil)
	return trackedLink.ReplaceAllFunc(html, func(link []byte) []byte {
		if l, err := w.tracker.ReadLink(string(trackedLink.FindSubmatch(link)[1])); err == nil {
			return []byte(l.URL)
		}
		return link
	})
}

// TestBadHTMLIsTrackedOrLeftAlone sends it with opens and clicks tracked: but for links and
// one picture it leaves as it came.
func TestBadHTMLIsTrackedOrLeftAlone(t *testing.T) {
	t.Parallel()
	for _, d := range doors {
		t.Run(string(d), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.track(t)
			var c *session
			if d == submitting {
				c = w.session(t)
			}
			links, pictures := 0, 0
			for _, b := range badHTML {
				before := w.stored(t)
				raw := []byte(head + "X-SES-CONFIGURATION-SET: tracked\r\nContent-Type: text/html\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + b.html + "\r\n")
				if a := w.bring(t, d, c, raw); !a.ok() {
					t.Errorf("%s: %v", b.what, a)
					continue
				}
				after := w.stored(t)
				i := slices.IndexFunc(after, func(id string) bool { return !slices.Contains(before, id) })
				sent := decoded(t, w.departure(t, after[i]).data)
				links, pictures = links+len(trackedLink.FindAll(sent, -1)), pictures+len(picture.FindAll(sent, -1))
				want := strings.ReplaceAll(b.html, "\"\thttps", "\"https") + "\r\n"
				if got := w.untracked(sent); string(got) != want {
					t.Errorf("%s: %s", b.what, firstDifference(show([]byte(want)), show(got)))
				}
			}
			if pictures != len(badHTML) || links < 260 {
				t.Errorf("%d pictures and %d links: the test has tracked too little", pictures, links)
			}
		})
	}
}

// track makes a configuration set of the name tracked, which publishes opens and clicks.
func (w *world) track(t *testing.T) {
	t.Helper()
	for path, body := range map[string]string{
		"/v2/email/configuration-sets": `{"ConfigurationSetName": "tracked"}`,
		"/v2/email/account/vdm":        `{"VdmAttributes": {"VdmEnabled": "ENABLED", "DashboardAttributes": {"EngagementMetrics": "ENABLED"}}}`,
	} {
		method := http.MethodPost
		if strings.HasSuffix(path, "vdm") {
			method = http.MethodPut
		}
		if a := w.json(t, method, path, body); !a.ok() {
			t.Fatal(a)
		}
	}
}

// decoded is the body of a message of one part.
func decoded(t *testing.T, raw []byte) []byte {
	t.Helper()
	h, body, err := message.Split(raw)
	if err != nil {
		t.Fatal(err)
	}
	is, err := message.ParseEncoding(h.Get("Content-Transfer-Encoding"))
	if err == nil {
		body, err = is.Decode(body)
	}
	if err != nil {
		t.Fatal(err)
	}
	return body
}
