// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"encoding/hex"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"sesame/internal/testkit/need"
)

// TestSignature is the text that StartClamd's only signature is for.
const TestSignature = "this text is a virus to this test alone"

// StartClamd starts a real clamd at the address, which takes TestSignature for the virus
// Sesame.Test and knows no other.
func StartClamd(t testing.TB, addr string) {
	t.Helper()
	program := need.Program(t, need.Clamd)
	dir := Dir(t)
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(dir, "signatures")
	if err := os.Mkdir(database, 0o755); err != nil {
		t.Fatal(err)
	}
	put(t, filepath.Join(database, "own.ndb"), fmt.Sprintf("Sesame.Test:0:*:%s\n", hex.EncodeToString([]byte(TestSignature))))
	conf := filepath.Join(dir, "clamd.conf")
	put(t, conf, fmt.Sprintf("Foreground yes\nTCPAddr %s\nTCPSocket %s\nDatabaseDirectory %s\nTemporaryDirectory %s\nStreamMaxLength 60M\nMaxThreads 2\n", host, port, database, dir))
	runScanner(t, exec.Command(program, "--config-file="+conf), dir, addr)
}

// StartRspamd starts a real Rspamd at the address, with no rules but the one for GTUBE.
func StartRspamd(t testing.TB, addr string) {
	t.Helper()
	program := need.Program(t, need.Rspamd)
	dir := Dir(t)
	conf := filepath.Join(dir, "rspamd.conf")
	put(t, conf, fmt.Sprintf(`
options {
  pidfile = "%[1]s/rspamd.pid";
  control_socket = "%[1]s/control.sock mode=0600";
  tempdir = "%[1]s";
  filters = "";
  gtube_patterns = "all";
  disable_hyperscan = true;
  url_tld = "%[1]s/tld";
  dns { nameserver = ["127.0.0.1:1"]; timeout = 100ms; retransmits = 1; }
}
logging { type = "console"; level = "info"; }
metric { name = "default"; actions { reject = 15; add_header = 6; greylist = 4; } }
worker "normal" { bind_socket = "%[2]s"; count = 1; }
`, dir, addr))
	// Compiling Rspamd's own list of thousands of domains takes minutes on a busy machine.
	put(t, filepath.Join(dir, "tld"), "com\nnet\n")
	args := []string{"-f", "-c", conf}
	if os.Getuid() == 0 {
		args = append(args, "-i")
	}
	runScanner(t, exec.Command(program, args...), dir, addr)
}

// runScanner runs the program until the end of the test, and returns when it listens.
func runScanner(t testing.TB, cmd *exec.Cmd, dir, addr string) {
	t.Helper()
	name := filepath.Base(cmd.Path)
	cmd.Dir, cmd.Env = dir, baseEnviron(dir)
	run := start(t, cmd, filepath.Join(dir, "log"))
	t.Cleanup(func() {
		// Rspamd has children, which a kill would leave behind.
		if err := run.stop(syscall.SIGTERM, patience); err != nil {
			t.Logf("%s ended: %v", name, err)
		}
		if t.Failed() {
			t.Logf("the log of %s:\n%s", name, tail(run.log))
		}
	})
	Eventually(t, name+" to listen", func() bool {
		if run.ended() {
			t.Fatalf("%s ended: %v\n%s", name, run.err, tail(run.log))
		}
		conn, err := net.DialTimeout("tcp", addr, time.Second)
		if err != nil {
			return false
		}
		conn.Close()
		return true
	})
}

func put(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}
