// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/test/harness"
)

func TestSIGTERMUnderLoadLosesAndDoublesNothing(t *testing.T) {
	for _, c := range []struct {
		name     string
		database func(t *testing.T) string
	}{
		{"SQLite", func(*testing.T) string { return "" }},
		{"PostgreSQL", func(t *testing.T) string { return harness.Postgres(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			config := harness.ServeConfig(t)
			config.Database.URL = c.database(t)
			s := start(t, config)
			load := s.client.Start(senders)
			for range 3 {
				s.moreAccepted(t, 100)
				began := time.Now()
				s.Stop() // fails the test unless the exit code is 0 within the grace
				t.Logf("stopped in %v with %d outstanding", time.Since(began), s.book.Outstanding())
				s.again()
			}
			s.moreAccepted(t, 100)
			load.Stop()
			for code := range load.Refused() {
				if code/100 != 4 {
					t.Errorf("SMTP clients were told %d, as if it were for good", code)
				}
			}
			if r := s.balance(t); r.Duplicates > 0 || r.Unanswered > 0 {
				t.Errorf("%d duplicates, %d arrived without their answer", r.Duplicates, r.Unanswered)
			}
		})
	}
}

func TestItStartsInAMoment(t *testing.T) {
	const (
		starts = 5
		bound  = 5 * time.Second // generous: the machine may be busy
	)
	for _, c := range []struct {
		name   string
		server func(t *testing.T) *harness.Server
	}{
		{"serve", func(t *testing.T) *harness.Server { return harness.Serve(t, harness.ServeConfig(t)) }},
		{"dev", func(t *testing.T) *harness.Server { return harness.Dev(t) }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := c.server(t)
			var took []time.Duration
			for range starts {
				s.Stop()
				began := time.Now()
				s.Start()
				took = append(took, time.Since(began).Round(time.Millisecond))
			}
			slices.Sort(took)
			t.Logf("from exec to /readyz: median %v of %v", took[starts/2], took)
			if took[starts/2] > bound {
				t.Errorf("the median of %d starts is %v", starts, took[starts/2])
			}
		})
	}
}

func TestASecondServerOnADataFolderRefusesToStart(t *testing.T) {
	s := start(t, harness.ServeConfig(t))
	second := exec.Command(harness.Binary(t), "serve", "--config="+s.Config)
	began := time.Now()
	out, err := second.CombinedOutput()
	if err == nil {
		t.Fatalf("it started:\n%s", out)
	}
	if code := second.ProcessState.ExitCode(); code != 1 {
		t.Errorf("exit code %d", code)
	}
	t.Logf("after %v: %s", time.Since(began), out)
	if !strings.Contains(string(out), s.Dir) || !strings.Contains(string(out), "another sesame runs on this data folder") {
		t.Errorf("it does not say why: %s", out)
	}
	if err := s.client.SendOne(100, "u@example.net"); err != nil {
		t.Errorf("the first one: %v", err)
	}
	s.balance(t)
}
