// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"sesame/internal/testkit/need"
)

// StartOpenDKIM starts a real OpenDKIM that verifies mail as a milter and looks keys up
// at the name server, host:port. It writes its verdict into Authentication-Results under the name
// given. It returns the milter's host:port.
func StartOpenDKIM(t testing.TB, name string, nameServer string) string {
	t.Helper()
	program := need.Program(t, need.OpenDKIM)
	dir := Dir(t)
	addr := FreeAddr(t, "127.0.0.1")
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	nsHost, nsPort, err := net.SplitHostPort(nameServer)
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{
		"unbound.conf": fmt.Sprintf(`server:
  module-config: "iterator"
  do-not-query-localhost: no
forward-zone:
  name: "."
  forward-addr: %s@%s
`, nsHost, nsPort),
		"opendkim.conf": fmt.Sprintf(`Mode v
Socket inet:%s@%s
AuthservID %s
AlwaysAddARHeader yes
ResolverConfiguration %s
Syslog no
`, port, host, name, filepath.Join(dir, "unbound.conf")),
	}
	for file, text := range files {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command(program, "-f", "-x", filepath.Join(dir, "opendkim.conf"))
	cmd.Env = baseEnviron(dir)
	run := start(t, cmd, filepath.Join(dir, "opendkim.log"))
	t.Cleanup(func() {
		run.kill()
		if t.Failed() {
			t.Logf("OpenDKIM's log:\n%s", tail(run.log))
		}
	})
	Eventually(t, "OpenDKIM to listen", func() bool {
		if run.ended() {
			t.Fatalf("OpenDKIM ended: %v\n%s", run.err, tail(run.log))
		}
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
	return addr
}
