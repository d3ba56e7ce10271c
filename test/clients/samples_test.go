// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestGuideSamples has what the code examples of SES's guide send, in the shapes of all its
// languages.
func TestGuideSamples(t *testing.T) {
	t.Parallel()
	python := need.Module(t, need.Boto3)
	s := harness.Dev(t)
	const sender = "sender@example.com"
	hello := func(to, name string) want {
		return want{From: sender, To: []string{to}, Subject: "Hello " + name, Text: "Hello " + name + "!"}
	}
	members := []string{"ann@example.net", "bert@example.net", "cleo@example.net"}
	checkScript(t, s, script(t, s, python, "samples.py"), map[string]want{
		"v1 python": {
			Envelope: []string{"python@example.net", "cc@example.net", "bcc@example.net"},
			From:     sender, To: []string{"python@example.net"}, Cc: []string{"cc@example.net"}, ReplyTo: []string{"one@example.com", "two@example.com"},
			Subject: "Python's message", Text: "This is a text-only version.", HTML: "<p>This is the HTML version.</p>",
		},
		"v1 ruby": {
			From: sender, To: []string{"ruby@example.net"}, Subject: "Ruby's message",
			Text: "Sent through Amazon SES – using the SDK.", HTML: "<h1>Amazon SES – test</h1>", Set: "ConfigSet",
		},
		"v1 raw java": {
			From: sender, To: []string{"java@example.net", "second@example.net"}, Subject: "Customer service contact info",
			Text: "Please see the attached file.", HTML: "<h1>Hello!</h1><p>Please see the attached file.</p>",
			Attachments: []attachment{{
				Name: "WorkReport.xls", Type: "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", Content: "PK\x03\x04\x00\xff workbook",
			}},
		},
		"v1 templated": {
			Envelope: []string{"templated@example.net", "cc@example.net", "bcc@example.net"},
			From:     sender, To: []string{"templated@example.net"}, Cc: []string{"cc@example.net"}, ReplyTo: []string{"answers@example.com"},
			Subject: `Hello, Ann "A" & B!`, Text: `Peccy greets Ann "A" & B.`,
		},
		"v1 bulk bilbo":     hello("Bilbo1@example.net", "Bilbo"),
		"v1 bulk frodo":     hello("Frodo1@example.net", "Frodo"),
		"v1 bulk shireling": hello("Merry1@example.net", "Shireling"),
		"v2 Java":           {From: sender, To: []string{"v2@example.net"}, Subject: "From Java", HTML: "<b>Java</b>"},
		"v2 Ruby":           {From: sender, To: []string{"v2@example.net"}, Subject: "From Ruby", Text: "Ruby"},
		"v2 Rust":           {From: sender, To: []string{"v2@example.net"}, Subject: "From Rust", Text: "Rust"},
		"v2 template": {
			From: sender, To: []string{"jason@example.net"}, Subject: "Greetings, Jason",
			HTML: "<p>Dear Jason,</p>", Text: "Your favorite animal is Cat.",
		},
		"v2 list": {From: sender, To: members, Subject: "Weekly coupons", Text: "Here are your coupons."},
	})
	for _, m := range s.Mails(t) {
		for _, to := range m.Envelope.To {
			if to == "incomplete@example.net" {
				t.Error("a template was sent without all of its variables")
			}
		}
	}
	const failure = "SELECT count(*) || ' ' || max(json_extract(payload, '$.error')) FROM outbox WHERE kind = 'Rendering Failure'"
	why, _ := s.Stored(t, failure)
	compare(t, "what was not rendered, and why", why, "1 Attribute 'favoriteanimal' is not present in the rendering data.")
}
