// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/smtp"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
)

// TestConfiguredBoundsOfMessages reach the intake and the answers of the SMTP door.
func TestConfiguredBoundsOfMessages(t *testing.T) {
	t.Parallel()
	c := devConfig(t)
	c.Message.Recipients, c.Message.MaxBytes, c.Message.BlockedExtensions = 2, 4096, []string{}
	s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(context.Background()); err != nil {
			t.Error(err)
		}
	})
	if _, err := s.DevUser(t.Context(), DevKeys{}); err != nil {
		t.Fatal(err)
	}
	for _, m := range []struct{ raw, want string }{
		{"From: a@example.com\r\nTo: b@x.net, c@x.net, d@x.net\r\n\r\nx", "Recipient count exceeds 2."},
		{"From: a@example.com\r\nTo: b@x.net\r\nContent-Disposition: attachment; filename=a.exe\r\n\r\n" + fmt.Sprintf("%4096d", 1), "Message length is more than 4096 bytes long: '4181'."},
		{"From: a@example.com\r\nTo: b@x.net\r\nContent-Disposition: attachment; filename=a.exe\r\n\r\nx",
			"Email address is not verified. The following identities failed the check in region US-EAST-1: a@example.com"},
	} {
		_, err := s.intake.Accept(t.Context(), intake.Submission{
			Scope: scope.Scope{Account: c.DevAccount, Region: "us-east-1"}, Principal: account.Principal{Account: c.DevAccount, User: "dev"},
			Operation: "SendRawEmail", Action: "ses:SendRawEmail", APIVersion: "2", Raw: []byte(m.raw),
		})
		if fault.PeerText(err) != m.want {
			t.Errorf("%v, want %q", err, m.want)
		}
	}
	client, err := smtp.Dial(s.Addresses().SMTP[0])
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.StartTLS(&tls.Config{InsecureSkipVerify: true}); err != nil {
		t.Fatal(err)
	}
	if ok, size := client.Extension("SIZE"); !ok || size != "4096" {
		t.Errorf("SMTP says that a message may have %q octets", size)
	}
}
