// SPDX-License-Identifier: Apache-2.0

package doctor_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/core/zone"
	"sesame/internal/doctor"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/dns/dnstest"
	"sesame/internal/proto/smtpclient/smtptest"
	"sesame/internal/testkit/pgtest"
)

const host = "mail.example.com"

// examine makes all checks and returns the result of one.
func examine(t *testing.T, name string, o doctor.Options) doctor.Result {
	t.Helper()
	if o.Hostname == "" {
		o.Hostname = host
	}
	if o.Resolver == nil {
		o.Resolver = resolver(t, dnstest.Zone{})
	}
	if o.DataDir == "" {
		o.DataDir = t.TempDir()
	}
	for _, r := range doctor.Run(t.Context(), o) {
		if r.Check == "" || r.Seen == "" && r.Verdict != doctor.Skip {
			t.Errorf("a result says nothing: %+v", r)
		}
		if strings.HasPrefix(r.Check, name) {
			return r
		}
	}
	t.Fatalf("no check %q", name)
	return doctor.Result{}
}

// resolver asks a name server that knows the zone.
func resolver(t *testing.T, z dnstest.Zone) *dns.Resolver {
	t.Helper()
	s := dnstest.New(t, z)
	port := netip.MustParseAddrPort(s.Addr()).Port()
	r, err := dns.New(dns.Options{Servers: []string{s.Addr()}, Timeout: time.Second, Rounds: 1, Port: port, AllowPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// expect fails the test unless the result is this, with these words in it.
func expect(t *testing.T, r doctor.Result, v doctor.Verdict, words string) {
	t.Helper()
	if r.Verdict != v || !strings.Contains(r.Seen+" -> "+r.Do, words) {
		t.Errorf("got %+v, want %s with %q", r, v, words)
	}
	if (r.Verdict == doctor.Fail || r.Verdict == doctor.Warn) && r.Do == "" {
		t.Errorf("nobody is told what to do: %+v", r)
	}
}

func TestWebDoors(t *testing.T) {
	t.Parallel()
	answers := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/readyz" {
			w.WriteHeader(http.StatusServiceUnavailable)
			w.Write([]byte("the database does not answer\n"))
		}
	})
	plain := httptest.NewServer(answers)
	t.Cleanup(plain.Close)
	addr := strings.TrimPrefix(plain.URL, "http://")
	closed := freeAddr(t)
	for _, tc := range []struct {
		name    string
		door    doctor.Door
		addr    string
		verdict doctor.Verdict
		words   string
	}{
		{"HTTP answers", doctor.HTTP, addr, doctor.OK, "answers HTTP"},
		{"a wildcard is asked on loopback", doctor.HTTP, strings.Replace(addr, "127.0.0.1", "0.0.0.0", 1), doctor.OK, "answers HTTP"},
		{"nothing listens", doctor.HTTP, closed, doctor.Fail, "nothing listens there"},
		{"no TLS where there should be", doctor.HTTPS, addr, doctor.Fail, "no TLS"},
		{"the server says that it is not ready", doctor.Ops, addr, doctor.Fail, "503 Service Unavailable: the database does not answer"},
		{"nothing listens on the operator's port", doctor.Ops, closed, doctor.Fail, "nothing listens there"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			expect(t, examine(t, string(tc.door), doctor.Options{Listeners: []doctor.Listener{{Door: tc.door, Addr: tc.addr}}}), tc.verdict, tc.words)
		})
	}
}

