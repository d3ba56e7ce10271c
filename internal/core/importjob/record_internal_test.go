// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"bytes"
	"encoding/csv"
	"errors"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// drain reads all records of a file.
func drain(t testing.TB, r reader) (records [][]byte, tooLong int) {
	t.Helper()
	for {
		record, err := r.next()
		switch {
		case errors.Is(err, io.EOF):
			return records, tooLong
		case errors.Is(err, errTooLong):
			tooLong++
		case err != nil:
			t.Fatal(err)
		}
		if len(record) > maxRecord {
			t.Fatalf("a record of %d octets", len(record))
		}
		records = append(records, record)
	}
}

// TestObjects are found in a file, whatever is between them.
func TestObjects(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		what, file string
		want       []string
	}{
		{"nothing", " \n\r\n\ufeff", nil},
		{"one on each line", "{\"a\":1}\n{\"a\":2}\r\n", []string{`{"a":1}`, `{"a":2}`}},
		{"several on one line", `{"a":1}{"a":2} {"a":3}`, []string{`{"a":1}`, `{"a":2}`, `{"a":3}`}},
		{"over several lines", "{\n \"a\": {\n  \"b\": \"}\"\n }\n}\n{}", []string{"{\n \"a\": {\n  \"b\": \"}\"\n }\n}", "{}"}},
		{"braces and quotes in strings", `{"a":"\"}{\\"} {}`, []string{`{"a":"\"}{\\"}`, "{}"}},
		{"one without an end harms none that begins a line", "{\"a\":\n{\"a\":1}\n", []string{`{"a":`, `{"a":1}`}},
		{"nor does a string without an end", "{\"a\":\"b\n{\"a\":1}\n", []string{`{"a":"b`, `{"a":1}`}},
		{"nor what is no object", "x\n]\n{\"a\":1}\n", []string{"x", "]", `{"a":1}`}},
	} {
		records, _ := drain(t, &objects{lines: newLines(strings.NewReader(c.file))})
		var got []string
		for _, r := range records {
			got = append(got, string(r))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.what, got)
		}
	}
}

// endless is content without a line's end, as long as one likes.
type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = '{'
	}
	return len(p), nil
}

// TestALineWithoutEndTakesNoMemory: its beginning is all that is kept.
func TestALineWithoutEndTakesNoMemory(t *testing.T) {
	t.Parallel()
	for name, open := range map[string]func(io.Reader) reader{
		"CSV": func(r io.Reader) reader { return newLines(r) }, "JSON": func(r io.Reader) reader { return &objects{lines: newLines(r)} },
	} {
		file := io.MultiReader(io.LimitReader(endless{}, 256<<20), strings.NewReader("\n{}\n"))
		if records, tooLong := drain(t, open(file)); len(records) != 2 || tooLong != 1 || len(records[0]) != maxRecord || string(records[1]) != "{}" {
			t.Errorf("%s: %d records, %d of them too long", name, len(records), tooLong)
		}
	}
}

// TestCellsWithoutEndAreLookedForOnce: a line takes time in proportion to its length.
func TestCellsWithoutEndAreLookedForOnce(t *testing.T) { // not in parallel: it counts allocations
	for _, line := range []string{
		strings.Repeat(`[1,{"b":`, maxRecord/8), strings.Repeat(`{"a":[1,`, maxRecord/8), strings.Repeat(`"a"x,`, maxRecord/5),
	} {
		n := testing.AllocsPerRun(1, func() { _, _ = cells([]byte(line)) })
		if n > 200 {
			t.Errorf("%.20s...: %v allocations", line, n)
		}
	}
}

// FuzzRecords has nothing of a file be lost or twice in the records, and cells be what
// encoding/csv reads where both should agree.
func FuzzRecords(f *testing.F) {
	for _, s := range []string{"a@example.com,BOUNCE\r\n", "{\"a\":\n{\"a\":\"}\"}\n", `"""a,b""",{"a": "b,c"},x`, "\ufeffx"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		want := solid(bytes.Split(file, []byte("\n")))
		for _, r := range []reader{newLines(bytes.NewReader(file)), &objects{lines: newLines(bytes.NewReader(file))}} {
			records, tooLong := drain(t, r)
			if got := solid(records); tooLong == 0 && got != want {
				t.Errorf("%T reads %q", r, got)
			}
			for _, record := range records {
				compareCells(t, record)
			}
		}
	})
}

// solid is what there is beside white space and byte order marks.
func solid(parts [][]byte) string {
	var b strings.Builder
	for _, part := range parts {
		for len(part) > 0 {
			r, size := utf8.DecodeRune(part)
			if !unicode.IsSpace(r) && r != '\ufeff' {
				b.Write(part[:size])
			}
			part = part[size:]
		}
	}
	return b.String()
}

func compareCells(t *testing.T, line []byte) {
	got, err := cells(line)
	if err != nil || bytes.ContainsAny(line, "{\r\n\ufeff") || bytes.Contains(line, []byte(" \"")) || bytes.Contains(line, []byte("\t\"")) {
		return
	}
	want, err := csv.NewReader(bytes.NewReader(line)).Read()
	if err == nil && !slices.Equal(got, want) {
		t.Errorf("%q has the cells %q, not %q", line, got, want)
	}
}
