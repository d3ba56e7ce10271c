// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"testing"
	"time"
)

func TestGenericNames(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]bool{
		"mail.example.com": false, "mx1.example.co.uk": false, "a.b.example.org.": false, "smtp-out-3.example.com": false, "10.example.com": false,
		"localhost": true, "mail": true, "mail.local": true, "Server.LAN": true, "sesame.test": true, "192.0.2.1": true, "2001:db8::1": true,
		"192-0-2-1.example.net": true, "host.192.0.2.1.example.net": true, "ip-10-0-0-1.ec2.internal": true, "ec2-192-0-2-1.compute-1.amazonaws.com": true,
		"static.1.2.0.192.clients.your-server.de": true, "dyn42.example.net": true, "c.dsl.example.net": true, "vm.westeurope.cloudapp.azure.com": true,
	} {
		if why := generic(name); (why != "") != want {
			t.Errorf("%s: %q", name, why)
		}
	}
}

func TestRoomOnADisk(t *testing.T) {
	t.Parallel()
	const gib = 1 << 30
	for _, tc := range []struct {
		name              string
		free, inodes, all uint64
		sync              time.Duration
		want              Verdict
	}{
		{"room and speed", 100 * gib, 1e6, 2e6, time.Millisecond, OK},
		{"a file system without inodes", 100 * gib, 0, 0, time.Millisecond, OK},
		{"little room", gib, 1e6, 2e6, time.Millisecond, Warn},
		{"no room", gib / 8, 1e6, 2e6, time.Millisecond, Fail},
		{"few inodes", 100 * gib, 20_000, 2e6, time.Millisecond, Warn},
		{"no inodes", 100 * gib, 10, 2e6, time.Millisecond, Fail},
		{"a slow disk", 100 * gib, 1e6, 2e6, 80 * time.Millisecond, Warn},
	} {
		if r := room(tc.free, tc.inodes, tc.all, tc.sync); r.Verdict != tc.want {
			t.Errorf("%s: %+v", tc.name, r)
		}
	}
}
