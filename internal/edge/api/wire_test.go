// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"regexp"
	"strings"
	"testing"

	"sesame/internal/core/identity"
)

// TestWhatClientsReadOfTheWire has what some clients rely on and the Go SDK does not
// show.
func TestWhatClientsReadOfTheWire(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, name := range []string{"a+b@example.org", "x.example.org"} {
		if _, err := w.identities.Create(t.Context(), home, name, identity.Settings{}); err != nil {
			t.Fatal(err)
		}
	}
	v1 := func(query string) call {
		return call{method: "POST", target: "/", body: "Version=2010-12-01&" + query, header: form()}
	}
	const id = `[0-9a-f]{16}-[0-9a-f-]{36}-000000`
	for _, tc := range []struct {
		name   string
		call   call
		status int
		body   string // pattern of the whole; v1 without what is around it
	}{
		{"v1: a result without members", v1("Action=DeleteIdentity&Identity=gone.example.org"), 200, `<DeleteIdentityResult></DeleteIdentityResult>|<DeleteIdentityResult/>`},
		{"v1: an operation without a result", v1("Action=VerifyEmailAddress&EmailAddress=new@example.org"), 200, ``},
		{"v1: an empty list", v1("Action=ListIdentities&MaxItems=1&IdentityType=Domain&NextToken="), 200, `<ListIdentitiesResult><Identities><member>x\.example\.org</member></Identities></ListIdentitiesResult>`},
		{"v1: parameters in the query string of a POST", call{method: "POST", target: "/?Action=GetSendQuota&Version=2010-12-01", header: form()}, 200,
			`<GetSendQuotaResult><Max24HourSend>-1(\.0)?</Max24HourSend><MaxSendRate>1000000(\.0)?</MaxSendRate><SentLast24Hours>0(\.0)?</SentLast24Hours></GetSendQuotaResult>`},
		{"v1: a message id", v1("Action=SendEmail&Source=" + sender + "&Destination.ToAddresses.member.1=" + reader + "&Message.Subject.Data=Hi&Message.Body.Text.Data=Ho"), 200,
			`<SendEmailResult><MessageId>` + id + `</MessageId></SendEmailResult>`},
		{"v2: a message id", call{method: "POST", target: "/v2/email/outbound-emails", body: sendJSON("x")}, 200, `\{"MessageId":"` + id + `"\}`},
		{"v2: an address in the path, encoded", call{method: "GET", target: "/v2/email/identities/a%2Bb%40example.org"}, 200, `\{.*"IdentityType":"EMAIL_ADDRESS".*\}`},
		{"v2: an address in the path, as it is", call{method: "GET", target: "/v2/email/identities/a+b@example.org"}, 200, `\{.*"IdentityType":"EMAIL_ADDRESS".*\}`},
		{"v2: a slash at the end", call{method: "GET", target: "/v2/email/identities/x.example.org/"}, 200, `\{.*"IdentityType":"DOMAIN".*\}`},
		{"v2: times are numbers of seconds", call{method: "GET", target: "/v2/email/identities/x.example.org"}, 200, `\{.*"LastSuccessTimestamp":\d{10}(\.\d+)?[,}].*\}`},
		{"v2: an answer without members", call{method: "DELETE", target: "/v2/email/identities/x.example.org"}, 200, `\{\}`},
		{"v2: an error", call{method: "GET", target: "/v2/email/identities/x.example.org"}, 404, `\{"message":"Email identity x\.example\.org does not exist\."\}`},
	} {
		t.Run(tc.name, func(t *testing.T) { // one after the other: they change things
			a := w.do(t, tc.call)
			body := a.body
			if strings.HasPrefix(body, "<") {
				m := regexp.MustCompile(`^<(\w+)Response xmlns="http://ses\.amazonaws\.com/doc/2010-12-01/">(.*)<ResponseMetadata><RequestId>[0-9a-f-]{36}</RequestId></ResponseMetadata></(\w+)Response>$`).
					FindStringSubmatch(body)
				if m == nil || m[1] != m[3] {
					t.Fatalf("%s", body)
				}
				body = m[2]
			}
			if a.status != tc.status || !regexp.MustCompile(`^(`+tc.body+`)$`).MatchString(body) || a.header.Get("Retry-After") != "" {
				t.Errorf("%d %v\n%s", a.status, a.header, a.body)
			}
		})
	}
}
