// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"sesame/internal/proto/message"
)

// attacks are what is put behind the value of each field of a request, one at a time. The
// second string is the attack; where it is nothing that JSON can hold, its octets go there
// as they are.
var attacks = []struct{ what, with string }{
	{"CR LF", "\r\nX-Injected: 1"},
	{"LF", "\nX-Injected: 1"},
	{"CR", "\rX-Injected: 1"},
	{"an empty line", "\r\n\r\nX-Injected: 1"},
	{"NUL", "\x00"},
	{"no UTF-8", "\xffX-Injected: 1"},
	{"line separator", "\u2028X-Injected: 1"},
}

// request is one with every field that a message can have.
type request struct {
	name string
	door door
	path string // of API v2
	body string // JSON, for API v1 too, whose parameters are the members
}

const storedTemplate = `POST /v2/email/templates {"TemplateName": "greeting", "TemplateContent": {"Subject": "Hello {{name}}", "Text": "Hello {{name}}", "Html": "<p>{{name}}</p>"}}`

var newsSetup = []string{
	`POST /v2/email/configuration-sets {"ConfigurationSetName": "news"}`,
	`POST /v2/email/contact-lists {"ContactListName": "list", "Topics": [{"TopicName": "topic", "DisplayName": "Topic", "DefaultSubscriptionStatus": "OPT_IN"}]}`,
	storedTemplate,
}

const arn = "arn:aws:ses:us-east-1:123456789012:identity/sender@example.com"

var requests = []request{
	{name: "SendEmail", door: query, body: `{"Action": "SendEmail", "Source": "Name <sender@example.com>", "SourceArn": "` + arn + `", "ReturnPath": "sender@example.com", "ReturnPathArn": "` + arn + `",
		"Destination.ToAddresses.member.1": "To <a@example.net>", "Destination.CcAddresses.member.1": "b@example.net", "Destination.BccAddresses.member.1": "c@example.net",
		"ReplyToAddresses.member.1": "r@example.org", "ConfigurationSetName": "news", "Tags.member.1.Name": "n", "Tags.member.1.Value": "v",
		"Message.Subject.Data": "Subject", "Message.Subject.Charset": "UTF-8", "Message.Body.Text.Data": "Text", "Message.Body.Text.Charset": "UTF-8",
		"Message.Body.Html.Data": "Html", "Message.Body.Html.Charset": "UTF-8"}`},
	{name: "SendRawEmail", door: query, body: `{"Action": "SendRawEmail", "Source": "Name <sender@example.com>", "SourceArn": "` + arn + `", "FromArn": "` + arn + `", "ReturnPathArn": "` + arn + `",
		"Destinations.member.1": "To <a@example.net>", "ConfigurationSetName": "news", "Tags.member.1.Name": "n", "Tags.member.1.Value": "v",
		"RawMessage.Data": "RnJvbTogc2VuZGVyQGV4YW1wbGUuY29tDQpTdWJqZWN0OiB4DQoNCng="}`},
	{name: "SendTemplatedEmail", door: query, body: `{"Action": "SendTemplatedEmail", "Source": "Name <sender@example.com>", "SourceArn": "` + arn + `", "ReturnPath": "sender@example.com", "ReturnPathArn": "` + arn + `",
		"Destination.ToAddresses.member.1": "To <a@example.net>", "ReplyToAddresses.member.1": "r@example.org", "ConfigurationSetName": "news", "Tags.member.1.Name": "n", "Tags.member.1.Value": "v",
		"Template": "greeting", "TemplateArn": "arn:aws:ses:us-east-1:123456789012:template/greeting", "TemplateData": "{\"name\": \"x\"}"}`},
	{name: "SendBulkTemplatedEmail", door: query, body: `{"Action": "SendBulkTemplatedEmail", "Source": "Name <sender@example.com>", "SourceArn": "` + arn + `", "ReturnPath": "sender@example.com",
		"ReplyToAddresses.member.1": "r@example.org", "ConfigurationSetName": "news", "DefaultTags.member.1.Name": "n", "DefaultTags.member.1.Value": "v",
		"Template": "greeting", "DefaultTemplateData": "{\"name\": \"x\"}", "Destinations.member.1.Destination.ToAddresses.member.1": "To <a@example.net>",
		"Destinations.member.1.ReplacementTags.member.1.Name": "m", "Destinations.member.1.ReplacementTags.member.1.Value": "w", "Destinations.member.1.ReplacementTemplateData": "{\"name\": \"y\"}"}`},
	{name: "SendEmail with Simple content", door: rest, path: sendPath, body: `{"FromEmailAddress": "Name <sender@example.com>", "FromEmailAddressIdentityArn": "` + arn + `",
		"Destination": {"ToAddresses": ["To <a@example.net>"], "CcAddresses": ["b@example.net"], "BccAddresses": ["c@example.net"]}, "ReplyToAddresses": ["r@example.org"],
		"FeedbackForwardingEmailAddress": "sender@example.com", "FeedbackForwardingEmailAddressIdentityArn": "` + arn + `", "ConfigurationSetName": "news", "EmailTags": [{"Name": "n", "Value": "v"}],
		"ListManagementOptions": {"ContactListName": "list", "TopicName": "topic"},
		"Content": {"Simple": {"Subject": {"Data": "Subject", "Charset": "UTF-8"}, "Body": {"Text": {"Data": "Text", "Charset": "UTF-8"}, "Html": {"Data": "Html", "Charset": "UTF-8"}},
		"Headers": [{"Name": "X-Header", "Value": "value"}], "Attachments": [{"FileName": "file.txt", "RawContent": "eA==", "ContentType": "text/plain", "ContentDescription": "A file",
		"ContentId": "id", "ContentDisposition": "INLINE", "ContentTransferEncoding": "BASE64"}]}}}`},
	{name: "SendEmail with Raw content", door: rest, path: sendPath, body: `{"FromEmailAddress": "Name <sender@example.com>", "Destination": {"ToAddresses": ["To <a@example.net>"]},
		"ConfigurationSetName": "news", "EmailTags": [{"Name": "n", "Value": "v"}], "ListManagementOptions": {"ContactListName": "list"},
		"Content": {"Raw": {"Data": "RnJvbTogc2VuZGVyQGV4YW1wbGUuY29tDQpTdWJqZWN0OiB4DQoNCng="}}}`},
	{name: "SendEmail with a template", door: rest, path: sendPath, body: `{"FromEmailAddress": "Name <sender@example.com>", "Destination": {"ToAddresses": ["To <a@example.net>"]}, "ReplyToAddresses": ["r@example.org"],
		"ConfigurationSetName": "news", "Content": {"Template": {"TemplateName": "greeting", "TemplateData": "{\"name\": \"x\"}", "Headers": [{"Name": "X-Header", "Value": "value"}]}}}`},
	{name: "SendEmail with a template of its own", door: rest, path: sendPath, body: `{"FromEmailAddress": "Name <sender@example.com>", "Destination": {"ToAddresses": ["To <a@example.net>"]},
		"Content": {"Template": {"TemplateContent": {"Subject": "Hello {{name}}", "Text": "Hello {{name}}", "Html": "<p>{{name}}</p>"}, "TemplateData": "{\"name\": \"x\"}"}}}`},
	{name: "SendBulkEmail", door: rest, path: "/v2/email/outbound-bulk-emails", body: `{"FromEmailAddress": "Name <sender@example.com>", "ReplyToAddresses": ["r@example.org"], "FeedbackForwardingEmailAddress": "sender@example.com",
		"ConfigurationSetName": "news", "DefaultEmailTags": [{"Name": "n", "Value": "v"}],
		"DefaultContent": {"Template": {"TemplateName": "greeting", "TemplateData": "{\"name\": \"x\"}", "Headers": [{"Name": "X-Header", "Value": "value"}]}},
		"BulkEmailEntries": [{"Destination": {"ToAddresses": ["To <a@example.net>"]}, "ReplacementTags": [{"Name": "m", "Value": "w"}], "ReplacementHeaders": [{"Name": "X-Own", "Value": "value"}],
		"ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": "{\"name\": \"y\"}"}}}]}`},
}

