// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"errors"

	"sesame/internal/base/fault"
	"sesame/internal/base/msgid"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/spool"
	"sesame/internal/core/template"
	"sesame/internal/proto/handlebars"
	"sesame/internal/proto/message"
)

// Templates knows the templates.
type Templates interface {
	Load(ctx context.Context, sc scope.Scope, name string) (*template.Compiled, error)
	Compile(c template.Content) (*template.Compiled, error)
}

// TemplateRef says which template a message is made of: a stored one, by its name, its ARN
// or both, or the one that comes with the call.
type TemplateRef struct {
	Name    string
	ARN     string
	Content *template.Content
}

// Templated is a message that is made of a template and data.
type Templated struct {
	Formatted // whose Subject, Text and HTML the template makes
	Template  TemplateRef
	Data      *string // a JSON object; nil is no data
}

// AcceptTemplated renders the message and takes it like any other. Data that is no JSON
// object is refused. If the template can't be rendered with the data, then as in SES there
// is an id, nothing is sent and a Rendering Failure event tells why; where the setting
// StrictTemplates holds, the call is refused instead.
func (i *Intake) AcceptTemplated(ctx context.Context, s Submission, t Templated) (string, error) {
	c, err := i.template(ctx, &s, &t)
	if fault.Is(err, fault.TemplateNotFound) {
		return i.refuse(ctx, s, t.Formatted, err)
	}
	if err != nil {
		return "", err
	}
	l := letter{Compiled: c}
	s.desk = &desk{account: s.Scope.Account}
	defer s.desk.leave()
	if l.data, err = i.readData(ctx, s.desk, "TemplateData", t.Data); err != nil {
		return "", err
	}
	return i.acceptRendered(ctx, s, t.Formatted, l)
}

// letter is what is written to one destination.
type letter struct {
	*template.Compiled
	data template.Data
}

// A request may be small and what comes of it large: by a template that repeats itself, by
// files that a bulk call has once and each of its messages again, or by data of many small
// values. The doors bound the memory of requests, and the following that of such messages.
const (
	maxSmall       = 256 << 10 // bytes of a rendered part, and of all files of an entry
	maxSmallData   = 64 << 10  // bytes of data, which take twenty times as much when they are read
	maxLargeAtOnce = 4
)

// isLarge reports whether there is much data.
func isLarge(data *string) bool { return data != nil && len(*data) > maxSmallData }

// areLarge reports whether files are large together.
func areLarge(files []message.Attachment) bool {
	n := 0
	for _, f := range files {
		n += len(f.Data)
	}
	return n > maxSmall
}

// readData reads the data of a message, if that is large when its turn has come.
func (i *Intake) readData(ctx context.Context, d *desk, field string, data *string) (template.Data, error) {
	if isLarge(data) {
		if err := d.enter(ctx, i.large); err != nil {
			return template.Data{}, err
		}
	}
	return template.ParseData(field, data)
}

// template finds the template of a message, and puts its name into t. That the caller may
// use it is decided with the message.
func (i *Intake) template(ctx context.Context, s *Submission, t *Templated) (*template.Compiled, error) {
	if t.From == "" {
		return nil, fault.InField(fault.Invalid, "Source", "Source cannot be empty")
	}
	ref := &t.Template
	if err := ref.resolve(s.Scope); err != nil {
		return nil, err
	}
	if ref.Content != nil {
		return i.o.Templates.Compile(*ref.Content)
	}
	s.template = ref.Name
	return i.o.Templates.Load(ctx, s.Scope, ref.Name)
}

// resolve finds the name of a stored template.
func (r *TemplateRef) resolve(sc scope.Scope) error {
	if r.ARN != "" {
		name, err := template.NameOf(sc, r.ARN)
		if err != nil {
			return err
		}
		if r.Name != "" && r.Name != name {
			return fault.InField(fault.Invalid, "TemplateArn", "The template name and the template ARN are not those of one template.")
		}
		r.Name = name
	}
	if (r.Name != "") == (r.Content != nil) {
		return fault.InField(fault.Invalid, "Template", "Exactly one of a stored template, by name or ARN, and the content of a template must be given.")
	}
	return nil
}

