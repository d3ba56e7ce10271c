// SPDX-License-Identifier: Apache-2.0

// Package faults breaks what the server stands on, one thing at a time, and looks at
// what users get meanwhile and afterwards: destinations that hang, a disk that is full, a
// database that goes away, SIGTERM under load, a second server. What was accepted is
// kept by a ledger. The tests run one after the other, since each needs the machine.
//
//	senders --SMTP, STARTTLS, AUTH--> sesame serve --SMTP--> sink (in the test)
package faults

import (
	"testing"
	"time"

	"sesame/test/harness"
	"sesame/test/ledger"
	"sesame/test/traffic"
)

const (
	senders = 10
	domain  = "faults.example.com"
	// drain bounds the wait for what was accepted to arrive.
	drain = time.Minute
)

// site is a server with the ledger and the ends of its mail.
type site struct {
	*harness.Server
	book   *ledger.Ledger
	client *traffic.Client
	sink   *traffic.Sink
}

// start starts a server whose mail goes to a sink, but for what the configuration has
// routes for.
func start(t *testing.T, config harness.Config) *site {
	t.Helper()
	book := ledger.New(time.Now)
	sink := traffic.Listen(t, book)
	config.Routes = append(config.Routes, harness.Route{Domain: "*", Hosts: []string{sink.Addr}, TLS: "none"})
	s := &site{Server: harness.Serve(t, config), book: book, sink: sink}
	traffic.Identity(t, s.Server, domain)
	s.client = traffic.NewClient(t, s.Server, domain, book)
	return s
}

// again starts the server again after it was stopped or killed.
func (s *site) again() {
	s.Start()
	s.client.Move(s.SMTP)
}

// accepted is how many recipients have been accepted so far.
func (s *site) accepted() int { return s.book.Balance(0).Accepted }

// moreAccepted waits until n more have been accepted.
func (s *site) moreAccepted(t *testing.T, n int) {
	t.Helper()
	before := s.accepted()
	harness.Eventually(t, "mail to be accepted", func() bool { return s.accepted() >= before+n })
}

// balance waits until all has arrived and closes the book.
func (s *site) balance(t *testing.T) ledger.Report {
	t.Helper()
	traffic.Drain(s.book, drain)
	r := s.book.Balance(3 * time.Second)
	t.Log(r)
	if !r.Balanced() {
		t.Error("the ledger does not balance")
	}
	if r.Accepted == 0 {
		t.Error("nothing was accepted: the test shows nothing")
	}
	return r
}
