// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"syscall"
	"testing"

	"sesame/internal/core/content"
	"sesame/internal/core/track"
	"sesame/internal/proto/dkim"
	"sesame/internal/proto/rsasign"
)

// newsletter is a message with an HTML body of 50 KiB and 40 links.
func newsletter() []byte {
	var b strings.Builder
	b.WriteString("From: a@example.com\r\nTo: b@example.net\r\nSubject: News\r\nMIME-Version: 1.0\r\n" +
		"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: 7bit\r\n\r\n<html><body>\r\n")
	for i := range 40 {
		fmt.Fprintf(&b, "<table class=\"row\" width=\"600\" cellpadding=\"0\"><tr><td style=\"padding: 4px; color: #333333\">\r\n"+
			"<a href=\"https://www.example.com/news/%d?utm_source=mail&amp;utm_campaign=spring\" style=\"color: #0000ee\">Story %d</a>\r\n", i, i)
		for b.Len() < (i+1)*50*1024/40 {
			b.WriteString("<p style=\"margin: 0\">Some words of a story that goes on for a while, <b>and on</b>.</p>\r\n")
		}
		b.WriteString("</td></tr></table>\r\n")
	}
	b.WriteString("</body></html>\r\n")
	return []byte(b.String())
}

// reportCPU adds cpu-µs/op, which other programs of the machine do not disturb, from now
// to the call of what it returns.
func reportCPU(b *testing.B) func() {
	b.Helper()
	used := func() (us int64) {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return (u.Utime.Nano() + u.Stime.Nano()) / 1000
	}
	before := used()
	return func() { b.ReportMetric(float64(used()-before)/float64(b.N), "cpu-µs/op") }
}

// BenchmarkMessage makes a message into what leaves, with tracking on and off, beside one
// RSA-2048 signature on the same machine: tracking has to cost less.
func BenchmarkMessage(b *testing.B) {
	raw, tr, id := newsletter(), newTracker(), newID(b)
	for _, c := range []struct {
		name string
		o    *track.Options
	}{{"untracked", nil}, {"off", &track.Options{}}, {"on", &both}} {
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			defer reportCPU(b)()
			for b.Loop() {
				m, err := content.Inspect(raw, content.Limits{})
				if err != nil {
					b.Fatal(err)
				}
				if c.o != nil {
					if err := m.EditText(tr.Editor(track.Message{Scope: home, ID: id, Recipients: 1}, *c.o)); err != nil {
						b.Fatal(err)
					}
				}
				if _, _, err := m.Rewrite(content.Rewrite{MessageID: id, MailDomain: "example.com"}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("RSA-2048", func(b *testing.B) {
		der, err := dkim.GenerateRSA(2048)
		if err != nil {
			b.Fatal(err)
		}
		engine := rsasign.Open(rsasign.Options{})
		key, err := engine.Load(der)
		if err != nil {
			b.Fatal(err)
		}
		b.Log(engine.Implementation())
		sum := sha256.Sum256(raw)
		b.ReportAllocs()
		defer reportCPU(b)()
		for b.Loop() {
			if _, err := key.SignDigest(sum); err != nil {
				b.Fatal(err)
			}
		}
	})
}
