// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"sesame/internal/testkit/need"
)

// question is a template with the JSON text of its data, for handlebars.js.
type question struct {
	Template string `json:"template"`
	Data     string `json:"data"`
	Both     bool   `json:"both"`
}

// answer is what handlebars.js makes of it: testdata/handlebars.cjs has the meaning.
type answer struct {
	Syntax  string  `json:"syntax"`
	Failed  string  `json:"failed"`
	Missing bool    `json:"missing"`
	Text    string  `json:"text"`
	Stock   *string `json:"stock"`
}

// askNode renders with handlebars.js as npm has it, all in one process.
func askNode(t *testing.T, questions []question) []answer {
	t.Helper()
	folder, err := filepath.Abs("../../../test/clients/node_modules")
	if err != nil {
		t.Fatal(err)
	}
	node := need.NPM(t, folder, "handlebars")
	in, err := json.Marshal(questions)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(node, "testdata/handlebars.cjs", filepath.Join(folder, "handlebars"))
	cmd.Stdin = bytes.NewReader(in)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("node: %v", err)
	}
	var answers []answer
	if err := json.Unmarshal(out, &answers); err != nil {
		t.Fatal(err)
	}
	if len(answers) != len(questions) {
		t.Fatalf("node answered %d of %d", len(answers), len(questions))
	}
	return answers
}
