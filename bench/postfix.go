// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net"
	"os"
)

// door is where a started system takes work.
type door struct {
	smtp     string // address of its SMTP listener
	caFile   string // trust anchor when STARTTLS is to be used
	user     string // AUTH
	password string
	api      string // URL of its API
	key      string // access key of the API
	secret   string
}

// starter starts one system in a site, with everything that it delivers going to the
// sink's address. It returns once the system takes work.
type starter func(ctx context.Context, s *site, sink string) (door, error)

// postfixMain is main.cf: a relay host, OpenDKIM as milter, everything else as it
// comes, so one fsync a message. No file outside the site is read.
const postfixMain = `compatibility_level = 3.6
queue_directory = %[1]s/queue
data_directory = %[1]s/data
command_directory = /usr/sbin
daemon_directory = /usr/lib/postfix/sbin
mail_owner = postfix
setgid_group = postdrop
maillog_file = %[1]s/postfix.log
maillog_file_prefixes = %[1]s
myhostname = postfix.example
mydomain = postfix.example
mydestination =
alias_maps =
alias_database =
local_recipient_maps =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
mynetworks = 127.0.0.0/8
relayhost = [%[2]s]:%[3]s
smtp_host_lookup = native
smtp_tls_security_level = none
smtpd_tls_security_level = none
smtpd_milters = unix:%[1]s/opendkim.sock
milter_default_action = tempfail
`

// postfixMaster is master.cf: Debian's services that relaying needs, not in a chroot.
const postfixMaster = `%s inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
proxywrite unix - - n - 1 proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
local unix - n n - - local
virtual unix - n n - - virtual
lmtp unix - - n - - lmtp
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// openDKIMConf signs what comes from this machine, over a Unix socket, which is
// Debian's default kind and the fast one.
const openDKIMConf = `Syslog no
Mode s
Canonicalization relaxed/simple
OversignHeaders From
Domain ` + benchDomain + `
Selector bench
KeyFile %[1]s/dkim.pem
RequireSafeKeys no
Socket local:%[1]s/opendkim.sock
PidFile %[1]s/opendkim.pid
UMask 000
`

// startPostfix starts Postfix with OpenDKIM.
func startPostfix(ctx context.Context, s *site, sink string) (door, error) {
	addr, err := freePort()
	if err != nil {
		return door{}, err
	}
	host, port, err := net.SplitHostPort(sink)
	if err != nil {
		return door{}, err
	}
	if err := writeKey(s.path("dkim.pem")); err != nil {
		return door{}, err
	}
	files := map[string]string{
		"opendkim.conf": fmt.Sprintf(openDKIMConf, s.dir),
		"etc/main.cf":   fmt.Sprintf(postfixMain, s.dir, host, port),
		"etc/master.cf": fmt.Sprintf(postfixMaster, addr),
	}
	for name, text := range files {
		if err := s.write(name, text); err != nil {
			return door{}, err
		}
	}
	if err := s.spawn("opendkim", "/usr/sbin/opendkim", "-f", "-x", s.path("opendkim.conf")); err != nil {
		return door{}, err
	}
	if err := s.await(ctx, "OpenDKIM", func() error { _, err := os.Stat(s.path("opendkim.sock")); return err }); err != nil {
		return door{}, err
	}
	if err := os.MkdirAll(s.path("queue"), 0o755); err != nil {
		return door{}, err
	}
	// It creates the queue's directories with their owners.
	if _, err := s.do(ctx, "/usr/sbin/postfix", "-c", s.path("etc"), "check"); err != nil {
		return door{}, err
	}
	if err := s.spawn("master", "/usr/lib/postfix/sbin/master", "-c", s.path("etc"), "-d"); err != nil {
		return door{}, err
	}
	return door{smtp: addr}, s.await(ctx, "Postfix", func() error { return greeted(addr) })
}
