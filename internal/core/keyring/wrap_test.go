// SPDX-License-Identifier: Apache-2.0

package keyring_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"sesame/internal/core/keyring"
)

func TestWrap(t *testing.T) {
	t.Parallel()
	r := keyring.Ephemeral()
	for _, text := range []string{"", "x", "account 123456789012", strings.Repeat("long ", 1000)} {
		wrapped := r.Wrap("link", []byte(text))
		if len(wrapped) != len(text)+keyring.WrapOverhead {
			t.Errorf("%d bytes become %d", len(text), len(wrapped))
		}
		if len(text) > 2 && bytes.Contains(wrapped, []byte(text[:3])) {
			t.Errorf("%q shows its text", wrapped)
		}
		if !bytes.Equal(r.Wrap("link", []byte(text)), wrapped) {
			t.Error("the same text is wrapped in another way")
		}
		if got, ok := r.Unwrap("link", wrapped); !ok || string(got) != text {
			t.Errorf("%q, %v", got, ok)
		}
	}
	if one, other := r.Wrap("link", []byte("same text 1")), r.Wrap("link", []byte("same text 2")); bytes.Equal(one[12:20], other[12:20]) {
		t.Error("texts that begin alike are wrapped alike")
	}
}

func TestUnwrapRefuses(t *testing.T) {
	t.Parallel()
	r := keyring.Ephemeral()
	wrapped := r.Wrap("link", []byte("some text"))
	for i := range 8 * len(wrapped) {
		bad := bytes.Clone(wrapped)
		bad[i/8] ^= 1 << (i % 8)
		if got, ok := r.Unwrap("link", bad); ok || got != nil {
			t.Errorf("bit %d is changed: %q", i, got)
		}
	}
	for name, bad := range map[string][]byte{
		"nothing": nil, "less than a hash": wrapped[:11], "cut off": wrapped[:len(wrapped)-1], "with more behind": append(bytes.Clone(wrapped), 0),
		"of another purpose": r.Wrap("pixel", []byte("some text")), "of another ring": keyring.Ephemeral().Wrap("link", []byte("some text")),
	} {
		if got, ok := r.Unwrap("link", bad); ok || got != nil {
			t.Errorf("%s: %q", name, got)
		}
	}
}

// TestWrapOutlivesRotation: what an older key of the ring has wrapped is read, by whatever
// number of purposes.
func TestWrapOutlivesRotation(t *testing.T) {
	t.Parallel()
	before, file := create(t)
	old := before.Wrap("link", []byte("text"))
	r, err := keyring.Rotate(file, start)
	if err != nil {
		t.Fatal(err)
	}
	if got, ok := r.Unwrap("link", old); !ok || string(got) != "text" {
		t.Errorf("%q, %v", got, ok)
	}
	if bytes.Equal(r.Wrap("link", []byte("text")), old) {
		t.Error("the newest key does not wrap")
	}
	for i := range 200 { // more purposes than are kept
		p := fmt.Sprint("purpose ", i)
		if _, ok := r.Unwrap(p, r.Wrap(p, nil)); !ok {
			t.Errorf("%s: its own text is refused", p)
		}
	}
}
