// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"maps"
	"os/exec"
	"strings"
	"testing"
)

func TestParseExports(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		text string
		want map[string]string
	}{
		{"a line of dev.env", "export A='b'\n", map[string]string{"A": "b"}},
		{"a quote in a value", `export A='it'\''s'`, map[string]string{"A": "it's"}},
		{"equals signs and spaces in a value", "export A='b=c d'\nexport B=''\n", map[string]string{"A": "b=c d", "B": ""}},
		{"comments and empty lines", "# paste this\n\nexport A='b'\n", map[string]string{"A": "b"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			got, err := parseExports(test.text)
			if err != nil || !maps.Equal(got, test.want) {
				t.Errorf("got %q, %v, want %q", got, err, test.want)
			}
			// A shell reads the same.
			for name, value := range test.want {
				out, err := exec.Command("/bin/sh", "-c", test.text+"\nprintf %s \"$"+name+"\"").Output()
				if err != nil || string(out) != value {
					t.Errorf("a shell reads %q, %v, want %q", out, err, value)
				}
			}
		})
	}
	for _, text := range []string{"A='b'", "export A=b", "export A", "export A='", strings.Repeat("x", 10)} {
		if got, err := parseExports(text); err == nil {
			t.Errorf("%q read as %q, want an error", text, got)
		}
	}
}