// freeAddr is an address where nobody listens.
func freeAddr(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func TestCertificates(t *testing.T) {
	t.Parallel()
	cert, pool := smtptest.Certificate(t, host)
	other, otherPool := smtptest.Certificate(t, "other.example.com")
	end := cert.Leaf.NotAfter
	for _, tc := range []struct {
		name    string
		cert    tls.Certificate
		roots   *x509.CertPool
		now     time.Time
		verdict doctor.Verdict
		words   string
	}{
		{"in order", cert, pool, end.AddDate(-1, 0, 0), doctor.OK, "certificate valid until " + end.Format(time.DateOnly)},
		{"it ends soon", cert, pool, end.AddDate(0, 0, -13), doctor.Warn, "the certificate ends on"},
		{"it has ended", cert, pool, end.AddDate(0, 0, 1), doctor.Fail, "the certificate ended on"},
		{"it has not begun", cert, pool, time.Unix(-1e6, 0), doctor.Fail, "the certificate begins on 1970-01-01"},
		{"it is for another name", other, otherPool, end.AddDate(-1, 0, 0), doctor.Fail, "the certificate is for other.example.com, not for mail.example.com"},
		{"nobody trusts who signed it", cert, x509.NewCertPool(), end.AddDate(-1, 0, 0), doctor.Warn, "signed by nobody that this system trusts"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewUnstartedServer(http.NotFoundHandler())
			s.TLS = &tls.Config{Certificates: []tls.Certificate{tc.cert}}
			s.StartTLS()
			t.Cleanup(s.Close)
			o := doctor.Options{Listeners: []doctor.Listener{{Door: doctor.HTTPS, Addr: s.Listener.Addr().String()}}, Roots: tc.roots, Clock: clock.NewFake(tc.now).Now}
			expect(t, examine(t, "https", o), tc.verdict, tc.words)
		})
	}
}

// with is a script that goes on.
func with(script []string, more ...string) []string { return slices.Concat(script, more) }

func TestMailDoors(t *testing.T) {
	t.Parallel()
	cert, pool := smtptest.Certificate(t, host)
	greeting := []string{"S: 220 mail.example.com ready", "C: EHLO doctor.invalid"}
	upgrade := with(greeting, "S: 250-mail.example.com", "S: 250 STARTTLS", "C: STARTTLS", "S: 220 go", "TLS", "C: EHLO doctor.invalid")
	for _, tc := range []struct {
		name    string
		door    doctor.Door
		script  []string
		verdict doctor.Verdict
		words   string
	}{
		{"STARTTLS and AUTH", doctor.SMTP, with(upgrade, "S: 250-mail.example.com", "S: 250 AUTH PLAIN LOGIN"), doctor.OK, "certificate valid until"},
		{"no AUTH after STARTTLS", doctor.SMTP, with(upgrade, "S: 250 mail.example.com"), doctor.Fail, "offers no AUTH"},
		{"no STARTTLS", doctor.SMTP, with(greeting, "S: 250 AUTH PLAIN"), doctor.Fail, "offers no STARTTLS"},
		{"TLS from the first byte", doctor.SMTPS, []string{"TLS", "S: 220 ready", "C: EHLO doctor.invalid", "S: 250-mail.example.com", "S: 250 AUTH PLAIN"}, doctor.OK, "certificate valid until"},
		{"an exchanger needs neither", doctor.MX, with(greeting, "S: 250 mail.example.com"), doctor.OK, "answers SMTP"},
		{"something else listens", doctor.SMTP, []string{"S: SSH-2.0-OpenSSH_9.2"}, doctor.Fail, "no greeting"},
		{"it greets with a refusal", doctor.SMTP, []string{"S: 554 go away"}, doctor.Fail, "554 go away"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			// The relay check opens a session of its own.
			s := smtptest.New(t, with(tc.script, "HANG"))
			s.SetCertificate(cert)
			o := doctor.Options{Listeners: []doctor.Listener{{Door: tc.door, Addr: s.Addr().String()}}, Roots: pool, Deadline: 2 * time.Second}
			expect(t, examine(t, string(tc.door)+" ", o), tc.verdict, tc.words)
		})
	}
}

func TestOpenRelay(t *testing.T) {
	t.Parallel()
	greeting := []string{"S: 220 ready", "C: EHLO doctor.invalid", "S: 250-mail.example.com", "S: 250 AUTH PLAIN"}
	mail := with(greeting, "C: MAIL FROM:<relay-test@example.org>*")
	for _, tc := range []struct {
		name    string
		script  []string
		verdict doctor.Verdict
		words   string
	}{
		{"an open relay", with(mail, "S: 250 ok", "C: RCPT TO:<relay-test@example.net>", "S: 250 ok"), doctor.Fail, "without AUTH"},
		{"it wants AUTH", with(mail, "S: 530 Authentication required"), doctor.OK, "refuses strangers: 530 Authentication required"},
		{"it refuses the recipient", with(mail, "S: 250 ok", "C: RCPT TO:<relay-test@example.net>", "S: 554 Relay access denied"), doctor.OK, "554 Relay access denied"},
		{"it breaks off", with(mail, "CUT"), doctor.Warn, "the session broke"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			script := tc.script
			if script[len(script)-1] != "CUT" {
				script = with(script, "HANG")
			}
			s := smtptest.New(t, script)
			// Of an exchanger's listener the first check says EHLO alone.
			o := doctor.Options{Listeners: []doctor.Listener{{Door: doctor.MX, Addr: s.Addr().String()}}, Deadline: 2 * time.Second}
			expect(t, examine(t, "open relay", o), tc.verdict, tc.words)
		})
	}
}

