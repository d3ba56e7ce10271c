// SPDX-License-Identifier: Apache-2.0

package suppression_test

import (
	"fmt"
	"maps"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/suppression"
)

// TestTheEffectiveDecision is SES's table of which list decides about a message.
func TestTheEffectiveDecision(t *testing.T) {
	type reasons = []suppression.Reason
	const b, c = suppression.Bounce, suppression.Complaint
	none, both := reasons{}, reasons{b, c}
	inherit := suppression.Policy{}
	override := func(rs ...suppression.Reason) suppression.Policy {
		return suppression.Policy{Override: true, Reasons: rs}
	}
	const bounced, complained, elsewhere = "bounced@example.com ACCOUNT", "complained@example.com ACCOUNT", "elsewhere@example.com GLOBAL"
	cases := []struct {
		what    string
		account reasons
		set     suppression.Policy
		want    string
	}{
		{"a new account uses its list for both reasons, and the global list does not hold", nil, inherit, bounced + ", " + complained},
		{"both reasons", both, inherit, bounced + ", " + complained},
		{"an entry for a reason that is not selected is sent to", reasons{b}, inherit, bounced},
		{"complaints alone", reasons{c}, inherit, complained},
		{"an account that does not use its list has the global one", none, inherit, elsewhere},
		{"a set's reasons count instead of the account's", reasons{b}, override(c), complained},
		{"a set uses the account's list where the account does not", none, override(b), bounced},
		{"a set with both reasons", reasons{c}, override(b, c), bounced + ", " + complained},
		{"a set that overrides without reasons suppresses nothing", both, override(), ""},
		{"not even by the global list", none, override(), ""},
	}
	each(t, func(t *testing.T, w *world) {
		w.bounce(t, other, "", "elsewhere@example.com")
		must(t, w.Put(ctx, sc, "bounced@example.com", b))
		must(t, w.Put(ctx, sc, "complained@example.com", c))
		for _, cs := range cases {
			if cs.account != nil {
				must(t, w.SetReasons(ctx, sc, cs.account))
			}
			got := w.suppressed(t, sc, cs.set, "free@example.com", "bounced@example.com", "complained@example.com", "elsewhere@example.com")
			if got != cs.want {
				t.Errorf("%s: %q, want %q", cs.what, got, cs.want)
			}
		}
	})
}

func TestAddressesAreComparedAsSESDoes(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		must(t, w.Put(ctx, sc, "  Some.Body@EXAMPLE.com\t", suppression.Bounce))
		if e, err := w.Get(ctx, sc, "Some.Body@example.COM"); err != nil || e.Address != "Some.Body@example.com" {
			t.Errorf("%+v, %v", e, err)
		}
		for to, want := range map[string]string{
			"Some.Body@example.com": "Some.Body@example.com ACCOUNT",
			"Some.Body@Example.Com": "Some.Body@Example.Com ACCOUNT", // the domain in any case
			"some.body@example.com": "",                              // the local part by every letter
		} {
			if got := w.suppressed(t, sc, suppression.Policy{}, to); got != want {
				t.Errorf("%s: %q, want %q", to, got, want)
			}
		}
		for _, bad := range []string{"", "x", "x@", "@example.com", "ü@example.com", "a@b\x00.example", "a@example.com\r\nb@example.com"} {
			if err := w.Put(ctx, sc, bad, suppression.Bounce); !fault.Is(err, fault.Invalid) {
				t.Errorf("%q: %v", bad, err)
			}
		}
	})
}

func TestFiftyRecipientsAreCheckedAtOnce(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		var to []string
		want := ""
		for n := range 50 {
			to = append(to, fmt.Sprintf("r%d@example.com", n))
		}
		for _, n := range []int{0, 31, 49} {
			must(t, w.Put(ctx, sc, to[n], suppression.Bounce))
			want += fmt.Sprintf(", r%d@example.com ACCOUNT", n)
		}
		for n := range to { // of any number
			_ = w.suppressed(t, sc, suppression.Policy{}, to[:n]...)
		}
		if got := w.suppressed(t, sc, suppression.Policy{}, to...); got != want[2:] {
			t.Errorf("%q, want %q", got, want[2:])
		}
	})
}

func TestWhatIsKnownOfTheListsIsNoOlderThanASecond(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		const to = "to@example.com"
		there := w.node()
		blocked := func(l *suppression.Lists) bool { return check(t, l, sc, suppression.Policy{}, to) != "" }
		if blocked(w.Lists) || blocked(there) {
			t.Fatal("suppressed by an empty list")
		}
		must(t, w.Put(ctx, sc, to, suppression.Bounce))
		if !blocked(w.Lists) {
			t.Error("this node does not see its own change at once")
		}
		w.clock.Advance(1001e6)
		if !blocked(there) {
			t.Error("another node does not see it after a second")
		}
		must(t, w.SetReasons(ctx, sc, nil))
		if blocked(w.Lists) {
			t.Error("this node does not see its change of the reasons at once")
		}
		must(t, w.SetReasons(ctx, sc, []suppression.Reason{suppression.Bounce}))
		must(t, w.Delete(ctx, sc, to))
		if blocked(w.Lists) {
			t.Error("a removal does not count at once")
		}
	})
}

func TestExplainSaysWhatWouldHappenAndWhy(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		maps.Copy(w.sets, sets{"nothing": {Override: true}, "complaints": {Override: true, Reasons: []suppression.Reason{suppression.Complaint}}, "inherits": {}})
		w.bounce(t, other, "", "x@example.com")
		must(t, w.Put(ctx, sc, "x@example.com", suppression.Bounce))
		x, err := w.Explain(ctx, sc, " x@EXAMPLE.com", "")
		must(t, err)
		got := ""
		for _, v := range x.Verdicts {
			got += fmt.Sprintf("%q %v %s %s; ", v.ConfigSet, v.Sent, v.Rule.By, v.Rule.List)
		}
		want := `"" false ACCOUNT ACCOUNT; "complaints" true CONFIGURATION_SET ACCOUNT; "inherits" false ACCOUNT ACCOUNT; "nothing" true CONFIGURATION_SET ; `
		if got != want || x.Address != "x@example.com" || len(x.Entries) != 2 {
			t.Errorf("%s\n%+v", got, x)
		}
		if one, err := w.Explain(ctx, sc, "x@example.com", "nothing"); err != nil || len(one.Verdicts) != 1 || !one.Verdicts[0].Sent {
			t.Errorf("of one set: %+v, %v", one, err)
		}
		if _, err := w.Explain(ctx, sc, "x@example.com", "unknown"); !fault.Is(err, fault.ConfigSetNotFound) {
			t.Errorf("of a set that is not there: %v", err)
		}
		if e := x.Entries[1]; e.List != suppression.GlobalList || e.Response != "550 5.1.1" || e.MessageID != "" || e.CausedBy != "" {
			t.Errorf("it tells of another account's mail: %+v", e)
		}
		if x, err = w.Explain(ctx, other, "x@example.com", ""); err != nil || len(x.Entries) != 2 || x.Entries[1].MessageID == "" ||
			x.Entries[1].Response != "550 5.1.1 <x>: no such user, dear customer" {
			t.Errorf("it does not tell of the account's own mail: %+v, %v", x, err)
		}
	})
}
