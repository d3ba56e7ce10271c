// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// The account, the region and the keys of the tests' servers. The keys have the form
// that AWS documents and open nothing anywhere else.
const (
	Account   = "123456789012"
	Region    = "us-east-1"
	AccessKey = "AKIASESAMETEST000001"
	SecretKey = "sesame/test/secret/key+0123456789abcdefg"
)

// grace is how long a server may take to stop after SIGTERM.
const grace = 20 * time.Second

// Server is a running sesame, dev or serve. Its fields are set while it runs and may
// change when it is started again.
type Server struct {
	Dir      string            // its data folder
	Config   string            // the configuration file of serve; empty in dev
	Endpoint string            // URL of the API over HTTP
	Secure   string            // URL of the API over HTTPS, by a name that its certificate has; may be empty
	SMTP     string            // submission with STARTTLS
	SMTPS    string            // submission over TLS
	MX       string            // mail from anybody
	DNS      string            // the name server
	CAFile   string            // certificate of the CA that signed the server's
	Env      map[string]string // what a client's shell has set: endpoint, keys, SMTP user and password, CA

	t     testing.TB
	bin   string
	args  []string
	ready string                  // the file that appears when it listens
	learn func(file []byte) error // reads that file into the fields
	alive string                  // URL that answers 200 when it is ready, made by learn
	run   *process
}

// Start starts the server and waits until it is ready. Dev and Serve have done so once;
// it is for a server that was stopped or killed.
func (s *Server) Start() {
	s.t.Helper()
	if s.run != nil && !s.run.ended() {
		s.t.Fatal("the server runs already")
	}
	s.alive = "" // it may listen elsewhere than before
	if err := os.Remove(s.ready); err != nil && !os.IsNotExist(err) {
		s.t.Fatal(err)
	}
	cmd := exec.Command(s.bin, s.args...)
	cmd.Dir = filepath.Dir(s.Dir)
	cmd.Env = baseEnviron(cmd.Dir)
	s.run = start(s.t, cmd, filepath.Join(filepath.Dir(s.Dir), "sesame.log"))
	Eventually(s.t, "the server to be ready", s.isReady)
}

func (s *Server) isReady() bool {
	s.t.Helper()
	if s.run.ended() {
		s.t.Fatalf("the server ended: %v\n%s", s.run.err, tail(s.run.log))
	}
	if s.alive == "" {
		file, err := os.ReadFile(s.ready)
		if err != nil {
			return false
		}
		if err := s.learn(file); err != nil {
			s.t.Fatalf("%s: %v\n%s", s.ready, err, file)
		}
	}
	client := http.Client{Timeout: 5 * time.Second}
	defer client.CloseIdleConnections()
	answer, err := client.Get(s.alive)
	if err != nil {
		return false
	}
	answer.Body.Close()
	return answer.StatusCode == http.StatusOK
}

// Stop ends the server as an operator would. An unclean end fails the test.
func (s *Server) Stop() {
	s.t.Helper()
	if err := s.run.stop(syscall.SIGTERM, grace); err != nil {
		s.t.Errorf("the server did not stop cleanly: %v", err)
	}
}

// Kill ends the server as a power cut would: SIGKILL, at once.
func (s *Server) Kill() { s.run.kill() }

// Log returns what the server has logged, or the end of it.
func (s *Server) Log() string { return tail(s.run.log) }

// launch starts a server that was described and stops it with the test.
func launch(t testing.TB, s *Server) *Server {
	t.Helper()
	s.t, s.bin = t, Binary(t)
	t.Cleanup(func() {
		if s.run == nil {
			return
		}
		if !s.run.ended() {
			s.Stop()
		}
		if t.Failed() {
			t.Logf("the server's log:\n%s", s.Log())
		}
	})
	s.Start()
	return s
}

// Environ returns the environment of a client of the server: a bare one, with Env.
func (s *Server) Environ() []string {
	env := baseEnviron(filepath.Dir(s.Dir))
	for name, value := range s.Env {
		env = append(env, name+"="+value)
	}
	return env
}

// baseEnviron is what a fresh shell has. Nothing is inherited that could lead a client
// past the server under test, such as the machine's own AWS settings or CA bundle.
func baseEnviron(home string) []string {
	path := "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
	if bin, err := binary(); err == nil {
		path = filepath.Dir(bin) + ":" + path
	}
	return []string{"PATH=" + path, "HOME=" + home, "LANG=C.UTF-8", "TZ=UTC"}
}

// Result is how a command ended.
type Result struct {
	Stdout, Stderr string
	Code           int
}

// Run runs a client's program in the server's environment. A program that can't be
// started or hangs fails the test; its exit code is for the caller to judge.
func (s *Server) Run(t testing.TB, name string, args ...string) Result {
	t.Helper()
	return s.RunInput(t, "", name, args...)
}

// RunInput is Run with standard input.
func (s *Server) RunInput(t testing.TB, stdin, name string, args ...string) Result {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 5*patience)
	defer cancel()
	cmd := exec.CommandContext(ctx, name, args...)
	var out, err bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(stdin), &out, &err
	cmd.Env = s.Environ()
	failure := cmd.Run()
	if cmd.ProcessState == nil {
		t.Fatalf("run %s: %v", name, failure)
	}
	if ctx.Err() != nil {
		t.Fatalf("%s hung\nstdout:\n%s\nstderr:\n%s", name, &out, &err)
	}
	return Result{Stdout: out.String(), Stderr: err.String(), Code: cmd.ProcessState.ExitCode()}
}

// CLI runs sesame with the arguments, which must succeed, and returns what it printed.
func (s *Server) CLI(t testing.TB, args ...string) string {
	t.Helper()
	r := s.Run(t, s.bin, args...)
	if r.Code != 0 {
		t.Fatalf("sesame %s: exit code %d\nstdout:\n%s\nstderr:\n%s", strings.Join(args, " "), r.Code, r.Stdout, r.Stderr)
	}
	return r.Stdout
}

// store returns the flag that leads a CLI verb to the server's store.
func (s *Server) store() string {
	if s.Config != "" {
		return "--config=" + s.Config
	}
	return "--dir=" + s.Dir
}

// VerifyIdentity verifies the identity as an operator does, and waits until the running
// server knows.
func (s *Server) VerifyIdentity(t testing.TB, name string) {
	t.Helper()
	s.CLI(t, "identity", "verify", name, "--account", Account, "--region", Region, s.store())
	Eventually(t, name+" to be verified", func() bool {
		status, body := s.Call(t, http.MethodGet, "/v2/email/identities/"+url.PathEscape(name), nil)
		var identity struct{ VerifiedForSendingStatus bool }
		if err := json.Unmarshal(body, &identity); err != nil || status != http.StatusOK {
			t.Fatalf("identity %s: HTTP %d: %s", name, status, body)
		}
		return identity.VerifiedForSendingStatus
	})
}

// String names the server in a test's output.
func (s *Server) String() string { return fmt.Sprintf("sesame %s at %s", s.args[0], s.Endpoint) }
