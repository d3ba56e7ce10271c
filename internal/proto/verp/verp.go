// SPDX-License-Identifier: Apache-2.0

// Package verp makes and reads variable envelope return paths: each recipient of a
// message gets an address of its own to bounce to, which names the message and the
// recipient and holds a MAC, so that a bounce tells its recipient for certain and
// can't be forged.
//
// The local part is lower-case letters and digits only, 61 characters, since relays
// may fold case: base32 of the message id's 24 bytes, of the recipient's number and
// of 12 bytes of MAC.
package verp

import (
	"crypto/subtle"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"strings"

	"sesame/internal/base/address"
	"sesame/internal/base/msgid"
)

// MAC computes a keyed hash of data; at least 12 bytes of it are used.
type MAC func(data []byte) []byte

const (
	idBytes  = 24
	macBytes = 12
	length   = idBytes + 1 + macBytes // 37 bytes, 60 characters of base32
)

var encoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// Whole stands for all recipients of a message that share a return path.
const Whole = 255

// ErrForeign says that an address is not one of ours.
var ErrForeign = errors.New("verp: not an address made here")

// Encode returns the return path at domain of recipient n (0 to 254, or Whole) of the
// message id, or the zero address if id is not a message id.
func Encode(id string, n int, domain address.Domain, mac MAC) address.Address {
	b, err := pack(id, n)
	if err != nil {
		return address.Address{}
	}
	b = append(b, mac(b)[:macBytes]...)
	return address.Address{Local: "b" + encoding.EncodeToString(b), Domain: domain}
}

// Decode returns the message id and recipient that a return path names. It returns
// ErrForeign for any address that Encode with the same MAC did not make; letter case
// does not matter.
func Decode(a address.Address, mac MAC) (id string, n int, err error) {
	local := strings.ToLower(a.Local)
	if len(local) == 0 || local[0] != 'b' {
		return "", 0, ErrForeign
	}
	b, err := encoding.DecodeString(local[1:])
	if err != nil || len(b) != length {
		return "", 0, ErrForeign
	}
	body := b[:idBytes+1]
	if subtle.ConstantTimeCompare(mac(body)[:macBytes], b[idBytes+1:]) != 1 {
		return "", 0, ErrForeign
	}
	// The unused bits of base32 must not make a second spelling.
	if encoding.EncodeToString(b) != local[1:] {
		return "", 0, ErrForeign
	}
	return unpack(body), int(body[idBytes]), nil
}

// pack drops what every id has: the hyphens and the six digits at the end.
func pack(id string, n int) ([]byte, error) {
	if !msgid.Valid(id) || n < 0 || n > 255 {
		return nil, ErrForeign
	}
	b, err := hex.DecodeString(strings.ReplaceAll(id[:53], "-", ""))
	if err != nil {
		return nil, err
	}
	return append(b, byte(n)), nil
}

func unpack(b []byte) string {
	h := hex.EncodeToString(b[:idBytes])
	return h[:16] + "-" + h[16:24] + "-" + h[24:28] + "-" + h[28:32] + "-" + h[32:36] + "-" + h[36:] + "-000000"
}
