// SPDX-License-Identifier: Apache-2.0

// Package golden_test has a file for each rule about messages, in testdata/golden: what
// comes in at the doors (API v1, API v2, SMTP), and the octets that leave, or the refusal.
// It is meant to be read. The first lines of a file say what it shows; then come sections:
//
//	-- setup --       requests to API v2 or the admin API before anything is sent
//	-- envelope --    "from" and "to" lines; without it, sender@example.com and reader@example.net
//	-- message --     a whole message, which is sent through every door: by SendRawEmail, by
//	                  SendEmail with Raw content and by SMTP, with the envelope given each time
//	-- v1 --          instead of that, or where there is no message: the form, a parameter a line
//	-- v2 --          the same, as JSON, for SendEmail or for the operation of its first line
//	-- smtp --        the same, as the client's side of a session
//	-- doors differ --  why not all doors that are tried give the same
//	-- parsers differ -- why Python and Go may read the message in more than one way
//	-- answers --     expected: what each door says
//	-- leaves --      expected: what is kept of the message, each envelope, and the octets
//
// Any other section is a file that requests name: "@text NAME" stands for it as it is and
// "@base64 NAME" for its Base64 with CRLF line ends, and "@NAME" on a line of an SMTP session
// for the message after DATA. notation_test.go says how octets are written that are no text.
//
// A world of its own for each door makes that ids, times, boundaries, keyed hashes and
// DKIM signatures are the same each time: it is always noon of the same day, the random
// source gives the same octets, and the keyring has the same key. With -update the expected sections are written
// anew: go test ./test/golden -update.
package golden_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the expected sections of testdata/golden")

const folder = "testdata/golden"

// The sections that mean something.
const (
	setupSection    = "setup"
	envelopeSection = "envelope"
	messageSection  = "message"
	differSection   = "doors differ"
	parsersSection  = "parsers differ"
	answersSection  = "answers"
	leavesSection   = "leaves"
)

// scenario is one file.
type scenario struct {
	about    string
	sections []section
}

type section struct{ name, text string }

func (s *scenario) get(name string) (string, bool) {
	for _, x := range s.sections {
		if x.name == name {
			return x.text, true
		}
	}
	return "", false
}

// expected reports whether a section is written by -update.
func expected(name string) bool {
	return name == answersSection || name == leavesSection || strings.HasPrefix(name, leavesSection+" ")
}

func parse(text string) *scenario {
	s := &scenario{}
	for line := range strings.Lines(text) {
		switch m := marker.FindStringSubmatch(strings.TrimSuffix(line, "\n")); {
		case m != nil:
			s.sections = append(s.sections, section{name: m[1]})
		case len(s.sections) == 0:
			s.about += line
		default:
			s.sections[len(s.sections)-1].text += line
		}
	}
	return s
}

func (s *scenario) String() string {
	var b strings.Builder
	b.WriteString(s.about)
	for _, x := range s.sections {
		fmt.Fprintf(&b, "-- %s --\n%s", x.name, x.text)
	}
	return b.String()
}

// files are the names of all scenarios.
func files(t testing.TB) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(folder, "*.txt"))
	if err != nil || len(names) == 0 {
		t.Fatalf("no files in %s: %v", folder, err)
	}
	return names
}

func TestGolden(t *testing.T) {
	t.Parallel()
	for _, file := range files(t) {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			t.Parallel()
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			s := parse(string(text))
			if !strings.HasSuffix(strings.TrimSpace(s.about), ".") {
				t.Error("the file does not say in a sentence what it shows")
			}
			got := s.played(t)
			if t.Failed() || got == string(text) {
				return
			}
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			t.Errorf("another outcome than the file has; go test ./test/golden -update shows what changed.\n%s", firstDifference(string(text), got))
		})
	}
}

// firstDifference shows the lines around it.
func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		if i >= len(w) || i >= len(g) || w[i] != g[i] {
			from := max(0, i-3)
			return fmt.Sprintf("line %d\n--- want\n%s\n--- got\n%s", i+1,
				strings.Join(w[min(from, len(w)):min(len(w), i+5)], "\n"), strings.Join(g[min(from, len(g)):min(len(g), i+5)], "\n"))
		}
	}
	return ""
}

// outcome is what came of a scenario at a door.
type outcome struct {
	door   door
	answer string
	leaves string
}

