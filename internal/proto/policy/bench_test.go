// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"testing"

	"sesame/internal/proto/policy"
)

// BenchmarkEvaluate100 decides one request by a hundred policies, of which the last
// applies.
func BenchmarkEvaluate100(b *testing.B) {
	var docs []*policy.Document
	for i := range 100 {
		d, err := policy.Parse(fmt.Appendf(nil, `{"Version":"2012-10-17","Statement":[
			{"Effect":"Allow","Action":["ses:SendEmail","ses:SendRawEmail"],"Resource":"arn:aws:ses:*:123456789012:identity/d%d.example","Condition":{"StringLike":{"ses:FromAddress":"*@d%d.example"}}},
			{"Effect":"Deny","Action":"ses:Send*","Resource":"*","Condition":{"ForAnyValue:StringLike":{"ses:Recipients":"*@blocked%d.example"}}}]}`, i, i, i))
		if err != nil {
			b.Fatal(err)
		}
		docs = append(docs, d)
	}
	keys := policy.Keys{"ses:fromaddress": {"a@d99.example"}, "ses:recipients": {"b@example.net"}}
	b.ReportAllocs()
	set := policy.NewSet(docs...)
	for b.Loop() {
		r := &policy.Request{Caller: john, Action: "ses:SendEmail", Resource: "arn:aws:ses:us-east-1:123456789012:identity/d99.example", Context: keys}
		if set.Evaluate(r) != policy.Allow {
			b.Fatal("not allowed")
		}
	}
}

// BenchmarkParse compiles one policy of a usual size.
func BenchmarkParse(b *testing.B) {
	text := []byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"AWS":["111111111111","222222222222"]},"Action":["ses:SendEmail","ses:SendRawEmail"],
		"Resource":"arn:aws:ses:us-east-1:999999999999:identity/sender@example.com","Condition":{"StringLike":{"ses:FromAddress":"*@example.com","ses:FeedbackAddress":"*@example.com"}}}]}`)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := policy.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
