// SPDX-License-Identifier: Apache-2.0

package intake

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"strings"
	"sync"

	"sesame/internal/base/fault"
	"sesame/internal/core/content"
	"sesame/internal/core/spool"
	"sesame/internal/core/template"
	"sesame/internal/proto/message"
)

// maxEntriesAtOnce bounds the entries of all bulk calls that are worked on at once. Those
// of one call are, so that they share commits. Who waits for a quota is not counted: there
// the quota bounds how much waits.
const maxEntriesAtOnce = 128

// Bulk is one message for each of many destinations, made of one template.
type Bulk struct {
	Templated // what all have; To, Cc and Bcc are those of the entries
	Entries   []Entry
}

// Entry is a destination of a bulk call.
type Entry struct {
	To, Cc, Bcc []string
	Data        *string // its attributes replace those of the call's data, name by name; nil is none
	Tags        []spool.Tag
	Headers     []message.NameValue
}

// Result is what became of an entry: the id of its message, or a fault.
type Result struct {
	ID  string
	Err error
}

// AcceptBulk takes a message for each entry, each as AcceptTemplated would. What holds for
// all of them, such as a template that is not there or a sender that is not verified, is
// refused as a whole before anything is sent.
func (i *Intake) AcceptBulk(ctx context.Context, s Submission, b Bulk) ([]Result, error) {
	if n, most := len(b.Entries), i.o.Limits.Entries; n == 0 || n > most {
		return nil, fault.InField(fault.Invalid, "Destinations", "A call has 1 to %d destinations, not %d.", most, n)
	}
	l, err := i.common(ctx, &s, &b)
	if err != nil {
		return i.refuseAll(ctx, s, &b, err)
	}
	results := make([]Result, len(b.Entries))
	var all sync.WaitGroup
	for n := range b.Entries {
		own := b.Entries[n].submission(s, n)
		if results[n].Err = own.desk.enter(ctx, i.entries); results[n].Err != nil {
			continue
		}
		all.Go(func() {
			defer own.desk.leave()
			results[n].ID, results[n].Err = i.acceptEntry(ctx, own, &b, n, l)
		})
	}
	all.Wait()
	return results, together(results)
}

// common is what the entries have in common, or the refusal of all of them.
func (i *Intake) common(ctx context.Context, s *Submission, b *Bulk) (l letter, err error) {
	if l.Compiled, err = i.template(ctx, s, &b.Templated); err != nil {
		return letter{}, err
	}
	if l.data, err = i.defaultData(ctx, *s, b.Data); err != nil {
		return letter{}, err
	}
	return l, i.sendable(ctx, *s, b)
}

// refuseAll refuses a call as a whole. If it was made before, and some of its messages were
// sent then, they have their ids.
func (i *Intake) refuseAll(ctx context.Context, s Submission, b *Bulk, err error) ([]Result, error) {
	if !b.mayBeKnown(s) {
		if ofTemplate(err) {
			_, err = i.refuse(ctx, s, b.message(0), err)
		}
		return nil, err
	}
	results, known := make([]Result, len(b.Entries)), false
	for n := range b.Entries {
		r := &results[n]
		r.ID, r.Err = i.refuse(ctx, b.Entries[n].submission(s, n), b.message(n), err)
		known = known || r.Err == nil
	}
	if !known {
		return nil, results[0].Err
	}
	return results, nil
}

// mayBeKnown reports whether a message of the call may have been sent before.
func (b *Bulk) mayBeKnown(s Submission) bool {
	return slices.ContainsFunc(b.Entries, func(e Entry) bool {
		return s.Idempotency.mayBeKnown(content.ControlOf(withHeaders(b.Headers, e.Headers)).IdempotencyKey)
	})
}

// The parameters of the data.
const (
	defaultData     = "DefaultTemplateData"
	replacementData = "ReplacementTemplateData"
)

// defaultData reads the data that all entries have. Large data is only checked: it would
// take its memory for as long as the call lasts, so each entry reads it for itself.
func (i *Intake) defaultData(ctx context.Context, s Submission, data *string) (template.Data, error) {
	d := &desk{account: s.Scope.Account}
	defer d.leave()
	read, err := i.readData(ctx, d, defaultData, data)
	if isLarge(data) {
		return template.Data{}, err
	}
	return read, err
}