// place is a string in a request.
type place struct {
	name string
	set  func(string)
	was  string
}

// places finds the strings in decoded JSON, in the order of their names.
func places(name string, v any, set func(any)) (all []place) {
	switch v := v.(type) {
	case string:
		all = []place{{strings.TrimPrefix(name, "."), func(s string) { set(s) }, v}}
		var inner map[string]any
		if json.Unmarshal([]byte(v), &inner) == nil { // the data of a template
			for _, p := range places(name+" in it", inner, nil) {
				all = append(all, place{p.name, func(s string) { p.set(s); set(marshal(inner)) }, p.was})
			}
		}
	case map[string]any:
		for member, x := range v {
			all = append(all, places(name+"."+member, x, func(n any) { v[member] = n })...)
		}
	case []any:
		for i, x := range v {
			all = append(all, places(fmt.Sprintf("%s.%d", name, i+1), x, func(n any) { v[i] = n })...)
		}
	}
	slices.SortFunc(all, func(a, b place) int { return strings.Compare(a.name, b.name) })
	return all
}

func marshal(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // it came from JSON
	}
	return string(b)
}

// TestNoFieldBreaksOut puts line breaks and worse into every field of every request that
// sends, one at a time. The file testdata/fields.txt has the answers, which -update writes.
// Whatever they are, nothing is stored of what was refused, and what leaves has no line in
// its header section, and no recipient, that the request did not have.
func TestNoFieldBreaksOut(t *testing.T) {
	t.Parallel()
	got := make([]string, len(requests))
	t.Run("requests", func(t *testing.T) {
		for i, r := range requests {
			t.Run(r.name, func(t *testing.T) {
				t.Parallel()
				got[i] = r.attacked(t)
			})
		}
	})
	if t.Failed() {
		return
	}
	compare(t, filepath.Join("testdata", "fields.txt"), strings.Join(got, "\n"))
}

// compare compares a whole file, or writes it.
func compare(t *testing.T, file, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s has other answers: %s", file, firstDifference(string(want), got))
	}
}

