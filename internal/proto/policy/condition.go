// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"strings"
)

// condition is one key of one operator of a Condition element.
type condition struct {
	key      string // in lower case
	set      setOperator
	negated  bool // the operator's name has Not
	ifExists bool
	null     bool // the operator is Null: wanted holds if the key is absent
	absent   bool
	test     test
}

// setOperator says how many of a key's values must pass.
type setOperator uint8

const (
	noSet       setOperator = iota
	forAllValue             // ForAllValues: every one; none is fine
	forAnyValue             // ForAnyValue: at least one
)

// test tells whether a value of the request fits one of the policy's values.
type test interface {
	match(value string, ctx Context) bool
}

// operator is an operator's family with what its name says.
type operator struct {
	negated bool
	compile func(values []string, variables bool) (test, error)
}

// operators are those of the IAM User Guide, "Condition operators", but Null.
func operators() map[string]operator {
	ops := map[string]operator{
		"StringEquals":              {false, newEqual},
		"StringNotEquals":           {true, newEqual},
		"StringEqualsIgnoreCase":    {false, newEqualFold},
		"StringNotEqualsIgnoreCase": {true, newEqualFold},
		"StringLike":                {false, newLike},
		"StringNotLike":             {true, newLike},
		"Bool":                      {false, newBool},
		"BinaryEquals":              {false, newBinary},
		"IpAddress":                 {false, newAddress},
		"NotIpAddress":              {true, newAddress},
		"ArnEquals":                 {false, newARN},
		"ArnLike":                   {false, newARN},
		"ArnNotEquals":              {true, newARN},
		"ArnNotLike":                {true, newARN},
	}
	for suffix, c := range map[string]comparison{
		"Equals": equal, "LessThan": less, "LessThanEquals": less | equal, "GreaterThan": greater, "GreaterThanEquals": greater | equal,
	} {
		ops["Numeric"+suffix] = operator{false, newNumeric(c)}
		ops["Date"+suffix] = operator{false, newDate(c)}
	}
	ops["NumericNotEquals"] = operator{true, newNumeric(equal)}
	ops["DateNotEquals"] = operator{true, newDate(equal)}
	return ops
}

// newCondition compiles the values of one key under the operator of that name.
func newCondition(ops map[string]operator, name, key string, values []string, variables bool) (condition, error) {
	c := condition{key: strings.ToLower(key)}
	bare := name
	if rest, ok := strings.CutPrefix(bare, "ForAllValues:"); ok {
		bare, c.set = rest, forAllValue
	} else if rest, ok := strings.CutPrefix(bare, "ForAnyValue:"); ok {
		bare, c.set = rest, forAnyValue
	}
	if bare == "Null" && c.set == noSet {
		b, err := newBool(values, false)
		if err != nil {
			return c, err
		}
		wanted := b.(boolTest)
		if wanted.yes == wanted.no {
			return c, invalid("The condition Null of %s must be either true or false.", quoted(key))
		}
		c.null, c.absent = true, wanted.yes
		return c, nil
	}
	bare, c.ifExists = strings.CutSuffix(bare, "IfExists")
	op, ok := ops[bare]
	if !ok {
		return c, invalid("Invalid Condition type : %s.", printable(name))
	}
	c.negated = op.negated
	var err error
	c.test, err = op.compile(values, variables)
	return c, err
}

// holds applies the condition (IAM User Guide, "Single-valued vs. multivalued context
// keys"; for keys that are missing, "Condition operators"). IAM leaves open what an
// operator without a set operator does to a key with several values: here all of them
// must pass in an Allow and one is enough in a Deny, so that neither lets through what its
// author wanted to stop.
func (c *condition) holds(ctx Context, e Effect) bool {
	var values []string
	exists := false
	if ctx != nil {
		values, exists = ctx.Values(c.key)
		exists = exists && len(values) > 0
	}
	switch {
	case c.null:
		return exists != c.absent
	case !exists && c.set == forAnyValue:
		return c.ifExists
	case !exists:
		return c.ifExists || c.negated || c.set == forAllValue
	}
	all := c.set == forAllValue || c.set == noSet && e == EffectAllow
	for _, v := range values {
		if c.test.match(v, ctx) == c.negated { // this one does not pass
			if all {
				return false
			}
		} else if !all {
			return true
		}
	}
	return all
}
