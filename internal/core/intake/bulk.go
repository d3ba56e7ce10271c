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
// of one call are, so that they share commits.
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
	c, err := i.template(ctx, &s, &b.Templated)
	if fault.Is(err, fault.TemplateNotFound) {
		return nil, i.refuse(ctx, s, b.message(0), err)
	}
	if err != nil {
		return nil, err
	}
	data, err := template.ParseData("DefaultTemplateData", b.Data)
	if err != nil {
		return nil, err
	}
	if err := i.sendable(ctx, s, b.From); err != nil {
		return nil, err
	}
	results := make([]Result, len(b.Entries))
	var all sync.WaitGroup
	for n := range b.Entries {
		select {
		case i.entries <- struct{}{}:
		case <-ctx.Done():
			results[n].Err = &fault.Error{Kind: fault.Unavailable, Op: "intake.AcceptBulk", Text: "Temporary service failure", Err: ctx.Err()}
			continue
		}
		all.Go(func() {
			defer func() { <-i.entries }()
			results[n].ID, results[n].Err = i.acceptEntry(ctx, s, &b, n, letter{Compiled: c, data: data})
		})
	}
	all.Wait()
	return results, together(results)
}

// sendable refuses a call whose messages would all be refused, whoever gets them.
func (i *Intake) sendable(ctx context.Context, s Submission, from string) error {
	m, err := content.ParseMailbox("Source", from)
	if err != nil {
		return err
	}
	s.Source = m.Address
	d := &draft{Submission: s, msg: &content.Message{From: []message.Mailbox{m}}}
	for _, step := range []func(context.Context, *draft) error{
		i.configurationSet, i.sender, i.account, i.owned, i.mailFrom, i.defaultSet, i.notPaused,
	} {
		if err := step(ctx, d); err != nil {
			return err
		}
	}
	return nil
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
	leave, err := l.turn(ctx, i.large, sizeOf(e.Data, b.Files...))
	if err != nil {
		return "", err
	}
	defer leave()
	own, err := template.ParseData("ReplacementTemplateData", e.Data)
	if err != nil {
		return "", err
	}
	l.data = l.data.Merge(own)
	return i.acceptRendered(ctx, e.submission(s, n), b.message(n), l)
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
