// SPDX-License-Identifier: Apache-2.0

package importjob_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/importjob"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/testkit/storetest"
)

var (
	ctx   = context.Background()
	sc    = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	other = scope.Scope{Account: "210987654321", Region: "us-east-1"}
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

type world struct {
	db      *store.DB
	clock   *clock.Fake
	buckets *bucket.Store
	list    *suppression.Lists
	lists   *contact.Lists
}

func newWorld(t *testing.T, db *store.DB) *world {
	w := &world{db: db, clock: clock.NewFake(start)}
	var err error
	w.buckets, err = bucket.New(bucket.Options{DB: db, Dir: t.TempDir(), Clock: w.clock.Now, Random: rand.Reader, MaxObject: 1 << 30})
	must(t, err)
	w.list = suppression.New(suppression.Options{DB: db, Clock: w.clock.Now, Random: rand.Reader})
	w.lists = contact.New(contact.Options{DB: db, Clock: w.clock.Now, Sign: keyring.Ephemeral(), MailDomain: "example.net", Base: func(string, configset.Set) string { return "https://example.net" }})
	must(t, w.buckets.Create(ctx, sc, "files"))
	return w
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (w *world) jobs(a importjob.Addresses) *importjob.Jobs {
	return importjob.New(importjob.Options{DB: w.db, Clock: w.clock.Now, Objects: w.buckets, Addresses: a, Contacts: w.lists})
}

func (w *world) put(t *testing.T, content string) {
	t.Helper()
	_, err := w.buckets.Put(ctx, sc, "files", bucket.Draft{Key: "file", Size: -1}, strings.NewReader(content))
	must(t, err)
}

// run imports a file and returns the finished job.
func (w *world) run(t *testing.T, job importjob.Job, content string) importjob.Job {
	t.Helper()
	w.put(t, content)
	job.Scope, job.URL = sc, "s3://files/file"
	jobs := w.jobs(w.list)
	id, err := jobs.Create(ctx, job)
	must(t, err)
	if found, err := jobs.Step(ctx); !found || err != nil {
		t.Fatal(found, err)
	}
	job, err = jobs.Get(ctx, sc, id)
	must(t, err)
	return job
}

// report returns the contents of the records that failed.
func (w *world) report(t *testing.T, job importjob.Job) (records []string) {
	t.Helper()
	_, content, err := w.buckets.Get(ctx, sc, importjob.Reports, job.ReportKey())
	must(t, err)
	defer content.Close()
	for lines := bufio.NewScanner(content); lines.Scan(); {
		var f struct{ Content, ErrorMessage string }
		must(t, json.Unmarshal(lines.Bytes(), &f))
		if f.ErrorMessage == "" {
			t.Error("a failed record without an error")
		}
		records = append(records, f.Content)
	}
	return records
}

func suppress(action, format string) importjob.Job {
	return importjob.Job{Destination: importjob.Suppression, Action: action, Format: format}
}

func contacts(action, format string) importjob.Job {
	return importjob.Job{Destination: importjob.Contacts, Action: action, Format: format, List: "news"}
}

const pretty = `{
  "emailAddress": "example1@amazon.com",
  "unsubscribeAll": false,
  "attributesData": "{\"Name\":\"John\"}",
  "topicPreferences": [
    {
      "topicName": "Sports",
      "subscriptionStatus": "OPT_IN"
    }
  ]
}
{
  "emailAddress": "example2@amazon.com",
  "unsubscribeAll": true
}
`

func TestFilesAreImported(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		must(t, w.lists.CreateList(ctx, contact.List{Scope: sc, Name: "news", Topics: []contact.Topic{{Name: "Sports", DisplayName: "S", Default: contact.OptIn}, {Name: "Cycling", DisplayName: "C", Default: contact.OptIn}}}))
		for _, c := range []struct {
			what   string
			job    importjob.Job
			file   string
			count  int64
			failed []string
		}{
			{"addresses as CSV, without a header", suppress("PUT", "CSV"), "recipient1@example.com,BOUNCE\r\nrecipient2@example.com,COMPLAINT", 2, nil},
			{"addresses as JSON", suppress("PUT", "JSON"), `{"emailAddress":"recipient1@example.com","reason":"BOUNCE"}` + "\n" + `{"emailAddress":"recipient2@example.com","reason":"COMPLAINT"}`, 2, nil},
			{"removals as CSV", suppress("DELETE", "CSV"), "recipient1@example.com\n\nnobody@example.com\n", 2, nil},
			{"removals as JSON", suppress("DELETE", "JSON"), `{"emailAddress":"recipient2@example.com"}`, 1, nil},
			{"a quoted cell", suppress("PUT", "CSV"), `"""a,b""@example.com",BOUNCE`, 1, nil},
			{"bad records harm no others", suppress("PUT", "CSV"), "a@example.com,BOUNCE\nb@example.com\nno address,BOUNCE\nc@example.com,bounce\nd@example.com,COMPLAINT,x\ne@example.com,BOUNCE\n", 6,
				[]string{"b@example.com", "no address,BOUNCE", "c@example.com,bounce", "d@example.com,COMPLAINT,x"}},
			{"nor do broken objects", suppress("PUT", "JSON"), "{\"emailAddress\":\"a@example.com\n{\"emailAddress\":\"b@example.com\",\"reason\":\"BOUNCE\"}\n{\"emailAddress\":\n{\"emailAddress\":\"c@example.com\",\"reason\":\"BOUNCE\"}\nrubbish\n", 5,
				[]string{`{"emailAddress":"a@example.com`, `{"emailAddress":`, "rubbish"}},
			{"an empty file", suppress("PUT", "CSV"), "", 0, nil},
			{"contacts as CSV, with a header and a bare JSON object", contacts("PUT", "CSV"), "emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports,topicPreferences.Cycling\nexample1@amazon.com,false,{\"Name\": \"John\", \"n\": \"a,b\"},OPT_IN,OPT_OUT\nexample2@amazon.com,true,,OPT_OUT,OPT_OUT\n", 2, nil},
			{"contacts as JSON over several lines", contacts("PUT", "JSON"), pretty, 2, nil},
			{"a topic that is not there", contacts("PUT", "CSV"), "emailAddress,topicPreferences.Chess\nx@example.com,OPT_IN\ny@example.com,\n", 2, []string{"x@example.com,OPT_IN"}},
			{"contacts are removed", contacts("DELETE", "CSV"), "emailAddress\nexample1@amazon.com\n", 1, nil},
		} {
			job := w.run(t, c.job, c.file)
			if job.State != importjob.Completed || job.Processed != c.count || job.Failed != int64(len(c.failed)) || job.CompletedAt.IsZero() {
				t.Errorf("%s: %+v", c.what, job)
				continue
			}
			if len(c.failed) > 0 {
				if got := w.report(t, job); strings.Join(got, "|") != strings.Join(c.failed, "|") {
					t.Errorf("%s: failed are %q", c.what, got)
				}
			}
		}
		if got, _, err := w.lists.Get(ctx, sc, "news", "example2@amazon.com"); err != nil || !got.UnsubscribeAll {
			t.Errorf("%+v, %v", got, err)
		}
	})
}

