// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"strings"
	"testing"
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

// TestTheDomainOfTheMessageIDIsASetting: without one it is SES's of the region.
func TestTheDomainOfTheMessageIDIsASetting(t *testing.T) {
	t.Parallel()
	w := &world{}
	w.settings.MessageIDDomain = "mail.example.com"
	id, err := w.intake().Accept(ctx, submission("Message-ID: <mine@example.org>\n"+simple))
	if err != nil || !strings.Contains(string(w.kept[0].Content), "Message-ID: <"+id+"@mail.example.com>\r\n") {
		t.Errorf("%v: %s", err, w.kept[0].Content)
	}
}
