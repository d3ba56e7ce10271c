// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"strings"
	"unicode"

	"sesame/internal/base/scope"
	"sesame/internal/core/store"
)

// reportType is the media type of reports: a JSON object on each line.
const reportType = "application/x-ndjson"

// failedRecord is a line of a report.
type failedRecord struct {
	Record       int64  `json:"record"`  // its number in the file, from 1
	Content      string `json:"content"` // the beginning of a long one
	ErrorMessage string `json:"errorMessage"`
}

// report writes the records that failed into an object.
func (j *Jobs) report(ctx context.Context, job *Job) error {
	ctx, cancel := context.WithTimeout(ctx, reportFor/2)
	defer cancel()
	r, w := io.Pipe()
	go func() { w.CloseWithError(j.writeFailures(ctx, job.Scope, job.ID, w)) }()
	return errors.Join(j.o.Objects.Report(ctx, job.Scope, job.ID, r), r.Close())
}

// writeFailures reads the failures a page at a time: w may be slow.
func (j *Jobs) writeFailures(ctx context.Context, sc scope.Scope, job string, w io.Writer) error {
	const most = 100
	out := json.NewEncoder(w)
	out.SetEscapeHTML(false)
	for behind := int64(-1); ; {
		page, err := j.failures(ctx, sc, job, behind, most)
		if err != nil || len(page) == 0 {
			return err
		}
		for _, f := range page {
			behind = f.n
			if err := out.Encode(failedRecord{f.n + 1, strings.ToValidUTF8(string(f.record), "\ufffd"), f.err}); err != nil {
				return err
			}
		}
	}
}

// failures are some of a job's, in the order of the file.
func (j *Jobs) failures(ctx context.Context, sc scope.Scope, job string, behind int64, most int) (page []failure, err error) {
	rows, err := j.o.DB.Query(ctx, `SELECT n, record, error FROM import_failures WHERE account = ? AND region = ? AND job = ? AND n > ?
		ORDER BY n LIMIT ?`, sc.Account, sc.Region, job, behind, most)
	if err != nil {
		return nil, store.Wrap("importjob.report", err)
	}
	defer rows.Close()
	for rows.Next() {
		var f failure
		if err := rows.Scan(&f.n, &f.record, &f.err); err != nil {
			return nil, store.Wrap("importjob.report", err)
		}
		page = append(page, f)
	}
	return page, store.Wrap("importjob.report", rows.Err())
}

// printable is a text about a file without what not every database takes.
func printable(text string) string {
	return strings.TrimSpace(strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == unicode.ReplacementChar {
			return '?'
		}
		return r
	}, text))
}
