// SPDX-License-Identifier: Apache-2.0

package dnstest_test

import (
	"slices"
	"testing"

	mdns "github.com/miekg/dns"

	"sesame/internal/proto/dns/dnstest"
)

func TestAnswers(t *testing.T) {
	t.Parallel()
	srv := dnstest.New(t, dnstest.Zone{
		Records:   "a.test. IN A 192.0.2.1\nb.test. IN CNAME a.test.\nloop.test. IN CNAME loop.test.\ncut.test. IN A 192.0.2.2",
		NXDomain:  []string{"nx.test", "TXT a.test"},
		ServFail:  []string{"fail.test."},
		Truncated: []string{"A cut.test"},
		Authentic: []string{"A A.test"},
	})
	for _, tc := range []struct {
		name, proto, question string
		qtype                 uint16
		rcode, records        int
		truncated, authentic  bool
	}{
		{"a record, with the AD flag where asked for", "udp", "A.test.", mdns.TypeA, mdns.RcodeSuccess, 1, false, true},
		{"an alias with its target", "udp", "b.test.", mdns.TypeA, mdns.RcodeSuccess, 2, false, false},
		{"a loop of aliases ends", "tcp", "loop.test.", mdns.TypeA, mdns.RcodeSuccess, 8, false, false},
		{"another type has no data", "udp", "a.test.", mdns.TypeMX, mdns.RcodeSuccess, 0, false, false},
		{"a type can be made to not exist", "udp", "a.test.", mdns.TypeTXT, mdns.RcodeNameError, 0, false, false},
		{"a name can be made to not exist", "udp", "nx.test.", mdns.TypeA, mdns.RcodeNameError, 0, false, false},
		{"a name can be made to fail", "udp", "fail.test.", mdns.TypeA, mdns.RcodeServerFailure, 0, false, false},
		{"an unknown name is refused", "udp", "example.com.", mdns.TypeA, mdns.RcodeRefused, 0, false, false},
		{"an answer can be cut over UDP", "udp", "cut.test.", mdns.TypeA, mdns.RcodeSuccess, 0, true, false},
		{"and is whole over TCP", "tcp", "cut.test.", mdns.TypeA, mdns.RcodeSuccess, 1, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			c := mdns.Client{Net: tc.proto}
			m, _, err := c.ExchangeContext(t.Context(), new(mdns.Msg).SetQuestion(tc.question, tc.qtype), srv.Addr())
			if err != nil {
				t.Fatal(err)
			}
			if m.Rcode != tc.rcode || len(m.Answer) != tc.records || m.Truncated != tc.truncated || m.AuthenticatedData != tc.authentic {
				t.Errorf("got\n%v", m)
			}
		})
	}
	t.Cleanup(func() {
		if !slices.Contains(srv.Asked(), "MX a.test.") {
			t.Errorf("the questions are not remembered: %v", srv.Asked())
		}
	})
}
