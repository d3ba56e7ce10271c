// SPDX-License-Identifier: Apache-2.0

// Package interop_test delivers mail from `sesame serve` to mail servers that nobody
// here wrote, found through the DNS as on the Internet:
//
//	program --API or SMTP--> sesame serve --MX look-up--> the test's name server
//	                              |
//	                              +--SMTP, STARTTLS--> Postfix --milter--> OpenDKIM
//	                                                      |
//	                                                      +--> Maildir, checked by dkimpy
//
// All hosts of the outside world are loopback addresses, and its port 25 is one port
// that is free on all of them.
package interop_test

import (
	"encoding/json"
	"net"
	"strconv"
	"testing"

	"sesame/test/harness"
)

// world is the outside: a name server and a Postfix that verifies signatures.
type world struct {
	dns     *harness.DNS
	postfix *harness.Postfix
	port    int // of every mail server in it
}

// newWorld makes a world in which mx.example.net is Postfix. Its replies to the first
// attempts for a recipient are the policy's.
func newWorld(t *testing.T, policy harness.Policy) *world {
	t.Helper()
	dir := harness.Dir(t)
	w := &world{dns: harness.StartDNS(t, "mx.example.net. 60 IN A 127.0.0.2")}
	// 127.0.0.2 is Postfix, and on other addresses nobody listens.
	addr := harness.FreeAddr(t, "127.0.0.2")
	w.postfix = harness.StartPostfix(t, harness.PostfixOptions{
		Addr: addr, Name: "mx.example.net", Policy: policy,
		Milter: harness.StartOpenDKIM(t, "mx.example.net", w.dns.Addr),
		Cert:   harness.NewCA(t, dir).Issue(t, "mx.example.net"),
	})
	w.port = portOf(t, addr)
	return w
}

func portOf(t *testing.T, addr string) int {
	t.Helper()
	_, text, err := net.SplitHostPort(addr)
	if err != nil {
		t.Fatal(err)
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		t.Fatal(err)
	}
	return port
}

// serve starts a Sesame in this world, with the identity example.com verified and its
// DKIM keys published.
func (w *world) serve(t *testing.T, change func(*harness.Config)) *harness.Server {
	t.Helper()
	config := harness.ServeConfig(t)
	config.DNS.Servers = []string{w.dns.Addr}
	config.Delivery.SMTPPort = w.port
	if change != nil {
		change(&config)
	}
	s := harness.Serve(t, config)
	status, body := s.Call(t, "POST", "/v2/email/identities", map[string]string{"EmailIdentity": "example.com"})
	if status != 200 {
		t.Fatalf("create the identity: HTTP %d: %s", status, body)
	}
	s.VerifyIdentity(t, "example.com")
	w.publish(t, s, "example.com")
	return s
}

// publish puts the DKIM records of the identity into the DNS, as its owner would.
func (w *world) publish(t *testing.T, s *harness.Server, identity string) {
	t.Helper()
	var keys struct {
		Records []struct{ Name, Type, Value string }
	}
	if status := s.Admin(t, "GET", "/identities/"+identity+"/records", &keys); status != 200 || len(keys.Records) == 0 {
		t.Fatalf("DKIM records: HTTP %d, %d records", status, len(keys.Records))
	}
	for _, r := range keys.Records {
		if r.Type == "TXT" {
			w.dns.AddTXT(r.Name, r.Value)
		} else {
			w.dns.Add(r.Name + ". 60 IN " + r.Type + " " + r.Value)
		}
	}
}

// send sends a small mail through the API and returns its message id.
func send(t *testing.T, s *harness.Server, to string) string {
	t.Helper()
	return sendRaw(t, s, to, "From: sender@example.com\r\nTo: "+to+"\r\nSubject: Interoperability\r\n\r\nHello.\r\n")
}

func sendRaw(t *testing.T, s *harness.Server, to, message string) string {
	t.Helper()
	status, body := s.Call(t, "POST", "/v2/email/outbound-emails", map[string]any{
		"FromEmailAddress": "sender@example.com",
		"Destination":      map[string]any{"ToAddresses": []string{to}},
		"Content":          map[string]any{"Raw": map[string]any{"Data": []byte(message)}},
	})
	var answer struct{ MessageId string }
	if err := json.Unmarshal(body, &answer); err != nil || status != 200 {
		t.Fatalf("send: HTTP %d, %v: %s", status, err, body)
	}
	return answer.MessageId
}