// acceptRendered renders one message and takes it. A message that can't be rendered goes
// the same way, without a content, up to where it would be sent.
func (i *Intake) acceptRendered(ctx context.Context, s Submission, f Formatted, l letter) (string, error) {
	r, err := i.render(ctx, s.desk, l)
	if fault.Is(err, fault.Unavailable) {
		return "", err
	}
	if err != nil {
		s.unrendered = &unrendered{err: err}
		f.Subject, f.Text, f.HTML, f.Files = message.Content{}, &message.Content{}, nil, nil
		return i.AcceptFormatted(ctx, s, f)
	}
	f.Subject = message.Content{Data: r.Subject}
	if r.Text != nil {
		f.Text = &message.Content{Data: *r.Text}
	}
	if r.HTML != nil {
		f.HTML = &message.Content{Data: *r.HTML}
	}
	return i.AcceptFormatted(ctx, s, f)
}

// render renders a letter, if it becomes large when its turn has come.
func (i *Intake) render(ctx context.Context, d *desk, l letter) (template.Rendered, error) {
	r, err := l.RenderWithin(l.data, maxSmall)
	if !errors.Is(err, handlebars.ErrTooLarge) {
		return r, err
	}
	if err := d.enter(ctx, i.large); err != nil {
		return template.Rendered{}, err
	}
	return l.Render(l.data)
}

// refuse refuses a message with err, unless it would be refused anyway: what is wrong with
// its template is told to those who may send it. If it was sent before there is its id.
func (i *Intake) refuse(ctx context.Context, s Submission, f Formatted, err error) (string, error) {
	s.unrendered = &unrendered{err: err, refused: true}
	f.Subject, f.Text, f.HTML, f.Files = message.Content{}, &message.Content{}, nil, nil
	return i.AcceptFormatted(ctx, s, f)
}

// unrendered is why no message could be made.
type unrendered struct {
	err     error // a fault
	refused bool  // in any case
}

// keepUnrendered records a message that nothing is sent of, or refuses it where that is
// wanted. It counts against no quota, but while it is recorded it takes its part of them.
func (i *Intake) keepUnrendered(ctx context.Context, d *draft) (string, error) {
	if d.settings.StrictTemplates || d.unrendered.refused {
		return "", d.unrendered.err
	}
	held, err := i.reserve(ctx, d)
	if err != nil {
		return "", err
	}
	defer i.o.Quotas.Settle(held, false)
	now := i.o.Clock()
	id, err := msgid.New(d.Scope.Region, now, i.o.Random)
	if err != nil {
		return "", fault.Wrap("intake.keepUnrendered", err)
	}
	m := d.record(id, now)
	m.Unrendered, m.Content = true, []byte{}
	fate := spool.Fate{
		State: spool.Rejected, Cause: "rendering", Reason: fault.PeerText(d.unrendered.err), Event: event.RenderingFailure,
		Detail: event.Detail{Template: storable(d.template), Error: storable(fault.PeerText(d.unrendered.err))},
	}
	for n := range d.recipients {
		fate.Recipients = append(fate.Recipients, n)
	}
	m.Fates = []spool.Fate{fate}
	return id, i.o.Spool.Accept(ctx, m)
}

// TestRender shows what a stored template and data make of a message, without its addresses.
func (i *Intake) TestRender(ctx context.Context, sc scope.Scope, name string, data *string) (string, error) {
	c, err := i.o.Templates.Load(ctx, sc, name)
	if err != nil {
		return "", err
	}
	d := &desk{account: sc.Account}
	defer d.leave()
	l := letter{Compiled: c}
	if l.data, err = i.readData(ctx, d, "TemplateData", data); err != nil {
		return "", err
	}
	r, err := i.render(ctx, d, l)
	if err != nil {
		return "", err
	}
	m := message.Simple{Subject: message.Content{Data: r.Subject}}
	if r.Text != nil {
		m.Text = &message.Content{Data: *r.Text}
	}
	if r.HTML != nil {
		m.HTML = &message.Content{Data: *r.HTML}
	}
	text, err := message.Compose(m, i.o.Random)
	if err != nil {
		return "", composeFault(err)
	}
	return string(text), nil
}
