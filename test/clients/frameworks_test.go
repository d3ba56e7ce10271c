// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"maps"
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// taken are the fields that are for the service alone: it takes them out of the mail.
var taken = []string{"X-Ses-Configuration-Set", "X-Ses-Message-Tags", "X-Ses-List-Management-Options"}

// untouched has the fields of the frameworks' own, and none of those for the service.
func untouched(own map[string]string) map[string]string {
	fields := map[string]string{}
	for _, name := range taken {
		fields[name] = ""
	}
	maps.Copy(fields, own)
	return fields
}

// TestFrameworks makes the requests of django-ses, django-anymail and Laravel's two
// transports. All of them name the hidden recipients in the request alone.
func TestFrameworks(t *testing.T) {
	t.Parallel()
	python := need.Module(t, need.Boto3)
	s := harness.Dev(t)
	django := want{
		Envelope: []string{"to@example.net", "cc@example.net", "hidden@example.net"},
		From:     "Django <django@example.com>", To: []string{"to@example.net"}, Cc: []string{"cc@example.net"}, ReplyTo: []string{"answers@example.com"},
		Subject: "Grüße von Django", Text: "Schöne Grüße.", HTML: "<p>Schöne Grüße.</p>",
		Header: untouched(nil), Set: "web", Tags: "app=shop kind=order",
	}
	again := django
	again.Subject, again.Tags = "Und wieder", "app=shop kind=again"
	order := func(to, name, number string, header map[string]string) want {
		return want{
			Envelope: []string{to, "archive@example.net"},
			From:     "Shop <shop@example.com>", To: []string{to}, ReplyTo: []string{"help@example.com"}, Subject: "Order " + number,
			Text: "Hello " + name + ", your order is " + number + ".", HTML: "<p>Hello " + name + ".</p>",
			Header: header, Set: "web", Tags: "Type=order",
		}
	}
	checkScript(t, s, script(t, s, python, "frameworks.py"), map[string]want{
		"django-ses v1": django,
		"django-ses v2": again,
		"anymail raw": {
			Envelope: []string{"reader@example.net", "copy@example.net", "blind@example.net"},
			From:     "Any Mail <anymail@example.com>", To: []string{"Reader <reader@example.net>"}, Cc: []string{"copy@example.net"},
			Subject: "Welcome", Text: "Welcome aboard.",
			Header: map[string]string{"X-Tag": "welcome\nsecond", "X-Metadata": `{"user": 7}`}, Set: "web", Tags: "Type=welcome",
		},
		"anymail merge alice": order("alice@example.net", "Alice", "12345", map[string]string{"X-Tag": "order", "List-Unsubscribe": "<https://example.com/a/>"}),
		"anymail merge bob":   order("bob@example.net", "friend", "B-7", map[string]string{"X-Tag": "order", "List-Unsubscribe": ""}),
		"laravel v1": {
			Envelope: []string{"taylor@example.net", "books@example.net"},
			From:     "Laravel <hello@example.com>", To: []string{"Taylor <taylor@example.net>"}, Subject: "Invoice paid", Text: "Thank you.",
			Header: map[string]string{"X-Metadata-Order": "12"}, Set: "web", Tags: "order=12",
		},
		"laravel v2": {
			Envelope: []string{"otwell@example.net", "books@example.net"},
			From:     "Laravel <hello@example.com>", To: []string{"Taylor <otwell@example.net>"}, Subject: "Invoice sent", Text: "Thanks.",
			Set: "web", Tags: "order=13",
		},
		"laravel v2 list": {
			From: "Laravel <hello@example.com>", To: []string{"member@example.net"}, Subject: "Offers", Text: "Cheap.",
			Header: untouched(map[string]string{"List-Unsubscribe-Post": "List-Unsubscribe=One-Click"}),
		},
	})
}
