// SPDX-License-Identifier: Apache-2.0

package acme_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"sesame/test/harness"
)

// soon is how long a server may take to start or to stop, whatever its ACME server does.
const soon = 15 * time.Second

// server is a `sesame serve` with its certificates by ACME.
type server struct {
	t       *testing.T
	dir     string // of the configuration; the data folder is below
	runs    int
	cmd     *exec.Cmd
	ended   chan struct{} // closed when it has ended
	failure error         // how it ended; read after ended
	Listen  struct {
		HTTP, SMTP, SMTPS, Ops []string
	}
}

// newServer describes a server with the HTTPS address; the rest listens anywhere.
func newServer(t *testing.T, https, directory, caFile string) *server {
	t.Helper()
	s := &server{t: t, dir: harness.Dir(t)}
	text := fmt.Sprintf(`
data_dir = %q
hostname = %q
[listen]
https = [%q]
http = ["127.0.0.1:0"]
smtp = ["127.0.0.1:0"]
smtps = ["127.0.0.1:0"]
ops = "127.0.0.1:0"
[tls]
acme_email = "ops@example.com"
acme_domains = [%q]
acme_directory = %q
acme_ca_file = %q
[log]
level = "debug"
format = "json"
`, s.path("data"), name, https, name, directory, caFile)
	if err := os.WriteFile(s.path("sesame.toml"), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

func (s *server) path(elem ...string) string {
	return filepath.Join(append([]string{s.dir}, elem...)...)
}

// start starts the server and waits until it is ready, which must be soon.
func (s *server) start() {
	s.t.Helper()
	ready := s.path("data", "listen.json")
	if err := os.Remove(ready); err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	s.runs++
	errOut, err := os.Create(s.path(fmt.Sprintf("stderr.%d", s.runs)))
	if err != nil {
		s.t.Fatal(err)
	}
	defer errOut.Close()
	s.cmd = exec.Command(harness.Binary(s.t), "serve", "--config="+s.path("sesame.toml"))
	s.cmd.Env = []string{"HOME=" + s.dir, "PATH=/usr/bin:/bin"}
	s.cmd.Stderr = errOut
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	begun := time.Now()
	if err := s.cmd.Start(); err != nil {
		s.t.Fatal(err)
	}
	cmd, ended := s.cmd, make(chan struct{})
	s.ended = ended
	go func() {
		s.failure = cmd.Wait()
		close(ended)
	}()
	s.t.Cleanup(func() {
		// An error means that it has ended.
		_ = cmd.Process.Kill()
		<-ended
	})
	harness.Eventually(s.t, "the server to be ready", func() bool {
		s.t.Helper()
		select {
		case <-ended:
			s.t.Fatalf("the server ended: %v\n%s", s.failure, s.stderr())
		default:
		}
		text, err := os.ReadFile(ready)
		if err != nil {
			return false
		}
		if err := json.Unmarshal(text, &s.Listen); err != nil {
			s.t.Fatalf("%s: %v", text, err)
		}
		answer, err := http.Get("http://" + s.Listen.Ops[0] + "/readyz")
		if err != nil {
			return false
		}
		answer.Body.Close()
		return answer.StatusCode == http.StatusOK
	})
	if took := time.Since(begun); took > soon {
		s.t.Errorf("the server was ready after %v", took)
	}
}

// stop ends the server as an operator would: it must end soon, and without a failure.
func (s *server) stop() {
	s.t.Helper()
	if err := s.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		s.t.Fatal(err)
	}
	select {
	case <-s.ended:
	case <-time.After(soon):
		s.t.Fatalf("the server runs %v after SIGTERM\n%s", soon, s.stderr())
	}
	if s.failure != nil {
		s.t.Errorf("the server ended with %v\n%s", s.failure, s.stderr())
	}
}

// kill ends the server as a power cut would.
func (s *server) kill() {
	s.t.Helper()
	if err := s.cmd.Process.Kill(); err != nil {
		s.t.Fatal(err)
	}
	<-s.ended
}

func (s *server) stderr() string {
	text, err := os.ReadFile(s.path(fmt.Sprintf("stderr.%d", s.runs)))
	if err != nil {
		s.t.Fatal(err)
	}
	return string(text)
}

// entry is a line of the log, as far as tests read it.
type entry struct {
	Level, Msg, Part, Name, Error string
	Renewal                       bool
	line                          string
}

// log returns what the server has logged since its last start. A whole line on standard
// error that is no entry of the log fails the test.
func (s *server) log() []entry {
	s.t.Helper()
	text := s.stderr()
	text = text[:strings.LastIndexByte(text, '\n')+1]
	var entries []entry
	for line := range strings.Lines(text) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil || e.Level == "" || e.Msg == "" {
			s.t.Fatalf("on standard error: %s(%v)", line, err)
		}
		e.line = line
		entries = append(entries, e)
	}
	return entries
}

// logged returns the entries with the level and the message.
func (s *server) logged(level, message string) []entry {
	s.t.Helper()
	var found []entry
	for _, e := range s.log() {
		if e.Level == level && e.Msg == message {
			found = append(found, e)
		}
	}
	return found
}

// files returns what is in the folder of the certificates, by path.
func (s *server) files() map[string][]byte {
	s.t.Helper()
	files := map[string][]byte{}
	root := s.path("data", "acme")
	err := filepath.WalkDir(root, func(path string, e os.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return err
		}
		info, err := e.Info()
		if err != nil {
			return err
		}
		if info.Mode().Perm()&0o077 != 0 {
			s.t.Errorf("%s has mode %v", path, info.Mode())
		}
		text, err := os.ReadFile(path)
		files[strings.TrimPrefix(path, root+"/")] = bytes.TrimSpace(text)
		return err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return files
}
