// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"bytes"
	"fmt"
	"net/mail"
	"strings"
	"testing"

	"sesame/internal/testkit/mimegen"
)

// TestRandomTreesArrive sends messages of every kind by the API and by SMTP: Postfix gets
// their bodies to the octet, and OpenDKIM verifies what Postfix got.
func TestRandomTreesArrive(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	s := w.serve(t, nil)
	const seeds = 24
	to := func(seed uint64) string { return fmt.Sprintf("tree%d@example.net", seed) }
	for seed := range uint64(seeds) {
		raw := string(mimegen.Seeded(seed).Raw)
		if seed%2 == 0 {
			sendRaw(t, s, to(seed), raw)
		} else {
			sendSMTP(t, s, to(seed), raw)
		}
	}
	for seed := range uint64(seeds) {
		_, body, _ := strings.Cut(string(mimegen.Seeded(seed).Raw), "\r\n\r\n")
		source := w.postfix.WaitMail(t, to(seed))
		m, err := mail.ReadMessage(bytes.NewReader(source))
		if err != nil {
			t.Errorf("seed %d: %v", seed, err)
			continue
		}
		if verdict := m.Header.Get("Authentication-Results"); !strings.Contains(verdict, "dkim=pass") || strings.Contains(verdict, "dkim=fail") {
			t.Errorf("seed %d: OpenDKIM says %q", seed, verdict)
		}
		_, got, _ := bytes.Cut(source, []byte("\n\n"))
		want := strings.ReplaceAll(body, "\r\n", "\n") // as a Maildir has lines, each with its end
		if strings.TrimSuffix(string(got), "\n") != strings.TrimSuffix(want, "\n") {
			t.Errorf("seed %d:\n%q arrived as\n%q", seed, want, got)
		}
	}
}
