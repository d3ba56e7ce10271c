// SPDX-License-Identifier: Apache-2.0

package interop_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/mail"
	"net/textproto"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"sesame/test/harness"
	"sesame/test/traffic"
)

// Bounds of the load of TestRotationUnderLoad.
const (
	rotations     = 2
	leastSent     = 200
	mostSent      = 1200
	eachKey       = 25 // messages that every key signs
	betweenSends  = 100 * time.Millisecond
	sampleEvery   = 10 // of the messages OpenDKIM sees one
	strangersHost = "192.0.2.99"
)

// TestRotationUnderLoad rotates the DKIM key of a domain twice while mail leaves, and has
// receivers judge each message as it arrives:
//
//	programs --API, SMTP--> sesame serve --SMTP--> sink --> dkimpy and pyspf, each message
//	                              |        +-SMTP--> Postfix --> OpenDKIM, a sample
//	                              |
//	 receivers --look-ups--> BIND: example.com --CNAME--> sesame serve: ses.example.net
//
// The receivers remember DNS for as long as they may, keys that do not sign yet included.
func TestRotationUnderLoad(t *testing.T) {
	t.Parallel()
	own := harness.FreeAddr(t, "127.0.0.1")
	bind := harness.StartBIND(t, harness.NameServerOptions{
		Zones: []string{"example.com", "sink.example", "sample.example"}, Forward: map[string]string{serviceZone: own},
	})
	postfixAddr := harness.FreeAddr(t, "127.0.0.2")
	postfix := harness.StartPostfix(t, harness.PostfixOptions{
		Addr: postfixAddr, Name: "mx.sample.example", Milter: harness.StartOpenDKIM(t, "mx.sample.example", bind.Addr),
	})
	for name, ip := range map[string]string{"sink.example": "127.0.0.3", "sample.example": "127.0.0.2"} {
		bind.Update("update add "+name+". 60 MX 10 mx."+name+".", "update add mx."+name+". 60 A "+ip)
	}
	config := harness.ServeConfig(t)
	config.Listen.DNS, config.DNS.Servers, config.Delivery.SMTPPort = []string{own}, []string{bind.Addr}, portOf(t, postfixAddr)
	config.Zone = &harness.Zone{
		Name: serviceZone, NameServers: []string{"ns." + serviceZone}, Addresses: []string{"127.0.0.1"}, KeyTTL: "3s",
	}
	s := harness.Serve(t, config)
	names := proveForRotation(t, s, bind)
	sink := startJudge(t, fmt.Sprintf("127.0.0.3:%d", config.Delivery.SMTPPort), harness.StartInspector(t, bind.Addr, names...))

	sent, sampled := rotateUnderLoad(t, s, sink)
	harness.Eventually(t, "all messages to arrive", func() bool { return sink.count() >= sent })
	harness.Eventually(t, "the sample to arrive", func() bool { return len(postfix.Delivered(t)) >= sampled })
	sink.report(t, sent)
	sampleVerified(t, postfix)
}

// proveForRotation publishes what the domain's owner has to, and returns the names of its
// keys.
func proveForRotation(t *testing.T, s *harness.Server, bind *harness.NameServer) (names []string) {
	t.Helper()
	updates := []string{
		"update add bounce.example.com. 5 MX 10 feedback-smtp." + harness.Region + "." + serviceZone + ".",
		`update add bounce.example.com. 5 TXT "v=spf1 include:` + serviceZone + ` ~all"`,
	}
	for _, token := range create(t, s, "example.com") {
		names = append(names, token+"._domainkey.example.com")
		updates = append(updates, fmt.Sprintf("update add %s._domainkey.example.com. 5 CNAME %s.dkim.%s.", token, token, serviceZone))
	}
	bind.Update(updates...)
	status, body := s.Call(t, "PUT", "/v2/email/identities/example.com/mail-from",
		map[string]string{"MailFromDomain": "bounce.example.com", "BehaviorOnMxFailure": "REJECT_MESSAGE"})
	if status != 200 {
		t.Fatalf("PutEmailIdentityMailFromAttributes: HTTP %d: %s", status, body)
	}
	harness.Eventually(t, "the domain to be proven", func() bool {
		return look(t, s, "example.com").String() == "identity SUCCESS, DKIM SUCCESS, MAIL FROM SUCCESS"
	})
	return names
}

