// SPDX-License-Identifier: Apache-2.0

package smtptest_test

import (
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"sesame/internal/proto/smtpclient/smtptest"
)

// recorder is a test that notes its failures.
type recorder struct {
	*testing.T
	mu     sync.Mutex
	failed []string
}

func (r *recorder) Errorf(format string, args ...any) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.failed = append(r.failed, fmt.Sprintf(format, args...))
}

func TestScripts(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name     string
		script   smtptest.Script
		say      string
		want     string
		messages int
		failure  string
	}{
		{"lines in both directions", smtptest.Script{"S: 220 hi", "C: HELO*", "S: 250 ok"}, "HELO x\r\n", "220 hi\r\n250 ok\r\n", 0, ""},
		{"content up to the dot", smtptest.Script{"DATA", `RAW 250 \\\r\n`}, "a\r\n..\r\n.\r\n", "250 \\\r\n", 1, ""},
		{"octets", smtptest.Script{"READ 3", "C: DE", "S: 1"}, "ABCDE\r\n", "1\r\n", 0, ""},
		{"another line than the script's is a failure", smtptest.Script{"C: HELO x"}, "HELO y\r\n", "", 0, `the client said "HELO y"`},
		{"a bare line feed is a failure", smtptest.Script{"C: *"}, "HELO y\n", "", 0, `the client said "HELO y\n"`},
		{"so is a step that isn't known", smtptest.Script{"WAIT"}, "", "", 0, `unknown step "WAIT"`},
		{"a client that leaves is none", smtptest.Script{"C: HELO x"}, "", "", 0, ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rec := &recorder{T: t}
			srv := smtptest.New(rec, tc.script)
			c, err := net.Dial("tcp", srv.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			if _, err := io.WriteString(c, tc.say); err != nil {
				t.Fatal(err)
			}
			if err := c.(*net.TCPConn).CloseWrite(); err != nil {
				t.Fatal(err)
			}
			got, err := io.ReadAll(c)
			if err != nil || string(got) != tc.want {
				t.Errorf("got %q, %v; want %q", got, err, tc.want)
			}
			srv.Close()
			if n := len(srv.Messages()); n != tc.messages || srv.Accepted() != 1 {
				t.Errorf("%d messages, %d connections", n, srv.Accepted())
			}
			if n := srv.Finished(); n == 1 != (tc.failure == "" && !strings.Contains(tc.name, "leaves")) {
				t.Errorf("%d scripts finished", n)
			}
			if s := strings.Join(rec.failed, "\n"); (s == "") != (tc.failure == "") || !strings.Contains(s, tc.failure) {
				t.Errorf("failures: %q, want %q", s, tc.failure)
			}
		})
	}
}
