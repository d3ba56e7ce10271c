// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"

	"sesame/internal/proto/handlebars"
)

var update = flag.Bool("update", false, "write what handlebars.js answers into testdata/cases.json")

// group is cases with the same data, which is the text of a JSON object.
type group struct {
	About string    `json:"about"`
	Data  string    `json:"data"`
	Cases []example `json:"cases"`
}

// example is a template and what becomes of it: one of Out, Missing, Error. Error is of
// Compile or of Render. A case with Why is one where handlebars.js does something else:
// fails only when it gets to the place, or renders Stock.
type example struct {
	In      string  `json:"in"`
	Out     *string `json:"out,omitempty"`
	Missing string  `json:"missing,omitempty"`
	Error   string  `json:"error,omitempty"`
	Stock   *string `json:"stock,omitempty"`
	Why     string  `json:"why,omitempty"`
}

const casesFile = "testdata/cases.json"

func readCases(t testing.TB) []group {
	t.Helper()
	text, err := os.ReadFile(casesFile)
	if err != nil {
		t.Fatal(err)
	}
	var groups []group
	if err := json.Unmarshal(text, &groups); err != nil {
		t.Fatal(err)
	}
	return groups
}

// outcome is what becomes of a template here.
func outcome(t testing.TB, template, data string) (text *string, missing, wrong string) {
	t.Helper()
	parsed, err := handlebars.ParseData([]byte(data))
	if err != nil {
		t.Fatal(err)
	}
	compiled, err := handlebars.Compile(template)
	if err != nil {
		return nil, "", err.Error()
	}
	got, err := compiled.Render(parsed, handlebars.Limits{})
	var absent *handlebars.MissingError
	switch {
	case errors.As(err, &absent):
		return nil, absent.Name, ""
	case err != nil:
		return nil, "", err.Error()
	}
	return &got, "", ""
}

func TestCases(t *testing.T) {
	t.Parallel()
	for _, g := range readCases(t) {
		t.Run(g.About, func(t *testing.T) {
			t.Parallel()
			for _, c := range g.Cases {
				text, missing, wrong := outcome(t, c.In, g.Data)
				if !equal(text, c.Out) || missing != c.Missing || wrong != c.Error {
					t.Errorf("%q:\n got %s\nwant %s", c.In, show(text, missing, wrong), show(c.Out, c.Missing, c.Error))
				}
			}
		})
	}
}

// TestCasesAreHandlebars asks handlebars.js for all of the list.
func TestCasesAreHandlebars(t *testing.T) {
	groups := readCases(t)
	var questions []question
	for _, g := range groups {
		for _, c := range g.Cases {
			questions = append(questions, question{Template: c.In, Data: g.Data, Both: true})
		}
	}
	answers := askNode(t, questions)
	for i := range groups {
		for j := range groups[i].Cases {
			node := answers[0]
			answers = answers[1:]
			c := &groups[i].Cases[j]
			if *update {
				c.record(t, node, groups[i].Data)
			} else if complaint := c.against(node); complaint != "" {
				t.Errorf("%s: %q: %s", groups[i].About, c.In, complaint)
			}
		}
	}
	if *update {
		writeCases(t, groups)
	}
}

// against says what in the case is not so in handlebars.js.
func (c *example) against(node answer) string {
	failed := node.Syntax != "" || node.Failed != ""
	same := node.Missing && c.Missing != "" || failed && c.Error != "" ||
		!node.Missing && !failed && c.Out != nil && *c.Out == node.Text
	switch {
	case c.Why == "" && !same:
		return "handlebars.js has " + show(&node.Text, "", node.Syntax+node.Failed)
	case c.Why != "" && same && equal(c.Stock, c.Out):
		return "handlebars.js does the same"
	case c.Stock != nil && !equal(c.Stock, node.Stock):
		return "the stock package renders " + show(node.Stock, "", "")
	case c.Stock == nil && c.Why == "" && c.Out != nil && !equal(c.Out, node.Stock):
		return "the stock package renders " + show(node.Stock, "", "")
	}
	return ""
}

// record fills in what is here, and the reason for a difference as far as it is a common
// one. The rest is for an editor.
func (c *example) record(t *testing.T, node answer, data string) {
	c.Out, c.Missing, c.Error = outcome(t, c.In, data)
	if c.against(node) == "" || c.Why != "" {
		return
	}
	switch {
	case c.Error != "":
		c.Why, c.Stock = "Compile finds it before a rendering gets there", node.Stock
		return
	case c.Out != nil && *c.Out == node.Text && node.Stock != nil:
		c.Why, c.Stock = "with noEscape handlebars.js adds numbers that stand side by side", node.Stock
		return
	}
	t.Errorf("%q: %s", c.In, c.against(node))
}

func writeCases(t *testing.T, groups []group) {
	t.Helper()
	var b bytes.Buffer
	line := func(v any) string {
		var b strings.Builder
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(b.String())
	}
	for i, g := range groups {
		b.WriteString(map[bool]string{true: "[\n", false: ",\n"}[i == 0])
		b.WriteString(` {"about": ` + line(g.About) + ", \"data\": " + line(g.Data) + ", \"cases\": [\n")
		for j, c := range g.Cases {
			b.WriteString("  " + line(c) + map[bool]string{true: "\n", false: ",\n"}[j == len(g.Cases)-1])
		}
		b.WriteString(" ]}")
	}
	b.WriteString("\n]\n")
	if err := os.WriteFile(casesFile, b.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func equal(a, b *string) bool {
	return a == nil && b == nil || a != nil && b != nil && *a == *b
}

func show(text *string, missing, wrong string) string {
	switch {
	case missing != "":
		return "missing " + missing
	case wrong != "":
		return "error: " + wrong
	case text == nil:
		return "nothing"
	}
	return "text: " + *text
}
