// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"

	"sesame/test/harness"
)

// pixel is a PNG of one pixel.
const pixel = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="

// The mails that every API client sends, each in its own words. A client that is too
// old for a feature leaves that case out.
var (
	casesV2 = map[string]want{
		"v2 text": {
			From: "sender@example.com", To: []string{"to@example.net"}, Subject: "Plain and simple",
			Text: "Hello from SES v2.",
		},
		"v2 html": {
			From: "sender@example.com", To: []string{"to@example.net"}, Subject: "HTML alone",
			HTML: "<p>Hello from <b>SES v2</b>.</p>",
		},
		"v2 everything": {
			Envelope: []string{"to@example.net", "second@example.net", "cc@example.net", "hidden@example.net"},
			From:     "Sesame Test <sender@example.com>",
			To:       []string{"to@example.net", "Second Reader <second@example.net>"}, Cc: []string{"cc@example.net"},
			ReplyTo: []string{"answers@example.com", "more@example.com"},
			Subject: "Grüße aus Köln, 100 % – ✓",
			Text:    "Käse kostet 3 €.\nZweite Zeile.",
			HTML:    "<h1>Käse</h1>\n<p>kostet 3 €.</p>",
		},
		"v2 attachments": {
			From: "sender@example.com", To: []string{"to@example.net"}, Subject: "With two files",
			Text: "See the files.", HTML: `<img src="cid:pixel">`,
			Attachments: []attachment{
				{Name: "pixel.png", Type: "image/png", Content: unbase64(pixel), ID: "pixel"},
				{Name: "notes.txt", Type: "text/plain", Content: "line one\nline two\n"},
			},
		},
		"v2 headers": {
			From: "sender@example.com", To: []string{"to@example.net"}, Subject: "With header fields of its own",
			Text: "Look at the headers.",
			Header: map[string]string{
				"X-Campaign": "spring-26", "List-Unsubscribe": "<https://example.com/unsubscribe?id=1>",
			},
		},
		"v2 raw": {
			Envelope: []string{"to@example.net", "unnamed@example.net"},
			From:     "Raw Sender <sender@example.com>", To: []string{"to@example.net"}, Subject: "Raw, recipients given",
			Text: "The envelope has one reader more than the header.", Header: map[string]string{"X-Kept": "as it was"},
		},
		"v2 raw alone": {
			Envelope: []string{"to@example.net", "cc@example.net"},
			From:     "sender@example.com", To: []string{"to@example.net"}, Cc: []string{"cc@example.net"},
			Subject: "Raw, nothing else given", Text: "Sender and recipients are those of the header.",
		},
	}
	casesV1 = map[string]want{
		"v1 everything": {
			Envelope: []string{"to@example.net", "cc@example.net", "hidden@example.net"},
			From:     "sender@example.org", To: []string{"to@example.net"}, Cc: []string{"cc@example.net"},
			ReplyTo: []string{"answers@example.org"}, Subject: "Crème brûlée",
			Text: "Déjà vu.", HTML: "<p>Déjà vu.</p>",
		},
		"v1 html": {
			From: "sender@example.org", To: []string{"to@example.net"}, Subject: "HTML alone, no charset",
			HTML: "<p>Hello from SES v1.</p>",
		},
		"v1 raw alone": {
			From: "sender@example.org", To: []string{"to@example.net"}, Subject: "Raw data only",
			Text: "This is the message body.",
			Attachments: []attachment{
				{Name: "attachment.txt", Type: "text/plain", Content: "This is the text in the attachment."},
			},
		},
		"v1 raw": {
			Envelope: []string{"elsewhere@example.net"},
			From:     "sender@example.org", To: []string{"to@example.net"}, Subject: "Raw, Source and Destinations given",
			Text: "Only the Destinations get this.",
		},
	}
)

// casesNodemailer are those of nodemailer's SES transport, which names every recipient in
// ToAddresses and leaves Bcc out of the message itself.
var casesNodemailer = map[string]want{
	"nodemailer ses": {
		Envelope: []string{"to@example.net", "cc@example.net", "hidden@example.net"},
		From:     "Node Mailer <sender@example.com>", To: []string{"to@example.net"}, Cc: []string{"cc@example.net"},
		ReplyTo: []string{"answers@example.com"}, Subject: "Viele Grüße",
		Text: "Schöne Grüße von nodemailer.", HTML: "<p>Schöne Grüße von <b>nodemailer</b>.</p>",
		Attachments: []attachment{{Name: "hello.txt", Type: "text/plain", Content: "Hello!\n"}},
	},
	"nodemailer options": {
		Envelope: []string{"to@example.net"},
		From:     "Jörg Müller <sender@example.com>", To: []string{"Zoë <to@example.net>"}, Subject: "With a set, tags and a picture",
		Text: "See the picture.", HTML: `<img src="cid:pixel">`,
		Header:      map[string]string{"X-Campaign": "spring-26"},
		Attachments: []attachment{{Name: "pixel.png", Type: "image/png", Content: unbase64(pixel), ID: "pixel"}},
		Set:         "mailer", Tags: "campaign=spring kind=news",
	},
	"nodemailer envelope": {
		Envelope: []string{"elsewhere@example.net"},
		From:     "sender@example.com", To: []string{"to@example.net"}, Subject: "An envelope of its own", Text: "Only the envelope counts.",
	},
}

func unbase64(text string) string {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		panic(err)
	}
	return string(content)
}

// without returns the cases but for those named.
func without(cases map[string]want, out ...string) map[string]want {
	left := map[string]want{}
	for name, w := range cases {
		left[name] = w
	}
	for _, name := range out {
		delete(left, name)
	}
	return left
}

// merged returns the cases of both.
func merged(a, b map[string]want) map[string]want {
	all := without(a)
	for name, w := range b {
		all[name] = w
	}
	return all
}

// sent is one line that a script prints for a mail it has sent.
type sent struct {
	Case      string
	MessageId string
}

// checkScript takes what a script printed, a line of JSON for each mail, and looks for
// every case's mail.
func checkScript(t *testing.T, s *harness.Server, r harness.Result, cases map[string]want) {
	t.Helper()
	if r.Code != 0 {
		t.Fatalf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
	}
	ids := map[string]string{}
	for line := range strings.Lines(r.Stdout) {
		var one sent
		if err := json.Unmarshal([]byte(line), &one); err != nil {
			t.Fatalf("the script printed %q: %v", line, err)
		}
		ids[one.Case] = one.MessageId
	}
	for _, name := range names(cases) {
		t.Run(name, func(t *testing.T) {
			id, there := ids[name]
			if !there {
				t.Fatal("the script did not send it")
			}
			check(t, s, id, cases[name])
		})
	}
	if len(ids) != len(cases) {
		t.Errorf("the script sent %d mails, %d are known", len(ids), len(cases))
	}
}
