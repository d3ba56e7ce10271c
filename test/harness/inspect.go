// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	_ "embed" // the script that calls dkimpy and pyspf
	"encoding/json"
	"net"
	"os/exec"
	"sync"
	"testing"

	"sesame/internal/testkit/need"
)

//go:embed inspector.py
var inspectScript string

// Arrival is a message as a receiver gets it.
type Arrival struct {
	IP, Helo string // of the client
	From     string // of the envelope
	Data     []byte
}

// Inspection is what dkimpy and pyspf say of an arrival.
type Inspection struct {
	Signatures []Signature // from the top
	SPF        string      // of the envelope sender and the client's address: pass, softfail, ...
}

// Inspector is a receiver's judgement, which remembers DNS for as long as its records
// allow. It is safe for concurrent use.
type Inspector struct {
	mu  sync.Mutex
	in  *json.Encoder
	out *json.Decoder
}

// StartInspector starts a Python with dkimpy and pyspf that ask the name server at
// host:port. With every message it also looks at the TXT records of names, so that it
// always remembers them.
func StartInspector(t testing.TB, nameServer string, names ...string) *Inspector {
	t.Helper()
	python := need.Module(t, need.DKIMPy)
	need.Module(t, need.PySPF)
	need.Module(t, need.DNSPython)
	host, port, err := net.SplitHostPort(nameServer)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, append([]string{"-c", inspectScript, host, port}, names...)...)
	cmd.Env = baseEnviron("/")
	var problem bytes.Buffer
	cmd.Stderr = &problem
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		in.Close() // which ends it
		if err := cmd.Wait(); err != nil {
			t.Errorf("inspector.py: %v\n%s", err, &problem)
		}
	})
	return &Inspector{in: json.NewEncoder(in), out: json.NewDecoder(out)}
}

// Inspect judges one message.
func (i *Inspector) Inspect(a Arrival) (result Inspection, err error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	if err := i.in.Encode(a); err != nil {
		return result, err
	}
	return result, i.out.Decode(&result)
}
