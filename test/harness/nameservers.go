// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"sesame/internal/testkit/need"
)

// NameServer is a real name server, on UDP and TCP, that serves zones which take dynamic
// updates.
type NameServer struct {
	Addr string // host:port
	Key  string // name of the TSIG key that updates must be signed with, if one was asked for
	Dir  string // its folder

	t   testing.TB
	run *process
}

// TSIGSecret is the secret of NameServer.Key, an HMAC-SHA256 key. It opens nothing
// anywhere else.
const TSIGSecret = "c2VzYW1lIHRlc3Qgc2VjcmV0IG9mIFRTSUc="

// tsigKey is the name of that key.
const tsigKey = "sesame."

// NameServerOptions say what a name server serves.
type NameServerOptions struct {
	Zones  []string
	Signed bool // updates must be signed; else whoever is on this machine may send them
	// Forward sends questions for a zone to another server, host:port: BIND alone, which
	// then is a resolver too.
	Forward map[string]string
}

// zoneFile is a zone as it begins.
const zoneFile = `$TTL 5
@ IN SOA ns hostmaster 1 3600 600 86400 1
@ IN NS ns
ns IN A 127.0.0.1
`

// StartBIND starts a named of its own.
func StartBIND(t testing.TB, o NameServerOptions) *NameServer {
	t.Helper()
	n := newNameServer(t, o)
	host, port := n.hostPort()
	allow := "127.0.0.1;"
	if o.Signed {
		allow = "key " + tsigKey + ";"
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, `options {
  directory %q; pid-file "named.pid"; session-keyfile "session.key"; lock-file none;
  listen-on port %s { %s; }; listen-on-v6 { none; };
  recursion %v; allow-recursion { 127.0.0.1; }; dnssec-validation no; minimal-responses yes; notify no;
};
controls { };
key %q { algorithm hmac-sha256; secret %q; };
`, n.Dir, port, host, yesNo(len(o.Forward) > 0), tsigKey, TSIGSecret)
	for _, zone := range o.Zones {
		fmt.Fprintf(&conf, "zone %q { type primary; file %q; allow-update { %s }; };\n", zone, zone+".zone", allow)
	}
	for zone, to := range o.Forward {
		toHost, toPort, err := net.SplitHostPort(to)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&conf, "zone %q { type forward; forward only; forwarders { %s port %s; }; };\n", zone, toHost, toPort)
	}
	n.write("named.conf", conf.String())
	return n.launch(exec.Command(need.Program(t, need.BIND), "-g", "-n", "1", "-c", filepath.Join(n.Dir, "named.conf")), o.Zones)
}

func yesNo(yes bool) string {
	if yes {
		return "yes"
	}
	return "no"
}

// StartKnot starts a knotd of its own. It answers for its zones alone.
func StartKnot(t testing.TB, o NameServerOptions) *NameServer {
	t.Helper()
	n := newNameServer(t, o)
	host, port := n.hostPort()
	who := "address: 127.0.0.1"
	if o.Signed {
		who = "key: " + tsigKey
	}
	var conf strings.Builder
	fmt.Fprintf(&conf, `server:
  rundir: %[1]q
  listen: %[2]s@%[3]s
  udp-workers: 1
  tcp-workers: 1
  background-workers: 1
database:
  storage: %[1]q
log:
  - target: stderr
    any: info
key:
  - id: %[4]s
    algorithm: hmac-sha256
    secret: %[5]s
acl:
  - id: update
    %[6]s
    action: update
template:
  - id: default
    storage: %[1]q
    zonefile-sync: -1
    zonefile-load: whole
    journal-content: changes
    acl: update
zone:
`, n.Dir, host, port, tsigKey, TSIGSecret, who)
	for _, zone := range o.Zones {
		fmt.Fprintf(&conf, "  - domain: %s\n    file: %q\n", zone, zone+".zone")
	}
	n.write("knot.conf", conf.String())
	return n.launch(exec.Command(need.Program(t, need.Knot), "-c", filepath.Join(n.Dir, "knot.conf")), o.Zones)
}

func newNameServer(t testing.TB, o NameServerOptions) *NameServer {
	t.Helper()
	n := &NameServer{t: t, Dir: Dir(t)}
	packets, streams := listenBoth(t) // free for both now; the server takes it next
	n.Addr = streams.Addr().String()
	packets.Close()
	streams.Close()
	if o.Signed {
		n.Key = tsigKey
	}
	for _, zone := range o.Zones {
		n.write(zone+".zone", zoneFile)
	}
	return n
}

func (n *NameServer) hostPort() (host, port string) {
	n.t.Helper()
	host, port, err := net.SplitHostPort(n.Addr)
	if err != nil {
		n.t.Fatal(err)
	}
	return host, port
}

func (n *NameServer) write(file, text string) {
	n.t.Helper()
	if err := os.WriteFile(filepath.Join(n.Dir, file), []byte(text), 0o644); err != nil {
		n.t.Fatal(err)
	}
}

// launch runs the server until the end of the test.
func (n *NameServer) launch(cmd *exec.Cmd, zones []string) *NameServer {
	n.t.Helper()
	cmd.Dir, cmd.Env = n.Dir, baseEnviron(n.Dir)
	n.run = start(n.t, cmd, filepath.Join(n.Dir, "log"))
	n.t.Cleanup(func() {
		n.run.kill()
		if n.t.Failed() {
			n.t.Logf("the name server's log:\n%s", tail(n.run.log))
		}
	})
	for _, zone := range zones {
		Eventually(n.t, "the name server to answer for "+zone, func() bool {
			if n.run.ended() {
				n.t.Fatalf("the name server ended: %v\n%s", n.run.err, tail(n.run.log))
			}
			m, err := n.ask(zone, dns.TypeSOA)
			return err == nil && len(m.Answer) > 0
		})
	}
	return n
}

func (n *NameServer) ask(name string, qtype uint16) (*dns.Msg, error) {
	c := dns.Client{Net: "tcp", Timeout: time.Second}
	m, _, err := c.Exchange(new(dns.Msg).SetQuestion(dns.Fqdn(name), qtype), n.Addr)
	return m, err
}

// Lookup returns the records at a name, each as the right-hand side of a zone file's
// line, TXT as one string.
func (n *NameServer) Lookup(name string, qtype uint16) []string {
	n.t.Helper()
	m, err := n.ask(name, qtype)
	if err != nil {
		n.t.Fatalf("ask for %s: %v", name, err)
	}
	var values []string
	for _, rr := range m.Answer {
		if txt, ok := rr.(*dns.TXT); ok {
			values = append(values, strings.Join(txt.Txt, ""))
		} else {
			values = append(values, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
	}
	return values
}

// Update changes a zone with BIND's nsupdate: lines are its commands, such as "update add
// a.example.com. 5 TXT x".
func (n *NameServer) Update(lines ...string) {
	n.t.Helper()
	host, port := n.hostPort()
	text := fmt.Sprintf("server %s %s\n", host, port)
	if n.Key != "" {
		text += fmt.Sprintf("key hmac-sha256:%s %s\n", n.Key, TSIGSecret)
	}
	cmd := exec.Command(need.Program(n.t, need.NSUpdate))
	cmd.Env = baseEnviron(n.Dir)
	cmd.Stdin = strings.NewReader(text + strings.Join(lines, "\n") + "\nsend\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		n.t.Fatalf("nsupdate: %v\n%s", err, out)
	}
}
