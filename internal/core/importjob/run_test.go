// SPDX-License-Identifier: Apache-2.0

package importjob_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/contact"
	"sesame/internal/core/importjob"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/testkit/storetest"
)

// troubled has something happen before a batch is written.
type troubled struct {
	*suppression.Lists
	batches int
	before  func(batch int)
}

func (d *troubled) Adding(sc scope.Scope, r []suppression.Record) (func(*store.Tx) error, []error) {
	d.batches++
	d.before(d.batches)
	return d.Lists.Adding(sc, r)
}

// trouble makes a node to which it happens.
func (w *world) trouble(before func(batch int)) *importjob.Jobs {
	return w.node(func(o *importjob.Options) { o.Addresses = &troubled{Lists: w.list, before: before} })
}

var errDied = errors.New("died")

// dies has a node die in a step.
func dies(t *testing.T, node *importjob.Jobs) {
	t.Helper()
	defer func() {
		if recover() != errDied {
			t.Fatal("it did not die")
		}
	}()
	_, _ = node.Step(ctx)
}

// TestAnotherNodeGoesOnWhereOneDied in the middle of a file.
func TestAnotherNodeGoesOnWhereOneDied(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put(t, addresses(2000))
		id := w.create(t, suppress("PUT", "CSV"))
		dies(t, w.trouble(func(batch int) {
			if batch == 3 {
				panic(errDied)
			}
		}))
		if job := w.get(t, id); job.State != importjob.Processing || job.Processed != 500 || job.Failed != 1 || len(w.suppressed(t)) != 499 {
			t.Fatalf("%+v", job)
		}
		if found, err := w.node().Step(ctx); found || err != nil {
			t.Fatal("the lease of the first is not over", err)
		}
		must(t, w.list.Delete(ctx, sc, "r7@example.com")) // a record has its effect once
		w.clock.Advance(time.Hour)
		step(t, w.node())
		job := w.get(t, id)
		if job.State != importjob.Completed || job.Processed != 2001 || job.Failed != 1 || len(w.suppressed(t)) != 1999 {
			t.Errorf("%+v", job)
		}
		if got := w.report(t, job); len(got) != 1 || got[0].Content != "bad record" || got[0].Record != 1 {
			t.Errorf("%+v", got)
		}
	})
}

// watched tells how many records a batch has before it is written.
type watched struct {
	*suppression.Lists
	tell func(records int)
}

func (d watched) Adding(sc scope.Scope, r []suppression.Record) (func(*store.Tx) error, []error) {
	d.tell(len(r))
	return d.Lists.Adding(sc, r)
}

// TestAStartTakesUpWhatTheOneBeforeItWasAt at once, and what no other node is at.
func TestAStartTakesUpWhatTheOneBeforeItWasAt(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, c := range []struct {
			what, start string
			first       int // records of the job that is done first
		}{
			{"the next start of the node that died", "a/2", 10},
			{"another node", "b/1", 3},
			{"one whose name begins alike", "aa/2", 3},
			{"the same start", "a/1", 3},
		} {
			w.put(t, addresses(10))
			w.create(t, suppress("PUT", "CSV"))
			dies(t, w.trouble(func(int) { panic(errDied) })) // a/1
			w.clock.Advance(time.Second)
			_, err := w.buckets.Put(ctx, sc, "files", bucket.Draft{Key: "small", Size: -1}, strings.NewReader(addresses(3)))
			must(t, err)
			job := suppress("PUT", "CSV")
			job.URL = "s3://files/small"
			_, err = w.node().Create(ctx, by(sc), job)
			must(t, err)

			running, stop := context.WithCancel(t.Context())
			var batches []int
			w.node(func(o *importjob.Options) {
				o.Node, o.Addresses = c.start, watched{w.list, func(n int) { batches = append(batches, n); stop() }}
			}).Run(running, slog.New(slog.DiscardHandler))
			if len(batches) == 0 || batches[0] != c.first {
				t.Errorf("%s: batches of %v records", c.what, batches)
			}
			for found := true; found; {
				w.clock.Advance(time.Hour)
				found, err = w.node().Step(ctx)
				must(t, err)
			}
		}
	})
}

