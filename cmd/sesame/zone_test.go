// SPDX-License-Identifier: Apache-2.0

package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestZoneExport(t *testing.T) {
	t.Parallel()
	const zone = "[zone]\nname = \"ses.example.net\"\naddresses = [\"192.0.2.1\"]\n"
	for _, tc := range []struct {
		why, zone, want, wantErr string
	}{
		{"a zone", zone + "name_servers = [\"ns1.example.net\"]\ndmarc = \"v=DMARC1; p=reject\"\n", "ses.example.net. 3600 IN NS ns1.example.net.\n", ""},
		{"a zone without servers", zone, "", "zone.name_servers is empty"},
		{"no zone", "", "", "there is no zone"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			file := filepath.Join(dir, "sesame.toml")
			text := "data_dir = \"" + dir + "\"\nhostname = \"mail.example.com\"\n[listen]\nhttps = []\nsmtp = []\nsmtps = []\ndns = []\n" + tc.zone
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errOut := execute("zone", "export", "--config", file)
			if (code == 0) != (tc.wantErr == "") || !strings.Contains(out, tc.want) || !strings.Contains(errOut, tc.wantErr) {
				t.Fatalf("%d, %q, %q", code, out, errOut)
			}
			if code == 0 && (!strings.Contains(out, `_dmarc.ses.example.net. 3600 IN TXT "v=DMARC1; p=reject"`) || !strings.Contains(out, "email.us-east-1.ses.example.net. 3600 IN A 192.0.2.1")) {
				t.Errorf("%s", out)
			}
		})
	}
}
