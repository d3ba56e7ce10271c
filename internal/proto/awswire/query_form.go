// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"bytes"
	"strings"
)

// formNode is one name on the way of a form's keys, which are split at their dots:
// Destination.ToAddresses.member.1 is four nodes.
type formNode struct {
	name  string
	value string // the last one given; "" if only longer keys exist
	kids  []*formNode
	index map[string]*formNode // of kids, once they are many
}

// manyKids is from where on children are found by an index.
const manyKids = 16

// child returns the child of that name, or nil.
func (n *formNode) child(name string) *formNode {
	if n.index != nil {
		return n.index[name]
	}
	// SDKs send a structure's members together, so the newest child is the likeliest.
	for i := len(n.kids) - 1; i >= 0; i-- {
		if n.kids[i].name == name {
			return n.kids[i]
		}
	}
	return nil
}

func (n *formNode) add(name string) *formNode {
	if kid := n.child(name); kid != nil {
		return kid
	}
	kid := &formNode{name: name}
	n.kids = append(n.kids, kid)
	switch {
	case n.index != nil:
		n.index[name] = kid
	case len(n.kids) == manyKids:
		n.index = make(map[string]*formNode, 2*manyKids)
		for _, k := range n.kids {
			n.index[k.name] = k
		}
	}
	return kid
}

// formParser reads forms (application/x-www-form-urlencoded) into a tree. Its bounds
// keep a form from growing into a tree that is much larger than itself.
type formParser struct {
	root  *formNode
	pairs int
	nodes int
}

// add reads one form into the tree. A later value wins over an earlier one of the
// same name.
func (p *formParser) add(form []byte) error {
	for len(form) > 0 {
		var pair []byte
		pair, form, _ = bytes.Cut(form, ampersand)
		if len(pair) == 0 {
			continue
		}
		if p.pairs++; p.pairs > maxPairs {
			return malformed("MalformedQueryString", "Too many parameters")
		}
		rawKey, rawValue, _ := bytes.Cut(pair, equals)
		key, okKey := unescapeForm(rawKey)
		value, okValue := unescapeForm(rawValue)
		if !okKey || !okValue {
			return malformed("MalformedQueryString", "The query string contains a syntax error")
		}
		if err := p.set(key, value); err != nil {
			return err
		}
	}
	return nil
}

var ampersand, equals = []byte{'&'}, []byte{'='}

// set walks the key's names into the tree.
func (p *formParser) set(key, value string) error {
	p.nodes += strings.Count(key, ".") + 1
	if p.nodes > maxNodes || strings.Count(key, ".") >= maxDepth {
		return malformed("MalformedQueryString", "Too many parameters")
	}
	node := p.root
	for more := true; more; {
		var name string
		name, key, more = strings.Cut(key, ".")
		node = node.add(name)
	}
	node.value = value
	return nil
}

// unescapeForm decodes a name or a value. The string does not share b.
func unescapeForm(b []byte) (string, bool) {
	var out strings.Builder
	out.Grow(len(b))
	start := 0
	for i := 0; i < len(b); i++ {
		switch b[i] {
		case '+':
			out.Write(b[start:i])
			out.WriteByte(' ')
			start = i + 1
		case '%':
			if len(b) < i+3 {
				return "", false
			}
			high, ok1 := hexDigit(b[i+1])
			low, ok2 := hexDigit(b[i+2])
			if !ok1 || !ok2 {
				return "", false
			}
			out.Write(b[start:i])
			out.WriteByte(high<<4 | low)
			i += 2
			start = i + 1
		}
	}
	out.Write(b[start:])
	return out.String(), true
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}