func TestTheMailboxOfDevIsNoOpenRelay(t *testing.T) {
	t.Parallel()
	o := doctor.Options{Dev: true, Listeners: []doctor.Listener{{Door: doctor.MX, Addr: freeAddr(t)}}}
	expect(t, examine(t, "open relay", o), doctor.Skip, "takes mail for anybody")
}

// source is where mail leaves from in these tests.
var source = netip.MustParseAddr("198.51.100.7")

func TestNamesAndAddresses(t *testing.T) {
	t.Parallel()
	const forward, back = "mail.example.com. A 198.51.100.7\n", "7.100.51.198.in-addr.arpa. PTR mail.example.com.\n"
	for _, tc := range []struct {
		name    string
		check   string
		zone    string
		none    []string // names that don't exist
		change  func(*doctor.Options)
		verdict doctor.Verdict
		words   string
	}{
		{"the host name leads here", "host address", forward, nil, nil, doctor.OK, "mail.example.com is 198.51.100.7"},
		{"the host name leads to another of our addresses", "host address", "mail.example.com. A 203.0.113.5", nil,
			func(o *doctor.Options) { o.Local = []netip.Addr{netip.MustParseAddr("203.0.113.5")} }, doctor.OK, "203.0.113.5"},
		{"the host name leads elsewhere", "host address", "mail.example.com. A 203.0.113.5", nil, nil, doctor.Fail, "mail.example.com is 203.0.113.5, and this machine is 198.51.100.7"},
		{"the host name leads nowhere", "host address", "", []string{host}, nil, doctor.Fail, "has no address"},
		{"the host name can't be looked up", "host address", "", nil, nil, doctor.Warn, "can't be looked up"},
		{"behind NAT nobody can tell", "host address", "mail.example.com. A 203.0.113.5", nil, func(o *doctor.Options) { o.Source = netip.MustParseAddr("10.0.0.5") }, doctor.Skip, "--address"},
		{"there and back", "reverse DNS", forward + back, nil, nil, doctor.OK, "198.51.100.7 is mail.example.com and back"},
		{"no name", "reverse DNS", forward, []string{"7.100.51.198.in-addr.arpa"}, nil, doctor.Fail, "198.51.100.7 has no name"},
		{"a name that does not lead back", "reverse DNS", "mail.example.com. A 203.0.113.5\n" + back, nil, nil, doctor.Fail, "which does not lead back"},
		{"another name", "reverse DNS", "7.100.51.198.in-addr.arpa. PTR out.example.com.\nout.example.com. A 198.51.100.7", nil, nil, doctor.Warn, "and hostname is mail.example.com"},
		{"the provider's name", "reverse DNS", "7.100.51.198.in-addr.arpa. PTR 198-51-100-7.static.example.net.\n198-51-100-7.static.example.net. A 198.51.100.7", nil, nil, doctor.Warn,
			"looks like a name that a provider gives to any machine"},
		{"a private address has no name", "reverse DNS", "", nil, func(o *doctor.Options) { o.Source = netip.MustParseAddr("10.0.0.5") }, doctor.Skip, "private address 10.0.0.5"},
		{"the resolver fails", "reverse DNS", "", nil, nil, doctor.Warn, "can't be looked up"},
		{"a host name", "host name", "", nil, nil, doctor.OK, host},
		{"a provider's host name", "host name", "", nil, func(o *doctor.Options) { o.Hostname = "ec2-198-51-100-7.compute-1.amazonaws.com" }, doctor.Fail, "gives to any machine"},
		{"the return path allows us", "return path", `mail.example.com. TXT "v=spf1 ip4:198.51.100.7 -all"`, nil, func(o *doctor.Options) { o.ReturnDomain = host }, doctor.OK, "ip4:198.51.100.7"},
		{"the return path has no SPF", "return path", forward, nil, func(o *doctor.Options) { o.ReturnDomain = host }, doctor.Fail, "has no SPF record"},
		{"the return path refuses us", "return path", `mail.example.com. TXT "v=spf1 -all"`, nil, func(o *doctor.Options) { o.ReturnDomain = host }, doctor.Fail, "gets the result fail"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := doctor.Options{Source: source, Resolver: resolver(t, dnstest.Zone{Records: tc.zone, NXDomain: tc.none})}
			if tc.change != nil {
				tc.change(&o)
			}
			expect(t, examine(t, tc.check, o), tc.verdict, tc.words)
		})
	}
}

