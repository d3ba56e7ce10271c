// SPDX-License-Identifier: Apache-2.0

// Package crash kills the server while it works and proves with a ledger that nothing
// that it accepted is lost. `make soak` runs it for longer: SESAME_KILLS says how often
// the server is killed.
//
//	20 senders --SMTP, STARTTLS, AUTH--> sesame serve --SMTP--> sink (in the test)
//	                                     ^ kill -9, start, kill -9, start ...
package crash

import (
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"sesame/test/harness"
	"sesame/test/ledger"
	"sesame/test/traffic"
)

const (
	senders   = 20
	shortRun  = 10 // kills in `make test`
	domain    = "crash.example.com"
	lifeLeast = 150 * time.Millisecond // between the server's start and its end
	lifeMost  = 900 * time.Millisecond

	// window is how long after a copy's arrival the commit of its outcome may be
	// missing: a commit takes milliseconds, and the machine may be slow.
	window = 3 * time.Second
	// drain bounds the wait for the queue to empty after the last kill.
	drain = 2 * time.Minute
)

func kills(t *testing.T) int {
	s := os.Getenv("SESAME_KILLS")
	if s == "" {
		return shortRun
	}
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 {
		t.Fatalf("SESAME_KILLS=%q is no number of kills", s)
	}
	return n
}

func TestKilledAtRandomItLosesNothingItAcceptedSQLite(t *testing.T) {
	run(t, harness.ServeConfig(t))
}

func TestKilledAtRandomItLosesNothingItAcceptedPostgres(t *testing.T) {
	config := harness.ServeConfig(t)
	config.Database.URL = harness.Postgres(t)
	run(t, config)
}

func run(t *testing.T, config harness.Config) {
	book := ledger.New(time.Now)
	sink := traffic.Listen(t, book)
	config.Routes = []harness.Route{{Domain: "*", Hosts: []string{sink.Addr}, TLS: "none"}}
	server := harness.Serve(t, config)
	traffic.Identity(t, server, domain)

	client := traffic.NewClient(t, server, domain, book)
	load := client.Start(senders)
	n := kills(t)
	for i := range n {
		<-time.After(lifeLeast + rand.N(lifeMost-lifeLeast)) // the random moment
		server.Kill()
		book.Kill()
		server.Start()
		client.Move(server.SMTP)
		if i%20 == 19 {
			t.Logf("after %d kills %d are outstanding", i+1, book.Outstanding())
		}
	}
	load.Stop()
	traffic.Drain(book, drain)
	r := book.Balance(window)
	t.Log(r)
	if !r.Balanced() {
		t.Error("the ledger does not balance")
	}
	if r.Accepted < n {
		t.Errorf("only %d were accepted: the test shows nothing", r.Accepted)
	}
}
