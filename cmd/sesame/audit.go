// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"log/slog"
	"os"
	"os/user"
	"path/filepath"
)

// audit adds a line to audit.log in the data folder: who did what, past the API, to what.
// args are names and values, as slog takes them; none is a secret.
func audit(dir, action string, args ...any) (err error) {
	f, err := os.OpenFile(filepath.Join(dir, "audit.log"), os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	slog.New(slog.NewJSONHandler(f, nil)).Info(action, append([]any{"by", who}, args...)...)
	return f.Sync()
}
