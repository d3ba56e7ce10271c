// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/miekg/dns"
)

// DNS is a name server for one test, on UDP and TCP. It knows the records that the test
// wrote and denies every other name, so that nothing is asked of the real network.
type DNS struct {
	Addr string // host:port

	t       testing.TB
	mu      sync.Mutex
	records map[string][]dns.RR // by name, lower case, with the final dot
	asked   map[string]int      // by name and type
}

// StartDNS starts a name server with the records, each a line of a zone file with full
// names: "example.net. 60 IN MX 10 mx.example.net.".
func StartDNS(t testing.TB, records ...string) *DNS {
	t.Helper()
	d := &DNS{t: t, records: map[string][]dns.RR{}, asked: map[string]int{}}
	d.Add(records...)
	packets, streams := listenBoth(t)
	d.Addr = packets.LocalAddr().String()
	for _, server := range []*dns.Server{{PacketConn: packets, Handler: d}, {Listener: streams, Handler: d}} {
		started := make(chan struct{})
		server.NotifyStartedFunc = func() { close(started) }
		ended := make(chan error, 1)
		go func() { ended <- server.ActivateAndServe() }()
		select {
		case <-started:
		case err := <-ended:
			t.Fatalf("name server: %v", err)
		}
		t.Cleanup(func() { _ = server.Shutdown() })
	}
	return d
}

// listenBoth finds a port that is free for UDP and for TCP.
func listenBoth(t testing.TB) (net.PacketConn, net.Listener) {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		streams, err := net.Listen("tcp", packets.LocalAddr().String())
		if err == nil {
			return packets, streams
		}
		packets.Close()
	}
	t.Fatal("no port is free for both UDP and TCP")
	return nil, nil
}

// Add adds records, as lines of a zone file.
func (d *DNS) Add(records ...string) {
	d.t.Helper()
	for _, text := range records {
		rr, err := dns.NewRR(text)
		if err != nil || rr == nil {
			d.t.Fatalf("record %q: %v", text, err)
		}
		d.add(rr)
	}
}

// AddTXT adds a TXT record of any length, cut into strings as RFC 1035 wants.
func (d *DNS) AddTXT(name, value string) {
	rr := &dns.TXT{Hdr: dns.RR_Header{Name: dns.Fqdn(name), Rrtype: dns.TypeTXT, Class: dns.ClassINET, Ttl: 60}}
	for len(value) > 255 {
		rr.Txt, value = append(rr.Txt, value[:255]), value[255:]
	}
	rr.Txt = append(rr.Txt, value)
	d.add(rr)
}

// Remove removes all records of a name.
func (d *DNS) Remove(name string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	delete(d.records, strings.ToLower(dns.Fqdn(name)))
}

func (d *DNS) add(rr dns.RR) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := strings.ToLower(rr.Header().Name)
	d.records[name] = append(d.records[name], rr)
}

// Asked returns how often the records of the type, such as "MX", were asked for.
func (d *DNS) Asked(name, kind string) int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.asked[strings.ToLower(dns.Fqdn(name))+" "+kind]
}

// ServeDNS answers one query.
func (d *DNS) ServeDNS(w dns.ResponseWriter, query *dns.Msg) {
	answer := new(dns.Msg)
	answer.SetReply(query)
	answer.Authoritative = true
	answer.RecursionAvailable = true
	if len(query.Question) == 1 {
		d.answer(answer, query.Question[0])
	} else {
		answer.Rcode = dns.RcodeFormatError
	}
	if _, udp := w.RemoteAddr().(*net.UDPAddr); udp {
		size := dns.MinMsgSize
		if option := query.IsEdns0(); option != nil {
			size = int(option.UDPSize())
			answer.SetEdns0(dns.DefaultMsgSize, false)
		}
		answer.Truncate(size)
	}
	// A resolver that has gone away asks again if it cares.
	_ = w.WriteMsg(answer)
}

// answer collects the records, following aliases.
func (d *DNS) answer(answer *dns.Msg, question dns.Question) {
	d.mu.Lock()
	defer d.mu.Unlock()
	name := strings.ToLower(question.Name)
	d.asked[name+" "+dns.TypeToString[question.Qtype]]++
	for range 8 {
		records, known := d.records[name]
		if !known {
			// A name above a known one exists too, but for nothing (RFC 8020).
			if !d.isParent(name) {
				answer.Rcode = dns.RcodeNameError
			}
			break
		}
		alias := ""
		for _, rr := range records {
			if rr.Header().Rrtype == question.Qtype {
				answer.Answer = append(answer.Answer, rr)
			} else if cname, ok := rr.(*dns.CNAME); ok {
				answer.Answer = append(answer.Answer, rr)
				alias = strings.ToLower(cname.Target)
			}
		}
		if alias == "" {
			break
		}
		name = alias
	}
	if len(answer.Answer) == 0 {
		answer.Ns = []dns.RR{&dns.SOA{
			Hdr: dns.RR_Header{Name: ".", Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: 1},
			Ns:  "ns.invalid.", Mbox: "nobody.invalid.", Serial: uint32(time.Now().Unix()), Refresh: 1, Retry: 1, Expire: 1, Minttl: 1,
		}}
	}
}

func (d *DNS) isParent(name string) bool {
	for known := range d.records {
		if dns.IsSubDomain(name, known) {
			return true
		}
	}
	return false
}
