// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx = context.Background()
	sc  = scope.Scope{Account: "123456789012", Region: "us-east-1"}
)

// place is a store with a bucket "files", and the folder of its files.
type place struct {
	*bucket.Store
	db    *store.DB
	dir   string
	clock *clock.Fake
}

func open(t testing.TB, db *store.DB) *place {
	t.Helper()
	p := &place{db: db, dir: filepath.Join(t.TempDir(), "buckets"), clock: clock.NewFake(time.Now().Truncate(time.Second))}
	var err error
	p.Store, err = bucket.New(bucket.Options{DB: db, Dir: p.dir, Clock: p.clock.Now, Random: rand.Reader, MaxObject: 12 << 20})
	must(t, err)
	must(t, p.Create(ctx, sc, "files"))
	return p
}

// each runs a test on a fresh store on each engine.
func each(t *testing.T, test func(t *testing.T, p *place)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) { test(t, open(t, db)) })
}

func (p *place) put(t testing.TB, key, content string) bucket.Object {
	t.Helper()
	o, err := p.Put(ctx, sc, "files", bucket.Draft{Key: key, Size: int64(len(content))}, strings.NewReader(content))
	must(t, err)
	return o
}

// read returns what an object has in it.
func (p *place) read(t testing.TB, key string) string {
	t.Helper()
	o, content, err := p.Get(ctx, sc, "files", key)
	must(t, err)
	b, err := io.ReadAll(content)
	must(t, errors.Join(err, content.Close()))
	if o.Key != key || o.Size != int64(len(b)) {
		t.Errorf("%q: %+v, but %d octets", key, o, len(b))
	}
	return string(b)
}