// sendable refuses a call whose messages would all be refused, whoever gets them. Where
// they are sent with different sets, what is wrong with one is not wrong with all.
func (i *Intake) sendable(ctx context.Context, s Submission, b *Bulk) error {
	m, err := content.ParseMailbox("Source", b.From)
	if err != nil {
		return err
	}
	s.Source = m.Address
	d := &draft{Submission: s, msg: &content.Message{From: []message.Mailbox{m}}}
	steps := []func(context.Context, *draft) error{i.sender, i.account, i.owned, i.mailFrom}
	if set, one := b.configSet(); one || s.ConfigSet != "" {
		d.msg.ConfigurationSet = set
		steps = []func(context.Context, *draft) error{i.configurationSet, i.sender, i.account, i.owned, i.mailFrom, i.defaultSet, i.notPaused}
	}
	for _, step := range steps {
		if err := step(ctx, d); err != nil {
			return err
		}
	}
	return nil
}

// configSet is the configuration set that the headers of the messages name, if it is the
// same for all; "" is that they name none.
func (b *Bulk) configSet() (name string, one bool) {
	for n, e := range b.Entries {
		own := content.ControlOf(withHeaders(b.Headers, e.Headers)).ConfigurationSet
		if n > 0 && own != name {
			return "", false
		}
		name = own
	}
	return name, true
}

// acceptEntry takes the message of entry n. A defect that it meets is the end of this entry
// alone.
func (i *Intake) acceptEntry(ctx context.Context, s Submission, b *Bulk, n int, l letter) (id string, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fault.Wrap("intake.AcceptBulk", fmt.Errorf("panic: %v\n%s", p, debug.Stack()))
		}
	}()
	e := &b.Entries[n]
	if areLarge(b.Files) {
		if err := s.desk.enter(ctx, i.large); err != nil {
			return "", err
		}
	}
	own, err := i.readData(ctx, s.desk, replacementData, e.Data)
	if ofTemplate(err) {
		return i.refuse(ctx, s, b.message(n), err)
	}
	if err != nil {
		return "", err
	}
	if isLarge(b.Data) {
		if l.data, err = i.readData(ctx, s.desk, defaultData, b.Data); err != nil {
			return "", err
		}
	}
	l.data = l.data.Merge(own)
	return i.acceptRendered(ctx, s, b.message(n), l)
}

// message is the message of entry n, before its template is rendered.
func (b *Bulk) message(n int) Formatted {
	f, e := b.Formatted, &b.Entries[n]
	f.To, f.Cc, f.Bcc, f.Headers = e.To, e.Cc, e.Bcc, withHeaders(b.Headers, e.Headers)
	return f
}

// submission is the submission of entry n of a call: what is the call's in it, with what
// is the entry's own.
func (e *Entry) submission(s Submission, n int) Submission {
	s.Tags, s.Idempotency.Entry = withTags(s.Tags, e.Tags), n+1
	s.desk = &desk{account: s.Scope.Account}
	return s
}

// withTags are the default tags with those of an entry, which replace those of the same
// name.
func withTags(defaults, own []spool.Tag) []spool.Tag {
	if len(own) == 0 {
		return defaults
	}
	kept := slices.DeleteFunc(slices.Clone(defaults), func(t spool.Tag) bool {
		return slices.ContainsFunc(own, func(o spool.Tag) bool { return o.Name == t.Name })
	})
	return append(kept, own...)
}

// withHeaders are the headers of a template with those of an entry, which replace those of
// the same name (SES API v2: BulkEmailEntry).
func withHeaders(defaults, own []message.NameValue) []message.NameValue {
	if len(own) == 0 {
		return defaults
	}
	kept := slices.DeleteFunc(slices.Clone(defaults), func(h message.NameValue) bool {
		return slices.ContainsFunc(own, func(o message.NameValue) bool { return strings.EqualFold(o.Name, h.Name) })
	})
	return append(kept, own...)
}

// together is the refusal of a call as a whole: that of all its entries, if they were all
// refused for want of a permission or of a quota, which says nothing of any one entry.
func together(results []Result) error {
	for _, r := range results {
		if !fault.Is(r.Err, fault.AccessDenied) && !fault.Is(r.Err, fault.Throttled) || fault.KindOf(r.Err) != fault.KindOf(results[0].Err) {
			return nil
		}
	}
	return results[0].Err
}
