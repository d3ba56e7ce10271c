// SPDX-License-Identifier: Apache-2.0

package importjob_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/importjob"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/testkit/storetest"
)

func TestJobsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.put(t, "")
	_, err := w.buckets.Put(ctx, sc, "files", bucket.Draft{Key: "secret"}, strings.NewReader(""))
	must(t, err)
	abroad := scope.Scope{Account: sc.Account, Region: "eu-west-1"}
	for _, c := range []struct {
		what, url string
		who       scope.Scope
		list      string
		kind      fault.Kind
	}{
		{"no URL of S3", "https://files/file", sc, "", fault.Invalid},
		{"no object", "s3://files/", sc, "", fault.Invalid},
		{"no bucket", "s3:///file", sc, "", fault.Invalid},
		{"a name that none can have", "s3://Files/file", sc, "", fault.Invalid},
		{"a bucket that is not there", "s3://nothing/file", sc, "", fault.Invalid},
		{"an object that is not there", "s3://files/file2", sc, "", fault.Invalid},
		{"another account's", "s3://files/file", other, "", fault.Invalid},
		{"another region's", "s3://files/file", abroad, "", fault.Invalid},
		{"one that the user may not read", "s3://files/secret", sc, "", fault.AccessDenied},
		{"a list that is not there", "s3://files/file", sc, "nothing", fault.Invalid},
	} {
		job := suppress("PUT", "CSV")
		job.URL = c.url
		if c.list != "" {
			job.Destination, job.List = importjob.Contacts, c.list
		}
		if _, err := w.node().Create(ctx, by(c.who), job); !fault.Is(err, c.kind) {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func TestJobsAreListed(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put(t, "")
		var ids []string
		for n := range 5 {
			job := suppress("PUT", "CSV")
			if n == 2 {
				job = contacts("PUT", "CSV")
			}
			ids = append(ids, w.create(t, job))
		}
		for d, want := range map[importjob.Destination]int{"": 5, importjob.Suppression: 4, importjob.Contacts: 1} {
			seen := map[string]bool{}
			var behind importjob.Position
			for more := true; more; {
				var page []importjob.Job
				var err error
				page, more, err = w.node().List(ctx, sc, d, behind, 2)
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
		for _, id := range []string{ids[0], "x\x00", "\xff"} {
			if _, err := w.node().Get(ctx, other, id); !fault.Is(err, fault.NotFound) {
				t.Errorf("another account's %q: %v", id, err)
			}
		}
		if list, _, err := w.node().List(ctx, other, "", importjob.Position{}, 10); err != nil || len(list) != 0 {
			t.Errorf("another account's: %v, %v", list, err)
		}
		for range importjob.MaxWaiting - len(ids) {
			w.create(t, suppress("PUT", "CSV"))
		}
		job := suppress("PUT", "CSV")
		job.URL = "s3://files/file"
		if _, err := w.node().Create(ctx, by(sc), job); !fault.Is(err, fault.LimitExceeded) {
			t.Errorf("one more than may wait: %v", err)
		}
	})
}

func TestFinishedJobsAreForgottenAfterNinetyDays(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		done := w.run(t, suppress("PUT", "CSV"), addresses(1))
		waiting := w.create(t, suppress("PUT", "CSV"))
		w.clock.Advance(89 * 24 * time.Hour)
		must(t, w.node().Clean(ctx))
		w.get(t, done.ID)
		w.clock.Advance(24 * time.Hour)
		must(t, w.node().Clean(ctx))
		w.get(t, waiting)
		if _, err := w.node().Get(ctx, sc, done.ID); !fault.Is(err, fault.NotFound) {
			t.Errorf("%v", err)
		}
	})
}

// TestFailuresOfFinishedJobsAreForgotten however many they are, also when a node crashed over it.
func TestFailuresOfFinishedJobsAreForgotten(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		fail := func(sc scope.Scope, job string) {
			must(t, w.db.Write(ctx, func(tx *store.Tx) error {
				_, err := tx.Exec(`INSERT INTO import_failures (account, region, job, n, record, error) VALUES (?, ?, ?, 7, ?, '')`, sc.Account, sc.Region, job, []byte("x"))
				return err
			}))
		}
		left := func() (n int) {
			must(t, w.db.QueryRow(ctx, `SELECT COUNT(*) FROM import_failures`).Scan(&n))
			return n
		}
		done := w.run(t, suppress("PUT", "CSV"), strings.Repeat("nobody,BOUNCE\n", 1100))
		if done.Failed != 1100 || len(w.report(t, done)) != 1100 || left() != 0 {
			t.Errorf("%+v; %d failures are left", done, left())
		}
		waiting := w.create(t, suppress("PUT", "CSV"))
		fail(sc, done.ID)
		fail(sc, waiting)
		fail(other, waiting) // which is none of that account
		must(t, w.node().Clean(ctx))
		if left() != 1 {
			t.Errorf("%d failures are left, of one job that waits", left())
		}
	})
}

// BenchmarkImport is what ten thousand addresses cost.
func BenchmarkImport(b *testing.B) {
	w := newWorld(b, storetest.SQLite(b))
	for b.Loop() {
		if job := w.run(b, suppress("PUT", "CSV"), addresses(suppression.MaxPut/10)); job.Failed != 1 {
			b.Fatal(fmt.Sprint(job))
		}
	}
}
