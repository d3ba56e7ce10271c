// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/sha256"
)

// WrapOverhead is how much longer a wrapped text is than the text, in bytes.
const WrapOverhead = 12

// wrapper is the pair of subkeys for one purpose.
type wrapper struct {
	mac   []byte
	block cipher.Block
}

// Wrap encrypts and authenticates text with the newest key's subkeys for purpose, for
// tokens that have to be short: it is WrapOverhead longer, where Seal adds more. It is SIV
// (RFC 5297 §2) with HMAC-SHA256, cut to 96 bits, as its pseudo-random function and AES-256
// in counter mode: no nonce is needed, and whoever has wrapped texts learns how long each is
// and which are equal, and nothing else. That holds for far fewer than 2^48 texts of a key,
// which is when two of them have one vector by chance.
func (r *Ring) Wrap(purpose string, text []byte) []byte {
	keys := r.state.Load().keys
	w := keys[len(keys)-1].wrapper(purpose)
	out := make([]byte, WrapOverhead+len(text))
	copy(out, w.sum(text))
	w.crypt(out[WrapOverhead:], text, out[:WrapOverhead])
	return out
}

// Unwrap returns the text that Wrap was given with the same purpose, by any key of the ring.
// For anything else ok is false.
func (r *Ring) Unwrap(purpose string, wrapped []byte) (text []byte, ok bool) {
	if len(wrapped) < WrapOverhead {
		return nil, false
	}
	iv, sealed := wrapped[:WrapOverhead], wrapped[WrapOverhead:]
	text = make([]byte, len(sealed))
	for _, k := range r.state.Load().keys {
		w := k.wrapper(purpose)
		w.crypt(text, sealed, iv)
		if hmac.Equal(w.sum(text), iv) {
			return text, true
		}
	}
	return nil, false
}

// sum is the synthetic initialization vector of a text.
func (w *wrapper) sum(text []byte) []byte {
	h := hmac.New(sha256.New, w.mac)
	h.Write(text)
	return h.Sum(nil)[:WrapOverhead]
}

// crypt encrypts and decrypts; the vector leaves 32 bits to count the blocks with.
func (w *wrapper) crypt(dst, src, iv []byte) {
	var counter [aes.BlockSize]byte
	copy(counter[:], iv)
	cipher.NewCTR(w.block, counter[:]).XORKeyStream(dst, src)
}

func (k *key) wrapper(purpose string) *wrapper {
	k.mu.Lock()
	defer k.mu.Unlock()
	if w, ok := k.wrappers[purpose]; ok {
		return w
	}
	w, err := k.newWrapper(purpose)
	if err != nil {
		panic(err) // HKDF and AES fail for lengths that are not ours alone
	}
	if len(k.wrappers) < maxPurposes {
		k.wrappers[purpose] = w
	}
	return w
}

func (k *key) newWrapper(purpose string) (*wrapper, error) {
	mac, err := k.derive("wrap mac " + purpose)
	if err != nil {
		return nil, err
	}
	secret, err := k.derive("wrap key " + purpose)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(secret)
	return &wrapper{mac, block}, err
}
