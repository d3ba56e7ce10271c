// SPDX-License-Identifier: Apache-2.0

package app

import (
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/setting"
	"sesame/internal/testkit/storetest"
)

func TestSignaturesFollowTheSettings(t *testing.T) {
	t.Parallel()
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	s := setting.New(setting.Options{DB: storetest.SQLite(t), Clock: clock.System})
	want := func(name string, w identity.Signatures) {
		t.Helper()
		if got, err := signatures(s)(t.Context(), sc, name, ""); err != nil || got != w {
			t.Errorf("%q: %+v, %v; want %+v", name, got, err, w)
		}
	}
	want("example.com", identity.Signatures{Service: true})
	no, yes := false, true
	if err := s.Put(t.Context(), setting.Resource{Scope: sc, Kind: setting.Account}, setting.Own{ServiceSignature: &no, Ed25519Signature: &yes}); err != nil {
		t.Fatal(err)
	}
	want("example.org", identity.Signatures{Ed25519: true})
}
