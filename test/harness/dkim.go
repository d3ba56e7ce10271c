// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	_ "embed" // the script that calls dkimpy
	"net"
	"os/exec"
	"strings"
	"testing"

	"sesame/internal/testkit/need"
)

//go:embed dkimverify.py
var dkimVerify string

// Signature is dkimpy's word on one DKIM signature.
type Signature struct {
	Pass             bool
	Domain, Selector string
	Verdict          string // pass, or why not
}

// VerifyDKIM has dkimpy verify all DKIM signatures of the mail, from the top, with the
// keys of the name server.
func VerifyDKIM(t testing.TB, server *DNS, mail []byte) []Signature {
	t.Helper()
	python := need.Module(t, need.DKIMPy)
	need.Module(t, need.DNSPython)
	host, port, err := net.SplitHostPort(server.Addr)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", dkimVerify, host, port)
	cmd.Env = baseEnviron("/")
	cmd.Stdin = bytes.NewReader(mail)
	var problem bytes.Buffer
	cmd.Stderr = &problem
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("dkimpy: %v\n%s", err, &problem)
	}
	var all []Signature
	for line := range strings.Lines(string(out)) {
		words := strings.Fields(line)
		n := len(words)
		verdict := strings.Join(words[:n-2], " ")
		all = append(all, Signature{Pass: verdict == "pass", Domain: words[n-2], Selector: words[n-1], Verdict: verdict})
	}
	return all
}