// TestANodeThatIsLateChangesNothing: while it slept, another one did the job, or a part of it.
func TestANodeThatIsLateChangesNothing(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		for _, part := range []int64{1 << 20, 12_000} { // octets
			w.put(t, addresses(2000))
			id := w.create(t, suppress("PUT", "CSV"))
			late := w.trouble(func(batch int) {
				if batch == 2 {
					w.clock.Advance(time.Hour)
					_, _ = w.with(objects{through: func(r io.Reader) io.Reader { return breaks{io.LimitReader(r, part)} }}).Step(ctx)
					must(t, w.list.Delete(ctx, sc, "r300@example.com"))
				}
			})
			step(t, late)
			if job := w.get(t, id); part < 1<<20 && (job.State != importjob.Processing || job.Processed != 500) {
				t.Fatalf("a part: %+v", job)
			}
			w.clock.Advance(time.Hour)
			if _, err := w.node().Step(ctx); err != nil {
				t.Fatal(err)
			}
			job := w.get(t, id)
			if job.State != importjob.Completed || job.Processed != 2001 || job.Failed != 1 || len(w.report(t, job)) != 1 {
				t.Errorf("%+v", job)
			}
			if got := w.suppressed(t); slices.Contains(got, "r300@example.com BOUNCE") || len(got) != 1999 {
				t.Errorf("%d addresses", len(got))
			}
		}
	})
}

// objects are the built-in ones with something between.
type objects struct {
	importjob.Builtin
	through func(io.Reader) io.Reader
	report  error
}

func (o objects) Open(ctx context.Context, sc scope.Scope, at importjob.Place) (io.ReadCloser, string, error) {
	content, etag, err := o.Builtin.Open(ctx, sc, at)
	if err != nil || o.through == nil {
		return content, etag, err
	}
	return struct {
		io.Reader
		io.Closer
	}{o.through(content), content}, etag, nil
}

func (o objects) Report(ctx context.Context, sc scope.Scope, job string, content io.Reader) error {
	if o.report != nil {
		return o.report
	}
	return o.Builtin.Report(ctx, sc, job, content)
}

func (w *world) with(o objects) *importjob.Jobs {
	o.Builtin = importjob.Builtin{Buckets: w.buckets}
	return w.node(func(all *importjob.Options) { all.Objects = o })
}

// breaks is content that ends with an error where its limit is.
type breaks struct {
	r io.Reader // with a limit
}

func (b breaks) Read(p []byte) (int, error) {
	n, err := b.r.Read(p)
	if limit := b.r.(*io.LimitedReader); errors.Is(err, io.EOF) && limit.N == 0 {
		err = errors.New("the connection is gone")
	}
	return n, err
}

// TestWhatIsNoFaultOfTheFileIsTriedAgain later and from where it was, until a day is over.
func TestWhatIsNoFaultOfTheFileIsTriedAgain(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		w.put(t, addresses(1500))
		id := w.create(t, suppress("PUT", "CSV"))
		opened := 0
		node := w.with(objects{through: func(r io.Reader) io.Reader {
			if opened++; opened == 2 { // not while it is checked
				return breaks{io.LimitReader(r, 25_000)}
			}
			return r
		}})
		if found, err := node.Step(ctx); !found || err == nil {
			t.Fatal(found, err)
		}
		if job := w.get(t, id); job.State != importjob.Processing || job.Processed != 1000 || job.Failed != 1 {
			t.Fatalf("%+v", job)
		}
		if found, err := node.Step(ctx); found || err != nil {
			t.Fatal("tried again at once", err)
		}
		w.clock.Advance(30 * time.Second)
		step(t, node)
		if job := w.get(t, id); job.State != importjob.Completed || job.Processed != 1501 || job.Failed != 1 || len(w.suppressed(t)) != 1500 {
			t.Errorf("%+v", job)
		}

		id = w.create(t, suppress("PUT", "CSV"))
		node = w.with(objects{report: fault.New(fault.Unavailable, "The buckets can't be reached now.")})
		for range 2 {
			if found, err := node.Step(ctx); !found || err == nil {
				t.Fatal(found, err)
			}
			if job := w.get(t, id); job.State != importjob.Processing || job.Processed != 1501 || job.Reported {
				t.Fatalf("%+v", job)
			}
			w.clock.Advance(time.Hour)
		}
		w.clock.Advance(23 * time.Hour)
		if _, err := node.Step(ctx); err == nil {
			t.Error("no error for the log")
		}
		if job := w.get(t, id); job.State != importjob.Failed || job.Processed != 1501 || job.Failed != 1 || job.Reported || job.Error != "The buckets can't be reached now." {
			t.Errorf("%+v", job)
		}
	})
}