func TestServiceZone(t *testing.T) {
	t.Parallel()
	const good = `ses.example.net. NS ns.ses.example.net.
		ses.example.net. SOA ns.ses.example.net. hostmaster.ses.example.net. 1 3600 600 86400 60
		ns.ses.example.net. A 127.0.0.1
		ses.example.net. TXT "v=spf1 ip4:198.51.100.7 ~all"
	`
	const parent = `example.net. NS ns.example.net.
		ns.example.net. A 127.0.0.1
	`
	for _, tc := range []struct {
		name    string
		zone    dnstest.Zone
		verdict doctor.Verdict
		words   string
	}{
		{"not delegated", dnstest.Zone{Records: "example.net. NS ns.example.net.\nns.example.net. A 127.0.0.1", NoData: []string{"ses.example.net"}}, doctor.Fail,
			"ses.example.net is not delegated: it is in example.net"},
		{"the name server has no address", dnstest.Zone{Records: "ses.example.net. NS ns.ses.example.net.", NXDomain: []string{"ns.ses.example.net"}}, doctor.Fail, "has no address (glue?)"},
		{"the name server does not answer", dnstest.Zone{Records: good, ServFail: []string{"SOA ses.example.net"}}, doctor.Fail, "SERVFAIL"},
		{"the resolver fails", dnstest.Zone{}, doctor.Warn, "can't be found"},
		{"the parent is of one mind with it", dnstest.Zone{Records: good + parent, Referrals: "ses.example.net. NS ns.ses.example.net."}, doctor.OK,
			"is delegated to ns.ses.example.net, which answer, as example.net has it"},
		{"the parent can't be found", dnstest.Zone{Records: good, ServFail: []string{"example.net"}}, doctor.OK, "which answer; its parent can't be found"},
		{"the parent can't be asked", dnstest.Zone{Records: good + "example.net. NS far.example.net.", NXDomain: []string{"far.example.net"}}, doctor.OK,
			"no name server of example.net could be asked"},
		{"the parent names somebody else", dnstest.Zone{Records: good + parent, Referrals: "ses.example.net. NS old.example.net."}, doctor.Fail,
			"ns.example.net (127.0.0.1), of example.net, delegates ses.example.net to old.example.net, which the zone itself does not name"},
		{"and what to publish there", dnstest.Zone{Records: good + parent, Referrals: "ses.example.net. NS old.example.net."}, doctor.Fail,
			"Publish in example.net: ses.example.net. NS ns.ses.example.net., with their addresses (glue)"},
		{"the parent names one too many", dnstest.Zone{Records: good + parent, Referrals: "ses.example.net. NS ns.ses.example.net.\nses.example.net. NS old.example.net."}, doctor.Warn,
			"delegates ses.example.net to old.example.net, too"},
		{"the parent names one too few", dnstest.Zone{Records: good + parent + "ses.example.net. NS ns2.ses.example.net.\nns2.ses.example.net. A 127.0.0.1",
			Referrals: "ses.example.net. NS ns.ses.example.net."}, doctor.Warn, "does not name ns2.ses.example.net"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			o := doctor.Options{Source: source, Local: []netip.Addr{netip.MustParseAddr("127.0.0.1")}, Names: zone.Names{Zone: "ses.example.net"}, Resolver: resolver(t, tc.zone)}
			expect(t, examine(t, "service zone", o), tc.verdict, tc.words)
		})
	}
	o := doctor.Options{Source: source, Names: zone.Names{Zone: "ses.example.net"}, Resolver: resolver(t, dnstest.Zone{Records: good})}
	expect(t, examine(t, "service SPF", o), doctor.OK, "v=spf1 ip4:198.51.100.7")
	o.Source = netip.MustParseAddr("203.0.113.9")
	expect(t, examine(t, "service SPF", o), doctor.Fail, "gets the result softfail")
	o.ServiceKeys = func(context.Context) ([]dnscheck.Wanted, error) {
		return []dnscheck.Wanted{{Name: "sel._domainkey.ses.example.net", Type: "TXT", Value: "v=DKIM1; p=S0VZ", Required: true, Key: "S0VZ"}}, nil
	}
	o.Resolver = resolver(t, dnstest.Zone{Records: good + `sel._domainkey.ses.example.net. TXT "v=DKIM1; p=S0VZ"`})
	expect(t, examine(t, "service DKIM", o), doctor.OK, "are found: sel._domainkey.ses.example.net")
	o.Resolver = resolver(t, dnstest.Zone{Records: good + `sel._domainkey.ses.example.net. TXT "v=DKIM1; p="`})
	expect(t, examine(t, "service DKIM", o), doctor.Fail, "has an empty p=")
	o.ServiceKeys = func(context.Context) ([]dnscheck.Wanted, error) { return nil, os.ErrNotExist }
	expect(t, examine(t, "service DKIM", o), doctor.Skip, "the keys can't be read")
	expect(t, examine(t, "service zone", doctor.Options{}), doctor.Skip, "no zone is configured")
}

