// SPDX-License-Identifier: Apache-2.0

// Package pymail is a second opinion on messages: that of Python's email package on what
// is in them, and that of dkimpy on their signatures. Each call runs one process for all
// messages. For tests only.
package pymail

import (
	"bytes"
	_ "embed" // the scripts
	"encoding/json"
	"os/exec"
	"testing"

	"sesame/internal/testkit/need"
)

//go:embed read.py
var readScript string

//go:embed verify.py
var verifyScript string

// Message is a message as Python reads it.
type Message struct {
	Subject  string   // decoded
	Entities []Entity // each before those that are in it
}

// Entity is the message or a part of it. Depth counts multiparts and messages around it.
type Entity struct {
	Depth                                           int
	Type, Charset, Disposition, FileName, ContentID string
	Data                                            []byte // without its transfer encoding
	Text                                            string // Data in UTF-8, if it is text
}

// Read reads the messages.
func Read(t testing.TB, messages [][]byte) []Message {
	t.Helper()
	var read []Message
	run(t, need.Program(t, need.Python), readScript, messages, &read)
	return read
}

// Verify verifies the first signature of each message with the key of the TXT record,
// wherever the signature says that it is. A verdict is "pass", or why not.
func Verify(t testing.TB, record string, messages [][]byte) []string {
	t.Helper()
	var verdicts []string
	run(t, need.Module(t, need.DKIMPy), verifyScript, map[string]any{"Record": record, "Messages": messages}, &verdicts)
	return verdicts
}

func run(t testing.TB, python, script string, question, answer any) {
	t.Helper()
	in, err := json.Marshal(question)
	if err != nil {
		t.Fatal(err)
	}
	var problem bytes.Buffer
	cmd := exec.CommandContext(t.Context(), python, "-c", script)
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &problem
	out, err := cmd.Output()
	if err == nil {
		err = json.Unmarshal(out, answer)
	}
	if err != nil {
		t.Fatalf("python: %v\n%s", err, &problem)
	}
}
