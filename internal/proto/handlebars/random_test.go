// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"sesame/internal/proto/handlebars"
)

// randomData has a value of each kind under a short name. The names g, h and k are absent.
const randomData = `{
	"a": "text", "b": {"a": "inner", "c": {"a": 7, "n": null}, "xs": [1, 2]}, "c": 12.5, "d": "", "e": [],
	"f": false, "t": true, "n": null, "z": 0, "p": "p", "q": "q",
	"xs": [{"a": "one", "xs": [1, "1", [1]]}, {"a": "two", "b": {"a": 2}}, {"a": "", "e": []}],
	"ys": [1, 1, "1", null, true, 0, "", 1e21, 0.1, [1, [2, null]], {"a": 5}],
	"o": {"z": 1, "10": "ten", "2": "two", "a": {"a": "deep"}, "xs": ["x", "y"]},
	"my key": "spaced", "s": "stra\u00dfe \ud83d\ude00"
}`

// grammar makes templates at random: mostly right ones, over the names of randomData.
type grammar struct {
	*rand.Rand
	out   strings.Builder
	depth int
	names []string // of block parameters
	inner int      // how many of the partials p, q, r may not be called here, so that none calls itself
}

func (g *grammar) pick(of ...string) string { return of[g.IntN(len(of))] }

func (g *grammar) template() string {
	g.out.Reset()
	g.depth, g.names, g.inner = 0, nil, 0
	for g.inner = range 3 {
		if g.IntN(10) > 0 {
			g.inline()
		}
	}
	g.inner = 0
	g.statements(1 + g.IntN(6))
	return g.out.String()
}

func (g *grammar) statements(n int) {
	for range n {
		g.statement()
	}
}

func (g *grammar) write(parts ...string) {
	for _, p := range parts {
		g.out.WriteString(p)
	}
}

// tilde is, at times, what strips whitespace.
func (g *grammar) tilde() string {
	if g.IntN(8) == 0 {
		return "~"
	}
	return ""
}

func (g *grammar) text() {
	g.write(g.pick("x", " ", "\n", "\n", "\r\n", "  \n\t", "\n  ", " y ", "<b>&\"", "z\n", "\n\n", "\u00a0\n", " } ", " { ", "\\ ", " \u2028", "ä\n", "\n", "  "))
}

func (g *grammar) statement() {
	if g.depth > 5 {
		g.text()
		return
	}
	g.depth++
	defer func() { g.depth-- }()
	switch g.IntN(16) {
	case 0, 1, 2, 3, 4:
		g.text()
	case 5, 6, 7:
		g.mustache()
	case 8:
		g.write("{{", g.tilde(), g.pick("! note ", "!-- {{no}} --", "!", "!----"), g.tilde(), "}}")
	case 9, 10, 11, 12:
		g.block()
	case 13:
		g.section()
	case 14:
		g.partial()
	case 15:
		switch g.IntN(5) {
		case 0:
			g.write(g.pick("\\", "\\\\", "\\\\\\"), "{{", g.path(), "}}")
		case 1:
			name := g.pick("t", "f", "b", "xs", "if", "g")
			g.write("{{{{", name, g.pick("", " "), map[bool]string{true: " t"}[name == "if"], "}}}}", g.pick("", "\n"))
			g.write(g.pick(" {{raw}} ", "{{{{t}}}}{{{{/t}}}}", "\n"), "{{{{/", name, "}}}}", g.pick("", "\n"))
		default:
			g.inline()
		}
	}
}

func (g *grammar) mustache() {
	switch g.IntN(6) {
	case 0:
		g.write("{{{", g.space(), g.path(), g.space(), "}}}")
	case 1:
		g.write("{{", g.tilde(), "lookup ", g.argument(), " ", g.argument(), g.tilde(), "}}")
	case 2:
		g.write("{{&", g.path(), "}}")
	default:
		g.write("{{", g.tilde(), g.space(), g.path(), g.space(), g.tilde(), "}}")
	}
}

func (g *grammar) space() string { return g.pick("", "", " ", "\n") }

func (g *grammar) name() string {
	if len(g.names) > 0 && g.IntN(3) == 0 {
		return g.names[g.IntN(len(g.names))]
	}
	return g.pick("a", "a", "b", "c", "d", "e", "f", "t", "n", "z", "xs", "ys", "o", "g", "h", "s", "[my key]", "length", "constructor", "__proto__")
}

