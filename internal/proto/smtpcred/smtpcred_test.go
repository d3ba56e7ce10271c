// SPDX-License-Identifier: Apache-2.0

package smtpcred_test

import (
	"strings"
	"testing"

	"sesame/internal/proto/smtpcred"
)

const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

func TestPassword(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"us-west-2": "BF2PynzbSCAjX08zhZZnP/kW+T9P5zs/1Er0pi5vTEmd",
		"us-east-1": "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9",
	} {
		got := smtpcred.Password(secret, region)
		if got != want || len(got) != smtpcred.Len {
			t.Errorf("%s: got %s, want %s", region, got, want)
		}
		if !smtpcred.Matches(want, secret, region) {
			t.Errorf("%s: the right password does not match", region)
		}
	}
}

func TestMatchesRefuses(t *testing.T) {
	t.Parallel()
	right := smtpcred.Password(secret, "us-east-1")
	for name, password := range map[string]string{
		"an empty password":     "",
		"the secret itself":     secret,
		"another region's":      smtpcred.Password(secret, "us-west-2"),
		"another secret's":      smtpcred.Password(secret+"x", "us-east-1"),
		"a cut password":        right[:len(right)-1],
		"a longer password":     right + "=",
		"a password with space": right + " ",
		"another case":          strings.ToLower(right),
	} {
		if smtpcred.Matches(password, secret, "us-east-1") {
			t.Errorf("%s matches", name)
		}
	}
}
