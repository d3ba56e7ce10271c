// SPDX-License-Identifier: Apache-2.0

package message

import (
	"bytes"
	"errors"
	"strings"
)

// Errors of WalkParts.
var (
	ErrTooManyParts = errors.New("message: too many MIME parts")
	ErrTooDeep      = errors.New("message: MIME parts nested too deeply")
)

// WalkLimits bound a walk; zero values mean the defaults.
type WalkLimits struct {
	MaxParts int // body parts in all, 500 by default
	MaxDepth int // multiparts inside each other, 32 by default
}

// Part is an entity of a message: the message itself or a body part.
type Part struct {
	Header Header
	Media  Media  // of Content-Type; text/plain if it has none
	Body   []byte // as it stands in the message, transfer encoding included; nil for a multipart
	Depth  int    // 0 for the message itself

	// Where the part stands in the body that is walked: its header section begins at Head
	// and its Body at Start. The header section of the message itself is not in there.
	Head, Start int
	Boundaries  []string // of the multiparts around it, the outermost first; good during the call
}

// IsMultipart reports whether the part is a container of other parts.
func (p Part) IsMultipart() bool { return strings.HasPrefix(p.Media.Type, "multipart/") }

// FileNames are the names under which software may save the part: those of every
// Content-Disposition and Content-Type field in every form that they have.
func (p Part) FileNames() []string {
	var names []string
	for _, f := range p.Header {
		switch {
		case f.Is("Content-Disposition"):
			names = append(names, ParseMedia(f.Value()).All("filename")...)
		case f.Is("Content-Type"):
			names = append(names, ParseMedia(f.Value()).All("name")...)
		}
	}
	return names
}

// WalkParts calls fn for the message and for each of its parts, in their order, a
// multipart before what is inside it. It reads the body once, whatever the nesting,
// and takes what it can of wrong syntax: a missing end delimiter, a part without a
// header section, a multipart without a boundary, which counts as one part. An error
// of fn ends the walk and is returned.
func WalkParts(h Header, body []byte, limits WalkLimits, fn func(Part) error) error {
	if limits.MaxParts == 0 {
		limits.MaxParts = 500
	}
	if limits.MaxDepth == 0 {
		limits.MaxDepth = 32
	}
	w := walker{b: body, limits: limits, fn: fn}
	_, err := w.entity(h, 0, 0)
	return err
}

type walker struct {
	b      []byte
	limits WalkLimits
	fn     func(Part) error
	open   []string // boundaries of the multiparts that we are in
	parts  int
}

// delimiter is a delimiter line of one of the open multiparts.
type delimiter struct {
	level      int // index in open; -1 at the end of the body
	last       bool
	start, end int // of the line; the end is after its line end
}

// entity handles the part whose header is h, which begins at head, and whose body begins
// at from. It returns the delimiter that ended it.
func (w *walker) entity(h Header, head, from int) (delimiter, error) {
	p := Part{Header: h, Depth: len(w.open), Head: head, Start: from, Boundaries: w.open}
	value, boundary := h.Get("Content-Type"), ""
	if value == "" {
		value = "text/plain"
	}
	p.Media = ParseMedia(value)
	if p.IsMultipart() {
		boundary = strings.TrimRight(p.Media.Param("boundary"), " \t")
	}
	if boundary == "" {
		d := w.next(from)
		p.Body = w.b[from:bodyEnd(w.b, from, d)]
		return d, w.fn(p)
	}
	if len(w.open) == w.limits.MaxDepth {
		return delimiter{}, ErrTooDeep
	}
	if err := w.fn(p); err != nil {
		return delimiter{}, err
	}
	return w.multipart(boundary, from)
}

func (w *walker) multipart(boundary string, from int) (delimiter, error) {
	level := len(w.open)
	w.open = append(w.open, boundary)
	d := w.next(from)
	for d.level == level && !d.last {
		if w.parts++; w.parts > w.limits.MaxParts {
			return d, ErrTooManyParts
		}
		h, n, err := scanHeader(w.b[d.end:], w.isDelimiter)
		if err != nil {
			return d, err
		}
		if d, err = w.entity(h, d.end, d.end+n); err != nil {
			return d, err
		}
	}
	w.open = w.open[:level]
	if d.level == level { // what follows the last delimiter belongs to no part
		d = w.next(d.end)
	}
	return d, nil
}

// bodyEnd is where a part's body ends: the line end before a delimiter belongs to the
// delimiter (RFC 2046 §5.1.1).
func bodyEnd(b []byte, from int, d delimiter) int {
	end := d.start
	if d.level >= 0 && end > from && b[end-1] == '\n' {
		if end--; end > from && b[end-1] == '\r' {
			end--
		}
	}
	return end
}

var lineDashes = []byte("\n--")

// next finds the next delimiter of any open multipart in the lines from pos on, where
// a line begins.
func (w *walker) next(pos int) delimiter {
	if len(w.open) > 0 {
		if bytes.HasPrefix(w.b[pos:], dashes) {
			if d, ok := w.match(pos); ok {
				return d
			}
		}
		for {
			n := bytes.Index(w.b[pos:], lineDashes)
			if n < 0 {
				break
			}
			pos += n + 1
			if d, ok := w.match(pos); ok {
				return d
			}
		}
	}
	return delimiter{level: -1, start: len(w.b), end: len(w.b)}
}

// match compares the line at pos with the delimiters of the open multiparts, the
// innermost first.
func (w *walker) match(pos int) (delimiter, bool) {
	line, n := cutLine(w.b[pos:])
	line = bytes.TrimRight(line[len(dashes):], " \t")
	for i := len(w.open) - 1; i >= 0; i-- {
		boundary := w.open[i]
		if len(line) < len(boundary) || string(line[:len(boundary)]) != boundary {
			continue
		}
		rest := line[len(boundary):]
		if len(rest) == 0 || bytes.Equal(rest, dashes) {
			return delimiter{level: i, last: len(rest) > 0, start: pos, end: pos + n}, true
		}
	}
	return delimiter{}, false
}

// isDelimiter reports whether a line, which begins with "--", is a delimiter.
func (w *walker) isDelimiter(line []byte) bool {
	line = bytes.TrimRight(line[len(dashes):], " \t")
	for _, boundary := range w.open {
		if s := string(line); s == boundary || s == boundary+"--" {
			return true
		}
	}
	return false
}

// HoldsDelimiter reports whether a line of b begins as a delimiter of a multipart with
// one of these boundaries (RFC 2046 §5.1.1), so that b can't stand inside of it.
func HoldsDelimiter(b []byte, boundaries []string) bool {
	for len(boundaries) > 0 {
		if bytes.HasPrefix(b, dashes) {
			for _, boundary := range boundaries {
				if len(b) >= 2+len(boundary) && string(b[2:2+len(boundary)]) == boundary {
					return true
				}
			}
		}
		n := bytes.Index(b, lineDashes)
		if n < 0 {
			return false
		}
		b = b[n+1:]
	}
	return false
}