func TestOutgoingPort(t *testing.T) {
	t.Parallel()
	s := smtptest.New(t, smtptest.Script{"S: 220 ready", "C: EHLO *", "S: 250 ok", "C: QUIT", "S: 221 bye"})
	expect(t, examine(t, "outgoing port", doctor.Options{Outbound: s.Addr().String()}), doctor.OK, "answers")
	// By the domain's exchangers, the best of which is on loopback.
	s = smtptest.New(t, smtptest.Script{"S: 220 ready", "C: EHLO *", "S: 250 ok", "C: QUIT", "S: 221 bye"})
	o := doctor.Options{Outbound: "example.net", SMTPPort: int(s.Addr().Port()), Resolver: resolver(t, dnstest.Zone{Records: "example.net. MX 20 far.example.net.\nexample.net. MX 10 localhost."})}
	expect(t, examine(t, "outgoing port", o), doctor.OK, "localhost:")
	expect(t, examine(t, "outgoing port", doctor.Options{Outbound: freeAddr(t)}), doctor.Fail, "open outgoing port 25")
	expect(t, examine(t, "outgoing port", doctor.Options{Outbound: "example.net"}), doctor.Skip, "Is this machine online?")
	expect(t, examine(t, "outgoing port", doctor.Options{}), doctor.Skip, "--outbound")
	mute := smtptest.New(t, smtptest.Script{"HANG"})
	expect(t, examine(t, "outgoing port", doctor.Options{Outbound: mute.Addr().String(), Deadline: 300 * time.Millisecond}), doctor.Fail, "does not greet")
}

// timeServer answers as an NTP server whose clock is ahead of ours (RFC 5905 §7.3).
func timeServer(t *testing.T, ahead time.Duration) string {
	t.Helper()
	p, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { p.Close() })
	go func() {
		q := make([]byte, 512)
		for {
			n, from, err := p.ReadFrom(q)
			if err != nil {
				return
			}
			if n < 48 {
				continue
			}
			r := make([]byte, 48)
			r[0], r[1], r[3] = 0x24, 1, 0xec // version 4, server; stratum 1
			now := time.Now().Add(ahead)
			stamp := func(at int) {
				binary.BigEndian.PutUint32(r[at:], uint32(now.Unix()+2208988800))
				binary.BigEndian.PutUint32(r[at+4:], uint32(uint64(now.Nanosecond())<<32/1e9))
			}
			copy(r[24:32], q[40:48]) // origin: what the client sent
			stamp(16)
			stamp(32)
			stamp(40)
			p.WriteTo(r, from)
		}
	}()
	return p.LocalAddr().String()
}

func TestClock(t *testing.T) {
	t.Parallel()
	expect(t, examine(t, "clock", doctor.Options{NTP: timeServer(t, 0)}), doctor.OK, "from 127.0.0.1:")
	expect(t, examine(t, "clock", doctor.Options{NTP: timeServer(t, 10*time.Second)}), doctor.Warn, "time daemon")
	expect(t, examine(t, "clock", doctor.Options{NTP: timeServer(t, -time.Hour)}), doctor.Fail, "Requests are refused")
	expect(t, examine(t, "clock", doctor.Options{NTP: freeAddr(t), Deadline: time.Second}), doctor.Skip, "does not answer")
	expect(t, examine(t, "clock", doctor.Options{}), doctor.Skip, "--ntp")
}

