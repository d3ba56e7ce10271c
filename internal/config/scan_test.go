// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"sesame/internal/config"
)

func TestScan(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, err string }{
		{"clamd = '127.0.0.1:3310'", ""},
		{"clamd = '/run/clamav/clamd.ctl'", ""},
		{"rspamd = 'http://127.0.0.1:11333'\nspam = 'reject'\nunavailable = 'pass'", ""},
		{"spam = 'record'\nunavailable = 'wait'", ""},
		{"clamd = 'localhost'", "scan.clamd"},
		{"rspamd = '127.0.0.1:11333'", "scan.rspamd"},
		{"rspamd = 'http://user:secret@127.0.0.1'", "scan.rspamd"},
		{"spam = 'reject'", "nobody to judge"},
		{"spam = 'drop'", "scan.spam"},
		{"unavailable = 'drop'", "scan.unavailable"},
	} {
		_, err := config.Parse("hostname = 'mail.example.com'\ntls = { cert_file = 'c', key_file = 'k' }\n[scan]\n" + c.text)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.text, err, c.err)
		}
	}
}
