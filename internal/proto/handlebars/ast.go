// SPDX-License-Identifier: Apache-2.0

package handlebars

// program is a run of statements: a template, or what is between the tags of a block.
type program struct {
	body    []node
	params  []string           // names of "as |x y|"
	chained bool               // holds the one block of an {{else if}}
	inlines map[string]*inline // the program's own inline partials; set by check
}

// node is a statement: *content, *comment, *mustache, *block, *inline or *partial.
type node any

// content is text. It is stripped in place; original is what the rules for lines that
// hold nothing but a tag look at.
type content struct {
	original, value             string
	leftStripped, rightStripped bool
}

type comment struct{ strip strip }

// strip says on which sides of a tag a ~ is.
type strip struct{ open, close bool }

// mustache is {{x}} or {{helper …}}.
type mustache struct {
	call
	strip strip
	// verbatim is the text of a reserved name, which is not looked up.
	verbatim string
}

// block is what has an opening and a closing tag.
type block struct {
	call
	program, inverse                    *program // one of them may be nil
	openStrip, inverseStrip, closeStrip strip
}

// inline is {{#*inline "name"}}…{{/inline}}.
type inline struct {
	block
	name string
}

// partial is {{> name}}, or {{#> name}}…{{/name}} where the block has a program.
type partial struct {
	block
	dynamic *call // {{> (lookup . 'name')}}
	name    string
	indent  string
	isBlock bool
	strip   strip
}

// call is a head with arguments: a helper and what is given to it, or a path alone. Of a
// partial it holds the arguments.
type call struct {
	pos    int
	path   *path
	params []expr
	hash   []pair
	helper helper // set by check
}

// pair is key=value.
type pair struct {
	key   string
	value expr
}

// expr is an argument: *path, literal or *call.
type expr any

// literal is a string, a number, true, false, null or undefined.
type literal struct{ value value }

// path is a way into the data.
type path struct {
	pos      int
	original string   // without brackets; what closing tags and reserved names are compared with
	parts    []string // what is looked up, one after the other
	depth    int      // how many ../
	data     bool     // begins with @
	literal  byte     // 's', 'n', 'b', 'u', '0' if a literal stands where a name should
	param    *paramRef
}

// paramRef is where a name of "as |x y|" is found: up blocks that have such names out,
// then by index.
type paramRef struct{ up, index int }

// scoped reports whether the path begins with this or a dot, or looks so to handlebars.js,
// which searches the whole text for the word.
func (p *path) scoped() bool {
	if len(p.original) > 0 && p.original[0] == '.' {
		return true
	}
	for i := 0; i+4 <= len(p.original); i++ {
		if p.original[i:i+4] == "this" && (i+4 == len(p.original) || !isWord(p.original[i+4])) {
			return true
		}
	}
	return false
}

// simple reports whether the path is one name and nothing else.
func (p *path) simple() bool { return len(p.parts) == 1 && p.depth == 0 && !p.scoped() }

// same reports whether a closing tag's name is that of the opening tag. "1" is not 1.
func (p *path) same(other *path) bool {
	return p.original == other.original && p.kind() == other.kind()
}

// kind tells literals from names; a string is the same as a name.
func (p *path) kind() byte {
	if p.literal == 's' {
		return 0
	}
	return p.literal
}

func isWord(c byte) bool {
	return c == '_' || '0' <= c && c <= '9' || 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z'
}
