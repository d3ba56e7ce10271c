// SPDX-License-Identifier: Apache-2.0

package verification

import (
	"net/url"
	"regexp"
	"strings"

	"github.com/microcosm-cc/bluemonday"
)

// allowedElements is the elements that the content of a template may have, and the attributes of
// each beside commonAttributes (SES: custom verification emails, question 5). There is no
// a: the only link is the one that is appended.
var allowedElements = map[string][]string{
	"abbr": nil, "acronym": nil, "address": nil, "area": nil, "b": nil, "bdo": nil, "big": nil, "blockquote": {"cite"}, "body": nil,
	"br": nil, "button": nil, "caption": nil, "center": nil, "cite": nil, "code": nil, "col": {"span", "width"},
	"colgroup": {"span", "width"}, "dd": nil, "del": nil, "dfn": nil, "dir": nil, "div": nil, "dl": nil, "dt": nil, "em": nil,
	"fieldset": nil, "font": nil, "form": nil, "h1": nil, "h2": nil, "h3": nil, "h4": nil, "h5": nil, "h6": nil, "head": nil,
	"hr": nil, "html": nil, "i": nil, "img": {"align", "alt", "height", "src", "width"}, "input": nil, "ins": nil, "kbd": nil,
	"label": nil, "legend": nil, "li": nil, "map": nil, "menu": nil, "ol": {"start", "type"}, "optgroup": nil, "option": nil,
	"p": nil, "pre": nil, "q": {"cite"}, "s": nil, "samp": nil, "select": nil, "small": nil, "span": nil, "strike": nil,
	"strong": nil, "sub": nil, "sup": nil, "table": {"summary", "width"}, "tbody": nil,
	"td": {"abbr", "axis", "colspan", "rowspan", "width"}, "textarea": nil, "tfoot": nil,
	"th":    {"abbr", "axis", "colspan", "rowspan", "scope", "width"},
	"thead": nil, "tr": nil, "tt": nil, "u": nil, "ul": {"type"}, "var": nil,
}

// commonAttributes may be on every element of the list; style, too, within safeStyle.
var commonAttributes = []string{"class", "id", "title"}

// safeStyle is what a style attribute may be: declarations without anything that is
// loaded or run. Of functions only those of colours and of arithmetic are let through, so
// that there is no url(), image-set() or expression(), and no escape or comment can hide
// one.
var safeStyle = regexp.MustCompile(`^(?i:(?:(?:rgba?|hsla?|calc)\([a-z0-9\s,.%/+*-]*\)|[a-z0-9\s:;,.#%'"!_+-])*)$`)

// dataImage is the part before the comma of an image that can be in the content itself.
var dataImage = regexp.MustCompile(`^(?i:image/(?:png|jpe?g|gif|webp));base64$`)

// newPolicy builds the policy from the list. Whatever is not on it is taken out: elements
// with their tags alone, those that hold no text for readers with all that is in them.
func newPolicy() *bluemonday.Policy {
	p := bluemonday.NewPolicy()
	for element, attributes := range allowedElements {
		p.AllowElements(element)
		p.AllowNoAttrs().OnElements(element)
		p.AllowAttrs(commonAttributes...).OnElements(element)
		p.AllowAttrs("style").Matching(safeStyle).OnElements(element)
		if len(attributes) > 0 {
			p.AllowAttrs(attributes...).OnElements(element)
		}
	}
	p.SkipElementsContent("title", "template", "svg", "math", "xmp", "audio", "video", "canvas", "applet")
	p.RequireParseableURLs(true)
	p.AllowRelativeURLs(false)
	p.AllowURLSchemes("http", "https")
	p.AllowURLSchemeWithCustomPolicy("data", func(u *url.URL) bool { return isDataImage(u.Opaque) })
	return p
}

func isDataImage(opaque string) bool {
	kind, _, ok := strings.Cut(opaque, ",")
	return ok && dataImage.MatchString(kind)
}