func (g *grammar) path() string {
	switch g.IntN(12) {
	case 0:
		return g.pick("this", ".", "./a", "this.a", "this/a", "..", "../.", "../this")
	case 1:
		return "../" + g.name()
	case 2:
		return "../../" + g.name()
	case 3:
		return "@root." + g.name()
	case 4:
		return g.pick("@index", "@key", "@first", "@last", "@../index", "@../key", "@index.a", "@root", "@none")
	case 5:
		return g.name() + g.pick(".", "/") + g.name() + "." + g.name()
	case 6, 7:
		return g.name() + "." + g.name()
	case 8:
		return g.name() + "." + g.pick("[0]", "[2]", "1.a", "[my key]", "length", "[1].[0]")
	case 9:
		return g.pick(`"a"`, `'my key'`, "12", "true", "null", "undefined", "-1.50", "xs.0")
	}
	return g.name()
}

func (g *grammar) argument() string {
	switch g.IntN(9) {
	case 0:
		return g.pick(`"a"`, `'b'`, `"with \" quote"`, "0", "1", "-1.5", "true", "false", "null", "undefined", `""`, "1000000000000000000000000")
	case 1:
		return "(lookup " + g.argument() + " " + g.argument() + ")"
	case 2:
		return `(log "x")`
	}
	return g.path()
}

// params is, at times, "as |x y|"; what it adds to the names is to be taken off again.
func (g *grammar) params() string {
	if g.IntN(3) > 0 {
		return ""
	}
	g.names = append(g.names, "x", "i")
	return g.pick(" as |x i|", " as | x i |", "  as  |x i|")
}

func (g *grammar) block() {
	outer := len(g.names)
	helper := g.pick("if", "if", "unless", "each", "each", "with")
	argument := g.argument()
	hash, params := "", ""
	if helper == "if" || helper == "unless" {
		hash = g.pick("", "", " includeZero=true", " includeZero=z", " other=1")
	} else {
		params = g.params()
	}
	g.write("{{", g.tilde(), "#", helper, " ", argument, hash, params, g.tilde(), "}}")
	g.statements(g.IntN(4))
	g.names = g.names[:outer]
	g.elses()
	g.write("{{", g.tilde(), "/", helper, g.tilde(), "}}")
}

// elses is any number of {{else if}} and perhaps {{else}}.
func (g *grammar) elses() {
	for g.IntN(4) == 0 {
		outer := len(g.names)
		helper := g.pick("if", "unless", "each", "with")
		params := ""
		if helper == "each" || helper == "with" {
			params = g.params()
		}
		// The parameters are declared after the argument.
		inner := g.names
		g.names = g.names[:outer]
		g.write("{{", g.tilde(), g.space(), "else ", helper, " ", g.argument(), params, g.tilde(), "}}")
		g.names = inner
		g.statements(g.IntN(3))
		g.names = g.names[:outer]
	}
	if g.IntN(3) == 0 {
		g.write("{{", g.tilde(), g.pick("else", "^", " else "), g.tilde(), "}}")
		g.statements(g.IntN(3))
	}
}

func (g *grammar) section() {
	path := g.pick("a", "b", "d", "e", "f", "t", "n", "z", "xs", "g", "b.c", "this", "@root", "../b", "@first")
	if g.IntN(3) == 0 {
		g.write("{{", g.tilde(), "^", path, g.tilde(), "}}")
		g.statements(g.IntN(3))
		if g.IntN(4) == 0 {
			g.write("{{else}}")
			g.statements(g.IntN(2))
		}
	} else {
		g.write("{{", g.tilde(), "#", path, g.tilde(), "}}")
		g.statements(g.IntN(3))
		g.elses()
	}
	g.write("{{", g.tilde(), "/", path, g.tilde(), "}}")
}

// inline defines p, q or r. Each calls only those after it: a partial that calls itself is
// for the tests of limits.
func (g *grammar) inline() {
	if g.inner == 3 {
		return
	}
	at := g.inner
	if g.depth > 0 {
		at += g.IntN(3 - at)
	}
	g.write("{{", g.tilde(), "#*", g.space(), `inline "`, "pqr"[at:at+1], `"`, g.tilde(), "}}", g.pick("", "\n"))
	names, depth, inner := g.names, g.depth, g.inner
	g.names = nil // handlebars.js takes the wrong block's
	g.depth, g.inner = max(g.depth, 3), at+1
	g.statements(g.IntN(4))
	g.names, g.depth, g.inner = names, depth, inner
	g.write("{{/inline", g.tilde(), "}}", g.pick("", "\n"))
}

