// SPDX-License-Identifier: Apache-2.0

package importjob_test

import (
	"bufio"
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
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

// world is a database with what jobs read and write. The account sc has the bucket files and
// the contact list news with two topics.
type world struct {
	db      *store.DB
	clock   *clock.Fake
	buckets *bucket.Store
	list    *suppression.Lists
	lists   *contact.Lists
}

func newWorld(t testing.TB, db *store.DB) *world {
	t.Helper()
	w := &world{db: db, clock: clock.NewFake(start)}
	var err error
	w.buckets, err = bucket.New(bucket.Options{DB: db, Dir: t.TempDir(), Clock: w.clock.Now, Random: rand.Reader, MaxObject: 1 << 30})
	must(t, err)
	w.list = suppression.New(suppression.Options{DB: db, Clock: w.clock.Now, Random: rand.Reader})
	w.lists = contact.New(contact.Options{
		DB: db, Clock: w.clock.Now, Sign: keyring.Ephemeral(), MailDomain: "example.net", Base: func(string, configset.Set) string { return "https://example.net" },
	})
	must(t, w.buckets.Create(ctx, sc, "files"))
	must(t, w.lists.CreateList(ctx, contact.List{Scope: sc, Name: "news", Topics: []contact.Topic{
		{Name: "Sports", DisplayName: "S", Default: contact.OptIn}, {Name: "Cycling", DisplayName: "C", Default: contact.OptIn},
	}}))
	return w
}

// each runs a test on every engine.
func each(t *testing.T, test func(t *testing.T, w *world)) {
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, newWorld(t, db)) })
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// node returns a node's jobs, with something else than usual.
func (w *world) node(change ...func(*importjob.Options)) *importjob.Jobs {
	o := importjob.Options{
		DB: w.db, Clock: w.clock.Now, Node: "a/1", Objects: importjob.Builtin{Buckets: w.buckets}, Access: anybody{}, Addresses: w.list, Contacts: w.lists,
	}
	for _, c := range change {
		c(&o)
	}
	return importjob.New(o)
}

// anybody may read what is not secret.
type anybody struct{}

func (anybody) Authorize(_ context.Context, c access.Call) error {
	if strings.Contains(c.Resources[0].ARN, "secret") {
		return fault.New(fault.AccessDenied, "%s on %s", c.Action, c.Resources[0].ARN)
	}
	return nil
}

// by is a request of an account.
func by(sc scope.Scope) access.Request { return access.Request{Scope: sc} }

func suppress(action, format string) importjob.Job {
	return importjob.Job{Destination: importjob.Suppression, Action: action, Format: format}
}

func contacts(action, format string) importjob.Job {
	return importjob.Job{Destination: importjob.Contacts, Action: action, Format: format, List: "news"}
}

// put writes the object s3://files/file.
func (w *world) put(t testing.TB, content string) {
	t.Helper()
	_, err := w.buckets.Put(ctx, sc, "files", bucket.Draft{Key: "file", Size: -1}, strings.NewReader(content))
	must(t, err)
}

// create has a job of that object wait.
func (w *world) create(t testing.TB, job importjob.Job) (id string) {
	t.Helper()
	job.URL = "s3://files/file"
	id, err := w.node().Create(ctx, by(sc), job)
	must(t, err)
	return id
}

// step has a node work for a turn.
func step(t testing.TB, node *importjob.Jobs) {
	t.Helper()
	if found, err := node.Step(ctx); !found || err != nil {
		t.Fatal(found, err)
	}
}

func (w *world) get(t testing.TB, id string) importjob.Job {
	t.Helper()
	job, err := w.node().Get(ctx, sc, id)
	must(t, err)
	return job
}

// run imports a file and returns the finished job.
func (w *world) run(t testing.TB, job importjob.Job, content string) importjob.Job {
	t.Helper()
	w.put(t, content)
	id := w.create(t, job)
	for w.get(t, id).CompletedAt.IsZero() {
		step(t, w.node())
	}
	return w.get(t, id)
}

// failed is a record of a report.
type failed struct {
	Record       int
	Content      string
	ErrorMessage string
}

// report returns the records that failed.
func (w *world) report(t testing.TB, job importjob.Job) (all []failed) {
	t.Helper()
	_, content, err := w.buckets.Get(ctx, sc, "ses-import-failures", job.ID+".json")
	must(t, err)
	defer content.Close()
	return lines(t, content)
}

func lines(t testing.TB, content io.Reader) (all []failed) {
	t.Helper()
	for lines := bufio.NewScanner(content); lines.Scan(); {
		var f failed
		must(t, json.Unmarshal(lines.Bytes(), &f))
		all = append(all, f)
	}
	return all
}

// addresses are n lines of a file, with a record that is none in front of them.
func addresses(n int) string {
	var file strings.Builder
	file.WriteString("bad record\n")
	for i := range n {
		fmt.Fprintf(&file, "r%d@example.com,BOUNCE\n", i)
	}
	return file.String()
}

// suppressed are the addresses on the account's list.
func (w *world) suppressed(t testing.TB) (all []string) {
	t.Helper()
	for behind, more := (suppression.Position{}), true; more; {
		var page []suppression.Entry
		var err error
		page, more, err = w.list.List(ctx, sc, suppression.Filter{}, behind, suppression.MaxPage)
		must(t, err)
		for _, e := range page {
			behind = suppression.Position{At: e.UpdatedAt, Address: e.Address}
			all = append(all, e.Address+" "+string(e.Reason))
		}
	}
	return all
}
