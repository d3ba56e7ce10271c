// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"encoding/json"
	"io"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/core/contact"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
)

// sink is where the records of a job go. It collects a batch and writes it.
type sink interface {
	// max is how many records a job may have.
	max() int64
	// header reads the first line of a CSV file, for those that have one.
	header(line []byte) error
	hasHeader() bool
	// add reads a record into the batch; one that can't be read is not in it.
	add(record []byte) error
	// flush returns what writes the batch, in a commit of the caller's, and the error of each
	// record of it. It fails as a whole when the destination is gone.
	flush(ctx context.Context) (write func(*store.Tx) error, errs []error, err error)
}

func (j *Jobs) sink(job Job) sink {
	if job.Destination == Contacts {
		return &contacts{job: job, lists: j.o.Contacts}
	}
	return &addresses{job: job, list: j.o.Addresses}
}

// records are those of a file.
func records(job Job, r io.Reader) reader {
	if job.Format == JSON {
		return &objects{lines: newLines(r)}
	}
	return newLines(r)
}

// addresses goes to the suppression list.
type addresses struct {
	job   Job
	list  Addresses
	batch []suppression.Record
}

func (a *addresses) max() int64 {
	if a.job.Action == Delete {
		return suppression.MaxDelete
	}
	return suppression.MaxPut
}

func (a *addresses) hasHeader() bool     { return false }
func (a *addresses) header([]byte) error { return nil }

func (a *addresses) add(record []byte) error {
	r, err := a.parse(record)
	if err == nil {
		a.batch = append(a.batch, r)
	}
	return err
}

func (a *addresses) parse(record []byte) (r suppression.Record, err error) {
	if a.job.Format == JSON {
		var in struct{ EmailAddress, Reason string }
		if err := json.Unmarshal(record, &in); err != nil {
			return r, &fault.Error{Kind: fault.Invalid, Text: "The record is not a JSON object of an address.", Err: err}
		}
		return suppression.Record{Address: in.EmailAddress, Reason: in.Reason}, nil
	}
	line, err := cells(record)
	if err != nil {
		return r, err
	}
	want := 2
	if a.job.Action == Delete && len(line) == 1 { // with a reason it is as it was added
		want = 1
	}
	if len(line) != want {
		return r, fault.New(fault.Invalid, "The line has %d columns.", len(line))
	}
	if r.Address = line[0]; want == 2 {
		r.Reason = strings.TrimSpace(line[1])
	}
	return r, nil
}

func (a *addresses) flush(context.Context) (write func(*store.Tx) error, errs []error, err error) {
	batch := a.batch
	a.batch = nil
	if a.job.Action == Delete {
		write, errs = a.list.Removing(a.job.Scope, batch)
	} else {
		write, errs = a.list.Adding(a.job.Scope, batch)
	}
	return write, errs, nil
}

// contacts goes to a contact list.
type contacts struct {
	job     Job
	lists   Lists
	columns contact.Columns
	batch   []contact.Contact
}

func (c *contacts) max() int64      { return contact.MaxImport }
func (c *contacts) hasHeader() bool { return c.job.Format == CSV }

func (c *contacts) header(line []byte) error {
	names, err := cells(line)
	if err == nil {
		c.columns, err = contact.ParseColumns(names)
	}
	return err
}

func (c *contacts) add(record []byte) error {
	r, err := c.parse(record)
	if err == nil {
		c.batch = append(c.batch, r)
	}
	return err
}

func (c *contacts) parse(record []byte) (r contact.Contact, err error) {
	if c.job.Format == JSON {
		return contact.ParseRecord(record)
	}
	line, err := cells(record)
	if err != nil {
		return r, err
	}
	return c.columns.Contact(line)
}

func (c *contacts) flush(ctx context.Context) (write func(*store.Tx) error, errs []error, err error) {
	batch := c.batch
	c.batch = nil
	if c.job.Action == Delete {
		return c.lists.Removing(ctx, c.job.Scope, c.job.List, batch)
	}
	return c.lists.Adding(ctx, c.job.Scope, c.job.List, batch)
}
