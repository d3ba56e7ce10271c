// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"strings"

	"sesame/internal/base/fault"
)

// maxRecord is the longest record, in octets; ours. Longer ones fail.
const maxRecord = 64 << 10

// reader reads the records of a file, one at a time, in bounded memory.
type reader interface {
	// next returns the next record as it stands in the file, or io.EOF. Of a record that
	// is longer than maxRecord it returns the beginning, with errTooLong.
	next() ([]byte, error)
}

// byteOrder is the mark that some programs write in front of UTF-8.
var byteOrder = []byte("\ufeff")

var errTooLong = fault.New(fault.Invalid, "The record is longer than %d octets.", maxRecord)

// lines reads lines in which there is something.
type lines struct{ r *bufio.Reader }

func newLines(r io.Reader) *lines { return &lines{bufio.NewReaderSize(r, maxRecord)} }

func (l *lines) next() ([]byte, error) {
	for {
		line, err := l.line()
		if err != nil || len(bytes.TrimSpace(bytes.TrimPrefix(line, byteOrder))) > 0 {
			return line, err
		}
	}
}

// line reads a line without its end.
func (l *lines) line() ([]byte, error) {
	part, err := l.r.ReadSlice('\n')
	line := bytes.Clone(part)
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = l.r.ReadSlice('\n')
		}
		if err == nil || errors.Is(err, io.EOF) {
			err = errTooLong
		}
		return line, err
	}
	if errors.Is(err, io.EOF) && len(line) > 0 {
		err = nil
	}
	return bytes.TrimRight(line, "\r\n"), err
}

// objects reads JSON objects one behind the other, each on a line of its own or printed
// over several. A broken one harms no other that begins a line: what is open then ends
// there, broken. (Within an object that is printed over several lines, others are indented.)
type objects struct {
	lines *lines
	rest  []byte // of a line that is begun
}

func (o *objects) next() ([]byte, error) {
	var record []byte
	var s scanner
	for {
		if len(o.rest) == 0 {
			line, err := o.lines.line()
			if errors.Is(err, io.EOF) {
				if record = bytes.TrimSpace(record); len(record) > 0 {
					return record, nil
				}
				return nil, io.EOF
			}
			if errors.Is(err, errTooLong) {
				return line, errTooLong
			}
			if err != nil {
				return nil, err
			}
			o.rest = append(line, '\n')
		}
		if len(record) == 0 {
			o.rest = bytes.TrimLeft(bytes.TrimPrefix(o.rest, byteOrder), " \t\r\n")
		} else if o.rest[0] == '{' { // the one that was begun has no end
			return bytes.TrimSpace(record), nil
		}
		n, whole := s.scan(o.rest)
		record, o.rest = append(record, o.rest[:n]...), o.rest[n:]
		switch {
		case whole:
			return bytes.TrimSpace(record), nil
		case len(record) > maxRecord:
			return record[:maxRecord], errTooLong
		}
	}
}

// scanner looks for the end of a JSON object, or of a line that has none.
type scanner struct {
	depth  int
	quoted bool
	escape bool
}

// scan returns how much of line belongs to the record, and whether that is its end.
func (s *scanner) scan(line []byte) (n int, whole bool) {
	for i, c := range line {
		switch {
		case s.escape:
			s.escape = false
		case s.quoted && c == '\\':
			s.escape = true
		case c == '"':
			s.quoted = !s.quoted
		case s.quoted && c == '\n': // no JSON string goes over lines
			return i + 1, true
		case s.quoted:
		case c == '{':
			s.depth++
		case c == '}':
			if s.depth--; s.depth <= 0 {
				return i + 1, true
			}
		}
	}
	return len(line), s.depth == 0 && len(bytes.TrimSpace(line)) > 0
}

// cells takes a line of a CSV file apart (RFC 4180), with one addition that SES's own
// examples need: a JSON object may stand in a field without quotes, with commas and quotes
// of its own.
func cells(line []byte) ([]string, error) {
	rest := strings.TrimPrefix(string(line), "\ufeff")
	var list []string
	bare := false // quotes and braces are nothing special behind those that have no end
	for {
		cell, behind, broken := cell(rest, bare)
		bare = bare || broken
		list = append(list, cell)
		if behind == "" {
			return list, nil
		}
		if rest = behind[1:]; len(list) > 1000 {
			return nil, fault.New(fault.Invalid, "The line has too many columns.")
		}
	}
}

// cell returns the first cell of a line, and what is behind it: "" or a comma and more.
// broken says that it began as a quoted cell or an object and was none; to look for the end
// of such a one again and again would take long.
func cell(s string, bare bool) (value, behind string, broken bool) {
	trimmed := strings.TrimLeft(s, " \t")
	if special := !bare && trimmed != ""; special && trimmed[0] == '"' {
		if value, behind, ok := quotedCell(trimmed[1:]); ok {
			return value, behind, false
		}
		broken = true
	} else if special && trimmed[0] == '{' {
		if value, behind, ok := objectCell(trimmed); ok {
			return value, behind, false
		}
		broken = true
	}
	if at := strings.IndexByte(s, ','); at >= 0 {
		return s[:at], s[at:], broken
	}
	return s, "", broken
}

// objectCell reads a JSON object; false if it is none.
func objectCell(s string) (value, behind string, ok bool) {
	d := json.NewDecoder(strings.NewReader(s))
	var object json.RawMessage
	if d.Decode(&object) != nil {
		return "", "", false
	}
	behind = strings.TrimLeft(s[d.InputOffset():], " \t")
	return string(object), behind, behind == "" || behind[0] == ','
}

// quotedCell reads what is behind an opening quote; false if it is no quoted cell.
func quotedCell(s string) (value, behind string, ok bool) {
	var b strings.Builder
	for {
		at := strings.IndexByte(s, '"')
		if at < 0 {
			return "", "", false
		}
		b.WriteString(s[:at])
		s = s[at+1:]
		if !strings.HasPrefix(s, `"`) {
			behind = strings.TrimLeft(s, " \t")
			return b.String(), behind, behind == "" || behind[0] == ','
		}
		b.WriteByte('"')
		s = s[1:]
	}
}
