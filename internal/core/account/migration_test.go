// SPDX-License-Identifier: Apache-2.0

package account_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"strings"
	"testing"

	_ "modernc.org/sqlite"

	"sesame/internal/base/clock"
	"sesame/internal/core/account"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/proto/policy"
)

// TestMigratedUsersKeepTheirRights has a database as the first release left it, with a
// user and a key.
func TestMigratedUsersKeepTheirRights(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "sesame.db")
	old, err := sql.Open("sqlite", path)
	ok(t, err)
	run := func(statement string) {
		t.Helper()
		if _, err := old.Exec(statement); err != nil {
			t.Fatalf("%v in %s", err, statement)
		}
	}
	run(`CREATE TABLE schema_migrations (name TEXT PRIMARY KEY)`)
	words := strings.NewReplacer("{{blob}}", "BLOB", "{{serial}}", "INTEGER PRIMARY KEY AUTOINCREMENT", "{{without_rowid}}", "WITHOUT ROWID")
	for _, name := range []string{"0001_create_base.sql", "0002_create_mailbox.sql", "0003_extend_identities.sql"} {
		text, err := os.ReadFile(filepath.Join("..", "store", "migrations", name))
		ok(t, err)
		run(words.Replace(string(text)))
		run(`INSERT INTO schema_migrations (name) VALUES ('migrations/` + name + `')`)
	}
	ring := keyring.Ephemeral()
	const key = "AKIAOLDOLDOLDOLDOLD0"
	run(`INSERT INTO accounts (id, created_at) VALUES ('` + id + `', 1)`)
	run(`INSERT INTO users (account, name, created_at) VALUES ('` + id + `', 'old', 1)`)
	_, err = old.Exec(`INSERT INTO access_keys (id, account, user_name, secret, created_at) VALUES (?, ?, 'old', ?, 1)`,
		key, id, ring.Seal([]byte("12345678"), []byte("access-key/"+key)))
	ok(t, err, old.Close())

	db, err := store.Open(ctx, store.Options{Path: path})
	ok(t, err)
	t.Cleanup(func() { ok(t, db.Close()) })
	a := account.New(db, ring, clock.System, rand.Reader)
	k, err := a.Key(ctx, key)
	ok(t, err)
	if k.Secret != "12345678" || k.ARN() != "arn:aws:iam::123456789012:user/old" || may(t, a, k.Principal, "ses:SendEmail") != policy.Allow {
		t.Errorf("%+v may send: %v", k.Principal, may(t, a, k.Principal, "ses:SendEmail"))
	}
}
