// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/testkit/need"
)

// PostfixOptions say what kind of Postfix a test wants.
type PostfixOptions struct {
	Addr    string            // where it listens; default: a free port of 127.0.0.1
	Name    string            // its host name; default mx.example.net
	Policy  Policy            // asked at each RCPT TO; nil lets everything in
	Milter  string            // host:port of a milter, such as OpenDKIM's; may be empty
	Cert    Certificate       // offers STARTTLS with it; none without
	Setting map[string]string // more of main.cf; wins over what stands there
}

// Postfix is a real Postfix with its own configuration, queue and Maildir. Unless the
// settings relay mail elsewhere, it takes mail for every domain and keeps it.
type Postfix struct {
	Addr string // host:port

	dir     string
	postfix string
	run     *process
}

// StartPostfix starts a Postfix and waits until it greets.
func StartPostfix(t testing.TB, o PostfixOptions) *Postfix {
	t.Helper()
	p := &Postfix{Addr: o.Addr, dir: Dir(t), postfix: need.Program(t, need.Postfix)}
	if p.Addr == "" {
		p.Addr = FreeAddr(t, "127.0.0.1")
	}
	p.configure(t, o)
	p.Start(t)
	t.Cleanup(func() {
		p.Stop(t)
		if t.Failed() {
			t.Logf("Postfix's log:\n%s", p.Log())
		}
	})
	return p
}

// Start starts a Postfix that was stopped, and waits until it greets.
func (p *Postfix) Start(t testing.TB) {
	t.Helper()
	cmd := exec.Command(p.postfix, "-c", filepath.Join(p.dir, "etc"), "start-fg")
	cmd.Env = baseEnviron(p.dir)
	p.run = start(t, cmd, filepath.Join(p.dir, "postfix.out"))
	Eventually(t, "Postfix to greet", func() bool {
		if p.run.ended() {
			t.Fatalf("Postfix ended: %v\n%s\n%s", p.run.err, tail(p.run.log), p.Log())
		}
		return greets(p.Addr)
	})
}

// greets reports whether an SMTP server says 220 at the address.
func greets(addr string) bool {
	conn, err := net.DialTimeout("tcp", addr, time.Second)
	if err != nil {
		return false
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return false
	}
	line := make([]byte, 512)
	n, err := conn.Read(line)
	if err != nil || !bytes.HasPrefix(line[:n], []byte("220 ")) {
		return false
	}
	_, err = conn.Write([]byte("QUIT\r\n"))
	return err == nil
}

// Stop ends it; queued mail stays in its queue.
func (p *Postfix) Stop(t testing.TB) {
	t.Helper()
	if p.run.ended() {
		return
	}
	cmd := exec.Command(p.postfix, "-c", filepath.Join(p.dir, "etc"), "stop")
	cmd.Env = baseEnviron(p.dir)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Logf("postfix stop: %v\n%s", err, out)
	}
	select {
	case <-p.run.done:
	case <-time.After(grace):
		t.Errorf("Postfix did not end within %v", grace)
		p.run.kill()
	}
}

// Log returns the end of Postfix's mail log.
func (p *Postfix) Log() string { return tail(filepath.Join(p.dir, "maillog")) }

// Delivered returns the mails that were delivered, as they stand in the Maildir:
// Postfix has put Return-Path, X-Original-To, Delivered-To and Received above them.
func (p *Postfix) Delivered(t testing.TB) [][]byte {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(p.dir, "mail", "all", "new", "*"))
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(files)
	var mails [][]byte
	for _, file := range files {
		mail, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		mails = append(mails, mail)
	}
	return mails
}

// WaitMail waits until a mail for the recipient was delivered, and returns it.
func (p *Postfix) WaitMail(t testing.TB, recipient string) []byte {
	t.Helper()
	mark := []byte("\nDelivered-To: " + recipient + "\n")
	var mail []byte
	Eventually(t, "Postfix to deliver mail for "+recipient, func() bool {
		for _, m := range p.Delivered(t) {
			if bytes.Contains(m, mark) {
				mail = m
				return true
			}
		}
		return false
	})
	return mail
}

