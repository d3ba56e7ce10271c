// SPDX-License-Identifier: Apache-2.0

package suppression

import (
	"context"
	"slices"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
)

// Policy is what the configuration set of a message says of suppression. The zero value,
// which is that of a message without a set, leaves it to the account.
type Policy struct {
	Override bool     // the account's reasons do not count
	Reasons  []Reason // for Override: those that count instead; none suppresses nothing
}

// PolicyOf is what a set says; the zero value says nothing.
func PolicyOf(set configset.Set) Policy {
	if set.Suppressed == nil {
		return Policy{}
	}
	return Policy{Override: true, Reasons: splitReasons(strings.Join(*set.Suppressed, ","))}
}

// Level is whose setting decides.
type Level string

// The levels.
const (
	ByConfigSet Level = "CONFIGURATION_SET"
	ByAccount   Level = "ACCOUNT"
	ByService   Level = "SERVICE" // the account does not use its list
)

// Rule is how it is decided whether an address is suppressed.
type Rule struct {
	By      Level
	List    List     // that is asked
	Reasons []Reason // of the account's list: entries for other reasons do not count
}

// decide is the precedence of SES: a set that overrides, then the account's list, if it is
// in use, which stands in for the global one, then the global one. A set that overrides
// without reasons asks no list at all.
func decide(account []Reason, p Policy) Rule {
	switch {
	case p.Override && len(p.Reasons) == 0:
		return Rule{By: ByConfigSet, List: NoList}
	case p.Override:
		return Rule{By: ByConfigSet, List: AccountList, Reasons: p.Reasons}
	case len(account) > 0:
		return Rule{By: ByAccount, List: AccountList, Reasons: account}
	}
	return Rule{By: ByService, List: GlobalList}
}

// String is the rule for people.
func (r Rule) String() string {
	by := map[Level]string{ByConfigSet: "the configuration set overrides the account's settings", ByAccount: "the account's settings", ByService: "the account does not use its list"}[r.By]
	switch r.List {
	case NoList:
		return by + ": nothing is suppressed"
	case GlobalList:
		return by + ": the global list holds"
	}
	return by + ": the account's list holds for " + strings.ReplaceAll(joinReasons(r.Reasons), ",", " and ")
}

// suppresses reports whether an entry of the rule's list counts.
func (r Rule) suppresses(e Entry) bool {
	return r.List == GlobalList || slices.Contains(r.Reasons, e.Reason)
}

// adds reports whether an address goes on the account's list for a reason.
func (r Rule) adds(reason Reason) bool {
	return r.List == AccountList && slices.Contains(r.Reasons, reason)
}

// policy is that of a configuration set; "" is none. A set that is gone says nothing.
func (l *Lists) policy(ctx context.Context, sc scope.Scope, configSet string) (Policy, error) {
	if configSet == "" {
		return Policy{}, nil
	}
	set, err := l.o.ConfigSets.Get(ctx, sc, configSet)
	if fault.Is(err, fault.ConfigSetNotFound) {
		return Policy{}, nil
	}
	return PolicyOf(set), err
}

// joinReasons and splitReasons are for the database.
func joinReasons(rs []Reason) string {
	list := make([]string, len(rs))
	for i, r := range rs {
		list[i] = string(r)
	}
	return strings.Join(list, ",")
}

func splitReasons(s string) []Reason {
	var rs []Reason
	for r := range strings.SplitSeq(s, ",") {
		if r != "" {
			rs = append(rs, Reason(r))
		}
	}
	return rs
}
