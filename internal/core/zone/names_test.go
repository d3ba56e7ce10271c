// SPDX-License-Identifier: Apache-2.0

package zone_test

import (
	"testing"

	"sesame/internal/core/zone"
)

func TestNames(t *testing.T) {
	t.Parallel()
	n := zone.Names{Zone: "ses.example.net"}
	for _, tc := range []struct {
		what, want string
		got        func(zone.Names) string
	}{
		{"the zone of Easy DKIM's keys", "dkim.ses.example.net", zone.Names.DKIMZone},
		{"what a token's CNAME leads to", "tok.dkim.ses.example.net", func(n zone.Names) string { return n.DKIMTarget("tok") }},
		{"the MX of a MAIL FROM domain", "feedback-smtp.eu-west-1.ses.example.net", func(n zone.Names) string { return n.FeedbackHost("eu-west-1") }},
		{"the MX of a receiving domain", "inbound-smtp.eu-west-1.ses.example.net", func(n zone.Names) string { return n.InboundHost("eu-west-1") }},
		{"the SMTP endpoint", "email-smtp.eu-west-1.ses.example.net", func(n zone.Names) string { return n.SMTPHost("eu-west-1") }},
		{"the API endpoint", "email.eu-west-1.ses.example.net", func(n zone.Names) string { return n.APIHost("eu-west-1") }},
		{"the tracking host", "r.eu-west-1.ses.example.net", func(n zone.Names) string { return n.TrackingHost("eu-west-1") }},
		{"what an SPF record includes", "ses.example.net", zone.Names.SPFInclude},
		{"the SPF record of a MAIL FROM domain", "v=spf1 include:ses.example.net ~all", zone.Names.SPF},
		{"the service's own key", "s1._domainkey.ses.example.net", func(n zone.Names) string { return n.ServiceKey("s1") }},
		{"the service's own DMARC policy", "_dmarc.ses.example.net", zone.Names.DMARC},
	} {
		if got := tc.got(n); got != tc.want {
			t.Errorf("%s: %q, want %q", tc.what, got, tc.want)
		}
		if got := tc.got(zone.Names{}); got != "" {
			t.Errorf("%s, without a zone: %q, want nothing", tc.what, got)
		}
	}
	if !n.Configured() || (zone.Names{}).Configured() {
		t.Error("Configured is wrong")
	}
}