// files are the files of the store.
func (p *place) files(t testing.TB) (paths []string) {
	t.Helper()
	must(t, filepath.WalkDir(p.dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

func (p *place) wantFiles(t testing.TB, when string, want int) {
	t.Helper()
	if n := len(p.files(t)); n != want {
		t.Errorf("%s there are %d files, want %d", when, n, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t testing.TB, what string, got, want error) {
	t.Helper()
	if !errors.Is(got, want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func TestNamesOfBuckets(t *testing.T) {
	t.Parallel()
	for name, valid := range map[string]bool{
		"abc": true, "my-bucket.example": true, "1234": true, strings.Repeat("a", 63): true,
		"": false, "ab": false, strings.Repeat("a", 64): false, "Abc": false, "-abc": false, "abc-": false, "a..b": false,
		"192.168.5.4": false, "a_b": false, "a/b": false, "..": false, "abc\n": false, "a\x00b": false,
	} {
		if bucket.ValidName(name) != valid {
			t.Errorf("%q is a name: want %v", name, valid)
		}
	}
}

func TestBucketsAreMadeAndRemoved(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		want(t, "twice", p.Create(ctx, sc, "files"), bucket.ErrExists)
		want(t, "no name", p.Create(ctx, sc, "../files"), bucket.ErrName)
		p.put(t, "a", "content")
		want(t, "with an object", p.Delete(ctx, sc, "files"), bucket.ErrNotEmpty)
		must(t, p.Remove(ctx, sc, "files", "a", nil))
		_, err := p.Begin(ctx, sc, "files", "b", nil)
		must(t, err)
		must(t, p.Delete(ctx, sc, "files"))
		want(t, "once more", p.Delete(ctx, sc, "files"), bucket.ErrNoBucket)
		for n := range bucket.MaxBuckets {
			must(t, p.Create(ctx, sc, fmt.Sprintf("bucket-%03d", n)))
		}
		want(t, "one too many", p.Create(ctx, sc, "another"), bucket.ErrTooMany)
		want(t, "one of them", p.Create(ctx, sc, "bucket-007"), bucket.ErrExists)
		list, err := p.Buckets(ctx, sc)
		must(t, err)
		if len(list) != bucket.MaxBuckets || list[7].Name != "bucket-007" || !list[7].CreatedAt.Equal(p.clock.Now()) {
			t.Errorf("%d buckets, the eighth is %+v", len(list), list[7])
		}
	})
}

// TestNobodyElseSeesABucket: another account has nothing of that name, nor has the account
// in another region.
func TestNobodyElseSeesABucket(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.put(t, "a", "content")
		id, err := p.Begin(ctx, sc, "files", "b", nil)
		must(t, err)
		for _, other := range []scope.Scope{{Account: "210987654321", Region: sc.Region}, {Account: sc.Account, Region: "eu-west-1"}} {
			upload := bucket.Upload{Scope: other, Bucket: "files", Key: "b", ID: id}
			look := func(what string, is error) {
				t.Helper()
				_, _, err := p.Get(ctx, other, "files", "a")
				want(t, what+", get", err, is)
				_, err = p.PutPart(ctx, upload, bucket.Part{N: 1, Size: -1}, strings.NewReader("x"))
				if errors.Is(is, bucket.ErrNoObject) {
					is = bucket.ErrNoUpload
				}
				want(t, what+", put a part", err, is)
				want(t, what+", abort", p.Abort(ctx, upload), bucket.ErrNoUpload)
			}
			look("without a bucket", bucket.ErrNoBucket)
			_, err := p.List(ctx, other, "files", bucket.Query{Limit: 10})
			want(t, "list", err, bucket.ErrNoBucket)
			want(t, "remove", p.Remove(ctx, other, "files", "a", nil), bucket.ErrNoBucket)
			_, err = p.Put(ctx, other, "files", bucket.Draft{Key: "a", Size: -1}, strings.NewReader("x"))
			want(t, "put", err, bucket.ErrNoBucket)
			if list, err := p.Buckets(ctx, other); err != nil || len(list) > 0 {
				t.Errorf("buckets: %v, %v", list, err)
			}
			must(t, p.Create(ctx, other, "files"))
			look("with an own one", bucket.ErrNoObject)
			must(t, p.Delete(ctx, other, "files"))
		}
		if got := p.read(t, "a"); got != "content" {
			t.Errorf("the object is now %q", got)
		}
	})
}

func TestHostileKeysAreKeys(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		keys := []string{"../../etc/passwd", "/", "a\x00b", "a", "a/b", ".", "..", "%2e%2e/", "é\u202e", strings.Repeat("x", bucket.MaxKey)}
		for _, key := range keys {
			p.put(t, key, "of "+key)
		}
		for _, key := range keys {
			if got := p.read(t, key); got != "of "+key {
				t.Errorf("%q has %q", key, got)
			}
		}
		for _, path := range p.files(t) {
			if name := filepath.Base(path); len(name) != 32 || filepath.Base(filepath.Dir(path)) != name[:2] {
				t.Errorf("a file at %s", path)
			}
		}
		for _, key := range []string{"", "\xff", strings.Repeat("x", bucket.MaxKey+1)} {
			_, err := p.Put(ctx, sc, "files", bucket.Draft{Key: key, Size: -1}, strings.NewReader(""))
			want(t, fmt.Sprintf("%.10q", key), err, bucket.ErrKey)
		}
	})
}

// TestWhatIsRefusedLeavesNothing: neither a row nor a file.
func TestWhatIsRefusedLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.put(t, "a", "before")
		broken := errors.New("broken")
		for _, c := range []struct {
			what    string
			draft   bucket.Draft
			content io.Reader
			want    error
		}{
			{"content that breaks off", bucket.Draft{Size: -1}, io.MultiReader(strings.NewReader("x"), iotest.ErrReader(broken)), broken},
			{"too little", bucket.Draft{Size: 3}, strings.NewReader("xx"), bucket.ErrIncomplete},
			{"too much", bucket.Draft{Size: 3}, strings.NewReader("xxxx"), bucket.ErrIncomplete},
			{"too large by its size", bucket.Draft{Size: 12<<20 + 1}, strings.NewReader(""), bucket.ErrTooLarge},
			{"too large", bucket.Draft{Size: -1}, io.LimitReader(rand.Reader, 12<<20+1), bucket.ErrTooLarge},
			{"large headers", bucket.Draft{Size: -1, Meta: map[string]string{"X": strings.Repeat("x", bucket.MaxMeta)}}, strings.NewReader(""), bucket.ErrMeta},
			{"refused", bucket.Draft{Size: -1, Admit: func(*bucket.Object) error { return broken }}, strings.NewReader(""), broken},
		} {
			c.draft.Key = "a"
			_, err := p.Put(ctx, sc, "files", c.draft, c.content)
			want(t, c.what, err, c.want)
			p.wantFiles(t, c.what+":", 1)
			if got := p.read(t, "a"); got != "before" {
				t.Errorf("%s: the object has %q", c.what, got)
			}
		}
	})
}

