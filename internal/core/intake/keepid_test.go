// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"strings"
	"testing"

	"sesame/internal/core/intake"
)

// TestTheCallersMessageIDIsReplacedUnlessASettingKeepsIt; either way it is remembered.
func TestTheCallersMessageIDIsReplacedUnlessASettingKeepsIt(t *testing.T) {
	t.Parallel()
	for _, keep := range []bool{false, true} {
		w := &world{}
		w.settings.KeepMessageID = keep
		id, err := w.intake().Accept(ctx, submission("Message-ID: <mine@example.org>\n"+simple))
		if err != nil {
			t.Fatal(err)
		}
		m := w.kept[0]
		kept := strings.Contains(string(m.Content), "Message-ID: <mine@example.org>\r\n")
		replaced := strings.Contains(string(m.Content), "Message-ID: <"+id+"@email.amazonses.com>\r\n")
		if kept != keep || replaced == keep || m.OriginalID != "<mine@example.org>" {
			t.Errorf("keep %t: %s", keep, m.Content)
		}
	}
}

// TestTheDomainOfTheMessageIDIsASetting; without it, it is SES's of the region.
func TestTheDomainOfTheMessageIDIsASetting(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ region, setting, want string }{
		{"us-east-1", "", "email.amazonses.com"},
		{"eu-west-1", "", "eu-west-1.amazonses.com"},
		{"eu-west-1", "ids.example.com", "ids.example.com"},
	} {
		w := &world{}
		w.settings.MessageIDDomain = c.setting
		id, err := w.intake().Accept(ctx, submission(simple, func(s *intake.Submission) { s.Scope.Region = c.region }))
		if err != nil {
			t.Fatal(err)
		}
		if content := string(w.kept[0].Content); !strings.Contains(content, "Message-ID: <"+id+"@"+c.want+">\r\n") {
			t.Errorf("%+v: %s", c, content)
		}
	}
}