// played is the file with what comes out now.
func (s *scenario) played(t *testing.T) string {
	t.Helper()
	var all []outcome
	for _, d := range doors {
		if s.uses(d) {
			all = append(all, s.play(t, d))
		}
	}
	if len(all) == 0 {
		t.Fatal("the file sends nothing")
	}
	out := &scenario{about: s.about}
	for _, x := range s.sections {
		if !expected(x.name) {
			out.sections = append(out.sections, x)
		}
	}
	var answers strings.Builder
	for _, o := range all {
		for line := range strings.Lines(o.answer) {
			fmt.Fprintf(&answers, "%-5s %s\n", o.door, strings.TrimSuffix(line, "\n"))
		}
	}
	out.sections = append(out.sections, section{answersSection, answers.String()})
	groups := group(all)
	if _, may := s.get(differSection); (len(groups) > 1) != may {
		t.Errorf("the doors give %d different results, and the file says otherwise:\n%v", len(groups), groups)
	}
	for _, g := range groups {
		if name := leavesSection; g.leaves != "" {
			if len(groups) > 1 {
				name += " " + g.doors
			}
			out.sections = append(out.sections, section{name, g.leaves})
		}
	}
	return out.String()
}

// grouped are doors that give the same.
type grouped struct{ doors, leaves string }

func group(all []outcome) (groups []grouped) {
	for _, o := range all {
		i := slices.IndexFunc(groups, func(g grouped) bool { return g.leaves == o.leaves })
		if i < 0 {
			groups = append(groups, grouped{string(o.door), o.leaves})
			continue
		}
		groups[i].doors += " " + string(o.door)
	}
	return groups
}

// uses reports whether a scenario goes through a door.
func (s *scenario) uses(d door) bool {
	_, own := s.get(string(d))
	_, message := s.get(messageSection)
	return own || message
}

// play sends through one door.
func (s *scenario) play(t *testing.T, d door) outcome {
	t.Helper()
	w := newWorld(t)
	s.setUp(t, w)
	before := w.traces(t)
	a := s.ask(t, w, d)
	o := outcome{door: d, answer: a.String()}
	if !a.ok() {
		if after := w.traces(t); after != before {
			t.Errorf("%s: refused, and yet there are %s", d, after)
		}
		return o
	}
	var all []string
	for _, leaving := range w.departures(t) {
		all = append(all, leaving.text())
	}
	o.leaves = strings.Join(all, nextMessage)
	return o
}

// setUp makes the requests of the section: a line with method and path, and the body below.
func (s *scenario) setUp(t *testing.T, w *world) {
	t.Helper()
	text, _ := s.get(setupSection)
	for _, request := range regexp.MustCompile(`(?m)^(?:GET|PUT|POST|DELETE) [^{]*(?:\n|\z)`).FindAllStringIndex(text, -1) {
		line, rest := text[request[0]:request[1]], text[request[1]:]
		if next := regexp.MustCompile(`(?m)^(?:GET|PUT|POST|DELETE) `).FindStringIndex(rest); next != nil {
			rest = rest[:next[0]]
		}
		method, path, _ := strings.Cut(strings.TrimSpace(line), " ")
		if a := w.json(t, method, path, s.filledIn(t, rest)); !a.ok() {
			t.Fatalf("setup: %s: %v", line, a)
		}
	}
}

// envelope is who sends and who gets the message.
func (s *scenario) envelope() (from string, to []string) {
	text, _ := s.get(envelopeSection)
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "from" {
			from = value
		} else {
			to = append(to, value)
		}
	}
	if from == "" {
		from = sender
	}
	if len(to) == 0 {
		to = []string{reader}
	}
	return from, to
}

// message is a section as a message.
func (s *scenario) message(t *testing.T, name string) []byte {
	t.Helper()
	text, ok := s.get(name)
	if !ok {
		t.Fatalf("there is no section %q", name)
	}
	return read(text, "\r\n")
}

// ask makes the request.
func (s *scenario) ask(t *testing.T, w *world, d door) answer {
	t.Helper()
	own, has := s.get(string(d))
	switch d {
	case query:
		if has {
			return w.form(t, s.parameters(t, own))
		}
		return w.form(t, s.rawForm(t))
	case rest:
		if has {
			return s.askJSON(t, w, own)
		}
		return w.json(t, http.MethodPost, sendPath, s.rawJSON(t))
	default:
		if has {
			return s.talk(t, w, own)
		}
		from, to := s.envelope()
		return w.session(t).submit(from, to, s.message(t, messageSection))
	}
}

const sendPath = "/v2/email/outbound-emails"

