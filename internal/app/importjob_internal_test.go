// SPDX-License-Identifier: Apache-2.0

package app

import (
	"os"
	"path/filepath"
	"testing"

	"sesame/internal/config"
)

// TestKeysForAnotherS3Server come from a file, or from where the AWS tools look.
func TestKeysForAnotherS3Server(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIAMACHINE", "AWS_SECRET_ACCESS_KEY": "machine's", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	file := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(file, []byte("account's\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		what       string
		account    config.BucketAccount
		id, secret string
	}{
		{"the account's own", config.BucketAccount{AccessKeyID: "AKIAACCOUNT", SecretFile: file}, "AKIAACCOUNT", "account's"},
		{"the machine's", config.BucketAccount{}, "AKIAMACHINE", "machine's"},
	} {
		keys, err := bucketKeys(c.account)
		if err != nil {
			t.Fatal(err)
		}
		got, err := keys.Retrieve(t.Context())
		if err != nil || got.AccessKeyID != c.id || got.SecretAccessKey != c.secret {
			t.Errorf("%s: %s, %v", c.what, got.AccessKeyID, err)
		}
	}
	if _, err := bucketKeys(config.BucketAccount{AccessKeyID: "AKIAACCOUNT", SecretFile: file + "x"}); err == nil {
		t.Error("a file that is not there")
	}
}
