// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"bytes"
	"crypto/aes"
	"testing"
	"time"
)

// TestSubkeysOfWrapAreOfOneUse, whatever the purposes are called: a subkey that
// authenticates for one must not encrypt for another.
func TestSubkeysOfWrapAreOfOneUse(t *testing.T) {
	t.Parallel()
	k, err := randomKey(1, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	same, err := aes.NewCipher(k.wrapper("link").mac)
	if err != nil {
		t.Fatal(err)
	}
	var by, other [aes.BlockSize]byte
	for _, purpose := range []string{"link", "mac link", "key link"} {
		same.Encrypt(by[:], make([]byte, aes.BlockSize))
		k.wrapper(purpose).block.Encrypt(other[:], make([]byte, aes.BlockSize))
		if bytes.Equal(by[:], other[:]) {
			t.Errorf("the purpose %q is encrypted with the subkey that authenticates %q", purpose, "link")
		}
	}
}
