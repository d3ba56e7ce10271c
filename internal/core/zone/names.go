// SPDX-License-Identifier: Apache-2.0

// Package zone is the DNS zone of the service: the names that customers' records lead
// to, as SES's lead to amazonses.com and amazonaws.com, and the records at these names.
//
// The package must not serve DNS: it says what is at a name, and others answer with it,
// print it as a zone file, or push it to the servers of somebody else.
package zone

import "sesame/internal/base/address"

// Names are the names below the service's zone. The zero value is a server without a
// zone: each of its names is "", and customers publish keys and hosts themselves.
//
// All names are in lower case without a trailing dot. Region must be a region's name and
// token a DKIM token; they are not checked here.
type Names struct {
	Zone address.Domain // SES: amazonses.com and amazonaws.com; here one zone is both
}

// Configured reports whether there is a zone.
func (n Names) Configured() bool { return n.Zone != "" }

// below is label.ZONE, or "" without a zone.
func (n Names) below(label string) string {
	if !n.Configured() {
		return ""
	}
	return label + "." + string(n.Zone)
}

// DKIMZone is the domain below which the public keys of Easy DKIM are (SES:
// dkim.amazonses.com; API v2 calls it SigningHostedZone).
func (n Names) DKIMZone() string { return n.below("dkim") }

// DKIMTarget is what the CNAME at TOKEN._domainkey.DOMAIN leads to (SES:
// TOKEN.dkim.amazonses.com).
func (n Names) DKIMTarget(token string) string { return n.below(token + ".dkim") }

// FeedbackHost is the one MX of a custom MAIL FROM domain (SES:
// feedback-smtp.REGION.amazonses.com).
func (n Names) FeedbackHost(region string) string { return n.below("feedback-smtp." + region) }

// InboundHost is the MX of a domain that receives through the service (SES:
// inbound-smtp.REGION.amazonaws.com).
func (n Names) InboundHost(region string) string { return n.below("inbound-smtp." + region) }

// SMTPHost is where mail is submitted (SES: email-smtp.REGION.amazonaws.com).
func (n Names) SMTPHost(region string) string { return n.below("email-smtp." + region) }

// APIHost is where the API answers (SES: email.REGION.amazonaws.com).
func (n Names) APIHost(region string) string { return n.below("email." + region) }

// TrackingHost is what links and open pixels lead to, and what the CNAME of a custom
// redirect domain leads to (SES: r.REGION.awstrack.me).
func (n Names) TrackingHost(region string) string { return n.below("r." + region) }

// SPFInclude is the domain whose SPF record names the addresses that mail leaves from
// (SES: amazonses.com).
func (n Names) SPFInclude() string { return string(n.Zone) }

// SPF is the record of a custom MAIL FROM domain, without quotes (SES: v=spf1
// include:amazonses.com ~all).
func (n Names) SPF() string {
	if !n.Configured() {
		return ""
	}
	return "v=spf1 include:" + n.SPFInclude() + " ~all"
}

// ServiceKey is where the public key of the service's own signature is, for a selector
// (SES signs all mail with d=amazonses.com, too).
func (n Names) ServiceKey(selector string) string { return n.below(selector + "._domainkey") }

// DMARC is where the zone's own DMARC policy is (RFC 7489 §6.1).
func (n Names) DMARC() string { return n.below("_dmarc") }