func (g *grammar) partial() {
	name := g.pick("p", "q", "r", "(lookup . 'p')", "(lookup @root \"q\")", "@partial-block", "none")
	if g.inner > 0 && name != "@partial-block" {
		name = "pqr?"[g.inner:][:1]
		if name == "?" {
			name = "none"
		}
	}
	context := g.pick("", "", " "+g.path(), " . ")
	hash := g.pick("", "", " a="+g.argument(), " b=1 a=\"2\" 10=3", " a=1 a=2")
	if g.IntN(3) == 0 && !strings.HasPrefix(name, "(") {
		g.write("{{", g.tilde(), "#>", g.space(), name, context, hash, g.tilde(), "}}")
		g.statements(g.IntN(3))
		g.write("{{/", name, g.tilde(), "}}")
		return
	}
	g.write(g.pick("", "\n  ", "\n\t"), "{{", g.tilde(), ">", g.space(), name, context, hash, g.tilde(), "}}", g.pick("", "\n"))
}

// damage changes a template at a few places, mostly so that it is wrong.
func (g *grammar) damage(template string) string {
	r := []rune(template)
	for range 1 + g.IntN(2) { // one or two places
		if len(r) == 0 {
			break
		}
		at, n := g.IntN(len(r)), g.IntN(3)
		end := min(at+n, len(r))
		put := []rune(g.pick("", "", "{", "}", "{{", "}}", "~", "/", ".", "|", "(", ")", "=", "@", "[", "]", "\"", "'", "\\", "!", "--", "#", "^", ">", "*", "&", "else", " as |", " ", "\n", "{{{{", "}}}}", "{{/if}}", "-", ":", "ü"))
		r = append(r[:at:at], append(put, r[end:]...)...)
	}
	return string(r)
}

// checkedEarlier reports what Compile refuses and handlebars.js only when it gets there.
func checkedEarlier(err error) bool {
	var wrong *handlebars.Error
	if !errors.As(err, &wrong) {
		return false
	}
	for _, reason := range []string{
		"there is no helper", "there is no decorator", "there is no inline partial", "needs a block", " argument, not ", " arguments, not ",
		"takes one name", "takes one context", "has to be a string", "NUL character",
	} {
		if strings.Contains(wrong.Reason, reason) {
			return true
		}
	}
	return false
}

// TestRandom compares with handlebars.js on templates that a grammar makes, a third of them
// damaged.
func TestRandom(t *testing.T) {
	t.Parallel()
	const templates = 3000
	g := &grammar{Rand: rand.New(rand.NewPCG(4, 9))}
	var questions []question
	for i := range templates {
		template := g.template()
		if i%3 == 2 {
			template = g.damage(template)
		}
		questions = append(questions, question{Template: template, Data: randomData})
	}
	data, err := handlebars.ParseData([]byte(randomData))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]int{}
	for i, node := range askNode(t, questions) {
		kind, complaint := compare(questions[i].Template, data, node)
		seen[kind]++
		if complaint != "" {
			t.Errorf("template %d: %q: %s", i, questions[i].Template, complaint)
		}
	}
	t.Log(seen)
	for kind, least := range map[string]int{"text": 700, "missing": 500, "syntax": 500} {
		if seen[kind] < least {
			t.Errorf("only %d templates of kind %s: the grammar has lost its way", seen[kind], kind)
		}
	}
}

// compare renders and says what kind of case this is and what differs from handlebars.js.
func compare(template string, data handlebars.Data, node answer) (kind, complaint string) {
	compiled, err := handlebars.Compile(template)
	if node.Syntax != "" {
		if err == nil {
			return "syntax", "handlebars.js refuses it: " + node.Syntax
		}
		return "syntax", ""
	}
	if err != nil {
		if !checkedEarlier(err) {
			return "", "Compile refuses it: " + err.Error()
		}
		return "checked", ""
	}
	text, err := compiled.Render(data, handlebars.Limits{})
	var missing *handlebars.MissingError
	var wrong *handlebars.Error
	switch {
	case node.Failed != "":
		// An absent block parameter fails there, and is missing here.
		if !errors.As(err, &wrong) && !errors.As(err, &missing) && !errors.Is(err, handlebars.ErrTooDeep) {
			return "failed", "handlebars.js fails: " + node.Failed + "; got " + text
		}
		return "failed", ""
	case node.Missing:
		if !errors.As(err, &missing) {
			return "missing", "handlebars.js prints something undefined; got " + text
		}
		return "missing", ""
	case err != nil:
		return "text", "handlebars.js renders " + node.Text + "; got " + err.Error()
	case text != node.Text:
		return "text", "\nhandlebars.js: " + node.Text + "\n          got: " + text
	}
	return "text", ""
}
