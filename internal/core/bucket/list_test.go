// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"sesame/internal/core/bucket"
	"sesame/internal/testkit/storetest"
)

// listed is what S3 says is in a listing of keys, in order: each key with the prefix, or the
// common prefix that it is rolled up to, once.
func listed(keys []string, q bucket.Query) (all []string) {
	keys = slices.Clone(keys)
	slices.Sort(keys)
	for _, key := range keys {
		rest, ok := strings.CutPrefix(key, q.Prefix)
		if !ok || key <= q.After {
			continue
		}
		if before, _, found := strings.Cut(rest, q.Delimiter); found && q.Delimiter != "" {
			key = q.Prefix + before + q.Delimiter
		}
		if key != q.After && !slices.Contains(all, key) {
			all = append(all, key)
		}
	}
	return all
}

// pages lists by pages of q.Limit, and checks the form of each.
func (p *place) pages(t testing.TB, q bucket.Query) (all []string) {
	t.Helper()
	for more := true; more; {
		page, err := p.List(ctx, sc, "files", q)
		must(t, err)
		var here []string
		for _, o := range page.Objects {
			here = append(here, o.Key)
		}
		here = append(here, page.Prefixes...)
		slices.Sort(here)
		if more = page.More; len(here) > q.Limit || more && (len(here) < q.Limit || page.Last != here[len(here)-1]) {
			t.Fatalf("%+v gives %q, %+v", q, here, page)
		}
		all, q.After = append(all, here...), page.Last
	}
	return all
}

// TestListingsAreWhatTheModelSays compares random listings of random keys, page by page.
func TestListingsAreWhatTheModelSays(t *testing.T) {
	each(t, func(t *testing.T, p *place) {
		random := rand.New(rand.NewPCG(1, 2))
		word := func(most int) string {
			var b strings.Builder
			for range random.IntN(most + 1) {
				b.WriteString([]string{"a", "b", "/", "//", "\x00", "é", "\U0010ffff"}[random.IntN(7)])
			}
			return b.String()
		}
		var keys []string
		for len(keys) < 40 {
			if key := "k" + word(6); !slices.Contains(keys, key) {
				keys = append(keys, key)
				p.put(t, key, "")
			}
		}
		for range 200 {
			q := bucket.Query{Prefix: "k" + word(2), Delimiter: []string{"", "/", "//", "a/"}[random.IntN(4)], Limit: 1 + random.IntN(20)}
			if random.IntN(2) == 0 {
				q.After = "k" + word(4)
			}
			if got, want := p.pages(t, q), listed(keys, q); !slices.Equal(got, want) {
				t.Fatalf("%+v gives\n%q, want\n%q", q, got, want)
			}
		}
	})
}

// TestALongListing has more keys than are read at once, and a common prefix of many.
func TestALongListing(t *testing.T) {
	t.Parallel()
	p := open(t, storetest.SQLite(t))
	var keys []string
	for n := range 50 {
		keys = append(keys, fmt.Sprintf("a/%03d", n), fmt.Sprintf("b%03d", n))
	}
	keys = append(keys, "c/1", "d/1")
	for _, key := range keys {
		p.put(t, key, "")
	}
	for _, q := range []bucket.Query{{Limit: 1000}, {Limit: 7}, {Delimiter: "/", Limit: 1000}, {Delimiter: "/", Limit: 7}, {Prefix: "a/", Delimiter: "/", Limit: 20}} {
		if got, want := p.pages(t, q), listed(keys, q); !slices.Equal(got, want) {
			t.Errorf("%+v gives\n%q, want\n%q", q, got, want)
		}
	}
}

// FuzzKeys puts objects under whatever keys there are, and finds them again: by their keys
// and in listings.
func FuzzKeys(f *testing.F) {
	f.Add("a/b\na/c\nb", "a", "/", "")
	f.Add("../../etc/passwd\n/\n\x00\n..", "", "/", "..")
	f.Add("a/\na//b\na//", "a/", "//", "a//")
	f.Add("\xff\né\n\U0010ffff\U0010ffff", "\U0010ffff", "\U0010ffff", "\xff\xff")
	p := open(f, storetest.SQLite(f))
	f.Fuzz(func(t *testing.T, keys, prefix, delimiter, after string) {
		var there []string
		for key := range strings.SplitSeq(keys, "\n") {
			if len(there) == 8 {
				break
			}
			_, err := p.Put(ctx, sc, "files", bucket.Draft{Key: key, Size: -1}, strings.NewReader(key))
			if err == nil && !slices.Contains(there, key) {
				there = append(there, key)
			} else if err != nil {
				want(t, fmt.Sprintf("put %q", key), err, bucket.ErrKey)
			}
		}
		for _, key := range there {
			if got := p.read(t, key); got != key {
				t.Errorf("%q has %q", key, got)
			}
		}
		q := bucket.Query{Prefix: prefix, Delimiter: delimiter, After: after, Limit: 3}
		if got, want := p.pages(t, q), listed(there, q); !slices.Equal(got, want) {
			t.Errorf("%q listed by %+v gives\n%q, want\n%q", there, q, got, want)
		}
		p.wantFiles(t, "then", len(there))
		for _, key := range there {
			must(t, p.Remove(ctx, sc, "files", key, nil))
		}
		p.wantFiles(t, "at the end", 0)
	})
}
