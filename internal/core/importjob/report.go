// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"context"
	"database/sql"
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

// forgetRows is how many rows are removed in one commit: there may be a million, and whoever
// sends mail waits for a commit.
const forgetRows = 500

// forget removes the failures of a job that is finished.
func (j *Jobs) forget(ctx context.Context, sc scope.Scope, job string) error {
	for n := int64(forgetRows); n >= forgetRows; {
		err := j.o.DB.Write(ctx, func(tx *store.Tx) (err error) {
			n, err = tx.Exec(`DELETE FROM import_failures WHERE account = ? AND region = ? AND job = ? AND n IN
				(SELECT n FROM import_failures WHERE account = ? AND region = ? AND job = ? ORDER BY n LIMIT ?)`,
				sc.Account, sc.Region, job, sc.Account, sc.Region, job, forgetRows)
			return err
		})
		if err != nil {
			return store.Wrap("importjob.forget", err)
		}
	}
	return nil
}

// forgetRest removes the failures that a crash left of jobs that are finished.
func (j *Jobs) forgetRest(ctx context.Context) error {
	var sc scope.Scope
	for job := ""; ; {
		err := j.o.DB.QueryRow(ctx, `SELECT account, region, job FROM import_failures WHERE (account, region, job) > (?, ?, ?)
			ORDER BY account, region, job LIMIT 1`, sc.Account, sc.Region, job).Scan(&sc.Account, &sc.Region, &job)
		if errors.Is(err, sql.ErrNoRows) {
			return nil
		}
		unfinished := 0
		if err == nil {
			err = j.o.DB.QueryRow(ctx, `SELECT COUNT(*) FROM import_jobs WHERE account = ? AND region = ? AND id = ? AND completed_at = 0`,
				sc.Account, sc.Region, job).Scan(&unfinished)
		}
		if err == nil && unfinished == 0 {
			err = j.forget(ctx, sc, job)
		}
		if err != nil {
			return store.Wrap("importjob.Clean", err)
		}
	}
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
