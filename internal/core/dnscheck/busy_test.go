// SPDX-License-Identifier: Apache-2.0

package dnscheck_test

import (
	"context"
	"net/netip"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/identity"
	"sesame/internal/core/zone"
	"sesame/internal/proto/dns"
)

// TestOneAccountsChecksLeaveRoomForOthers: two of its checks wait for DNS, a third is
// refused, and another account's begins.
func TestOneAccountsChecksLeaveRoomForOthers(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	silent := silentDNS{asked: make(chan string, 100)}
	ids := &dnscheck.Identities{Identities: anyIdentity{}, Checker: dnscheck.New(dnscheck.Options{Asker: silent, Resolver: silent})}
	done := make(chan error)
	check := func(account, domain string) {
		_, err := ids.Check(ctx, scope.Scope{Account: account, Region: "us-east-1"}, domain)
		done <- err
	}
	running := func(domain string) {
		for !strings.HasSuffix(<-silent.asked, domain) {
		}
	}
	for _, domain := range []string{"one.example", "two.example"} {
		go check("123456789012", domain)
		running(domain)
	}
	go check("123456789012", "three.example")
	if err := <-done; !fault.Is(err, fault.Throttled) {
		t.Errorf("a third check: %v", err)
	}
	go check("210987654321", "four.example")
	running("four.example")
	cancel()
	for range 3 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	go check("123456789012", "five.example")
	if err := <-done; err != nil {
		t.Errorf("after the others: %v", err)
	}
}

// anyIdentity is whatever identity is asked for.
type anyIdentity struct{}

func (anyIdentity) Get(_ context.Context, _ scope.Scope, name string) (identity.Identity, error) {
	return identity.Identity{Name: name, Kind: identity.Domain}, nil
}
func (anyIdentity) Expected(identity.Identity, zone.Names) []identity.Record { return nil }
func (anyIdentity) Names() zone.Names                                        { return zone.Names{} }

// silentDNS answers nothing before it is given up.
type silentDNS struct{ asked chan string }

func (d silentDNS) wait(ctx context.Context, name string) error {
	d.asked <- name
	<-ctx.Done()
	return ctx.Err()
}

func (d silentDNS) Authoritatives(ctx context.Context, name string) (dns.Delegation, error) {
	return dns.Delegation{}, d.wait(ctx, name)
}

func (d silentDNS) Ask(ctx context.Context, _ netip.AddrPort, name string, _ dns.Type) ([]dns.Record, error) {
	return nil, d.wait(ctx, name)
}

func (d silentDNS) LookupTXT(ctx context.Context, name string) ([]string, error) {
	return nil, d.wait(ctx, name)
}

func (d silentDNS) LookupMX(ctx context.Context, name string) ([]dns.MX, error) {
	return nil, d.wait(ctx, name)
}

func (d silentDNS) LookupAddrs(ctx context.Context, name string) ([]netip.Addr, error) {
	return nil, d.wait(ctx, name)
}

func (d silentDNS) QueryCNAME(ctx context.Context, name string) (dns.Result[string], error) {
	return dns.Result[string]{}, d.wait(ctx, name)
}