func TestDatabase(t *testing.T) {
	t.Parallel()
	for name, o := range map[string]store.Options{"SQLite": {Path: filepath.Join(t.TempDir(), "sesame.db")}, "PostgreSQL": {URL: pgtest.URL(t)}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if name == "SQLite" {
				expect(t, examine(t, "database", doctor.Options{Store: o}), doctor.Skip, "there is none yet")
				if _, err := os.Stat(o.Path); err == nil {
					t.Error("the doctor made one")
				}
			}
			if name == "PostgreSQL" {
				expect(t, examine(t, "database", doctor.Options{Store: o}), doctor.Warn, "changes of its schema are to be made")
			}
			db, err := store.Open(t.Context(), o)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { db.Close() })
			expect(t, examine(t, "database", doctor.Options{Store: o}), doctor.OK, name) // with the server running
			err = db.Write(t.Context(), func(tx *store.Tx) error {
				_, err := tx.Exec("INSERT INTO schema_migrations (name) VALUES (?)", "9999_later.sql")
				return err
			})
			if err != nil {
				t.Fatal(err)
			}
			expect(t, examine(t, "database", doctor.Options{Store: o}), doctor.Fail, "a later version of sesame has used it")
		})
	}
	gone := store.Options{URL: "postgres://sesame:hunter2@" + freeAddr(t) + "/sesame"}
	r := examine(t, "database", doctor.Options{Store: gone})
	expect(t, r, doctor.Fail, "PostgreSQL does not answer")
	if strings.Contains(r.Seen+r.Do, "hunter2") {
		t.Errorf("the password is shown: %+v", r)
	}
}

func TestDiskAndKeyring(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "keyring")
	o := doctor.Options{DataDir: dir, Store: store.Options{Path: filepath.Join(dir, "sesame.db")}}
	if r := examine(t, "disk", o); r.Verdict == doctor.Fail || !strings.Contains(r.Seen, "inodes free, a sync takes") {
		t.Errorf("%+v", r)
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".doctor-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
	expect(t, examine(t, "disk", doctor.Options{DataDir: filepath.Join(dir, "none")}), doctor.Fail, "no such file")
	expect(t, examine(t, "keyring", o), doctor.Skip, "there is none yet")
	if _, err := keyring.LoadOrCreate(file, time.Now()); err != nil {
		t.Fatal(err)
	}
	expect(t, examine(t, "keyring", o), doctor.OK, "mode 0600")
	if err := os.Chmod(file, 0o644); err != nil {
		t.Fatal(err)
	}
	expect(t, examine(t, "keyring", o), doctor.Fail, "others may read or change it")
	if err := os.Rename(file, o.Store.Path); err != nil { // a database without its keyring
		t.Fatal(err)
	}
	expect(t, examine(t, "keyring", o), doctor.Fail, "no secret in the database can be read")
	expect(t, examine(t, "open files", doctor.Options{Files: 1}), doctor.OK, "may be open")
	expect(t, examine(t, "open files", doctor.Options{Files: 1 << 62}), doctor.Warn, "LimitNOFILE")
	if r := examine(t, "signing", o); r.Verdict == doctor.Fail || !strings.HasPrefix(r.Seen, "RSA by ") {
		t.Errorf("%+v", r)
	}
}

// stuck is a resolver that never answers, whatever its context says.
type stuck struct {
	*dns.Resolver
	until chan struct{}
}

func (s stuck) LookupAddrs(context.Context, string) ([]netip.Addr, error) {
	<-s.until
	return nil, nil
}

func TestACheckThatHangsHoldsUpNothing(t *testing.T) {
	t.Parallel()
	s := stuck{resolver(t, dnstest.Zone{}), make(chan struct{})}
	defer close(s.until)
	began := time.Now()
	expect(t, examine(t, "host address", doctor.Options{Resolver: s, Deadline: 200 * time.Millisecond}), doctor.Fail, "no end in 200ms")
	if took := time.Since(began); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
}
