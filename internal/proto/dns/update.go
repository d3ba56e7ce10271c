// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"strings"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/base/clock"
)

// UpdateOptions name a zone at a server that takes dynamic updates (RFC 2136).
type UpdateOptions struct {
	Server    string        // host:port; port 53 if there is none
	Zone      string        // as the server calls it
	KeyName   string        // of the TSIG key (RFC 8945); "": updates are not signed
	Secret    string        // of the key, base64
	Algorithm string        // "hmac-sha256" and so on; "" means that
	Timeout   time.Duration // for one update; 0 means 10 s
	Clock     clock.Clock   // signatures say when they were made; nil means the system's
}

// Updater sends dynamic updates. It is safe for concurrent use.
type Updater struct {
	server, zone, key, algorithm string
	client                       *mdns.Client
	clock                        clock.Clock
}

// NewUpdater returns an updater, or an error that says what is wrong with the options.
func NewUpdater(o UpdateOptions) (*Updater, error) {
	u := &Updater{
		server: o.Server, zone: mdns.Fqdn(o.Zone), algorithm: mdns.Fqdn(strings.ToLower(or(o.Algorithm, "hmac-sha256"))),
		client: &mdns.Client{Net: "tcp", Timeout: or(o.Timeout, 10*time.Second)}, clock: o.Clock,
	}
	if u.clock == nil {
		u.clock = clock.System
	}
	if _, _, err := net.SplitHostPort(u.server); err != nil {
		u.server = net.JoinHostPort(strings.Trim(u.server, "[]"), "53")
	}
	if o.KeyName == "" {
		return u, nil
	}
	switch u.algorithm {
	case mdns.HmacSHA224, mdns.HmacSHA256, mdns.HmacSHA384, mdns.HmacSHA512:
	default:
		return nil, fmt.Errorf("dns: TSIG algorithm %q is none of hmac-sha224, hmac-sha256, hmac-sha384, hmac-sha512", o.Algorithm)
	}
	if b, err := base64.StdEncoding.DecodeString(o.Secret); err != nil || len(b) == 0 {
		return nil, errors.New("dns: the TSIG secret is not base64") // what it is instead is nobody's business
	}
	u.key = strings.ToLower(mdns.Fqdn(o.KeyName))
	u.client.TsigSecret = map[string]string{u.key: o.Secret}
	return u, nil
}

// errUnsigned is a response to a signed update that nobody vouches for (RFC 8945 §5.3).
var errUnsigned = errors.New("the response is not signed")

// Update removes records and adds others, at once or not at all. What is not there need
// not be removed, and what is there need not be added: doing it twice is doing it once.
// Records of the same name and type that are not named stay. All together may have 64 kB.
func (u *Updater) Update(ctx context.Context, remove, add []mdns.RR) error {
	m := new(mdns.Msg).SetUpdate(u.zone)
	for _, rr := range remove { // the library changes the records that it is given
		m.Remove([]mdns.RR{mdns.Copy(rr)})
	}
	for _, rr := range add {
		m.Insert([]mdns.RR{mdns.Copy(rr)})
	}
	if u.key != "" {
		m.SetTsig(u.key, u.algorithm, 300, u.clock().Unix())
	}
	resp, _, err := u.client.ExchangeContext(ctx, m, u.server)
	if resp != nil && resp.Rcode != mdns.RcodeSuccess {
		return fmt.Errorf("dns: update of %s: %w%s", hostName(u.zone), serverError{u.server, resp.Rcode}, tsigError(resp))
	}
	if err == nil && u.key != "" && resp.IsTsig() == nil {
		err = errUnsigned
	}
	if err != nil {
		return fmt.Errorf("dns: update of %s at %s: %w", hostName(u.zone), u.server, err)
	}
	return nil
}

// tsigError is what the server says about our signature (RFC 8945 §3).
func tsigError(m *mdns.Msg) string {
	t := m.IsTsig()
	if t == nil {
		return ""
	}
	switch int(t.Error) {
	case mdns.RcodeBadSig:
		return " (BADSIG: the secret differs)"
	case mdns.RcodeBadKey:
		return " (BADKEY: it does not know the key)"
	case mdns.RcodeBadTime:
		return " (BADTIME: the clocks differ)"
	}
	return ""
}
