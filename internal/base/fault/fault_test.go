// SPDX-License-Identifier: Apache-2.0

package fault_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"sesame/internal/base/fault"
)

func TestThePeerNeverReadsTheCause(t *testing.T) {
	t.Parallel()
	err := fault.Wrap("store", errors.New("password=secret"))
	if strings.Contains(fault.PeerText(err), "secret") || !strings.Contains(err.Error(), "secret") {
		t.Errorf("peer %q, log %q", fault.PeerText(err), err)
	}
	if text := fault.PeerText(errors.New("secret")); strings.Contains(text, "secret") {
		t.Errorf("peer %q", text)
	}
}

func TestKindsSurviveWrapping(t *testing.T) {
	t.Parallel()
	inner := fault.InField(fault.NotFound, "Name", "%s is gone", "x")
	err := fmt.Errorf("outer: %w", inner)
	if !fault.Is(err, fault.NotFound) || fault.KindOf(err) != fault.NotFound || fault.PeerText(err) != "x is gone" {
		t.Errorf("%v", err)
	}
	if fault.Wrap("op", err) != err {
		t.Error("a fault was wrapped into another kind")
	}
	if fault.Wrap("op", nil) != nil {
		t.Error("nil became an error")
	}
	if fault.KindOf(errors.New("x")) != fault.Internal || fault.Is(errors.New("x"), fault.Internal) {
		t.Error("a plain error is Internal by kind but is no fault")
	}
}

func TestWhatIsQuotedIsPrintable(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"plain ~text":                 "plain ~text",
		"a\r\nb\x00\x7fc":             "a??b??c",
		"käse\xff":                    "k?se?",
		strings.Repeat("a", 100):      strings.Repeat("a", 100),
		strings.Repeat("a", 101):      strings.Repeat("a", 100) + "...",
		strings.Repeat("a", 99) + "ä": strings.Repeat("a", 99) + "?...",
	} {
		if got := fault.Printable(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}