// attacked makes the request with each attack in each field.
func (r request) attacked(t *testing.T) string {
	t.Helper()
	w := newWorld(t)
	for _, s := range newsSetup {
		method, rest, _ := strings.Cut(s, " ")
		path, body, _ := strings.Cut(rest, " ")
		if a := w.json(t, method, path, body); !a.ok() {
			t.Fatal(a)
		}
	}
	if a := r.send(t, w, "", ""); !a.ok() || len(w.stored(t)) != 1 {
		t.Fatalf("as it is: %v", a)
	}
	known := w.known(t)
	var out strings.Builder
	fmt.Fprintf(&out, "%s %s\n", r.door, r.name)
	for _, p := range r.places(t) {
		fmt.Fprintf(&out, "  %s\n", p.name)
		var said []string // answers, in the order in which they were first given
		to := map[string][]string{}
		for _, attack := range attacks {
			a := r.attack(t, w, p.name, attack.with, known)
			if to[a] == nil {
				said = append(said, a)
			}
			to[a] = append(to[a], attack.what)
		}
		for _, a := range said {
			fmt.Fprintf(&out, "    %s: %s\n", strings.Join(to[a], ", "), a)
		}
	}
	return out.String()
}

// quoted is what an answer quotes of an attack.
var quoted = regexp.MustCompile(`(?:\?|\\[rn]|\\x[0-9a-f]{2}|\\ufffd|\\u2028)+(?:X-Injected: 1)?`)

// attack makes the request with an attack in one field and checks what came of it. It
// returns the answer, without ids and the attack itself.
func (r request) attack(t *testing.T, w *world, field, with string, known map[string]bool) string {
	t.Helper()
	what := fmt.Sprintf("%s with %q", field, with)
	before, traces := w.stored(t), w.traces(t)
	a := r.send(t, w, field, with)
	if a.status/100 != 2 && a.status/100 != 4 || strings.ContainsAny(strings.TrimSuffix(a.text, "\n"), "\r\n\x00") {
		t.Errorf("%s: %v", what, a)
	}
	stored := slices.DeleteFunc(w.stored(t), func(id string) bool { return slices.Contains(before, id) })
	if after := w.traces(t); (!a.ok() || len(stored) == 0) && after != traces {
		t.Errorf("%s: refused, and there are %s after %s", what, after, traces)
	}
	if a.ok() {
		a.text = withoutIDs(a.text)
	}
	for _, id := range stored {
		a.text += w.unbroken(t, what, id, known)
	}
	return quoted.ReplaceAllString(a.String(), "...")
}

// withoutIDs leaves out the ids of messages.
func withoutIDs(s string) string {
	var kept []string
	for _, word := range strings.Fields(s) {
		if len(word) != 60 {
			kept = append(kept, word)
		}
	}
	return strings.Join(kept, " ")
}

// parsed is the request's JSON.
func (r request) parsed(t *testing.T) map[string]any {
	t.Helper()
	var v map[string]any
	if err := json.Unmarshal([]byte(r.body), &v); err != nil {
		t.Fatalf("%s: %v", r.name, err)
	}
	return v
}

func (r request) places(t *testing.T) []place {
	t.Helper()
	return places("", r.parsed(t), nil)
}

// octet stands for the one that JSON can't hold.
const octet = "@octet@"

// send makes the request with something more in one field.
func (r request) send(t *testing.T, w *world, field, more string) answer {
	t.Helper()
	v := r.parsed(t)
	for _, p := range places("", v, nil) {
		if p.name == field {
			p.set(p.was + strings.ReplaceAll(more, "\xff", octet))
			break
		}
	}
	if r.door == query {
		form := url.Values{"Version": {"2010-12-01"}}
		for name, value := range v {
			form.Set(name, strings.ReplaceAll(value.(string), octet, "\xff"))
		}
		return w.form(t, form.Encode())
	}
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return w.json(t, http.MethodPost, r.path, string(bytes.ReplaceAll(b, []byte(octet), []byte("\xff"))))
}

// known are the names of all fields and the recipients of the only message.
func (w *world) known(t *testing.T) map[string]bool {
	t.Helper()
	known := map[string]bool{}
	for _, d := range w.departures(t) {
		h, _, err := message.Split(d.data)
		if err != nil {
			t.Fatal(err)
		}
		for _, f := range h {
			known[f.Name()] = true
		}
		for _, line := range d.envelope {
			known[line] = true
		}
	}
	return known
}

// unbroken checks that a message has no fields and no recipients but those that are known.
// It returns why nobody gets it, if that is so.
func (w *world) unbroken(t *testing.T, what, id string, known map[string]bool) string {
	t.Helper()
	d := w.departure(t, id)
	if d.data == nil {
		return " but " + strings.Join(d.settled, ", ")
	}
	h, _, err := message.Split(d.data)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range h {
		if !known[f.Name()] || bytes.ContainsAny(f.Raw(), "\x00") {
			t.Errorf("%s: a field %s", what, f.Raw())
		}
	}
	for _, line := range d.envelope {
		if strings.HasPrefix(line, "RCPT") && !known[line] {
			t.Errorf("%s: %s", what, line)
		}
	}
	return ""
}