// rawForm is the message as SendRawEmail has it.
func (s *scenario) rawForm(t *testing.T) string {
	t.Helper()
	from, to := s.envelope()
	v := url.Values{
		"Action": {"SendRawEmail"}, "Version": {"2010-12-01"}, "Source": {from},
		"RawMessage.Data": {base64.StdEncoding.EncodeToString(s.message(t, messageSection))},
	}
	for i, r := range to {
		v.Set(fmt.Sprintf("Destinations.member.%d", i+1), r)
	}
	return v.Encode()
}

// rawJSON is the message as SendEmail of API v2 has it.
func (s *scenario) rawJSON(t *testing.T) string {
	t.Helper()
	from, to := s.envelope()
	b, err := json.Marshal(map[string]any{
		"FromEmailAddress": from, "Destination": map[string]any{"ToAddresses": to},
		"Content": map[string]any{"Raw": map[string]any{"Data": s.message(t, messageSection)}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// parameters is a form written with a parameter on each line.
func (s *scenario) parameters(t *testing.T, text string) string {
	t.Helper()
	v := url.Values{"Version": {"2010-12-01"}}
	for line := range strings.Lines(text) {
		name, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "=")
		section, ok := s.named(t, value)
		if !ok {
			section = string(read(value, ""))
		}
		v.Set(name, section)
	}
	return v.Encode()
}

// named is what "@base64 NAME" and "@text NAME" stand for.
func (s *scenario) named(t *testing.T, value string) (string, bool) {
	t.Helper()
	if name, ok := strings.CutPrefix(value, "@base64 "); ok {
		return base64.StdEncoding.EncodeToString(s.message(t, name)), true
	}
	if name, ok := strings.CutPrefix(value, "@text "); ok {
		text, has := s.get(name)
		if !has {
			t.Fatalf("there is no section %q", name)
		}
		return strings.TrimSuffix(string(read(text, "\n")), "\n"), true
	}
	return "", false
}

var reference = regexp.MustCompile(`"@(?:text|base64) [^"]+"`)

// filledIn is JSON with the sections that it names.
func (s *scenario) filledIn(t *testing.T, text string) string {
	t.Helper()
	return reference.ReplaceAllStringFunc(string(read(text, "\n")), func(m string) string {
		value, _ := s.named(t, strings.Trim(m, `"`))
		b, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(b)
	})
}

// askJSON makes the request of a section v2, which may begin with its method and path.
func (s *scenario) askJSON(t *testing.T, w *world, text string) answer {
	t.Helper()
	method, path := http.MethodPost, sendPath
	if !strings.HasPrefix(text, "{") {
		line, body, _ := strings.Cut(text, "\n")
		method, path, _ = strings.Cut(line, " ")
		text = body
	}
	return w.json(t, method, path, s.filledIn(t, text))
}

// talk speaks the lines of a session. The answer is the last reply, or the first refusal.
func (s *scenario) talk(t *testing.T, w *world, text string) (last answer) {
	t.Helper()
	c := w.session(t)
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "@"); ok {
			last = c.data(s.message(t, name))
		} else {
			last = c.say(string(read(line, "")))
		}
		if last.status >= 400 {
			return last
		}
	}
	return last
}

// text is a departure as the files have it.
func (d departure) text() string {
	var b strings.Builder
	m := d.message
	fmt.Fprintf(&b, "feedback to %s\n", m.ReturnPath)
	if m.ConfigSet != "" {
		fmt.Fprintf(&b, "configuration set %s\n", m.ConfigSet)
	}
	for _, tag := range m.Tags {
		fmt.Fprintf(&b, "tag %s is %s\n", tag.Name, tag.Value)
	}
	if m.OriginalID != "" {
		fmt.Fprintf(&b, "also found as %s\n", showLine(m.OriginalID))
	}
	for _, line := range slices.Concat(d.settled, d.envelope) {
		b.WriteString(line + "\n")
	}
	if d.data != nil {
		b.WriteString(dataLine + "\n" + show(d.data))
	}
	return b.String()
}

// dataLine stands before the octets of a message, and nextMessage between two.
const (
	dataLine    = "DATA"
	nextMessage = opening + "next message" + closing + "\n"
)

// messages are the octets in a section of what leaves.
func messages(text string) (all [][]byte) {
	for one := range strings.SplitSeq(text, nextMessage) {
		if _, data, ok := strings.Cut(one, "\n"+dataLine+"\n"); ok {
			all = append(all, read(data, "\r\n"))
		}
	}
	return all
}
