// SPDX-License-Identifier: Apache-2.0

package bucket_test

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx   = context.Background()
	sc    = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	other = scope.Scope{Account: "210987654321", Region: "us-east-1"}
)

func TestHostileKeysAreKeys(t *testing.T) {
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		s, err := bucket.New(bucket.Options{DB: db, Dir: t.TempDir(), Clock: clock.NewFake(time.Unix(1e9, 0)).Now, Random: rand.Reader, MaxObject: 10})
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Create(ctx, sc, "files"); err != nil {
			t.Fatal(err)
		}
		for _, key := range []string{"../../etc/passwd", "/", "a\x00b", "a", "a/b", ".", strings.Repeat("x", 1024)} {
			if _, err := s.Put(ctx, sc, "files", bucket.Object{Key: key, Size: -1}, strings.NewReader("ten octets")); err != nil {
				t.Errorf("%q: %v", key, err)
				continue
			}
			o, content, err := s.Get(ctx, sc, "files", key)
			if err != nil || o.Key != key {
				t.Errorf("%q: %q, %v", key, o.Key, err)
				continue
			}
			if b, err := io.ReadAll(content); string(b) != "ten octets" || err != nil || content.Close() != nil {
				t.Errorf("%q: %q, %v", key, b, err)
			}
			if _, _, err := s.Get(ctx, other, "files", key); !errors.Is(err, bucket.ErrNoBucket) {
				t.Errorf("%q of another account: %v", key, err)
			}
		}
		for _, c := range []struct {
			key, content string
			want         error
		}{
			{strings.Repeat("x", 1025), "", bucket.ErrKey}, {"\xff", "", bucket.ErrKey}, {"", "", bucket.ErrKey}, {"large", "eleven octs", bucket.ErrTooLarge},
		} {
			if _, err := s.Put(ctx, sc, "files", bucket.Object{Key: c.key, Size: -1}, strings.NewReader(c.content)); !errors.Is(err, c.want) {
				t.Errorf("%.20q: %v", c.key, err)
			}
		}
		page, err := s.List(ctx, sc, "files", bucket.Query{Delimiter: "/", Limit: 3})
		if err != nil || !page.More || len(page.Objects) != 1 || strings.Join(page.Prefixes, " ") != "../ /" && len(page.Prefixes) != 2 {
			t.Errorf("%+v, %v", page, err)
		}
		if err := s.Delete(ctx, sc, "files"); !errors.Is(err, bucket.ErrNotEmpty) {
			t.Error(err)
		}
	})
}
