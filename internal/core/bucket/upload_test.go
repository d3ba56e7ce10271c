// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"
	"testing"

	"sesame/internal/core/bucket"
)

// begin begins an upload of the key "big".
func (p *place) begin(t testing.TB) bucket.Upload {
	t.Helper()
	id, err := p.Begin(ctx, sc, "files", "big", map[string]string{"Content-Type": "text/plain"})
	must(t, err)
	return bucket.Upload{Scope: sc, Bucket: "files", Key: "big", ID: id}
}

// part uploads a part of size octets.
func (p *place) part(t testing.TB, to bucket.Upload, n, size int) bucket.Part {
	t.Helper()
	content := strings.Repeat(string(rune('a'+n)), size)
	part, err := p.PutPart(ctx, to, bucket.Part{N: n, Size: int64(size)}, strings.NewReader(content))
	must(t, err)
	if part.ETag != fmt.Sprintf("%x", md5.Sum([]byte(content))) || part.Size != int64(size) {
		t.Errorf("%+v", part)
	}
	return part
}

func TestAnObjectIsMadeOfItsParts(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		upload := p.begin(t)
		p.part(t, upload, 3, 10) // another takes its place
		last, first := p.part(t, upload, 3, 7), p.part(t, upload, 1, bucket.MinPart)
		p.part(t, upload, 2, 1) // not wanted in the end
		p.wantFiles(t, "before it is complete", 3)
		_, err := p.Head(ctx, sc, "files", "big")
		want(t, "before it is complete", err, bucket.ErrNoObject)

		completion := bucket.Completion{Parts: []bucket.Part{first, last}}
		o, err := p.Complete(ctx, upload, completion)
		must(t, err)
		p.wantFiles(t, "afterwards", 1)
		if got := p.read(t, "big"); got != strings.Repeat("b", bucket.MinPart)+"ddddddd" {
			t.Errorf("%d octets: %.10q", len(got), got)
		}
		found, err := p.Head(ctx, sc, "files", "big")
		if err != nil || found.ETag != o.ETag || !strings.HasSuffix(o.ETag, "-2") || found.Meta["Content-Type"] != "text/plain" {
			t.Errorf("%+v, %+v, %v", o, found, err)
		}
		again, err := p.Complete(ctx, upload, completion)
		if err != nil || again.ETag != o.ETag {
			t.Errorf("once more: %+v, %v", again, err)
		}
		want(t, "abort", p.Abort(ctx, upload), bucket.ErrNoUpload)
		_, err = p.Complete(ctx, upload, bucket.Completion{Parts: []bucket.Part{first}})
		want(t, "complete as another", err, bucket.ErrNoUpload)
	})
}

func TestPartsThatMakeNoObject(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		upload := p.begin(t)
		one, two, three := p.part(t, upload, 1, bucket.MinPart), p.part(t, upload, 2, 1), p.part(t, upload, 3, 1)
		other := one
		other.ETag = two.ETag
		refused := errors.New("refused")
		for _, c := range []struct {
			what  string
			parts []bucket.Part
			want  error
		}{
			{"none", nil, bucket.ErrPart},
			{"one that is not there", []bucket.Part{one, {N: 7, ETag: two.ETag}}, bucket.ErrPart},
			{"another ETag", []bucket.Part{other}, bucket.ErrPart},
			{"not in order", []bucket.Part{two, one}, bucket.ErrPartOrder},
			{"twice", []bucket.Part{one, one}, bucket.ErrPartOrder},
			{"a small one in the middle", []bucket.Part{one, two, three}, bucket.ErrSmallPart},
			{"what is not admitted", []bucket.Part{one, two}, refused},
		} {
			_, err := p.Complete(ctx, upload, bucket.Completion{Parts: c.parts, Admit: func(*bucket.Object) error { return refused }})
			want(t, c.what, err, c.want)
			p.wantFiles(t, c.what+":", 3)
		}
		big := []bucket.Part{p.part(t, upload, 4, 6<<20), p.part(t, upload, 5, 7<<20)}
		_, err := p.Complete(ctx, upload, bucket.Completion{Parts: big})
		want(t, "too large together", err, bucket.ErrTooLarge)
		_, err = p.PutPart(ctx, upload, bucket.Part{N: bucket.MaxPart + 1, Size: -1}, strings.NewReader(""))
		want(t, "too high a number", err, bucket.ErrPart)
		_, err = p.PutPart(ctx, upload, bucket.Part{N: 6, Size: 2}, strings.NewReader("x"))
		want(t, "cut short", err, bucket.ErrIncomplete)

		must(t, p.Abort(ctx, upload))
		p.wantFiles(t, "after it is aborted", 0)
		for what, u := range map[string]bucket.Upload{"aborted": upload, "a path": {Scope: sc, Bucket: "files", Key: "big", ID: "../../x"}} {
			_, err := p.PutPart(ctx, u, bucket.Part{N: 1, Size: -1}, strings.NewReader("x"))
			want(t, what+", a part", err, bucket.ErrNoUpload)
			_, err = p.Complete(ctx, u, bucket.Completion{Parts: []bucket.Part{one}})
			want(t, what+", complete", err, bucket.ErrNoUpload)
		}
		p.wantFiles(t, "at the end", 0)
	})
}

