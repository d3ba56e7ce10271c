// SPDX-License-Identifier: Apache-2.0

package access_test

import (
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/access"
)

// TestWhatElseAMessageUsesMustBeAllowed has a template beside the identity: the policies of
// the identity say nothing about it.
func TestWhatElseAMessageUsesMustBeAllowed(t *testing.T) {
	t.Parallel()
	template := home.ARN("template/news")
	allow := func(resources string) string {
		return `{"Statement":{"Effect":"Allow","Action":"ses:*","Resource":` + resources + `,"Condition":{"StringEquals":{"ses:FromAddress":"a@example.com"}}}}`
	}
	identity := `"` + home.ARN("identity/example.com") + `"`
	for _, c := range []struct {
		name, user, own, session string
		allowed                  bool
	}{
		{"everything", allow(`"*"`), "", "", true},
		{"both by name", allow(`[` + identity + `,"` + template + `"]`), "", "", true},
		{"the identity alone", allow(identity), "", "", false},
		{"the identity by its own policy", allow(`"` + template + `"`), rule("Allow", "ses:*", `{"AWS":"arn:aws:iam::123456789012:user/alice"}`, ""), "", true},
		{"the identity by its own policy alone", "", rule("Allow", "ses:*", `{"AWS":"arn:aws:iam::123456789012:user/alice"}`, ""), "", false},
		{"a session that leaves it out", allow(`"*"`), "", allow(identity), false},
		{"a deny", `{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*"},{"Effect":"Deny","Action":"*","Resource":"` + template + `"}]}`, "", "", false},
	} {
		w := &world{principals: map[string][]string{}, identities: map[string][]string{}}
		if c.user != "" {
			w.principals[alice.ARN()] = []string{c.user}
		}
		if c.own != "" {
			w.identities[home.ARN("identity/example.com")] = []string{c.own}
		}
		s := mail(alice, access.Use{Owner: home, Identity: "example.com", Nearest: true})
		s.Principal.SessionPolicy, s.Resources = c.session, []string{template}
		err := w.authorizer().MaySend(ctx, s)
		if c.allowed != (err == nil) || err != nil && !fault.Is(err, fault.AccessDenied) {
			t.Errorf("%s: %v", c.name, err)
		}
	}
}
