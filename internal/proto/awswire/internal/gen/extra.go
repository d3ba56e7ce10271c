// SPDX-License-Identifier: Apache-2.0

package gen

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// apply puts the extra file's lines into the model. They are:
//
//	op NAME INPUT
//	structure NAME Member[!][:Shape] ...        a new structure, all members
//	member STRUCTURE Member[!][:Shape] ...      further members
//	optional STRUCTURE Member ...               required in the model, not by SES
//	unchecked STRUCTURE Member ...              left to the operation's handler
//	map NAME KEY VALUE
//	scalar NAME [min=N] [max=N] [pattern=TO THE END]
//	enum NAME                                   the SDK's values
//	only NAME ...                               the operations to write; without a line, all
//	free NAME ...                               scalars whose pattern is left to the handler
func (w *writer) apply(extra string) error {
	for n, line := range strings.Split(extra, "\n") {
		if line == "" || line[0] == '#' {
			continue
		}
		line, pattern, _ := strings.Cut(line, " pattern=")
		words := strings.Fields(line)
		if len(words) < 2 {
			return fmt.Errorf("extra line %d is too short", n+1)
		}
		if err := w.applyLine(words[0], words[1], words[2:], pattern); err != nil {
			return fmt.Errorf("extra line %d: %w", n+1, err)
		}
	}
	return nil
}

func (w *writer) applyLine(verb, name string, args []string, pattern string) error {
	shapes := w.model.Shapes
	switch verb {
	case "op":
		w.model.Operations[name] = &ModelOperation{Input: &Ref{args[0]}, Output: &Ref{"Unit"}}
		return nil
	case "only":
		w.only = append(append(w.only, name), args...)
		return nil
	case "free":
		for _, scalar := range append([]string{name}, args...) {
			if shapes[scalar] == nil {
				return fmt.Errorf("no scalar %s", scalar)
			}
			shapes[scalar].Pattern = ""
		}
		return nil
	case "structure":
		shapes[name] = &Shape{Type: "structure"}
		w.members(shapes[name], args)
		return nil
	case "map":
		shapes[name] = &Shape{Type: "map", Key: &Ref{args[0]}, Value: &Ref{args[1]}}
		return nil
	case "enum":
		shapes[name] = &Shape{Type: "string", Enum: w.enums[name]}
		return nil
	case "scalar":
		if shapes[name] == nil {
			shapes[name] = &Shape{Type: "string"}
		}
		return limits(shapes[name], args, pattern)
	}
	s := shapes[name]
	if s == nil || s.Type != "structure" {
		return fmt.Errorf("no structure %s", name)
	}
	switch verb {
	case "member":
		w.members(s, args)
	case "optional":
		s.Required = slices.DeleteFunc(s.Required, func(r string) bool { return slices.Contains(args, r) })
	case "unchecked":
		for i := range s.Members {
			if slices.Contains(args, s.Members[i].Name) {
				s.Members[i].Shape = w.plain()
			}
		}
	default:
		return fmt.Errorf("unknown verb %q", verb)
	}
	return nil
}

// members adds members to a structure.
func (w *writer) members(s *Shape, args []string) {
	for _, arg := range args {
		name, shape, ok := strings.Cut(arg, ":")
		if !ok {
			shape = w.plain()
		}
		if strings.HasSuffix(name, "!") {
			name = strings.TrimSuffix(name, "!")
			s.Required = append(s.Required, name)
		}
		s.Members = append(s.Members, Member{Name: name, Shape: shape})
	}
}

// plain is a shape without constraints.
func (w *writer) plain() string {
	const name = "-plain-"
	w.model.Shapes[name] = &Shape{Type: "string"}
	return name
}

func limits(s *Shape, args []string, pattern string) error {
	for _, arg := range args {
		name, value, _ := strings.Cut(arg, "=")
		number := json.Number(value)
		switch name {
		case "min":
			s.Min = &number
		case "max":
			s.Max = &number
		default:
			return fmt.Errorf("unknown limit %q", arg)
		}
	}
	if pattern != "" {
		s.Pattern = pattern
	}
	return nil
}
