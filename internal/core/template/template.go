// SPDX-License-Identifier: Apache-2.0

// Package template keeps the email templates of accounts and renders them (SES: using
// templates to send personalized email). One store serves both versions of the API. What a
// template is compiled to is kept by its content, for stored templates and for those that
// come with a call alike.
package template

import (
	"errors"
	"strings"
	"time"
	"unicode/utf8"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
)

// The bounds of templates (SES: service quotas).
const (
	MaxTemplates = 20_000    // of an account in a region
	MaxSize      = 500 << 10 // bytes of subject, text and HTML together
	maxName      = 64        // characters

	// maxExpressions bounds what a template takes of memory when it is compiled, which is a
	// hundred times its size where it has little else. SES has no such bound.
	maxExpressions = 10_000
)

// ListKind is the kind of the tokens of lists of templates.
const ListKind = "template"

// What is at fault, for the version of the API that has an error type for each: the cause
// of the fault.
var (
	ErrExists  = errors.New("template: it exists")
	ErrInvalid = errors.New("template: it can't be compiled")
	ErrData    = errors.New("template: the rendering data is of no use")
	ErrMissing = errors.New("template: the rendering data lacks an attribute")
)

// Content is what a template is made of. A part that is "" is not there.
type Content struct {
	Subject, Text, HTML string
}

// Template is a stored template.
type Template struct {
	Scope     scope.Scope
	Name      string
	Content   Content // not in a list
	Tags      []identity.Tag
	CreatedAt time.Time
	UpdatedAt time.Time
}

// Kind is what stands before a template's name in its ARN.
const Kind = "template/"

// NameOf is the name of the template of an ARN in a scope. There is none for the ARN of
// another account or region: a template is used by its own account alone, since no policy
// can lend it.
func NameOf(sc scope.Scope, arn string) (string, error) {
	owner, resource, ok := scope.ParseARN(arn)
	name, is := strings.CutPrefix(resource, Kind)
	if !ok || !is {
		return "", fault.InField(fault.Invalid, "TemplateArn", "Invalid template ARN <%s>.", fault.Printable(arn))
	}
	if owner != sc {
		return "", notFound(arn)
	}
	return name, nil
}

func notFound(name string) error {
	return fault.InField(fault.TemplateNotFound, "TemplateName", "Template %s does not exist.", fault.Printable(name))
}

// because gives a fault its cause.
func because(cause error, f *fault.Error) *fault.Error {
	f.Err = cause
	return f
}

// checkName refuses what can't be the name of a template.
func checkName(name string) error {
	refuse := func(format string, args ...any) error {
		return fault.InField(fault.Invalid, "TemplateName", format, args...)
	}
	switch {
	case name == "":
		return refuse("The template name must be specified.")
	case utf8.RuneCountInString(name) > maxName:
		return refuse("The template name is longer than %d characters.", maxName)
	case !nameable(name):
		return refuse("The template name has characters that no name can have.")
	}
	return nil
}

// nameable reports whether every database takes the name, and every line of text.
func nameable(name string) bool {
	return utf8.ValidString(name) && !strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f })
}

// check refuses a content that no message could be made of. That a part is missing is a bad
// parameter; what can't be compiled is an invalid template (SES: UpdateTemplate).
func (c Content) check() error {
	if c.Subject == "" {
		return fault.InField(fault.Invalid, "SubjectPart", "The subject must be specified.")
	}
	return c.checkBody()
}

func (c Content) checkBody() error {
	switch {
	case c.Text == "" && c.HTML == "":
		return fault.InField(fault.Invalid, "TextPart", "The text part or the HTML part must be specified.")
	case c.size() > MaxSize:
		return because(ErrInvalid, fault.InField(fault.Invalid, "TemplateContent", "The template is larger than %d bytes.", MaxSize))
	case c.expressions() > maxExpressions:
		return because(ErrInvalid, fault.InField(fault.Invalid, "TemplateContent", "The template has more than %d expressions.", maxExpressions))
	case !utf8.ValidString(c.Subject) || !utf8.ValidString(c.Text) || !utf8.ValidString(c.HTML):
		return because(ErrInvalid, fault.InField(fault.Invalid, "TemplateContent", "The template is not valid UTF-8 text."))
	}
	return nil
}

func (c Content) expressions() (n int) {
	for _, part := range []string{c.Subject, c.Text, c.HTML} {
		n += strings.Count(part, "{{")
	}
	return n
}

func (c Content) size() int { return len(c.Subject) + len(c.Text) + len(c.HTML) }
