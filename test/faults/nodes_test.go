// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/BurntSushi/toml"

	"sesame/test/harness"
	"sesame/test/traffic"
)

// node is a second server on the database and the keys of the first.
type node struct {
	t      *testing.T
	dir    string
	config string
	log    string
	cmd    *exec.Cmd
	ended  chan error
	smtp   string
}

// join starts another node beside s, whose configuration was config.
func join(t *testing.T, s *site, config harness.Config) *node {
	t.Helper()
	home := harness.Dir(t)
	config.DataDir = filepath.Join(home, "data")
	config.Routes = []harness.Route{{Domain: "*", Hosts: []string{s.sink.Addr}, TLS: "none"}}
	n := &node{t: t, dir: config.DataDir, config: filepath.Join(home, "sesame.toml"), log: filepath.Join(home, "sesame.log")}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(config); err != nil {
		t.Fatal(err)
	}
	keyring, err := os.ReadFile(filepath.Join(s.Dir, "keyring"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Mkdir(n.dir, 0o700); err != nil {
		t.Fatal(err)
	}
	for path, content := range map[string][]byte{n.config: text.Bytes(), filepath.Join(n.dir, "keyring"): keyring} {
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	n.start()
	t.Cleanup(func() {
		n.kill()
		if t.Failed() {
			log, _ := os.ReadFile(n.log)
			t.Logf("the second node's log:\n%s", log)
		}
	})
	return n
}

func (n *node) start() {
	n.t.Helper()
	ready := filepath.Join(n.dir, "listen.json")
	if err := os.Remove(ready); err != nil && !os.IsNotExist(err) {
		n.t.Fatal(err)
	}
	log, err := os.OpenFile(n.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		n.t.Fatal(err)
	}
	defer log.Close()
	cmd := exec.Command(harness.Binary(n.t), "serve", "--config="+n.config)
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	ended := make(chan error, 1)
	n.cmd, n.ended = cmd, ended
	go func() { ended <- cmd.Wait() }()
	harness.Eventually(n.t, "the second node to listen", func() bool {
		file, err := os.ReadFile(ready)
		if err != nil {
			return false
		}
		var doors struct{ SMTP []string }
		if err := json.Unmarshal(file, &doors); err != nil {
			n.t.Fatal(err)
		}
		n.smtp = doors.SMTP[0]
		return true
	})
}

// kill ends the node as a power cut would; nothing happens if it has ended.
func (n *node) kill() {
	if n.cmd == nil {
		return
	}
	_ = n.cmd.Process.Kill() // an error means that it ended by itself
	<-n.ended
	n.cmd = nil
}

// terminate ends the node as an operator would.
func (n *node) terminate() {
	n.t.Helper()
	if err := n.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		n.t.Fatal(err)
	}
	if err := <-n.ended; err != nil {
		n.t.Errorf("the second node did not stop cleanly: %v", err)
	}
	n.cmd = nil
}

func TestTwoNodesOnOneDatabaseDeliverEachRecipientOnce(t *testing.T) {
	config := harness.ServeConfig(t)
	config.Database.URL = harness.Postgres(t)
	s := start(t, config)
	second := join(t, s, config)
	client := traffic.NewClient(t, s.Server, domain, s.book)
	client.Move(second.smtp)

	// Both accept and both look for work in the database, which the sink's refusals fill.
	s.sink.Shut(true)
	loads := []*traffic.Senders{s.client.Start(senders / 2), client.Start(senders / 2)}
	s.moreAccepted(t, 200)
	s.sink.Shut(false)
	s.moreAccepted(t, 200)
	for _, l := range loads {
		l.Stop()
	}
	if r := s.balance(t); r.Duplicates > 0 {
		t.Errorf("%d duplicates", r.Duplicates)
	}

	// One dies in the middle; the other goes on, and what the dead one had leased comes
	// back with it.
	loads = []*traffic.Senders{s.client.Start(senders / 2), client.Start(senders / 2)}
	s.moreAccepted(t, 200)
	second.kill()
	s.book.Kill()
	s.moreAccepted(t, 100)
	second.start()
	client.Move(second.smtp)
	s.moreAccepted(t, 100)
	began := time.Now()
	second.terminate()
	t.Logf("the second node stopped in %v", time.Since(began))
	for _, l := range loads {
		l.Stop()
	}
	s.balance(t)
}