// rotateUnderLoad sends at a steady pace from several senders. It asks for another key when the
// present one has signed enough, as an operator does, and ends when the last one has. It returns how many messages it sent, and how many of them to the
// sample's recipient too.
func rotateUnderLoad(t *testing.T, s *harness.Server, sink *judge) (sent, sampled int) {
	t.Helper()
	client := traffic.NewClient(t, s, "example.com", nil)
	pace := time.NewTicker(betweenSends)
	defer pace.Stop()
	for asked := 0; sent < leastSent || sink.keysInUse() <= rotations; sent++ {
		if sent == mostSent {
			t.Fatalf("after %d messages %d keys have signed:\n%s", sent, sink.keysInUse(), s.Log())
		}
		if asked < rotations && sink.keysInUse() > asked {
			s.CLI(t, "identity", "rotate", "example.com", "--config", s.Config, "--account", harness.Account)
			asked++
		}
		to := []string{fmt.Sprintf("r%d@sink.example", sent)}
		if sent%sampleEvery < 2 { // of both ways to send
			to = append(to, fmt.Sprintf("r%d@sample.example", sent))
			sampled++
		}
		if sent%2 == 0 {
			if err := client.SendOne(500, to...); err != nil {
				t.Fatalf("message %d: %v", sent, err)
			}
		} else {
			sendAs(t, s, fmt.Sprintf("sender%d@example.com", sent%5), to)
		}
		<-pace.C
	}
	return sent, sampled
}

// sendAs sends through the API.
func sendAs(t *testing.T, s *harness.Server, from string, to []string) {
	t.Helper()
	status, body := s.Call(t, "POST", "/v2/email/outbound-emails", map[string]any{
		"FromEmailAddress": from, "Destination": map[string]any{"ToAddresses": to},
		"Content": map[string]any{"Simple": map[string]any{
			"Subject": map[string]string{"Data": "Load"}, "Body": map[string]any{"Text": map[string]string{"Data": "Grüße"}},
		}},
	})
	if status != 200 {
		t.Fatalf("send: HTTP %d: %s", status, body)
	}
}

// sampleVerified reads OpenDKIM's verdicts.
func sampleVerified(t *testing.T, postfix *harness.Postfix) {
	t.Helper()
	for _, source := range postfix.Delivered(t) {
		m, err := mail.ReadMessage(bytes.NewReader(source))
		if err != nil {
			t.Fatal(err)
		}
		verdict := m.Header.Get("Authentication-Results")
		if !strings.Contains(verdict, "dkim=pass") || !strings.Contains(verdict, "header.d=example.com") || strings.Contains(verdict, "dkim=fail") {
			t.Errorf("OpenDKIM says %q", verdict)
		}
	}
}

// judge is a mail server that has each message inspected before it takes it.
type judge struct {
	inspector *harness.Inspector

	mu        sync.Mutex
	arrived   []harness.Arrival
	selectors map[string]int // messages that each has signed
	problems  []string
}

func startJudge(t *testing.T, addr string, inspector *harness.Inspector) *judge {
	t.Helper()
	l, err := net.Listen("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	j := &judge{inspector: inspector, selectors: map[string]int{}}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return // the test is over
			}
			go j.serve(conn)
		}
	}()
	return j
}

