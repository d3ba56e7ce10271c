// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/intake"
	"sesame/internal/core/template"
	"sesame/internal/testkit/storetest"
)

// TestWhoMayNotSendLearnsOfNoTemplate whether it is there: not by data that is none, either.
func TestWhoMayNotSendLearnsOfNoTemplate(t *testing.T) {
	t.Parallel()
	templates := template.New(storetest.SQLite(t), clock.NewFake(now).Now)
	if err := templates.Create(ctx, sc, template.Template{Name: "there", Content: template.Content{Subject: "s", Text: "x"}}); err != nil {
		t.Fatal(err)
	}
	good, bad := "{}", "{"
	for _, name := range []string{"there", "gone"} {
		for who, c := range map[string]struct {
			accessErr error
			want      fault.Kind // of what is wrong with a template that is there
		}{
			"who may not send": {fault.New(fault.AccessDenied, "no"), fault.AccessDenied},
			"who may send":     {nil, fault.Invalid},
		} {
			want := c.want
			if name == "gone" && c.accessErr == nil {
				want = fault.TemplateNotFound
			}
			in := (&world{accessErr: c.accessErr}).intake(func(o *intake.Options) { o.Templates = templates })
			b := bulk(1, "")
			b.Template, b.Data = intake.TemplateRef{Name: name}, &bad
			if _, err := in.AcceptBulk(ctx, submission(""), b); !fault.Is(err, want) {
				t.Errorf("%s, %s, a bulk call: %v", who, name, err)
			}
			m := b.Templated
			m.To = []string{"b@example.net"}
			if _, err := in.AcceptTemplated(ctx, submission(""), m); !fault.Is(err, want) {
				t.Errorf("%s, %s: %v", who, name, err)
			}
			b.Data, b.Entries[0].Data = &good, &bad
			results, err := in.AcceptBulk(ctx, submission(""), b)
			if err == nil {
				err = results[0].Err
			}
			if !fault.Is(err, want) {
				t.Errorf("%s, %s, data of an entry: %v", who, name, err)
			}
		}
	}
}