// configure writes main.cf and master.cf.
func (p *Postfix) configure(t testing.TB, o PostfixOptions) {
	t.Helper()
	for _, dir := range []string{"etc", "queue", "data", "mail"} {
		if err := os.Mkdir(filepath.Join(p.dir, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p.chown(t, "data", "postfix")
	p.chown(t, "mail", "nobody")
	settings := map[string]string{
		"compatibility_level":      "3.6",
		"queue_directory":          filepath.Join(p.dir, "queue"),
		"data_directory":           filepath.Join(p.dir, "data"),
		"maillog_file":             filepath.Join(p.dir, "maillog"),
		"maillog_file_prefixes":    p.dir,
		"myhostname":               "mx.example.net",
		"mydestination":            "",
		"alias_maps":               "",
		"inet_protocols":           "ipv4",
		"mynetworks":               "127.0.0.0/8",
		"smtpd_relay_restrictions": "permit_mynetworks, reject_unauth_destination",
		"virtual_mailbox_domains":  "static:all",
		"virtual_mailbox_maps":     "static:all/",
		"virtual_mailbox_base":     filepath.Join(p.dir, "mail"),
		"virtual_minimum_uid":      "1",
		"virtual_uid_maps":         "static:" + id(t, "-u", "nobody"),
		"virtual_gid_maps":         "static:" + id(t, "-g", "nobody"),
		"message_size_limit":       "52428800",
		"virtual_mailbox_limit":    "0",
	}
	if o.Name != "" {
		settings["myhostname"] = o.Name
	}
	if o.Policy != nil {
		settings["smtpd_recipient_restrictions"] = "check_policy_service inet:" + startPolicy(t, o.Policy)
	}
	if o.Milter != "" {
		settings["smtpd_milters"] = "inet:" + o.Milter
		settings["milter_default_action"] = "tempfail"
	}
	if o.Cert.ChainFile != "" {
		settings["smtpd_tls_security_level"] = "may"
		settings["smtpd_tls_chain_files"] = o.Cert.ChainFile
		settings["smtpd_tls_received_header"] = "yes"
	}
	for name, value := range o.Setting {
		settings[name] = value
	}
	var main strings.Builder
	for name, value := range settings {
		fmt.Fprintf(&main, "%s = %s\n", name, value)
	}
	p.write(t, "main.cf", main.String())
	p.write(t, "master.cf", fmt.Sprintf(masterFile, p.Addr))
}

// masterFile is master.cf: every service outside a chroot, since the folder has none
// of the files that one needs.
const masterFile = `
%s        inet  n  -  n  -      -  smtpd
pickup    unix  n  -  n  60     1  pickup
cleanup   unix  n  -  n  -      0  cleanup
qmgr      unix  n  -  n  300    1  qmgr
tlsmgr    unix  -  -  n  1000?  1  tlsmgr
rewrite   unix  -  -  n  -      -  trivial-rewrite
bounce    unix  -  -  n  -      0  bounce
defer     unix  -  -  n  -      0  bounce
trace     unix  -  -  n  -      0  bounce
verify    unix  -  -  n  -      1  verify
proxymap  unix  -  -  n  -      -  proxymap
smtp      unix  -  -  n  -      -  smtp
relay     unix  -  -  n  -      -  smtp
error     unix  -  -  n  -      -  error
retry     unix  -  -  n  -      -  error
virtual   unix  -  n  n  -      -  virtual
anvil     unix  -  -  n  -      1  anvil
scache    unix  -  -  n  -      1  scache
postlog   unix-dgram n - n -    1  postlogd
`

func (p *Postfix) write(t testing.TB, name, text string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(p.dir, "etc", name), []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

func (p *Postfix) chown(t testing.TB, dir, owner string) {
	t.Helper()
	if out, err := exec.Command("chown", owner, filepath.Join(p.dir, dir)).CombinedOutput(); err != nil {
		t.Fatalf("chown %s %s: %v\n%s", owner, dir, err, out)
	}
}

// id returns the number of a user or of its group.
func id(t testing.TB, flag, name string) string {
	t.Helper()
	out, err := exec.Command("id", flag, name).Output()
	if err != nil {
		t.Fatalf("id %s %s: %v", flag, name, err)
	}
	return strings.TrimSpace(string(out))
}