func (j *judge) serve(conn net.Conn) {
	defer conn.Close()
	var a harness.Arrival
	a.IP, _, _ = net.SplitHostPort(conn.RemoteAddr().String())
	r := textproto.NewReader(bufio.NewReader(conn))
	answer := "220 sink ESMTP"
	for {
		if _, err := fmt.Fprintf(conn, "%s\r\n", answer); err != nil {
			return
		}
		line, err := r.ReadLine()
		if err != nil {
			return
		}
		verb, rest, _ := strings.Cut(line, " ")
		answer = "250 ok"
		switch strings.ToUpper(verb) {
		case "EHLO":
			a.Helo, answer = rest, "250 8BITMIME"
		case "MAIL":
			_, rest, _ = strings.Cut(rest, "<")
			a.From, _, _ = strings.Cut(rest, ">")
		case "DATA":
			if _, err := fmt.Fprint(conn, "354 go on\r\n"); err != nil {
				return
			}
			if a.Data, err = io.ReadAll(r.DotReader()); err != nil {
				return
			}
			a.Data = bytes.ReplaceAll(a.Data, []byte("\n"), []byte("\r\n")) // which DotReader took away
			j.take(a)
		}
	}
}

// take judges a message.
func (j *judge) take(a harness.Arrival) {
	found, err := j.inspector.Inspect(a)
	j.mu.Lock()
	defer j.mu.Unlock()
	j.arrived = append(j.arrived, a)
	selector, why := verdict(a, found)
	j.selectors[selector]++
	if err != nil || why != "" {
		j.problems = append(j.problems, fmt.Sprintf("message %d: %s %v\n%+v", len(j.arrived), why, err, found))
	}
}

// verdict is the selector that signed for the author's domain, and what is wrong.
func verdict(a harness.Arrival, found harness.Inspection) (selector, why string) {
	m, err := mail.ReadMessage(bytes.NewReader(a.Data))
	if err != nil {
		return "", err.Error()
	}
	author, err := mail.ParseAddress(m.Header.Get("From"))
	if err != nil {
		return "", err.Error()
	}
	_, domain, _ := strings.Cut(author.Address, "@")
	_, envelope, _ := strings.Cut(a.From, "@")
	for _, signature := range found.Signatures {
		if !signature.Pass {
			return "", "a signature does not verify"
		}
		if signature.Domain == domain {
			selector = signature.Selector
		}
	}
	switch {
	case domain != "example.com" || selector == "":
		return "", "the author's domain has not signed"
	case found.SPF != "pass":
		return selector, "SPF: " + found.SPF
	case envelope != "bounce."+domain: // relaxed alignment (RFC 7489 §3.1.2)
		return selector, "SPF is not aligned: the envelope is of " + envelope
	}
	return selector, ""
}

func (j *judge) count() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.arrived)
}

// keysInUse is how many selectors have signed enough.
func (j *judge) keysInUse() (n int) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, signed := range j.selectors {
		if signed >= eachKey {
			n++
		}
	}
	return n
}

// report says what was wrong on arrival, and judges everything once more: what was under
// way or lay in a mailbox during the rotations still verifies. SPF must be able to fail.
func (j *judge) report(t *testing.T, sent int) {
	t.Helper()
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, problem := range j.problems[:min(len(j.problems), 5)] {
		t.Error(problem)
	}
	if len(j.problems) > 0 || len(j.arrived) != sent {
		t.Fatalf("%d of %d messages were judged, %d of them bad", len(j.arrived), sent, len(j.problems))
	}
	for _, a := range j.arrived {
		if found, err := j.inspector.Inspect(a); err != nil || slices.ContainsFunc(found.Signatures, func(s harness.Signature) bool { return !s.Pass }) {
			t.Errorf("after the rotations: %+v, %v", found, err)
		}
	}
	stranger := j.arrived[0]
	stranger.IP = strangersHost
	if found, err := j.inspector.Inspect(stranger); err != nil || found.SPF != "softfail" {
		t.Errorf("SPF of a stranger is %q, %v", found.SPF, err)
	}
	t.Logf("%d messages, by selector: %v", sent, j.selectors)
}
