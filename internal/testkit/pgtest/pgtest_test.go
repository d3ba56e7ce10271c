// SPDX-License-Identifier: Apache-2.0

package pgtest_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"sesame/internal/testkit/pgtest"
)

func TestURL(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	open := func(t *testing.T, url string) *pgx.Conn {
		t.Helper()
		conn, err := pgx.Connect(ctx, url)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close(ctx) })
		return conn
	}

	t.Run("a commit waits for the disk", func(t *testing.T) {
		t.Parallel()
		conn := open(t, pgtest.URL(t))
		for _, setting := range []string{"fsync", "synchronous_commit", "full_page_writes"} {
			var value string
			if err := conn.QueryRow(ctx, "SHOW "+setting).Scan(&value); err != nil {
				t.Fatal(err)
			}
			if value != "on" {
				t.Errorf("%s = %s, want on", setting, value)
			}
		}
	})
	t.Run("two tests do not see each other's tables", func(t *testing.T) {
		t.Parallel()
		one, two := open(t, pgtest.URL(t)), open(t, pgtest.URL(t))
		for _, conn := range []*pgx.Conn{one, two} {
			if _, err := conn.Exec(ctx, "CREATE TABLE a (id int)"); err != nil {
				t.Fatal(err)
			}
		}
	})
}