// slow takes its time to come.
type slow struct {
	r    io.Reader
	wait func()
}

func (s slow) Read(p []byte) (int, error) {
	s.wait()
	return s.r.Read(p[:min(len(p), 4000)])
}

// TestASlowFileKeepsItsLease while it is read, and is checked to its end before anything of
// it is imported, whoever dies.
func TestASlowFileKeepsItsLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.put(t, addresses(suppression.MaxPut/10)+strings.Repeat("x@example.com,BOUNCE\n", suppression.MaxPut))
	id := w.create(t, suppress("PUT", "CSV"))
	reads := 0
	node := w.with(objects{through: func(r io.Reader) io.Reader {
		return slow{r, func() {
			if w.clock.Advance(40 * time.Second); reads == 20 {
				panic(errDied)
			}
			if found, err := w.node().Step(ctx); found || err != nil {
				t.Fatal("another node has it", err)
			}
			reads++
		}}
	}})
	dies(t, node)
	w.clock.Advance(time.Hour)
	step(t, w.node())
	if job := w.get(t, id); job.State != importjob.Failed || job.Error != "The file has more than 100000 records." || len(w.suppressed(t)) > 0 {
		t.Errorf("%+v", job)
	}
}

// TestAFileOfNothingKeepsItsLease, however long it is.
func TestAFileOfNothingKeepsItsLease(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.put(t, strings.Repeat("\n", 1<<20)+"a@example.com,BOUNCE\n")
	id := w.create(t, suppress("PUT", "CSV"))
	step(t, w.with(objects{through: func(r io.Reader) io.Reader { return slow{r, func() { w.clock.Advance(40 * time.Second) }} }}))
	if job := w.get(t, id); job.State != importjob.Completed || job.Processed != 1 || job.Failed != 0 {
		t.Errorf("%+v", job)
	}
}

// TestJobsTakeTurns: a large one does not keep a small one waiting.
func TestJobsTakeTurns(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	w.put(t, addresses(30_000))
	large := w.create(t, suppress("PUT", "CSV"))
	node := w.node()
	w.clock.Advance(time.Second)
	_, err := w.buckets.Put(ctx, sc, "files", bucket.Draft{Key: "small", Size: -1}, strings.NewReader("a@example.com,BOUNCE\n"))
	must(t, err)
	job := suppress("PUT", "CSV")
	job.URL = "s3://files/small"
	small, err := w.node().Create(ctx, by(sc), job)
	must(t, err)
	step(t, node)
	w.clock.Advance(time.Second)
	if job := w.get(t, large); job.State != importjob.Processing || job.Processed != 25_000 {
		t.Errorf("after a turn: %+v", job)
	}
	step(t, node)
	if job := w.get(t, small); job.State != importjob.Completed {
		t.Errorf("the small one: %+v", job)
	}
	step(t, node)
	if job := w.get(t, large); job.State != importjob.Completed || job.Processed != 30_001 {
		t.Errorf("the large one: %+v", job)
	}
	if got, want := node.Stats(), (importjob.Stats{Records: 30_002, Failed: 1, Completed: 2}); got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// TestAHundredThousandAddresses are as many as a file may have.
func TestAHundredThousandAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	file := addresses(suppression.MaxPut - 1)
	began := time.Now()
	if job := w.run(t, suppress("PUT", "CSV"), file); job.State != importjob.Completed || job.Processed != suppression.MaxPut || job.Failed != 1 {
		t.Errorf("%+v", job)
	}
	t.Logf("%v", time.Since(began))
}

