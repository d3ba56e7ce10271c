// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// compile makes a statement ready to be evaluated.
func (p *parser) compile(r rawStatement, variables bool) (Statement, error) {
	s := r.Statement
	for _, text := range s.Actions {
		a, err := newAction(text)
		if err != nil {
			return s, err
		}
		s.actions = append(s.actions, a)
		p.costly += a.costly()
	}
	for _, text := range s.Resources {
		a, err := newARNPattern(text, variables)
		if err != nil {
			return s, err
		}
		s.resources = append(s.resources, a)
		p.costly += a.costly()
	}
	for _, raw := range r.conditions {
		c, err := newCondition(p.ops, raw.operator, raw.key, raw.values, variables)
		if err != nil {
			return s, err
		}
		s.conditions = append(s.conditions, c)
		p.costly += c.costly()
	}
	if p.costly > maxCostly {
		return s, invalid("The policy has too many question marks between asterisks.")
	}
	return s, nil
}

// newAction compiles an action with wildcards, such as ses:Send*, whose letters match in
// any case.
func newAction(text string) (pattern, error) {
	vendor, name, ok := strings.Cut(text, ":")
	switch {
	case text == "*":
	case !ok || vendor == "" || name == "":
		return pattern{}, invalid("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.")
	case strings.Contains(name, ":"):
		return pattern{}, invalid("Actions/Condition can contain only one colon.")
	case vendor != "*" && strings.Trim(vendor, lettersAndDigits+"-.") != "":
		return pattern{}, invalid("Vendor %s is not valid", printable(vendor))
	case strings.Trim(name, lettersAndDigits+"*?-_") != "":
		return pattern{}, invalid("The action %s is not valid.", quoted(text))
	}
	return newPattern(strings.ToLower(text), syntax{wildcards: true})
}

const lettersAndDigits = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

// costly is that of the pattern's glob; what a variable's value adds has no wildcards.
func (p *pattern) costly() int {
	if p.form == variables {
		return newGlob(p.pieces).costly()
	}
	return p.glob.costly()
}

func (c *condition) costly() int {
	n := 0
	switch t := c.test.(type) {
	case equalTest:
		for i := range t {
			n += t[i].costly()
		}
	case arnTest:
		for i := range t {
			n += t[i].costly()
		}
	}
	return n
}

// pieces are those of the condition's values that have variables.
func (c *condition) pieces() (all []piece) {
	switch t := c.test.(type) {
	case equalTest:
		for i := range t {
			all = append(all, t[i].pieces...)
		}
	case foldTest:
		for i := range t {
			all = append(all, t[i]...)
		}
	case arnTest:
		for i := range t {
			all = append(all, t[i].pieces()...)
		}
	}
	return all
}
