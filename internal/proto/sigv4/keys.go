// SPDX-License-Identifier: Apache-2.0

package sigv4

import (
	"crypto/hmac"
	"crypto/sha256"
	"sync"
)

// DeriveKey returns the signing key of secret for a day (YYYYMMDD), region and
// service.
func DeriveKey(secret, day, region, service string) [sha256.Size]byte {
	k := MAC([]byte("AWS4"+secret), day)
	k = MAC(k[:], region)
	k = MAC(k[:], service)
	return MAC(k[:], terminator)
}

// MAC is HMAC-SHA256 of message under key (RFC 2104), the step that key derivation
// and signing are made of.
func MAC(key []byte, message string) (sum [sha256.Size]byte) {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	h.Sum(sum[:0])
	return sum
}

// KeyCache keeps derived signing keys, so that a request costs one HMAC instead of
// five. It keeps the most recently used ones, never more than its size, and no
// secret. It is safe for concurrent use.
type KeyCache struct {
	half int

	mu            sync.Mutex
	young, former map[cacheID][sha256.Size]byte // each at most half
}

// cacheID is a hash of all that a key is derived from: the cache need not hold the
// secret itself.
type cacheID [sha256.Size]byte

// NewKeyCache returns a cache of at most size keys, at least two.
func NewKeyCache(size int) *KeyCache {
	return &KeyCache{half: max(size/2, 1), young: map[cacheID][sha256.Size]byte{}}
}

// Key is DeriveKey, from the cache if it is there.
func (c *KeyCache) Key(secret, day, region, service string) [sha256.Size]byte {
	id := newCacheID(secret, day, region, service)
	c.mu.Lock()
	key, ok := c.young[id]
	if !ok {
		if key, ok = c.former[id]; ok {
			c.put(id, key)
		}
	}
	c.mu.Unlock()
	if ok {
		return key
	}
	key = DeriveKey(secret, day, region, service)
	c.mu.Lock()
	c.put(id, key)
	c.mu.Unlock()
	return key
}

// Len is the number of keys kept; one that was used again may count twice.
func (c *KeyCache) Len() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.young) + len(c.former)
}

// put adds a key; when the young half is full, the former half is forgotten.
func (c *KeyCache) put(id cacheID, key [sha256.Size]byte) {
	if len(c.young) >= c.half {
		c.former, c.young = c.young, make(map[cacheID][sha256.Size]byte, c.half)
	}
	c.young[id] = key
}

func newCacheID(parts ...string) cacheID {
	var room [256]byte
	b := room[:0]
	for _, p := range parts {
		b = append(b, byte(len(p)), byte(len(p)>>8), byte(len(p)>>16))
		b = append(b, p...)
	}
	return sha256.Sum256(b)
}
