// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"slices"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
)

// Verdict is whether mail to an address would be sent.
type Verdict struct {
	ConfigSet string // "" for mail without one
	Sent      bool
	Rule      Rule
}

// Explanation is all that the lists say of an address to an account.
type Explanation struct {
	Address  string
	Entries  []Entry   // of both lists
	Verdicts []Verdict // without a configuration set first, then by the sets' names
}

// maxExplained is for how many sets Explain says what would happen.
const maxExplained = 100

// Explain tells whether the account's mail to an address would be sent, and why: without a
// configuration set and with each of the first hundred, or with the one that is named.
func (l *Lists) Explain(ctx context.Context, sc scope.Scope, address, configSet string) (Explanation, error) {
	key, err := ParseAddress(address)
	if err != nil {
		return Explanation{}, err
	}
	x := Explanation{Address: key}
	for _, list := range []List{AccountList, GlobalList} {
		e, err := l.get(ctx, sc, list, key)
		if fault.Is(err, fault.NotFound) {
			continue
		}
		if err != nil {
			return x, err
		}
		x.Entries = append(x.Entries, e.seenBy(sc.Account))
	}
	reasons, err := l.Reasons(ctx, sc)
	if err != nil {
		return x, err
	}
	names := []string{configSet}
	if configSet == "" {
		if names, _, err = l.o.ConfigSets.List(ctx, sc, "", "", maxExplained); err != nil {
			return x, err
		}
		names = append([]string{""}, names...)
	}
	for _, name := range names {
		var set configset.Set
		if name != "" {
			if set, err = l.o.ConfigSets.Get(ctx, sc, name); err != nil {
				return x, err
			}
		}
		rule := decide(reasons, PolicyOf(set))
		stopped := slices.ContainsFunc(x.Entries, func(e Entry) bool { return e.List == rule.List && rule.suppresses(e) })
		x.Verdicts = append(x.Verdicts, Verdict{ConfigSet: name, Sent: !stopped, Rule: rule})
	}
	return x, nil
}

// Rule is how it is decided about the account's mail without a configuration set.
func (l *Lists) Rule(ctx context.Context, sc scope.Scope) (Rule, error) {
	reasons, err := l.Reasons(ctx, sc)
	return decide(reasons, Policy{}), err
}

// Effect is what an entry does under a rule, for people.
func (r Rule) Effect(e Entry) string {
	switch {
	case r.List != e.List && e.List == GlobalList:
		return "none: the account uses its own list"
	case r.List != e.List:
		return "none: the account does not use its list"
	case !r.suppresses(e):
		return "none: the account's settings do not have its reason"
	}
	return "nothing is sent"
}
