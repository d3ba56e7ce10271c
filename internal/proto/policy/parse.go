// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// Bounds of a document. IAM and SES bound its size further, each kind in its own way:
// that is for who stores it. The others leave room for anything of that size that people
// write.
const (
	MaxBytes      = 131_072 // IAM's bound of the parameter, with its white space
	maxStatements = 500
	maxValues     = 5_000 // principals, actions, resources and condition values together
	maxCostly     = 256   // see glob.costly
)

// Error says what is wrong with a document, in a text for who wrote it.
type Error struct{ Text string }

// Error implements error.
func (e *Error) Error() string { return e.Text }

func invalid(format string, args ...any) error { return &Error{Text: fmt.Sprintf(format, args...)} }

// syntaxErrors begins IAM's text for whatever is not of the language.
const syntaxErrors = "Syntax errors in policy."

// Parse reads and compiles a document of any kind: whatever is not in the grammar is an
// *Error. Validate checks what its kind demands.
func Parse(text []byte) (*Document, error) {
	switch {
	case len(text) > MaxBytes:
		return nil, invalid("The policy is longer than %d bytes.", MaxBytes)
	case !utf8.Valid(text):
		return nil, invalid("%s The text is not UTF-8.", syntaxErrors)
	}
	// The syntax is checked as a whole first, so that what follows sees sound JSON.
	var whole json.RawMessage
	if err := json.Unmarshal(text, &whole); err != nil {
		return nil, invalid("%s %s", syntaxErrors, where(text, err))
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	p := &parser{dec: dec, ops: operators()}
	return p.document()
}

// where says in which line the text stops being JSON.
func where(text []byte, err error) string {
	var offset int64
	if s, ok := err.(*json.SyntaxError); ok {
		offset = max(0, min(s.Offset, int64(len(text)))-1) // of the character at fault
	}
	return fmt.Sprintf("Line %d: %s.", 1+bytes.Count(text[:offset], []byte{'\n'}), err)
}

// parser reads a document from its tokens.
type parser struct {
	dec    *json.Decoder
	ops    map[string]operator
	values int
	costly int
}

// next returns a token. The text is known to be JSON, so there is one.
func (p *parser) next() (json.Token, error) {
	t, err := p.dec.Token()
	if err != nil {
		return nil, invalid("%s %v", syntaxErrors, err)
	}
	return t, nil
}

// object calls each with every member of an object, whose opening brace has been read.
// Members that come twice are refused: which one counts would be anybody's guess.
func (p *parser) object(what string, each func(name string) error) error {
	seen := map[string]bool{}
	for p.dec.More() {
		t, err := p.next()
		if err != nil {
			return err
		}
		name, _ := t.(string)
		if seen[name] {
			return invalid("%s %s has %s twice.", syntaxErrors, what, quoted(name))
		}
		seen[name] = true
		if err := each(name); err != nil {
			return err
		}
	}
	_, err := p.next()
	return err
}

// begin reads a token that must be the delimiter.
func (p *parser) begin(d json.Delim, what string) error {
	t, err := p.next()
	if err == nil && t != d {
		err = invalid("%s %s is not %s.", syntaxErrors, what, map[json.Delim]string{'{': "an object", '[': "a list"}[d])
	}
	return err
}

func (p *parser) text(what string) (string, error) {
	t, err := p.next()
	if err != nil {
		return "", err
	}
	s, ok := t.(string)
	if !ok {
		return "", invalid("%s %s is not a string.", syntaxErrors, what)
	}
	return s, nil
}

func (p *parser) document() (*Document, error) {
	if err := p.begin('{', "The policy"); err != nil {
		return nil, err
	}
	d := &Document{}
	var raw []rawStatement
	err := p.object("The policy", func(name string) (err error) {
		switch name {
		case "Version":
			d.Version, err = p.text(name)
		case "Id":
			d.ID, err = p.text(name)
		case "Statement":
			raw, err = p.statements()
		default:
			err = unknown(name, "the policy")
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	if len(raw) == 0 {
		return nil, invalid("%s The policy has no Statement.", syntaxErrors)
	}
	// Only now is the version known, which may stand at the end.
	for _, r := range raw {
		s, err := p.compile(r, d.Version == Version)
		if err != nil {
			return nil, err
		}
		d.Statements = append(d.Statements, s)
	}
	return d, nil
}

func unknown(name, where string) error {
	return invalid("%s Unknown element %s in %s.", syntaxErrors, quoted(name), where)
}

// statements reads a statement or a list of them.
func (p *parser) statements() ([]rawStatement, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	switch t {
	case json.Delim('{'):
		s, err := p.statement()
		return []rawStatement{s}, err
	case json.Delim('['):
	default:
		return nil, invalid("%s Statement is neither an object nor a list.", syntaxErrors)
	}
	var all []rawStatement
	for p.dec.More() {
		if len(all) == maxStatements {
			return nil, invalid("The policy has more than %d statements.", maxStatements)
		}
		if err := p.begin('{', "A statement"); err != nil {
			return nil, err
		}
		s, err := p.statement()
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	_, err = p.next()
	return all, err
}

// rawStatement is a statement before it is compiled.
type rawStatement struct {
	Statement
	conditions []rawCondition
}

type rawCondition struct {
	operator, key string
	values        []string
}

// statement reads a statement, whose opening brace has been read.
func (p *parser) statement() (rawStatement, error) {
	var s rawStatement
	var err error
	once := func(have bool, name string) error {
		if have {
			return invalid("%s A statement has both %s and Not%s.", syntaxErrors, name, name)
		}
		return nil
	}
	err = p.object("A statement", func(name string) (err error) {
		bare, not := strings.CutPrefix(name, "Not")
		switch bare {
		case "Principal":
			if err = once(s.Principals != nil, bare); err == nil {
				s.NotPrincipal = not
				s.Principals, err = p.principals()
			}
			return err
		case "Action":
			if err = once(s.Actions != nil, bare); err == nil {
				s.NotAction = not
				s.Actions, err = p.list(name)
			}
			return err
		case "Resource":
			if err = once(s.Resources != nil, bare); err == nil {
				s.NotResource = not
				s.Resources, err = p.list(name)
			}
			return err
		}
		var text string
		switch name {
		case "Sid":
			s.Sid, err = p.text(name)
		case "Effect":
			if text, err = p.text(name); err == nil && text != string(EffectAllow) && text != string(EffectDeny) {
				err = invalid("%s Effect must be Allow or Deny.", syntaxErrors)
			}
			s.Effect = Effect(text)
		case "Condition":
			s.conditions, err = p.conditions()
		default:
			err = unknown(name, "a statement")
		}
		return err
	})
	switch {
	case err != nil:
	case s.Effect == "":
		err = invalid("%s A statement has no Effect.", syntaxErrors)
	case len(s.Actions) == 0:
		err = invalid("Policy statement must contain actions.")
	case s.Resources != nil && len(s.Resources) == 0:
		err = invalid("Policy statement must contain resources.")
	}
	return s, err
}

// list reads a string or a list of strings; it is not nil.
func (p *parser) list(what string) ([]string, error) {
	return p.scalars(what, func(t json.Token) (string, bool) {
		s, ok := t.(string)
		return s, ok
	})
}

// scalars reads a value or a list of values that read takes.
func (p *parser) scalars(what string, read func(json.Token) (string, bool)) ([]string, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if t != json.Delim('[') {
		return p.append([]string{}, what, t, read)
	}
	all := []string{}
	for p.dec.More() {
		if t, err = p.next(); err != nil {
			return nil, err
		}
		if all, err = p.append(all, what, t, read); err != nil {
			return nil, err
		}
	}
	_, err = p.next()
	return all, err
}

func (p *parser) append(all []string, what string, t json.Token, read func(json.Token) (string, bool)) ([]string, error) {
	s, ok := read(t)
	if !ok {
		return nil, invalid("%s %s has a value of the wrong type.", syntaxErrors, printable(what))
	}
	if p.values++; p.values > maxValues {
		return nil, invalid("The policy has more than %d values.", maxValues)
	}
	return append(all, s), nil
}

// principals reads "*" or an object of lists.
func (p *parser) principals() ([]Principal, error) {
	t, err := p.next()
	if err != nil {
		return nil, err
	}
	if t == "*" {
		return []Principal{{Type: Everyone, ID: "*"}}, nil
	}
	if t != json.Delim('{') {
		return nil, invalid("Invalid principal in policy: neither \"*\" nor an object.")
	}
	all := []Principal{}
	err = p.object("Principal", func(key string) error {
		ids, err := p.list("Principal")
		for _, id := range ids {
			one, err := newPrincipal(key, id)
			if err != nil {
				return err
			}
			all = append(all, one)
		}
		return err
	})
	if err == nil && len(all) == 0 {
		err = invalid("Invalid principal in policy: there is none.")
	}
	return all, err
}

// conditions reads an object of operators, of keys, of values.
func (p *parser) conditions() ([]rawCondition, error) {
	if err := p.begin('{', "Condition"); err != nil {
		return nil, err
	}
	var all []rawCondition
	err := p.object("Condition", func(operator string) error {
		if err := p.begin('{', "Condition operator "+printable(operator)); err != nil {
			return err
		}
		seen := map[string]bool{}
		return p.object("Condition operator "+printable(operator), func(key string) error {
			if folded := strings.ToLower(key); seen[folded] || key == "" {
				return invalid("%s Condition operator %s has the key %s twice, or it is empty.", syntaxErrors, printable(operator), quoted(key))
			} else {
				seen[folded] = true
			}
			values, err := p.scalars("Condition key "+key, conditionValue)
			all = append(all, rawCondition{operator, key, values})
			return err
		})
	})
	return all, err
}

// conditionValue takes what a condition may be compared with.
func conditionValue(t json.Token) (string, bool) {
	switch v := t.(type) {
	case string:
		return v, true
	case bool:
		return fmt.Sprint(v), true
	case json.Number:
		return v.String(), true
	}
	return "", false
}

// quoted is s for a text that goes to the peer.
func quoted(s string) string { return `"` + printable(s) + `"` }

// printable is s without control characters, and not long.
func printable(s string) string {
	const most = 200
	s = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == utf8.RuneError {
			return '?'
		}
		return r
	}, s)
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