func TestHeadersAreKept(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		var replaced *bucket.Object
		put := func(meta map[string]string) {
			t.Helper()
			_, err := p.Put(ctx, sc, "files", bucket.Draft{
				Key: "a", Size: -1, Meta: meta, Late: func() map[string]string { return map[string]string{"Late": "1"} },
				Admit: func(old *bucket.Object) error { replaced = old; return nil },
			}, strings.NewReader("x"))
			must(t, err)
		}
		put(map[string]string{"Content-Type": "text/plain"})
		if replaced != nil {
			t.Errorf("it took the place of %+v", replaced)
		}
		put(nil)
		if replaced == nil || replaced.Meta["Content-Type"] != "text/plain" || replaced.Meta["Late"] != "1" {
			t.Errorf("it took the place of %+v", replaced)
		}
		o, err := p.Head(ctx, sc, "files", "a")
		if err != nil || len(o.Meta) != 1 || o.ETag != "9dd4e461268c8034f5c8564e155c67a6" || !o.ModifiedAt.Equal(p.clock.Now()) {
			t.Errorf("%+v, %v", o, err)
		}
	})
}

// TestPutsOfOneKey: of many at once one wins, whole, and no file of the others is left.
func TestPutsOfOneKey(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		var wg sync.WaitGroup
		for n := range 20 {
			wg.Go(func() {
				for range 5 {
					p.put(t, "a", strings.Repeat(string(rune('a'+n)), 1000))
					_, content, err := p.Get(ctx, sc, "files", "a")
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(content)
					if err = errors.Join(err, content.Close()); err != nil || len(b) != 1000 || strings.Count(string(b), string(b[:1])) != 1000 {
						t.Errorf("read %d octets, %v", len(b), err)
					}
				}
			})
		}
		wg.Wait()
		p.wantFiles(t, "afterwards", 1)
	})
}

// TestABucketGoesWithWhatIsBeingUploaded, files and all, however many uploads there are; one
// that has an object keeps them.
func TestABucketGoesWithWhatIsBeingUploaded(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		for n := range 300 {
			id, err := p.Begin(ctx, sc, "files", "b", nil)
			must(t, err)
			if n < 2 {
				_, err := p.PutPart(ctx, bucket.Upload{Scope: sc, Bucket: "files", Key: "b", ID: id}, bucket.Part{N: 1, Size: -1}, strings.NewReader("part"))
				must(t, err)
			}
		}
		p.put(t, "a", "content")
		want(t, "with an object", p.Delete(ctx, sc, "files"), bucket.ErrNotEmpty)
		p.wantFiles(t, "of the object and the parts", 3)
		must(t, p.Remove(ctx, sc, "files", "a", nil))
		must(t, p.Delete(ctx, sc, "files"))
		p.wantFiles(t, "afterwards", 0)
		must(t, p.Create(ctx, sc, "files"))
		if list, _, err := p.Uploads(ctx, bucket.Upload{Scope: sc, Bucket: "files"}, 10); err != nil || len(list) > 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
}

