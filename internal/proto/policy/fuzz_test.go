// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"sesame/internal/proto/policy"
)

// FuzzParse reads anything. What is taken is JSON, within its bounds, and can be
// evaluated; what is refused says why.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["ses:SendEmail"],"Resource":"*"}]}`,
		`{"Id":"P","Statement":{"Sid":"S","Effect":"Deny","NotPrincipal":{"AWS":["123456789012"]},"NotAction":"ses:*","NotResource":"arn:aws:ses:*:*:identity/${a,'b'}"}}`,
		`{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"ForAllValues:StringLike":{"k":["*@?","${k}"]},"Null":{"a":true},"DateLessThan":{"d":1},"IpAddress":{"i":"::/0"},"ArnLike":{"x":"arn:*:*:*:*:*"}}}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := policy.Parse(text)
		if err != nil {
			var e *policy.Error
			if !errors.As(err, &e) || e.Text == "" || strings.ContainsAny(e.Text, "\x00\r\n") {
				t.Fatalf("%q is refused with %q", text, err)
			}
			return
		}
		if !json.Valid(text) || len(text) > policy.MaxBytes || len(d.Statements) == 0 {
			t.Fatalf("%q was taken", text)
		}
		for _, k := range []policy.Kind{policy.IdentityBased, policy.ResourceBased, policy.Trust} {
			if err := d.Validate(k); err != nil && err.Error() == "" {
				t.Fatal("an error without a text")
			}
		}
		d.Evaluate(&policy.Request{Caller: john, Action: "ses:SendEmail", Resource: theIdentity, Context: policy.Keys{"k": {"a", "b"}}})
	})
}

// FuzzEvaluate compares patterns with a matcher that is slow and plainly right, and
// checks that a denial of the same turns every decision round.
func FuzzEvaluate(f *testing.F) {
	f.Add("*@example.com", "a@example.com", "ses:Send*", "ses:SendEmail")
	f.Add("a*b?c*", "aXbYc", "*", "a:b")
	f.Add("${*}?é", "*xé", "ses:?", "ses:x")
	f.Add("**??a*?a", "aaaaaaaaa", "a:*b*c", "a:xbxc")
	f.Fuzz(func(t *testing.T, pattern, value, actions, action string) {
		if len(pattern) > 100 || len(value) > 100 {
			return
		}
		document := func(effect string) *policy.Document {
			text, err := json.Marshal(map[string]any{"Statement": map[string]any{
				"Effect": effect, "Action": actions, "Resource": "*", "Condition": map[string]any{"StringLike": map[string]any{"k": pattern}},
			}})
			if err != nil {
				t.Fatal(err)
			}
			d, err := policy.Parse(text)
			if err != nil {
				return nil
			}
			return d
		}
		allow, deny := document("Allow"), document("Deny")
		if allow == nil || deny == nil {
			return
		}
		pattern, value = strings.ToValidUTF8(pattern, "\ufffd"), strings.ToValidUTF8(value, "\ufffd") // as JSON has it
		r := func() *policy.Request {
			return &policy.Request{Action: action, Resource: "*", Context: policy.Keys{"k": {value}}}
		}
		want := policy.NotApplicable
		if like([]rune(strings.ToLower(actions)), []rune(strings.ToLower(action))) && like([]rune(pattern), []rune(value)) {
			want = policy.Allow
		}
		if got := allow.Evaluate(r()); got != want {
			t.Errorf("%q like %q and %q like %q: %v, want %v", action, actions, value, pattern, got, want)
		}
		if got := deny.Evaluate(r()); (got == policy.Deny) != (want == policy.Allow) {
			t.Errorf("denied: %v, allowed: %v", got, want)
		}
		if got := policy.NewSet(allow, deny).Evaluate(r()); got == policy.Allow {
			t.Error("an allowance won over a denial")
		}
	})
}

// like is a matcher by dynamic programming.
func like(pattern, text []rune) bool {
	row := make([]bool, len(text)+1)
	row[0] = true
	for _, p := range pattern {
		next := make([]bool, len(text)+1)
		next[0] = p == '*' && row[0]
		for i, c := range text {
			switch p {
			case '*':
				next[i+1] = row[i+1] || next[i]
			case '?':
				next[i+1] = row[i]
			default:
				next[i+1] = row[i] && p == c
			}
		}
		row = next
	}
	return row[len(text)]
}
