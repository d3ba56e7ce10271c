// SPDX-License-Identifier: Apache-2.0

package page_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sesame/internal/base/fault"
	"sesame/internal/edge/api/page"
)

func TestTokens(t *testing.T) {
	t.Parallel()
	here := page.List{Kind: "identity", Region: "us-east-1"}
	for _, name := range []string{"", "example.com", "a+b@example.com", "ü\x01"} {
		if got, err := here.After(here.Token(name)); got != name || err != nil {
			t.Errorf("%q became %q, %v", name, got, err)
		}
	}
	for _, empty := range []*string{nil, aws.String("")} {
		if got, err := here.After(empty); got != "" || err != nil {
			t.Errorf("no token: %q, %v", got, err)
		}
	}
	for name, token := range map[string]string{
		"of another region": *page.List{Kind: "identity", Region: "us-east-11"}.Token("x"),
		"of another list":   *page.List{Kind: "template", Region: "us-east-1"}.Token("x"),
		"not base64":        "!!\x00",
		"of nothing":        "QQ",
		"very long":         strings.Repeat("A", 1000),
		"behind a NUL":      *here.Token("a\x00b"),
		"behind no UTF-8":   *here.Token("a\xff"),
	} {
		got, err := here.After(&token)
		text := fault.PeerText(err)
		if !fault.Is(err, fault.Invalid) || got != "" || !strings.HasPrefix(text, "Invalid NextToken <") || len(text) > 130 || strings.Contains(text, "\x00") {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

func TestSizes(t *testing.T) {
	t.Parallel()
	if n, err := page.Size("PageSize", nil, 25, 1000); n != 25 || err != nil {
		t.Errorf("%d, %v", n, err)
	}
	for asked, ok := range map[int32]bool{-1: false, 0: false, 1: true, 1000: true, 1001: false} {
		n, err := page.Size("PageSize", &asked, 25, 1000)
		if ok != (err == nil) || ok && n != int(asked) {
			t.Errorf("%d: %d, %v", asked, n, err)
		}
	}
	_, err := page.Size("MaxItems", aws.Int32(0), 1, 10)
	if want := "Value 0 for parameter MaxItems is invalid. MaxItems must be between 1 and 10."; fault.PeerText(err) != want {
		t.Errorf("%v", err)
	}
}
