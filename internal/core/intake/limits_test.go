// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/core/intake"
)

// TestLimitsAreSettingsWithSESsAsDefaults has for each bound a message that SES takes or
// refuses, and that a server with other bounds does not.
func TestLimitsAreSettingsWithSESsAsDefaults(t *testing.T) {
	t.Parallel()
	const part = "--b\n\nx\n"
	multipart := func(parts string) string {
		return "From: a@example.com\nTo: b@example.net\nContent-Type: multipart/mixed; boundary=b\n\n" + parts + "--b--\n"
	}
	file := func(name string) string {
		return multipart("--b\nContent-Disposition: attachment; filename=" + name + "\n\nx\n")
	}
	to := func(n int) string {
		return "From: a@example.com\nTo: " + strings.Repeat("b@example.net,\n ", n-1) + "b@example.net\n\nx\n"
	}
	few := intake.Limits{
		Recipients: 2, Parts: 3, BytesV1: 400, Bytes: 500, BlockedExtensions: []string{".zip"},
	}
	for _, c := range []struct {
		name, version, raw, ses, few string // what is refused with which words
	}{
		{"two recipients", "2", to(2), "", ""},
		{"three recipients", "2", to(3), "", "Recipient count exceeds 2."},
		{"51 recipients", "2", to(51), "Recipient count exceeds 50.", "Message length is more than 500 bytes long: '895'."},
		{"four parts", "2", multipart(strings.Repeat(part, 4)), "", "Message contains too many MIME parts."},
		{"a message for API v2", "2", simple + strings.Repeat("x", 400), "", ""},
		{"the same for API v1", "1", simple + strings.Repeat("x", 400), "", "Message length is more than 400 bytes long: '462'."},
		{"a file that SES blocks", "2", file("x.exe"), "Illegal filename 'x.exe'.", ""},
		{"a file that SES sends", "2", file("x.zip"), "", "Illegal filename 'x.zip'."},
	} {
		for limits, want := range map[*intake.Limits]string{{}: c.ses, &few: c.few} {
			w := &world{}
			s := submission(c.raw, func(s *intake.Submission) { s.MaxBytes, s.APIVersion = 0, c.version })
			_, err := w.intake(func(o *intake.Options) { o.Limits = *limits }).Accept(ctx, s)
			if want == "" && err != nil || want != "" && fault.PeerText(err) != want {
				t.Errorf("%s, %+v: %v, want %q", c.name, *limits, err, want)
			}
		}
	}
	bulk := intake.Bulk{Entries: make([]intake.Entry, 3)}
	_, err := (&world{}).intake(func(o *intake.Options) { o.Limits.Entries = 2 }).AcceptBulk(ctx, submission(""), bulk)
	if fault.PeerText(err) != "A call has 1 to 2 destinations, not 3." {
		t.Errorf("a bulk call: %v", err)
	}
}