// TestABucketDeletedMeanwhile: an object that is being written when its bucket goes is not
// in a bucket of that name that is made later.
func TestABucketDeletedMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		_, err := p.Put(ctx, sc, "files", bucket.Draft{Key: "a", Size: -1}, readFunc(func([]byte) (int, error) {
			must(t, p.Delete(ctx, sc, "files"))
			return 0, io.EOF
		}))
		want(t, "put", err, bucket.ErrNoBucket)
		p.wantFiles(t, "afterwards", 0)
	})
}

type readFunc func([]byte) (int, error)

// Read implements io.Reader.
func (f readFunc) Read(p []byte) (int, error) { return f(p) }

// TestADatabaseThatGoesAway: whether the commit happened is not known, so the file stays,
// for Sweep.
func TestADatabaseThatGoesAway(t *testing.T) {
	t.Parallel()
	p := open(t, storetest.SQLite(t))
	_, err := p.Put(ctx, sc, "files", bucket.Draft{Key: "a", Size: -1}, readFunc(func([]byte) (int, error) {
		must(t, p.db.Close())
		return 0, io.EOF
	}))
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("put: %v", err)
	}
	p.wantFiles(t, "afterwards", 1)
}

// TestSweep removes what is old and nobody's, and nothing else.
func TestSweep(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		p.put(t, "a", "content")
		upload := bucket.Upload{Scope: sc, Bucket: "files", Key: "b"}
		var err error
		upload.ID, err = p.Begin(ctx, sc, "files", "b", nil)
		must(t, err)
		_, err = p.PutPart(ctx, upload, bucket.Part{N: 1, Size: -1}, strings.NewReader("part"))
		must(t, err)
		must(t, os.WriteFile(filepath.Join(p.dir, "a0", "a0"+strings.Repeat("1", 30)), []byte("left by a crash"), 0o600))
		p.wantFiles(t, "at first", 3)
		must(t, p.Sweep(ctx))
		p.wantFiles(t, "at once", 3)

		p.clock.Advance(7*24*time.Hour - time.Minute)
		must(t, p.Sweep(ctx))
		p.wantFiles(t, "within a week", 3)

		_, err = p.PutPart(ctx, upload, bucket.Part{N: 2, Size: -1}, strings.NewReader("part"))
		must(t, err)
		p.clock.Advance(2 * time.Minute)
		must(t, p.Sweep(ctx))
		p.wantFiles(t, "after a week", 1)
		if got := p.read(t, "a"); got != "content" {
			t.Errorf("the object has %q", got)
		}
		want(t, "the upload", p.Abort(ctx, upload), bucket.ErrNoUpload)
	})
}

// TestNamesThatNobodyGave are of nothing, whether the database can read them or not.
func TestNamesThatNobodyGave(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		for _, name := range []string{"", "\x00", "files\x00", "\xff", "Files", strings.Repeat("a", 100_000)} {
			_, err := p.Head(ctx, sc, name, "a")
			want(t, "head", err, bucket.ErrNoBucket)
			want(t, "exists", p.Exists(ctx, sc, name), bucket.ErrNoBucket)
			want(t, "delete", p.Delete(ctx, sc, name), bucket.ErrNoBucket)
			want(t, "remove", p.Remove(ctx, sc, name, "a", nil), bucket.ErrNoBucket)
			_, err = p.List(ctx, sc, name, bucket.Query{Limit: 1})
			want(t, "list", err, bucket.ErrNoBucket)
			_, err = p.Begin(ctx, sc, name, "a", nil)
			want(t, "begin", err, bucket.ErrNoBucket)
			of := bucket.Upload{Scope: sc, Bucket: "files", Key: "a", ID: name}
			_, _, err = p.Parts(ctx, of, 0, 1)
			want(t, "parts", err, bucket.ErrNoUpload)
			_, err = p.PutPart(ctx, of, bucket.Part{N: 1, Size: -1}, strings.NewReader("x"))
			want(t, "part", err, bucket.ErrNoUpload)
			want(t, "abort", p.Abort(ctx, of), bucket.ErrNoUpload)
			_, _, err = p.Uploads(ctx, of, 1)
			want(t, "uploads", err, nil)
			_, err = p.Head(ctx, sc, "files", name)
			want(t, "head of a key", err, bucket.ErrNoObject)
		}
	})
}

