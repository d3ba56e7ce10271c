// SPDX-License-Identifier: Apache-2.0

package template

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"strings"
	"sync"

	"sesame/internal/base/fault"
	"sesame/internal/proto/handlebars"
)

// Reserved are the names that a template keeps as they are: what stands for them is put in
// when the message is done (SES: subscription management, open tracking).
func Reserved() []string { return []string{"amazonSESUnsubscribeUrl", "ses:openTracker"} }

// maxSubject bounds a rendered subject, in bytes.
const maxSubject = 16 << 10

// Compiled is a template that can be rendered, by any number of callers at once.
type Compiled struct {
	subject, text, html *handlebars.Template // nil: it has no such part
	weight              int
}

// Rendered is what a message is made of. A part that the template does not have is nil.
type Rendered struct {
	Subject    string // one line
	Text, HTML *string
}

// Data is what a template is rendered with.
type Data = handlebars.Data

// ParseData reads the data of a parameter: a JSON object. Nil is no data.
func ParseData(field string, text *string) (Data, error) {
	if text == nil {
		return Data{}, nil
	}
	d, err := handlebars.ParseData([]byte(*text))
	switch {
	case errors.Is(err, handlebars.ErrNotObject):
		return Data{}, because(ErrData, fault.InField(fault.Invalid, field, "Template rendering data is invalid: %s is not a JSON object.", field))
	case err != nil:
		return Data{}, because(ErrData, fault.InField(fault.Invalid, field, "Template rendering data is invalid: %v.", err))
	}
	return d, nil
}

// compile reads the parts of a template, and says where one is wrong.
func (c Content) compile() (*Compiled, error) {
	out := &Compiled{weight: c.weight()}
	for _, p := range []struct {
		name, source string
		to           **handlebars.Template
	}{{"subject", c.Subject, &out.subject}, {"text part", c.Text, &out.text}, {"HTML part", c.HTML, &out.html}} {
		if p.source == "" {
			continue
		}
		t, err := handlebars.Compile(p.source, Reserved()...)
		if err != nil {
			return nil, because(errors.Join(ErrInvalid, err),
				fault.InField(fault.Invalid, "TemplateContent", "The template is invalid: %s, %v.", p.name, err))
		}
		*p.to = t
	}
	return out, nil
}

// Render fills in the template. The error is a fault whose text is that of SES's Rendering
// Failure event; its cause is ErrMissing or ErrData.
func (c *Compiled) Render(data Data) (Rendered, error) { return c.RenderWithin(data, 0) }

// RenderWithin is Render for parts of up to most bytes each; 0 is the bound of Render. The
// cause of the error is then handlebars.ErrTooLarge, if a part is larger.
func (c *Compiled) RenderWithin(data Data, most int) (r Rendered, err error) {
	subject, err := render(c.subject, data, handlebars.Limits{Output: maxSubject})
	if err != nil {
		return Rendered{}, err
	}
	if subject != nil {
		r.Subject = oneLine(*subject)
	}
	if r.Text, err = render(c.text, data, handlebars.Limits{Output: most}); err != nil {
		return Rendered{}, err
	}
	r.HTML, err = render(c.html, data, handlebars.Limits{Output: most})
	return r, err
}

func render(t *handlebars.Template, data Data, limits handlebars.Limits) (*string, error) {
	if t == nil {
		return nil, nil
	}
	s, err := t.Render(data, limits)
	if err == nil {
		return &s, nil
	}
	cause, text := ErrData, "The template can't be rendered: "+err.Error()+"."
	var missing *handlebars.MissingError
	if errors.As(err, &missing) {
		cause, text = ErrMissing, missing.Error()
	}
	return nil, because(errors.Join(cause, err), fault.InField(fault.Invalid, "TemplateData", "%s", text))
}

// oneLine makes a rendered subject fit for a header field: line ends and other control
// characters, which data can have, become one space.
func oneLine(s string) string {
	control := func(r rune) bool { return r < ' ' || r == 0x7f }
	if strings.IndexFunc(s, control) < 0 {
		return s
	}
	return strings.Join(strings.FieldsFunc(s, control), " ")
}

// digest stands for a content.
type digest [sha256.Size]byte

func (c Content) digest() (d digest) {
	h := sha256.New()
	for _, part := range []string{c.Subject, c.Text, c.HTML} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		h.Write(size[:])
		h.Write([]byte(part))
	}
	h.Sum(d[:0])
	return d
}

// What compiled templates take of memory, about: each expression is some objects.
const (
	perExpression = 512
	maxWeight     = 64 << 20
)

func (c Content) weight() int { return c.size() + perExpression*(3+c.expressions()) }

// compiled keeps templates by their contents; those that were used last stay.
type compiled struct {
	most int

	mu     sync.Mutex
	by     map[digest]*list.Element // of order
	order  *list.List               // of kept, the last used first
	weight int
}

type kept struct {
	digest digest
	*Compiled
}

func newCompiled(most int) *compiled {
	return &compiled{most: most, by: map[digest]*list.Element{}, order: list.New()}
}

// get returns what is kept for a content, or nil.
func (s *compiled) get(d digest) *Compiled {
	s.mu.Lock()
	defer s.mu.Unlock()
	e := s.by[d]
	if e == nil {
		return nil
	}
	s.order.MoveToFront(e)
	return e.Value.(kept).Compiled
}

// of returns what a content, whose digest is d, is compiled to.
func (s *compiled) of(d digest, c Content) (*Compiled, error) {
	if found := s.get(d); found != nil {
		return found, nil
	}
	made, err := c.compile()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.by[d] == nil {
		s.by[d] = s.order.PushFront(kept{d, made})
		s.weight += made.weight
	}
	for s.weight > s.most && s.order.Len() > 1 {
		last := s.order.Remove(s.order.Back()).(kept)
		delete(s.by, last.digest)
		s.weight -= last.weight
	}
	return made, nil
}
