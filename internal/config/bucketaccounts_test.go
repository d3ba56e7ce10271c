// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"sesame/internal/config"
)

func TestAccountsOfAnotherS3Server(t *testing.T) {
	t.Parallel()
	const endpoint = "endpoint = 'https://s3.eu-west-1.amazonaws.com'\n"
	const first = "[buckets.accounts.123456789012]\nreports = 'r'\n"
	for _, c := range []struct{ text, err string }{
		{"", ""},

		{endpoint + first, ""},
		{endpoint + "region = 'eu-west-1'\n" + first + "access_key_id = 'AKIA'\nsecret_access_key_file = '/etc/s'\n[buckets.accounts.210987654321]\nreports = 'r'", ""},
		{"endpoint = 'http://127.0.0.1:9000'\n" + first, ""},
		{"region = 'eu-west-1'", "without endpoint"},
		{first, "without endpoint"},
		{endpoint, "without buckets.accounts"},
		{"endpoint = 's3.eu-west-1.amazonaws.com'\n" + first, "buckets.endpoint"},
		{"endpoint = 'https://user:secret@s3.example.com'\n" + first, "buckets.endpoint"},
		{endpoint + "region = 'Ireland!'\n" + first, "buckets.region"},
		{endpoint + "[buckets.accounts.me]\nreports = 'r'", "no account id"},
		{endpoint + "[buckets.accounts.123456789012]\n", "reports is missing"},
		{endpoint + first + "access_key_id = 'AKIA'", "or neither"},
		{endpoint + first + "secret_access_key_file = '/etc/s'", "or neither"},
		{endpoint + first + "[buckets.accounts.210987654321]\nreports = 'r'", "only one account"},
	} {
		_, err := config.Parse("hostname = 'mail.example.com'\ntls = { cert_file = 'c', key_file = 'k' }\n[buckets]\n" + c.text)
		if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
			t.Errorf("%s: %v, want %q", c.text, err, c.err)
		}
		if err != nil && strings.Contains(err.Error(), "secret@") {
			t.Errorf("the error shows a secret: %v", err)
		}
	}
}