// TestADiskThatIsAlmostFull keeps what is for others, also from content of unknown length.
func TestADiskThatIsAlmostFull(t *testing.T) {
	t.Parallel()
	p := open(t, storetest.SQLite(t))
	free := int64(100 << 20)
	s, err := bucket.New(bucket.Options{
		DB: p.db, Dir: p.dir, Clock: p.clock.Now, Random: rand.Reader, MaxObject: 1 << 30,
		Free: func(string) (int64, error) { return free, nil }, KeepFree: 90 << 20,
	})
	must(t, err)
	put := func(size, octets int64) error {
		_, err := s.Put(ctx, sc, "files", bucket.Draft{Key: "a", Size: size}, io.LimitReader(readFunc(func(b []byte) (int, error) {
			free -= int64(len(b))
			return len(b), nil
		}), octets))
		return err
	}
	want(t, "said to be too large", put(10<<20+1, 10<<20+1), bucket.ErrFull)
	want(t, "as large as nobody says", put(-1, 1<<30), bucket.ErrFull)
	p.wantFiles(t, "afterwards", 0)
	if free < 80<<20 {
		t.Errorf("%d MiB are free", free>>20)
	}
	free = 100 << 20
	want(t, "with room", put(1<<20, 1<<20), nil)
	free = 90<<20 - 1
	want(t, "empty, without any", put(0, 0), bucket.ErrFull)
}

// TestAFolderThatIsNotShared is told of: each node would miss what the other has written.
func TestAFolderThatIsNotShared(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		node := func(dir string) *bucket.Store {
			s, err := bucket.New(bucket.Options{DB: p.db, Dir: dir, Clock: p.clock.Now, Random: rand.Reader, MaxObject: 1 << 20})
			must(t, err)
			return s
		}
		alone := node(t.TempDir())
		must(t, alone.Sweep(ctx)) // nobody has written anything
		p.put(t, "a", "content")
		must(t, node(p.dir).Sweep(ctx))
		if err := alone.Sweep(ctx); err == nil || !strings.Contains(err.Error(), "share this folder") {
			t.Errorf("a folder of its own: %v", err)
		}
	})
}

// TestSweepLeavesWhatIsNotOurs: the folder may be set to one that has other things in it.
func TestSweepLeavesWhatIsNotOurs(t *testing.T) {
	t.Parallel()
	p := open(t, storetest.SQLite(t))
	digits := strings.Repeat("1", 30)
	for _, name := range []string{"0100019dc2a3b4c5-0a1b2c3d-message", "ab" + digits + "1", "AB" + digits, "cd" + digits, "ab"} {
		must(t, os.WriteFile(filepath.Join(p.dir, "ab", name), nil, 0o600))
	}
	must(t, os.Mkdir(filepath.Join(p.dir, "ab", "ab"+digits), 0o700))
	p.clock.Advance(8 * 24 * time.Hour)
	must(t, p.Sweep(ctx))
	p.wantFiles(t, "afterwards", 5)
	if _, err := os.Stat(filepath.Join(p.dir, "ab", "ab"+digits)); err != nil {
		t.Error(err)
	}
}

// TestSweepManyFiles has more files in a folder than are looked at together.
func TestSweepManyFiles(t *testing.T) {
	t.Parallel()
	p := open(t, storetest.SQLite(t))
	for n := range 1000 {
		must(t, os.WriteFile(filepath.Join(p.dir, "ff", fmt.Sprintf("ff%030d", n)), nil, 0o600))
	}
	p.put(t, "a", "content")
	p.clock.Advance(8 * 24 * time.Hour)
	must(t, p.Sweep(ctx))
	p.wantFiles(t, "afterwards", 1)
	if got := p.read(t, "a"); got != "content" {
		t.Errorf("the object has %q", got)
	}
}
