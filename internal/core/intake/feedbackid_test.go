// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"strings"
	"testing"

	"sesame/internal/core/intake"
	"sesame/internal/core/spool"
)

// TestTheFeedbackIDHasTheCallersValuesInFront: those of two tags, which are parameters of the
// API or in the header of the message.
func TestTheFeedbackIDHasTheCallersValuesInFront(t *testing.T) {
	t.Parallel()
	const own = "1.us-east-1.ZmVlZGJhY2staWQ=:AmazonSES"
	for _, c := range []struct {
		name, header string
		tags         []spool.Tag
		want         string
	}{
		{"no such tag", "a=b", nil, own},
		{"both, in the header", "ses:feedback-id-b=welcome, ses:feedback-id-a=spring", nil, "spring:welcome:" + own},
		{"both, as parameters", "", []spool.Tag{{Name: "ses:feedback-id-a", Value: "x"}, {Name: "ses:feedback-id-b", Value: "y"}}, "x:y:" + own},
		{"the first alone keeps its place", "ses:feedback-id-a=spring", nil, "spring::" + own},
		{"the second alone keeps its place", "ses:feedback-id-b=welcome", nil, ":welcome:" + own},
		{"parameters leave nothing of the header", "ses:feedback-id-a=h", []spool.Tag{{Name: "ses:feedback-id-b", Value: "y"}}, ":y:" + own},
	} {
		w := &world{}
		s := submission("X-SES-MESSAGE-TAGS: "+c.header+"\nFeedback-ID: mine\n"+simple, func(s *intake.Submission) { s.Tags = c.tags })
		if _, err := w.intake().Accept(ctx, s); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		content := string(w.kept[0].Content)
		if !strings.Contains(content, "\r\nFeedback-ID: "+c.want+"\r\n") || strings.Count(content, "Feedback-ID") != 1 {
			t.Errorf("%s: want %s\n%s", c.name, c.want, content)
		}
	}
}
