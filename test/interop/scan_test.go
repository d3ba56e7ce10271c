// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"slices"
	"strings"
	"testing"

	"sesame/test/harness"
)

// gtube is what every filter of spam takes for spam.
const gtube = "XJS*C4JDBQADN1.NSBN3*2IDNEN*GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X"

// record is what became of a message.
type record struct {
	Recipients []struct {
		State    string
		Attempts []struct {
			Number        int
			Cause, Reason string
		}
	}
	Check *struct {
		Virus, Rules, Unscanned, Rejected string
		Spam                              bool
		Score                             float64
	}
	Events []struct {
		Type   string
		Detail struct {
			Reason     string
			Recipients []string
		}
	}
}

func recordOf(t *testing.T, s *harness.Server, id string) (r record) {
	t.Helper()
	if status := s.Admin(t, "GET", "/messages/"+id, &r); status != 200 {
		t.Fatalf("the record of %s: HTTP %d", id, status)
	}
	return r
}

func (r record) rejects() (n int) {
	for _, e := range r.Events {
		if e.Type == "Reject" && e.Detail.Reason == "Bad content" {
			n++
		}
	}
	return n
}

// TestScanners has a real clamd and a real Rspamd look at mail: it waits while clamd is not
// there, a virus is rejected, spam is recorded, and all else arrives.
func TestScanners(t *testing.T) {
	t.Parallel()
	clamd, rspamd := harness.FreeAddr(t, "127.0.0.1"), harness.FreeAddr(t, "127.0.0.1")
	harness.StartRspamd(t, rspamd)
	w := newWorld(t, nil)
	w.dns.Add("example.net. 60 IN MX 10 mx.example.net.")
	s := w.serve(t, func(c *harness.Config) {
		c.Scan = &harness.Scan{Clamd: clamd, Rspamd: "http://" + rspamd}
		c.Delivery.Retry = []string{"1s"}
	})
	mail := func(to, text string) string {
		return sendRaw(t, s, to, "From: sender@example.com\r\nTo: "+to+"\r\nSubject: Scanned\r\n\r\n"+text+"\r\n")
	}

	waits := mail("waits@example.net", "Hello.")
	harness.Eventually(t, "the mail to wait for clamd", func() bool {
		r := recordOf(t, s, waits)
		return len(r.Recipients[0].Attempts) > 0
	})
	if r := recordOf(t, s, waits); r.Recipients[0].Attempts[0].Cause != "scan" || !strings.Contains(r.Recipients[0].Attempts[0].Reason, "scanner") || r.Check != nil {
		t.Errorf("without clamd: %+v", r)
	}

	harness.StartClamd(t, clamd)
	w.postfix.WaitMail(t, "waits@example.net")
	if r := recordOf(t, s, waits); r.Check == nil || r.Check.Spam || r.Check.Virus != "" || r.Check.Unscanned != "" {
		t.Errorf("a clean mail: %+v", r.Check)
	}

	virus := mail("virus@example.net", harness.TestSignature)
	harness.Eventually(t, "the virus to be rejected", func() bool { return recordOf(t, s, virus).Recipients[0].State == "rejected" })
	if r := recordOf(t, s, virus); r.rejects() != 1 || !strings.HasPrefix(r.Check.Virus, "Sesame.Test") || r.Check.Rejected != "virus" {
		t.Errorf("a virus: %+v", r)
	}

	spam := mail("spam@example.net", gtube)
	w.postfix.WaitMail(t, "spam@example.net")
	if r := recordOf(t, s, spam); r.rejects() != 0 || r.Check == nil || !r.Check.Spam || !slices.Contains(strings.Fields(r.Check.Rules), "GTUBE") {
		t.Errorf("spam: %+v", r.Check)
	}

	for _, m := range w.postfix.Delivered(t) {
		if strings.Contains(string(m), harness.TestSignature) {
			t.Error("the virus has arrived")
		}
	}
}
