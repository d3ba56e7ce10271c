// SPDX-License-Identifier: Apache-2.0

package config_test

import (
	"testing"

	"sesame/internal/config"
)

func TestServesHTTP(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		config config.Config
		want   bool
	}{
		{"by default there is none", config.Default(), false},
		{"a listener on port 80", config.Config{Listen: config.Listen{HTTP: []string{"127.0.0.1:8080", ":80"}}}, true},
		{"a listener elsewhere", config.Config{Listen: config.Listen{HTTP: []string{":8080"}}}, false},
		{"a listener that port 80 leads to", config.Config{Listen: config.Listen{HTTP: []string{":8080"}}, Tracking: config.Tracking{HTTP: true}}, true},
	} {
		if got := c.config.ServesHTTP(); got != c.want {
			t.Errorf("%s: %t", c.name, got)
		}
	}
}
