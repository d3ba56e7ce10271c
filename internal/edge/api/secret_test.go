// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/smtpcred"
)

// TestNothingSecretIsLogged logs everything there is to log, of calls that are taken
// and of calls that are refused in all kinds of ways.
func TestNothingSecretIsLogged(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	const marker = "DearReaderThisIsBetweenUs"
	coded := base64.StdEncoding.EncodeToString([]byte("From: " + sender + "\r\nTo: " + reader + "\r\nSubject: " + marker + "\r\n\r\n" + marker + "\r\n"))
	json := http.Header{"Content-Type": {"application/json"}}
	send := func(body string) call {
		return call{method: "POST", target: "/v2/email/outbound-emails", body: body, header: json}
	}
	form1 := func(more string) call {
		return call{method: "POST", target: "/", body: "Version=2010-12-01&" + more, header: form()}
	}
	simple := "Action=SendEmail&Source=" + sender + "&Message.Subject.Data=" + marker + "&Message.Body.Text.Data=" + marker
	wrong := send(sendJSON(marker))
	wrong.who = who{key: keyID, secret: "not" + secretKey, region: region}
	for _, tc := range []struct {
		name   string
		call   call
		status int
	}{
		{"v2 simple", send(sendJSON(marker)), 200},
		{"v2 raw", send(`{"Content":{"Raw":{"Data":"` + coded + `"}}}`), 200},
		{"v1 simple", form1(simple + "&Destination.ToAddresses.member.1=" + reader), 200},
		{"v1 raw", form1("Action=SendRawEmail&RawMessage.Data=" + url.QueryEscape(coded)), 200},
		{"presigned", w.presign(t, call{method: "GET", target: "/?Version=2010-12-01&" + simple + "&Destination.ToAddresses.member.1=" + reader}, "60"), 200},
		{"a sender that is not verified", send(strings.Replace(sendJSON(marker), sender, "x@example.org", 1)), 400},
		{"no recipients", form1(simple), 400},
		{"a text where a structure should be", send(`{"Content":"` + marker + `"}`), 400},
		{"a message that is no base64", send(`{"Content":{"Raw":{"Data":"` + marker + `!"}}}`), 400},
		{"JSON that ends early", send(sendJSON(marker)[:190]), 400},
		{"a form that ends early", form1(simple + "&" + marker + "=%"), 400},
		{"a wrong signature", wrong, 403},
		{"a template that lacks something", call{method: "POST", target: "/v2/email/templates", header: json,
			body: `{"TemplateName":"t","TemplateContent":{"Subject":"` + marker + `"}}`}, 400},
		{"data that is no JSON", send(`{"FromEmailAddress":"` + sender + `","Destination":{"ToAddresses":["` + reader + `"]},"Content":{"Template":{
			"TemplateContent":{"Subject":"x","Text":"x"},"TemplateData":"` + marker + `"}}}`), 400},
		{"an operation that is not built", call{method: "POST", target: "/v2/email/tenants", header: json, body: `{"TenantName":"` + marker + `"}`}, 501},
	} {
		if a := w.do(t, tc.call); a.status != tc.status {
			t.Errorf("%s: %d %s", tc.name, a.status, a.body)
		}
	}

	door := smtpDoor(t, w, &submission.Backend{Auth: w.accounts, Intake: w.intake, Region: region})
	password := smtpcred.Password(secretKey, region)
	if code, text := submitAs(t, door, password, marker); code != 250 {
		t.Errorf("SMTP: %d %s", code, text)
	}
	if code, text := submitAs(t, door, password+"x", marker); code != 535 {
		t.Errorf("SMTP: %d %s", code, text)
	}

	log := w.log.String()
	if !strings.Contains(log, "Email address is not verified") || !strings.Contains(log, "MAIL FROM") {
		t.Errorf("the log is not all there:\n%s", log)
	}
	plainAuth := base64.StdEncoding.EncodeToString([]byte("\x00" + keyID + "\x00" + password))
	for what, secret := range map[string]string{
		"the secret key": secretKey, "the secret key, in part": secretKey[8:], "the SMTP password": password, "the AUTH line": plainAuth,
		"the message": marker, "the message in base64": coded[60:100],
	} {
		if i := strings.Index(log, secret); i >= 0 {
			t.Errorf("the log has %s: ...%s", what, log[max(0, i-200):min(len(log), i+len(secret))])
		}
	}
}