func TestFilesThatAreRefused(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	must(t, w.lists.CreateList(ctx, contact.List{Scope: sc, Name: "news"}))
	for _, c := range []struct {
		what, file string
		job        importjob.Job
		text       string
	}{
		{"too many removals", strings.Repeat("a@example.com\n", 10_001), suppress("DELETE", "CSV"), "The file has more than 10000 records."},
		{"contacts without a header", "", contacts("PUT", "CSV"), "The file has no header."},
		{"a header without addresses", "unsubscribeAll\ntrue\n", contacts("PUT", "CSV"), "The header has no column emailAddress."},
	} {
		if job := w.run(t, c.job, c.file); job.State != importjob.Failed || job.Error != c.text || job.Processed != 0 {
			t.Errorf("%s: %+v", c.what, job)
		}
	}
	jobs := w.jobs(w.list)
	for _, c := range []struct {
		what, url string
		who       scope.Scope
		list      string
		kind      fault.Kind
	}{
		{"no URL", "https://files/file", sc, "", fault.Invalid},
		{"no object", "s3://files/", sc, "", fault.Invalid},
		{"a bucket that is not there", "s3://nothing/file", sc, "", fault.Invalid},
		{"another account's", "s3://files/file", other, "", fault.Invalid},
		{"a list that is not there", "s3://files/file", sc, "nothing", fault.Invalid},
	} {
		job := suppress("PUT", "CSV")
		job.Scope, job.URL = c.who, c.url
		if c.list != "" {
			job.Destination, job.List = importjob.Contacts, c.list
		}
		if _, err := jobs.Create(ctx, job); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

// dying is a node that dies with its third batch.
type dying struct {
	*suppression.Lists
	batches int
}

var errDied = errors.New("died")

func (d *dying) Import(ctx context.Context, sc scope.Scope, r []suppression.Record) []error {
	if d.batches++; d.batches == 3 {
		panic(errDied)
	}
	return d.Lists.Import(ctx, sc, r)
}

func TestAnotherNodeGoesOnWhereOneDied(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		var file strings.Builder
		for n := range 2000 {
			fmt.Fprintf(&file, "r%d@example.com,BOUNCE\n", n)
		}
		w.put(t, "bad record\n"+file.String())
		job := suppress("PUT", "CSV")
		job.Scope, job.URL = sc, "s3://files/file"
		first := w.jobs(&dying{Lists: w.list})
		id, err := first.Create(ctx, job)
		must(t, err)
		func() {
			defer func() {
				if recover() == nil {
					t.Fatal("it did not die")
				}
			}()
			_, _ = first.Step(ctx)
		}()
		if job, err = first.Get(ctx, sc, id); err != nil || job.State != importjob.Processing || job.Processed != 1000 || job.Failed != 1 {
			t.Fatalf("%+v, %v", job, err)
		}
		second := w.jobs(w.list)
		if found, err := second.Step(ctx); found || err != nil {
			t.Fatal("the lease of the first is not over", err)
		}
		w.clock.Advance(time.Hour)
		if found, err := second.Step(ctx); !found || err != nil {
			t.Fatal(found, err)
		}
		job, err = second.Get(ctx, sc, id)
		if err != nil || job.State != importjob.Completed || job.Processed != 2001 || job.Failed != 1 {
			t.Errorf("%+v, %v", job, err)
		}
		if got := w.report(t, job); len(got) != 1 || got[0] != "bad record" {
			t.Errorf("%q", got)
		}
	})
}

