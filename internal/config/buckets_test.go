// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"strings"
	"testing"

	"sesame/internal/config"
)

func TestBuckets(t *testing.T) {
	t.Parallel()
	for _, b := range []struct {
		text, err string
		octets    int64
	}{
		{"", "", 1 << 30},
		{"dir = '/srv/buckets'\nmax_object_mb = 1", "", 1 << 20},
		{"max_object_mb = 5242880", "", 5 << 40},
		{"max_object_mb = 5242881", "buckets.max_object_mb", 0},
		{"max_object_mb = -1", "buckets.max_object_mb", 0},
		{"dir = 'buckets'", "buckets.dir", 0},
		{"dir = '/var/lib/sesame/'", "buckets.dir must be a folder of its own", 0},
	} {
		c, err := config.Parse("hostname = 'mail.example.com'\ntls = { cert_file = 'c', key_file = 'k' }\n[buckets]\n" + b.text)
		if b.err == "" && (err != nil || c.Buckets.MaxObject() != b.octets) || b.err != "" && (err == nil || !strings.Contains(err.Error(), b.err)) {
			t.Errorf("%s: %v, %d octets; want %q, %d", b.text, err, c.Buckets.MaxObject(), b.err, b.octets)
		}
	}
}
