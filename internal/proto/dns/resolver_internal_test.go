// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

func TestSystemServers(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, conf string
		want       []string
	}{
		{"the servers in their order", "search x\nnameserver 192.0.2.1\nnameserver 2001:db8::1\n",
			[]string{"192.0.2.1:53", "[2001:db8::1]:53"}},
		{"none named means this machine", "search x\n", []string{"127.0.0.1:53"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			path := filepath.Join(t.TempDir(), "resolv.conf")
			if err := os.WriteFile(path, []byte(tc.conf), 0o600); err != nil {
				t.Fatal(err)
			}
			if got := systemServers(path); !slices.Equal(got, tc.want) {
				t.Errorf("got %v, want %v", got, tc.want)
			}
		})
	}
	if got := systemServers(filepath.Join(t.TempDir(), "missing")); !slices.Equal(got, []string{"127.0.0.1:53"}) {
		t.Errorf("without a file: %v", got)
	}
}

func TestUnescape(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		`plain`: "plain", `a\"b`: `a"b`, `\\`: `\`, `\001\255`: "\x01\xff", `end\`: `end\`, `\12x`: "12x", `x\065`: "xA",
	} {
		if got := unescape(in); got != want {
			t.Errorf("unescape(%q) = %q, want %q", in, got, want)
		}
	}
}
