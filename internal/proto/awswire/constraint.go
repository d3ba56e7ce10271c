// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"bufio"
	"fmt"
	"math"
	"reflect"
	"regexp"
	"strconv"
	"strings"
)

// A constraint file holds what SES checks before an operation runs, one shape a line:
//
//	op SendEmail SendEmailRequest [bare]
//	structure SendEmailRequest Source! Destination!:Destination ...
//	list MessageTagList MessageTag min=1 max=10
//	map Dimensions MetricDimensionName MetricDimensionValue min=1
//	scalar TlsPolicy enum=Optional,Require
//	scalar Selector min=1 max=63 pattern=TO THE END OF THE LINE
//
// A structure lists the members that have a constraint in SES's order: an exclamation
// mark for required, a colon and the member's shape if that has constraints itself.
// "bare" marks an operation whose answer has no result element; "-" stands for a key
// or an element without constraints. Lines that start with # are comments.

// shape is one line of a constraint file.
type shape struct {
	kind     string
	members  []shapeMember
	key      string // of a map
	elem     string // of a list, and the value of a map
	min, max float64
	enum     []string
	pattern  string
}

type shapeMember struct {
	name     string
	required bool
	shape    string
}

// constraintFile is a parsed constraint file.
type constraintFile struct {
	inputs map[string]string // operation to the input's shape
	bare   map[string]bool
	shapes map[string]*shape
}

func parseConstraints(text string) (*constraintFile, error) {
	f := &constraintFile{inputs: map[string]string{}, bare: map[string]bool{}, shapes: map[string]*shape{}}
	lines := bufio.NewScanner(strings.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		if line == "" || line[0] == '#' {
			continue
		}
		if err := f.line(line); err != nil {
			return nil, fmt.Errorf("constraints, line %d: %w", n, err)
		}
	}
	return f, lines.Err()
}

func (f *constraintFile) line(line string) error {
	line, pattern, _ := strings.Cut(line, " pattern=")
	words := strings.Fields(line)
	if len(words) < 3 && (len(words) != 2 || pattern == "") {
		return fmt.Errorf("too short: %q", line)
	}
	s := &shape{kind: words[0], min: math.Inf(-1), max: math.Inf(1), pattern: pattern}
	rest := words[2:]
	switch s.kind {
	case "op":
		f.inputs[words[1]] = rest[0]
		f.bare[words[1]] = len(rest) > 1 && rest[1] == "bare"
		return nil
	case "structure":
		for _, word := range rest {
			name, target, _ := strings.Cut(word, ":")
			m := shapeMember{name: strings.TrimSuffix(name, "!"), shape: target}
			m.required = m.name != name
			s.members = append(s.members, m)
		}
		rest = nil
	case "list":
		s.elem, rest = rest[0], rest[1:]
	case "map":
		if len(rest) < 2 {
			return fmt.Errorf("too short: %q", line)
		}
		s.key, s.elem, rest = rest[0], rest[1], rest[2:]
	case "scalar":
	default:
		return fmt.Errorf("unknown kind %q", s.kind)
	}
	f.shapes[words[1]] = s
	return s.limits(rest)
}

func (s *shape) limits(words []string) error {
	for _, word := range words {
		name, value, _ := strings.Cut(word, "=")
		var err error
		switch name {
		case "min":
			s.min, err = strconv.ParseFloat(value, 64)
		case "max":
			s.max, err = strconv.ParseFloat(value, 64)
		case "enum":
			s.enum = strings.Split(value, ",")
		default:
			err = fmt.Errorf("unknown limit %q", word)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// constrain compiles a constraint file's checks into the service's operations.
func (s *Service) constrain(text string) error {
	f, err := parseConstraints(text)
	if err != nil {
		return err
	}
	c := checkCompiler{file: f, done: map[*structPlan]*structChecks{}}
	for name, input := range f.inputs {
		op := s.byName[name]
		if op == nil {
			return fmt.Errorf("constraints of %s, which does not exist", name)
		}
		op.bare = f.bare[name]
		if input == "-" {
			continue
		}
		if op.checks, err = c.structure(op.in, input); err != nil {
			return fmt.Errorf("constraints of %s: %w", name, err)
		}
	}
	return nil
}

// checkCompiler joins shapes with the plans of their Go types.
type checkCompiler struct {
	file *constraintFile
	done map[*structPlan]*structChecks
}

func (c *checkCompiler) structure(p *structPlan, name string) (*structChecks, error) {
	if done := c.done[p]; done != nil {
		return done, nil
	}
	s := c.file.shapes[name]
	if s == nil || s.kind != "structure" {
		return nil, fmt.Errorf("no structure %s", name)
	}
	checks := &structChecks{union: p.typ.Kind() == reflect.Interface}
	c.done[p] = checks
	for _, m := range s.members {
		i, ok := p.index[m.name]
		if !ok {
			return nil, fmt.Errorf("%s has no member %s", p.typ, m.name)
		}
		f := &p.fields[i]
		check, err := c.value(&f.value, m.shape)
		if err != nil {
			return nil, fmt.Errorf("%s.%s: %w", p.typ, m.name, err)
		}
		checks.fields = append(checks.fields, fieldCheck{field: f, required: m.required, check: check})
	}
	return checks, nil
}

// value returns the checks of a shape, or nil if it has none.
func (c *checkCompiler) value(p *valuePlan, name string) (*valueCheck, error) {
	if name == "" || name == "-" {
		return nil, nil
	}
	s := c.file.shapes[name]
	if s == nil {
		return nil, fmt.Errorf("no shape %s", name)
	}
	want := map[kind]string{kindList: "list", kindMap: "map", kindStruct: "structure", kindUnion: "structure"}[p.kind]
	if want == "" {
		want = "scalar"
	}
	if s.kind != want {
		return nil, fmt.Errorf("shape %s is a %s, the type is %s", name, s.kind, p.typ)
	}
	check := &valueCheck{plan: p, min: s.min, max: s.max, enum: s.enum}
	var err error
	if s.pattern != "" {
		check.patternText = s.pattern
		if check.pattern, err = compilePattern(s.pattern); err != nil {
			return nil, err
		}
	}
	if p.kind == kindStruct || p.kind == kindUnion {
		check.object, err = c.structure(p.object, name)
		return check, err
	}
	if s.elem != "" {
		if check.elem, err = c.value(p.elem, s.elem); err != nil {
			return nil, err
		}
	}
	if s.key != "" {
		check.key, err = c.value(&valuePlan{kind: kindString, typ: stringType}, s.key)
	}
	return check, err
}

// unicodeEscape is how a model's patterns, which are Java's, spell a character.
var unicodeEscape = regexp.MustCompile(`\\u([0-9A-Fa-f]{4})`)

// compilePattern compiles a model's pattern. It must match the whole value.
func compilePattern(text string) (*regexp.Regexp, error) {
	text = unicodeEscape.ReplaceAllString(text, `\x{$1}`)
	return regexp.Compile(`\A(?:` + text + `)\z`)
}
