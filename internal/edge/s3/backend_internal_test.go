// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/testkit/storetest"
)

// TestASourceThatIsReplacedMeanwhile is not copied: the conditions and the headers are those
// of another.
func TestASourceThatIsReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	sc := scope.Scope{Account: "123456789012", Region: "us-east-1"}
	store, err := bucket.New(bucket.Options{DB: storetest.SQLite(t), Dir: t.TempDir(), Clock: clock.System, Random: rand.Reader, MaxObject: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	put := func(content string) error {
		_, err := store.Put(t.Context(), sc, "files", bucket.Draft{Key: "a", Size: -1}, strings.NewReader(content))
		return err
	}
	if err := errors.Join(store.Create(t.Context(), sc, "files"), put("old")); err != nil {
		t.Fatal(err)
	}
	c := &call{answer: &answer{}, target: target{source: &target{bucket: "files", key: "a"}}}
	c.Scope = sc
	ctx, b := context.WithValue(t.Context(), callKey{}, c), backend{store}
	for _, meanwhile := range []string{"", "new"} {
		if _, err := b.HeadObject(ctx, "files", "a"); err != nil {
			t.Fatal(err)
		}
		if meanwhile != "" {
			if err := put(meanwhile); err != nil {
				t.Fatal(err)
			}
		}
		_, err := b.CopyObject(ctx, "files", "a", "files", "b", nil)
		if (err != nil) != (meanwhile != "") || meanwhile != "" && !errors.Is(c.answer.refused, errAborted) {
			t.Errorf("%q: %v, %v", meanwhile, err, c.answer.refused)
		}
	}
}