func TestAHundredThousandAddresses(t *testing.T) {
	w := newWorld(t, storetest.SQLite(t))
	var file strings.Builder
	for n := range suppression.MaxPut {
		fmt.Fprintf(&file, "r%d@example.com,COMPLAINT\n", n)
	}
	if job := w.run(t, suppress("PUT", "CSV"), file.String()); job.State != importjob.Completed || job.Processed != suppression.MaxPut || job.Failed != 0 {
		t.Errorf("%+v", job)
	}
	if job := w.run(t, suppress("PUT", "CSV"), file.String()+"one@example.com,BOUNCE\n"); job.State != importjob.Failed {
		t.Errorf("one more: %+v", job)
	}
}

func TestJobsAreListed(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		w := newWorld(t, db)
		must(t, w.lists.CreateList(ctx, contact.List{Scope: sc, Name: "news"}))
		w.put(t, "")
		jobs := w.jobs(w.list)
		defer func() { // there is a bound of those that wait
			job := suppress("PUT", "CSV")
			job.Scope, job.URL = sc, "s3://files/file"
			for range importjob.MaxWaiting - 5 {
				_, err := jobs.Create(ctx, job)
				must(t, err)
			}
			if _, err := jobs.Create(ctx, job); !fault.Is(err, fault.LimitExceeded) {
				t.Error(err)
			}
		}()
		for n := range 5 {
			job := suppress("PUT", "CSV")
			if n == 2 {
				job = contacts("PUT", "CSV")
			}
			job.Scope, job.URL = sc, "s3://files/file"
			_, err := jobs.Create(ctx, job)
			must(t, err)
		}
		for d, want := range map[importjob.Destination]int{"": 5, importjob.Suppression: 4, importjob.Contacts: 1} {
			seen := map[string]bool{}
			var behind importjob.Position
			for more := true; more; {
				var page []importjob.Job
				var err error
				page, more, err = jobs.List(ctx, sc, d, behind, 2)
				must(t, err)
				for _, job := range page {
					seen[job.ID] = true
					behind = importjob.Position{At: job.CreatedAt, ID: job.ID}
				}
			}
			if len(seen) != want {
				t.Errorf("%q: %d jobs", d, len(seen))
			}
		}
		if list, _, err := jobs.List(ctx, other, "", importjob.Position{}, 10); err != nil || len(list) != 0 {
			t.Errorf("another account's: %v, %v", list, err)
		}
	})
}
