// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
)

func TestReport(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		events string
		has    []string
		hasNot []string
		failed int
	}{
		{
			name: "output of a test that passes is left out",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"chatter\n"}
{"Action":"pass","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p","Elapsed":1.5}`,
			has:    []string{"ok   p 1.5s\n", "\n1 passed, 0 failed\n"},
			hasNot: []string{"chatter", "Skipped"},
		},
		{
			name: "output of a test that fails is printed",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"why\n"}
{"Action":"fail","Package":"p","Test":"TestA"}
{"Action":"fail","Package":"p","Elapsed":1}`,
			has:    []string{"FAIL p TestA\nwhy\n", "\n0 passed, 1 failed\n"},
			failed: 1,
		},
		{
			name: "a package that does not build is a failure",
			events: `{"ImportPath":"p","Action":"build-output","Output":"p.go:1: syntax error\n"}
{"ImportPath":"p","Action":"build-fail"}
{"Action":"fail","Package":"p","Elapsed":0}`,
			has:    []string{"p.go:1: syntax error\n", "\n0 passed, 1 failed\n"},
			failed: 1,
		},
		{
			name: "a panic prints what the test had said until then",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"panic: no\n"}
{"Action":"fail","Package":"p","Elapsed":0}`,
			has:    []string{"panic: no\n", "\n0 passed, 1 failed\n"},
			failed: 1,
		},
		{
			name: "a skip is listed with its reason",
			events: `{"Action":"output","Package":"p","Test":"TestA","Output":"=== RUN   TestA\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"    need.go:7: swaks is not installed: see README\n"}
{"Action":"output","Package":"p","Test":"TestA","Output":"--- SKIP: TestA (0.00s)\n"}
{"Action":"skip","Package":"p","Test":"TestA"}
{"Action":"pass","Package":"p"}`,
			has: []string{"  p TestA: swaks is not installed: see README\n", "\n0 passed, 0 failed, 1 skipped\n"},
		},
		{
			name: "a package without tests is no skip",
			events: `{"Action":"output","Package":"p","Output":"?   \tp\t[no test files]\n"}
{"Action":"skip","Package":"p"}`,
			has:    []string{"\n0 passed, 0 failed\n"},
			hasNot: []string{"skipped"},
		},
		{
			name:   "a line that is no event is passed on",
			events: "go: no such flag\n",
			has:    []string{"go: no such flag\n"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			s, err := read(strings.NewReader(test.events), &out)
			if err != nil {
				t.Fatal(err)
			}
			s.close(&out, []string{"Postfix 3.7.11"}, false)
			if s.failed != test.failed {
				t.Errorf("%d failed, want %d", s.failed, test.failed)
			}
			for _, text := range test.has {
				if !strings.Contains(out.String(), text) {
					t.Errorf("no %q in:\n%s", text, &out)
				}
			}
			for _, text := range test.hasNot {
				if strings.Contains(out.String(), text) {
					t.Errorf("%q in:\n%s", text, &out)
				}
			}
		})
	}
}

func TestPrograms(t *testing.T) {
	t.Parallel()
	got := programs("swaks 1\nAWS CLI 2\nswaks 1\n\nPostfix 3\n")
	if want := "AWS CLI 2|Postfix 3|swaks 1"; strings.Join(got, "|") != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