// TestAnUploadThatEndsMeanwhile: a part that is on its way when its upload ends is gone with
// it, and so is the object that was about to be made.
func TestAnUploadThatEndsMeanwhile(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		upload := p.begin(t)
		_, err := p.PutPart(ctx, upload, bucket.Part{N: 1, Size: -1}, readFunc(func([]byte) (int, error) {
			must(t, p.Abort(ctx, upload))
			return 0, io.EOF
		}))
		want(t, "the part", err, bucket.ErrNoUpload)
		p.wantFiles(t, "afterwards", 0)

		upload = p.begin(t)
		part := p.part(t, upload, 1, 10)
		_, err = p.Complete(ctx, upload, bucket.Completion{Parts: []bucket.Part{part}, Through: func(content io.Reader) io.Reader {
			return io.MultiReader(content, readFunc(func([]byte) (int, error) {
				must(t, p.Abort(ctx, upload))
				return 0, io.EOF
			}))
		}})
		want(t, "completing it", err, bucket.ErrNoUpload)
		_, err = p.Head(ctx, sc, "files", "big")
		want(t, "the object", err, bucket.ErrNoObject)
		p.wantFiles(t, "at the end", 0)
	})
}

// TestCompletedByManyAtOnce: all that succeed have made the same object, and only one file
// is left.
func TestCompletedByManyAtOnce(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		upload := p.begin(t)
		part := p.part(t, upload, 1, 1000)
		var wg sync.WaitGroup
		var mu sync.Mutex
		done := 0
		for range 8 {
			wg.Go(func() {
				o, err := p.Complete(ctx, upload, bucket.Completion{Parts: []bucket.Part{part}})
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil && strings.HasSuffix(o.ETag, "-1"):
					done++
				case !errors.Is(err, bucket.ErrNoUpload) && !errors.Is(err, bucket.ErrPart):
					t.Errorf("%+v, %v", o, err)
				}
			})
		}
		wg.Wait()
		if done == 0 {
			t.Error("nobody has completed it")
		}
		p.wantFiles(t, "afterwards", 1)
		p.read(t, "big")
	})
}

func TestUploadsAndPartsAreListedByPages(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		all := map[string]bool{}
		for _, key := range []string{"b", "a", "a", "\x00", "c"} {
			id, err := p.Begin(ctx, sc, "files", key, nil)
			must(t, err)
			all[key+" "+id] = true
		}
		after, last := bucket.Upload{Scope: sc, Bucket: "files"}, ""
		for more := true; more; {
			var page []bucket.Begun
			var err error
			page, more, err = p.Uploads(ctx, after, 2)
			must(t, err)
			for _, u := range page {
				name := u.Key + " " + u.ID
				if !all[name] || name <= last || !u.StartedAt.Equal(p.clock.Now()) {
					t.Errorf("%q behind %q", name, last)
				}
				delete(all, name)
				after, last = u.Upload, name
			}
		}
		if len(all) > 0 {
			t.Errorf("not listed: %v", all)
		}
		for _, n := range []int{4, 2, 9} {
			p.part(t, after, n, n)
		}
		first, more, err := p.Parts(ctx, after, 0, 2)
		if err != nil || !more || len(first) != 2 || first[0].N != 2 || first[1].Size != 4 {
			t.Errorf("%+v, %v, %v", first, more, err)
		}
		rest, more, err := p.Parts(ctx, after, 4, 2)
		if err != nil || more || len(rest) != 1 || rest[0].N != 9 {
			t.Errorf("%+v, %v, %v", rest, more, err)
		}
	})
}
