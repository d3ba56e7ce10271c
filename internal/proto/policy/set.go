// SPDX-License-Identifier: Apache-2.0

package policy

import "strings"

// Set is policies that decide together, arranged so that a request costs what can be about
// its action, and not what else there is. It is read-only and may be used from any number
// of goroutines. The nil Set is empty.
type Set struct {
	exact map[string]*group // by the action in lower case: statements that list actions by their whole names
	wild  group             // those with an asterisk or a question mark, or NotAction
}

// group is statements by their effect.
type group struct{ deny, allow []*Statement }

func (g *group) add(s *Statement) {
	if s.Effect == EffectDeny {
		g.deny = append(g.deny, s)
	} else {
		g.allow = append(g.allow, s)
	}
}

// NewSet arranges documents. It keeps their statements, and changes nothing of them.
func NewSet(docs ...*Document) *Set {
	set := &Set{exact: map[string]*group{}}
	for _, d := range docs {
		for i := range d.Statements {
			set.add(&d.Statements[i])
		}
	}
	return set
}

func (set *Set) add(s *Statement) {
	if !s.namesActions() {
		set.wild.add(s)
		return
	}
	seen := map[string]bool{}
	for i := range s.actions {
		name := s.actions[i].text
		if seen[name] {
			continue
		}
		seen[name] = true
		g := set.exact[name]
		if g == nil {
			g = &group{}
			set.exact[name] = g
		}
		g.add(s)
	}
}

// namesActions reports whether the statement is about the actions that it lists, each by
// its whole name.
func (s *Statement) namesActions() bool {
	for i := range s.actions {
		if s.actions[i].form != exact {
			return false
		}
	}
	return !s.NotAction
}

// Empty reports whether there is no statement in the set.
func (set *Set) Empty() bool {
	return set == nil || len(set.exact) == 0 && len(set.wild.deny) == 0 && len(set.wild.allow) == 0
}

// Evaluate decides the request: Deny if a statement denies, else Allow if one allows.
func (set *Set) Evaluate(r *Request) Decision {
	if set.Empty() {
		return NotApplicable
	}
	r.fold()
	var named group
	if g := set.exact[r.folded]; g != nil {
		named = *g
	}
	switch {
	case anyApplies(named.deny, r, false), anyApplies(set.wild.deny, r, true):
		return Deny
	case anyApplies(named.allow, r, false), anyApplies(set.wild.allow, r, true):
		return Allow
	}
	return NotApplicable
}

// anyApplies reports whether one of the statements applies. Whether they are about the
// action is known unless askAction.
func anyApplies(statements []*Statement, r *Request, askAction bool) bool {
	for _, s := range statements {
		if (!askAction || s.aboutAction(r)) && s.aboutCaller(r) && s.aboutResource(r) && s.conditionsHold(r) {
			return true
		}
	}
	return false
}

// fold makes the action ready to be compared.
func (r *Request) fold() {
	if r.folded == "" {
		r.folded = strings.ToLower(r.Action)
	}
}
