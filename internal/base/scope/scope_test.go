// SPDX-License-Identifier: Apache-2.0

package scope_test

import (
	"strings"
	"testing"

	"sesame/internal/base/scope"
)

func TestARNs(t *testing.T) {
	t.Parallel()
	for region, want := range map[string]string{
		"us-east-1":     "arn:aws:ses:us-east-1:123456789012:identity/example.com",
		"us-gov-west-1": "arn:aws-us-gov:ses:us-gov-west-1:123456789012:identity/example.com",
		"cn-north-1":    "arn:aws-cn:ses:cn-north-1:123456789012:identity/example.com",
	} {
		if got := (scope.Scope{Account: "123456789012", Region: region}).ARN("identity/example.com"); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}

func TestParsedARNs(t *testing.T) {
	t.Parallel()
	for arn, want := range map[string]string{
		"arn:aws:ses:us-east-1:123456789012:identity/example.com":       "123456789012/us-east-1 identity/example.com",
		"arn:aws-cn:ses:cn-north-1:123456789012:identity/a@example.com": "123456789012/cn-north-1 identity/a@example.com",
		"arn:aws:ses:us-east-1:123456789012:a:b":                        "123456789012/us-east-1 a:b",
		"arn:aws:ses:cn-north-1:123456789012:identity/example.com":      "", // of the wrong partition
		"arn:aws:sns:us-east-1:123456789012:topic":                      "", // of another service
		"arn:aws:ses:us-east-1:12345678901:identity/example.com":        "",
		"arn:aws:ses::123456789012:identity/example.com":                "",
		"arn:aws:ses:us-east-1:123456789012:":                           "",
		"arn:aws:ses:us-east-1:123456789012":                            "",
		" arn:aws:ses:us-east-1:123456789012:identity/example.com":      "",
		"identity/example.com":                                          "",
		"":                                                              "",
	} {
		sc, resource, ok := scope.ParseARN(arn)
		if got := sc.String() + " " + resource; ok != (want != "") || ok && got != want {
			t.Errorf("%q: %s, %v", arn, got, ok)
		}
		if ok && sc.ARN(resource) != arn {
			t.Errorf("%q became %q", arn, sc.ARN(resource))
		}
	}
}

func TestNames(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]bool{"us-east-1": true, "local": true, "": false, "x": false, "US-EAST-1": false, "-a": false, "a-": false, "a/b": false,
		strings.Repeat("a", 33): false} {
		if scope.ValidRegion(s) != want {
			t.Errorf("region %q: %v", s, !want)
		}
	}
	for s, want := range map[string]bool{"123456789012": true, "12345678901": false, "1234567890123": false, "12345678901x": false, "": false, scope.ServiceAccount: false} {
		if scope.ValidAccount(s) != want {
			t.Errorf("account %q: %v", s, !want)
		}
	}
}
