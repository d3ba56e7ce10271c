// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// The files show messages as text. A line of a file is a line of the message, which ends
// with CRLF there, and what can't be seen is written in brackets of their own:
//
//	⟦0d 00⟧                               these octets
//	⟦1000×a⟧                              an octet so many times
//	⟦the last 3 lines 499 times more⟧     alone on its line
//	⟦no line end⟧                         at the end of a message that ends in the middle of a line
const (
	opening, closing = "⟦", "⟧"
	noLineEnd        = opening + "no line end" + closing
)

var (
	inLine   = regexp.MustCompile(`⟦((?:[0-9a-f]{2} ?)+|[0-9]+×.)⟧`)
	repeated = regexp.MustCompile(`^⟦the last ([0-9]+) lines? ([0-9]+) times? more⟧$`)
	marker   = regexp.MustCompile(`^-- (.+) --$`)
)

// bounds of what is written in short.
const (
	minRun    = 80 // of one octet
	minRepeat = 8  // of lines
	maxPeriod = 6
)

// read is the text of a file as what it stands for, with line ends of its own.
func read(text, lineEnd string) []byte {
	text = strings.TrimSuffix(text, noLineEnd+"\n")
	var lines [][]byte
	for line := range strings.Lines(text) {
		line, ended := strings.CutSuffix(line, "\n")
		if m := repeated.FindStringSubmatch(line); m != nil {
			n, times := number(m[1]), number(m[2])
			if n <= len(lines) {
				block := lines[len(lines)-n:]
				for range times {
					lines = append(lines, block...)
				}
				continue
			}
		}
		b := inLine.ReplaceAllFunc([]byte(line), func(m []byte) []byte {
			inner := strings.TrimSuffix(strings.TrimPrefix(string(m), opening), closing)
			if n, c, ok := strings.Cut(inner, "×"); ok {
				return bytes.Repeat([]byte(c), number(n))
			}
			b, err := hex.DecodeString(strings.ReplaceAll(inner, " ", ""))
			if err != nil {
				return m
			}
			return b
		})
		if ended {
			b = append(b, lineEnd...)
		}
		lines = append(lines, b)
	}
	return bytes.Join(lines, nil)
}

func number(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil {
		panic(err) // the patterns let digits through only
	}
	return n
}

// show writes a message as text, so that read gives it back.
func show(b []byte) string {
	lines := strings.SplitAfter(string(b), "\r\n")
	last := lines[len(lines)-1]
	lines = lines[:len(lines)-1]
	for i, line := range lines {
		lines[i] = showLine(strings.TrimSuffix(line, "\r\n")) + "\n"
	}
	out := strings.Join(shorten(lines), "")
	if last != "" {
		out += showLine(last) + noLineEnd + "\n"
	}
	return out
}

func showLine(s string) string {
	var b strings.Builder
	var hidden []byte
	flush := func() {
		if len(hidden) > 0 {
			fmt.Fprintf(&b, "%s% x%s", opening, hidden, closing)
			hidden = nil
		}
	}
	visible := len(strings.TrimRight(s, " \t"))
	for i := 0; i < len(s); {
		if n := runOf(s[i:]); n >= minRun && s[i] > ' ' && s[i] < 0x7f {
			flush()
			fmt.Fprintf(&b, "%s%d×%c%s", opening, n, s[i], closing)
			i += n
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if i >= visible || isHidden(r, n) {
			hidden = append(hidden, s[i:i+n]...)
		} else {
			flush()
			b.WriteString(s[i : i+n])
		}
		i += n
	}
	flush()
	if line := b.String(); marker.MatchString(line) {
		return opening + "2d" + closing + line[1:]
	}
	return b.String()
}

// isHidden reports whether a character of n octets is written as its octets.
func isHidden(r rune, n int) bool {
	return r == utf8.RuneError && n == 1 || !unicode.IsGraphic(r) && r != '\t' || string(r) == opening || string(r) == closing
}

// runOf is how often the first octet stands at the beginning.
func runOf(s string) int {
	n := 1
	for n < len(s) && s[n] == s[0] {
		n++
	}
	return n
}

// shorten writes lines that come again and again once.
func shorten(lines []string) (out []string) {
	for i := 0; i < len(lines); {
		period, times := 0, 0
		for p := 1; p <= maxPeriod; p++ {
			n := 0
			for i+(n+2)*p <= len(lines) && equal(lines[i:i+p], lines[i+(n+1)*p:i+(n+2)*p]) {
				n++
			}
			if n >= minRepeat && n*p > times*period {
				period, times = p, n
			}
		}
		if period == 0 {
			out = append(out, lines[i])
			i++
			continue
		}
		out = append(out, lines[i:i+period]...)
		what := "1 line"
		if period > 1 {
			what = strconv.Itoa(period) + " lines"
		}
		out = append(out, fmt.Sprintf("%sthe last %s %d times more%s\n", opening, what, times, closing))
		i += period * (times + 1)
	}
	return out
}

func equal(a, b []string) bool {
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

func TestTheNotationReadsBack(t *testing.T) {
	t.Parallel()
	for name, message := range map[string]string{
		"lines":                                  "a\r\nb\r\n\r\n",
		"nothing":                                "",
		"a last line without its end":            "a\r\nb",
		"octets that are no text":                "a\x00\xff\x7f\r\nb\rc\nd\r\n",
		"white space at the end of a line":       "a \t\r\n \r\n",
		"text that is not ASCII":                 "J\u00fcrgen \u65e5\u672c ⟦61⟧\r\n",
		"a line that looks like a section":       "-- leaves --\r\n",
		"a long run":                             strings.Repeat("x", 5000) + "y\r\n",
		"lines that come again":                  strings.Repeat("--b\r\n\r\nx\r\n", 500) + "--b--\r\n",
		"one line that comes again":              strings.Repeat("x\r\n", 100),
		"a repetition that is the message's own": "⟦the last 3 lines 499 times more⟧\r\n",
	} {
		text := show([]byte(message))
		if got := string(read(text, "\r\n")); got != message {
			t.Errorf("%s:\n%q is shown as\n%s\nand read as\n%q", name, message, text, got)
		}
	}
}
