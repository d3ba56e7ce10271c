// SPDX-License-Identifier: Apache-2.0

// Package handlebars renders the templates of SES: the Handlebars language as
// handlebars.js 4.7 has it, without HTML escaping, with the built-in helpers and inline
// partials, and with SES's rule that an attribute which is printed must be in the data
// (SES, "Using templates to send personalized email").
//
//	t, err := handlebars.Compile("Dear {{name}}, {{#each pets}}{{this}}{{/each}}")
//	data, err := handlebars.ParseData([]byte(`{"name":"Anaya","pets":["angelfish"]}`))
//	text, err := t.Render(data, handlebars.Limits{})
//
// It follows handlebars.js and is not taken from a library: raymond, the one for Go, has
// no inline partials, iterates objects in random order, strips lines differently, keeps
// helpers in globals, and bounds neither time nor output.
//
// What differs from handlebars.js:
//
//   - {{x}} whose value is undefined there is a *MissingError. A null prints nothing, and so
//     does all that a path looks for beneath it. Arguments of helpers, blocks and partials may
//     be absent.
//   - Helpers and decorators that do not exist, wrong numbers of arguments and partials that
//     are defined nowhere are errors of Compile, not of the rendering that gets there.
//   - In an inline partial the block parameters of the block that it is defined in are those,
//     not those of the block around that one.
//   - {{log}} does nothing, two numbers side by side are not added, NUL characters are refused.
package handlebars

import (
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"
)

// MaxSource is the longest template that Compile takes, in bytes. SES's own limit for a
// template is 500 KB.
const MaxSource = 1 << 20

// maxNesting bounds how deep blocks and subexpressions nest in a template; each
// {{else if}} is one level.
const maxNesting = 500

// What stops a rendering beside *MissingError and *Error.
var (
	ErrTooLarge     = errors.New("the rendered text is too large")
	ErrTooDeep      = errors.New("the blocks and partials of the template nest too deeply")
	ErrTooManySteps = errors.New("the template takes too long to render")
)

// Error says where a template is wrong and why.
type Error struct {
	Line   int    // from 1
	Column int    // in characters, from 1
	Reason string // in plain words
}

// Error is the reason with its place.
func (e *Error) Error() string {
	return fmt.Sprintf("line %d, column %d: %s", e.Line, e.Column, e.Reason)
}

// MissingError is an attribute that the template prints and that the data does not have.
type MissingError struct {
	Name string // the whole path, as the template has it
}

// Error is the text of SES's Rendering Failure event.
func (e *MissingError) Error() string {
	return fmt.Sprintf("Attribute '%s' is not present in the rendering data.", e.Name)
}

// Template is a compiled template. It does not change and serves any number of renderings
// at once.
type Template struct {
	source string
	root   *program
}

// Compile reads a template. A reserved name is no attribute: {{name}} stays as it is, for
// those who replace it later. All errors are *Error.
func Compile(source string, reserved ...string) (*Template, error) {
	if len(source) > MaxSource {
		return nil, &Error{Line: 1, Column: 1, Reason: fmt.Sprintf("the template is longer than %d bytes", MaxSource)}
	}
	root, err := parse(source)
	if err == nil {
		trimWhitespace(root)
		err = check(root, reserved)
	}
	var wrong *fault
	if errors.As(err, &wrong) {
		return nil, wrong.in(source)
	}
	return &Template{source: source, root: root}, nil
}

// fault is an Error before its line is counted.
type fault struct {
	pos    int // byte offset
	reason string
}

func (f *fault) Error() string { return f.reason }

func faultf(pos int, format string, args ...any) *fault {
	return &fault{pos: pos, reason: fmt.Sprintf(format, args...)}
}

// in counts lines and columns.
func (f *fault) in(source string) *Error {
	before := source[:min(f.pos, len(source))]
	line := strings.LastIndexByte(before, '\n') + 1
	return &Error{
		Line:   strings.Count(before, "\n") + 1,
		Column: utf8.RuneCountInString(before[line:]) + 1,
		Reason: f.reason,
	}
}