// TestTheFileOrTheListGoesAway while a job is half done: it fails, with a report of what
// failed before.
func TestTheFileOrTheListGoesAway(t *testing.T) {
	each(t, func(t *testing.T, w *world) {
		half := func(job importjob.Job, file string) (id string) {
			w.put(t, file)
			id = w.create(t, job)
			opened := 0
			if _, err := w.with(objects{through: func(r io.Reader) io.Reader {
				if opened++; opened == 2 {
					return breaks{io.LimitReader(r, 12_000)}
				}
				return r
			}}).Step(ctx); err == nil {
				t.Fatal("it was not broken off")
			}
			w.clock.Advance(time.Minute)
			return id
		}
		var people strings.Builder
		people.WriteString("emailAddress\nnobody\n")
		for n := range 2000 {
			fmt.Fprintf(&people, "r%d@example.com\n", n)
		}
		for _, c := range []struct {
			what, text string
			job        importjob.Job
			file       string
			happens    func()
		}{
			{"another file of the same name", "The object s3://files/file changed while it was imported.", suppress("PUT", "CSV"), addresses(2000),
				func() { w.put(t, addresses(1999)) }},
			{"no file", "The object s3://files/file does not exist in this account and region.", suppress("PUT", "CSV"), addresses(2000),
				func() { must(t, w.buckets.Remove(ctx, sc, "files", "file", nil)) }},
			{"no list", "List with name: news doesn't exist.", contacts("PUT", "CSV"), people.String(),
				func() { must(t, w.lists.DeleteList(ctx, sc, "news")) }},
			{"a list of another name", "List with name: news doesn't exist.", contacts("DELETE", "CSV"), people.String(),
				func() {
					must(t, w.lists.DeleteList(ctx, sc, "news"))
					must(t, w.lists.CreateList(ctx, contact.List{Scope: sc, Name: "olds"}))
				}},
		} {
			if c.what == "a list of another name" {
				must(t, w.lists.CreateList(ctx, contact.List{Scope: sc, Name: "news"}))
			}
			id := half(c.job, c.file)
			c.happens()
			step(t, w.node())
			job := w.get(t, id)
			if job.State != importjob.Failed || job.Error != c.text || job.Processed != 500 || job.Failed != 1 || !job.Reported || len(w.report(t, job)) != 1 {
				t.Errorf("%s: %+v", c.what, job)
			}
		}
	})
}

// TestAReportThatHasNoPlace leaves the job without one, and says so.
func TestAReportThatHasNoPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	for n := range bucket.MaxBuckets - 1 {
		must(t, w.buckets.Create(ctx, sc, fmt.Sprint("bucket", n)))
	}
	job := w.run(t, suppress("PUT", "CSV"), addresses(10))
	if job.State != importjob.Completed || job.Failed != 1 || job.Reported || job.Error != "The list of the records that failed could not be written: The account has too many buckets." {
		t.Errorf("%+v", job)
	}
}

// TestRunIsToldOfNewJobs and ends when it is told to.
func TestRunIsToldOfNewJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t, storetest.SQLite(t))
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	node := w.trouble(func(int) { stop() })
	go func() {
		node.Run(ctx, slog.New(slog.DiscardHandler))
		close(ended)
	}()
	w.put(t, addresses(10))
	job := suppress("PUT", "CSV")
	job.URL = "s3://files/file"
	_, err := node.Create(t.Context(), by(sc), job)
	must(t, err)
	<-ended
}
