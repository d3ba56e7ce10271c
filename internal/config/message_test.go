// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"reflect"
	"strings"
	"testing"

	"sesame/internal/config"
)

const messageBase = "hostname = 'mail.example.com'\ntls = { cert_file = 'c', key_file = 'k' }\n[message]\n"

func TestMessageDefaultsAreSESs(t *testing.T) {
	t.Parallel()
	c, err := config.Parse(messageBase)
	want := config.Message{Recipients: 50, Destinations: 50, MIMEParts: 500, MaxBytesV1: 10485760, MaxBytes: 41943040}
	if err != nil || !reflect.DeepEqual(c.Message, want) {
		t.Errorf("%+v, %v", c.Message, err)
	}
	if c, err = config.Parse(messageBase + "blocked_extensions = []"); err != nil || c.Message.BlockedExtensions == nil {
		t.Errorf("no file is to be blocked, but SES's are: %v", err)
	}
}

func TestMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ text, err string }{
		{"recipients = 255\ndestinations = 1000\nmime_parts = 10000\nmax_bytes_v1 = 41943040\nmax_bytes = 1024", ""},
		{"blocked_extensions = ['.exe', '.ZIP']", ""},
		{"recipients = 0", "message.recipients is 1 to 255"},
		{"recipients = 256", "message.recipients is 1 to 255"},
		{"destinations = 1001", "message.destinations is 1 to 1000"},
		{"mime_parts = -1", "message.mime_parts is 1 to 10000"},
		{"max_bytes_v1 = 41943041", "message.max_bytes_v1 is 1024 to 41943040"},
		{"max_bytes = 0", "message.max_bytes is 1024 to 41943040"},
		{"blocked_extensions = ['exe']", `"exe" is no extension`},
		{"blocked_extensions = ['.tar.gz']", `".tar.gz" is no extension`},
		{"blocked_extensions = ['.']", `"." is no extension`},
	} {
		_, err := config.Parse(messageBase + c.text)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.text, err, c.err)
		}
	}
}
