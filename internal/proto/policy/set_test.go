// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"testing"

	"sesame/internal/proto/policy"
)

// plainly decides by each document for itself.
func plainly(docs []*policy.Document, r policy.Request) policy.Decision {
	decision := policy.NotApplicable
	for _, d := range docs {
		decision = max(decision, d.Evaluate(&r))
	}
	return decision
}

// maker makes documents and requests of few words, so that they often meet.
type maker struct{ *rand.Rand }

func (m maker) pick(words ...string) string { return words[m.IntN(len(words))] }

func (m maker) some(words ...string) []string {
	var some []string
	for range 1 + m.IntN(3) {
		some = append(some, m.pick(words...))
	}
	return some
}

func (m maker) arns() []string {
	return []string{"arn:aws:ses:us-east-1:123456789012:identity/a.example", "arn:aws:ses:us-east-1:123456789012:identity/b.example"}
}

func (m maker) statement(principals bool) map[string]any {
	s := map[string]any{
		"Effect": m.pick("Allow", "Allow", "Deny"),
		m.pick("Action", "Action", "Action", "NotAction"):         m.some("ses:SendEmail", "ses:sendemail", "SES:SendRawEmail", "ses:Send*", "ses:Send?mail", "ses:*", "*", "ses:GetAccount"),
		m.pick("Resource", "Resource", "Resource", "NotResource"): m.some(append(m.arns(), "*", "arn:aws:ses:*:123456789012:identity/*", "arn:aws:ses:us-east-1:123456789012:identity/${ses:k}")...),
	}
	if principals {
		s[m.pick("Principal", "Principal", "NotPrincipal")] = map[string]any{"AWS": m.some("*", "123456789012", "arn:aws:iam::123456789012:user/John", "arn:aws:iam::210987654321:root")}
	}
	if m.IntN(2) == 0 {
		s["Condition"] = map[string]any{m.pick("StringLike", "StringNotEquals", "ForAnyValue:StringEquals", "ForAllValues:StringLike", "StringEqualsIfExists"): map[string]any{
			m.pick("ses:k", "ses:other"): m.some("a.example", "*.example", "c"),
		}}
	}
	return s
}

func (m maker) document(t testing.TB) *policy.Document {
	t.Helper()
	principals := m.IntN(2) == 0
	statements := make([]any, 1+m.IntN(4))
	for i := range statements {
		statements[i] = m.statement(principals)
	}
	text, err := json.Marshal(map[string]any{"Version": policy.Version, "Statement": statements})
	if err != nil {
		t.Fatal(err)
	}
	d, err := policy.Parse(text)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return d
}

func (m maker) request() policy.Request {
	r := policy.Request{
		Caller: john, Action: m.pick("ses:SendEmail", "SES:sendemail", "ses:SendRawEmail", "ses:GetAccount", "iam:GetUser", ""),
		Resource: m.pick(append(m.arns(), "*", "arn:aws:ses:eu-west-1:123456789012:identity/c.example", "")...), Direct: m.IntN(2) == 0,
	}
	if m.IntN(3) > 0 {
		r.Context = policy.Keys{"ses:k": m.some("a.example", "b.example", "c")}
	}
	return r
}

// FuzzSet compares Sets with their documents, on documents and requests that a seed makes.
func FuzzSet(f *testing.F) {
	for seed := range uint64(300) {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, seed uint64) {
		m := maker{rand.New(rand.NewPCG(seed, 0))}
		docs := make([]*policy.Document, m.IntN(5))
		for i := range docs {
			docs[i] = m.document(t)
		}
		set := policy.NewSet(docs...)
		if set.Empty() != (len(docs) == 0) {
			t.Errorf("%d documents, empty: %t", len(docs), set.Empty())
		}
		for range 50 {
			r := m.request()
			want := plainly(docs, r)
			if got := set.Evaluate(&r); got != want {
				t.Errorf("%+v: %v, want %v\n%s", r, got, want, written(docs))
			}
		}
	})
}

func written(docs []*policy.Document) (text string) {
	for _, d := range docs {
		text += fmt.Sprintf("%+v\n", *d)
	}
	return text
}

func TestTheNilSetDecidesNothing(t *testing.T) {
	t.Parallel()
	var none *policy.Set
	if !none.Empty() || none.Evaluate(&policy.Request{Action: theAction, Resource: theIdentity}) != policy.NotApplicable {
		t.Error("it decides")
	}
}
