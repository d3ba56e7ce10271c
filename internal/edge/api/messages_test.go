// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
)

// TestWhatBecameOfAMessageIsToldToItsAccount, by every id that the message has.
func TestWhatBecameOfAMessageIsToldToItsAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	get := func(id string) answer {
		return w.do(t, call{method: http.MethodGet, target: "/_sesame/v1/messages/" + url.PathEscape(id)})
	}
	if a := get("<nothing@example.com>"); a.status != 404 || a.code() != "NotFoundException" || a.text() != "Message <nothing@example.com> does not exist." {
		t.Errorf("%d %s", a.status, a.body)
	}
	raw := "From: sender@example.com\r\nTo: r@example.net\r\nMessage-ID: <mine@example.org>\r\nSubject: Hello\r\n\r\nX5O!P%@AP[4\\PZX54(P^)7CC)7}$EICAR" +
		"-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*\r\n"
	out, err := w.sesClient(tester()).SendRawEmail(t.Context(), &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: []byte(raw)}})
	if err != nil {
		t.Fatal(err)
	}
	id := *out.MessageId
	for _, by := range []string{id, "<" + id + "@email.amazonses.com>", "<mine@example.org>"} {
		a := get(by)
		for _, want := range []string{
			`"MessageId":"` + id + `"`, `"OriginalMessageId":"<mine@example.org>"`, `"Subject":"Hello"`, `"State":"rejected"`,
			`"Number":0`, `"Reason":"a virus was found: EICAR test string"`, `"Rejected":"virus"`, `"reason":"Bad content"`,
		} {
			if a.status != 200 || !strings.Contains(a.body, want) {
				t.Errorf("%s: %d, without %s: %s", by, a.status, want, a.body)
			}
		}
	}
}
