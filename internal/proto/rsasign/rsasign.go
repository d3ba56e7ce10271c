// SPDX-License-Identifier: Apache-2.0

// Package rsasign makes RSA PKCS #1 v1.5 signatures over SHA-256 digests (RFC 8017
// §8.2) with the fastest implementation that the machine has. A signature is the
// largest single cost of a mail, and OpenSSL's is about three times faster than the
// standard library's, so libcrypto is looked for at run time and called without a C
// compiler. Where it is missing, or does anything unexpected, crypto/rsa signs
// instead; the bytes are the same.
//
// The build tag "static" leaves libcrypto out. The binary is then free of any shared
// library, for systems without glibc.
package rsasign

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"runtime"
)

// Bounds of a key's modulus in bits. SES takes keys of 1024 to 2048 bits.
const (
	MinBits = 1024
	MaxBits = 8192
)

// maxDER is more than a key of MaxBits takes. Checking a key costs far more than
// reading it, so the bound comes first.
const maxDER = 8 << 10

// Errors of Load.
var (
	ErrNotRSA = errors.New("rsasign: not an RSA private key in PKCS #8 or PKCS #1 DER")
	ErrSize   = errors.New("rsasign: RSA key size out of bounds")
)

// Options of Open.
type Options struct {
	// PureGo signs with crypto/rsa even if libcrypto is there.
	PureGo bool
	// Libraries are the shared objects to try, in this order, by name or path. Empty
	// means libcrypto of OpenSSL 3, then of OpenSSL 1.1.
	Libraries []string
}

// Engine is an implementation of RSA. It is safe for concurrent use; a process needs
// one.
type Engine struct {
	lib *library // nil: crypto/rsa
}

// Open finds the fastest implementation. It never fails: what can't be loaded is not
// used.
func Open(o Options) *Engine {
	if o.PureGo {
		return &Engine{}
	}
	names := o.Libraries
	if len(names) == 0 {
		names = defaultLibraries
	}
	lib, err := openLibrary(names)
	if err != nil {
		return &Engine{}
	}
	return &Engine{lib: lib}
}

// Implementation is what new keys sign with: "libcrypto 3.0.15", for example, or "go".
func (e *Engine) Implementation() string {
	if e.lib == nil {
		return "go"
	}
	return "libcrypto " + e.lib.version
}

// Key is an RSA private key that is ready to sign. It is safe for concurrent use, and
// its memory, inside libcrypto too, is freed when it is no longer reachable.
type Key struct {
	rsa    *rsa.PrivateKey
	native *nativeKey // nil: crypto/rsa
	name   string
}

// Load parses a private key in PKCS #8 or PKCS #1 DER, validates it and makes it ready.
// A key that libcrypto does not sign correctly with is signed with in Go.
func (e *Engine) Load(der []byte) (*Key, error) {
	if len(der) > maxDER {
		return nil, fmt.Errorf("%w: %d octets", ErrSize, len(der))
	}
	priv, err := parse(der)
	if err != nil {
		return nil, err
	}
	if n := priv.N.BitLen(); n < MinBits || n > MaxBits {
		return nil, fmt.Errorf("%w: %d bits", ErrSize, n)
	}
	k := &Key{rsa: priv, name: "go"}
	if e.lib == nil {
		return k, nil
	}
	pkcs1 := x509.MarshalPKCS1PrivateKey(priv)
	native, err := e.lib.load(pkcs1, priv.Size())
	clear(pkcs1)
	if err != nil {
		return k, nil
	}
	if !correct(native, &priv.PublicKey) {
		native.close()
		return k, nil
	}
	k.native, k.name = native, e.Implementation()
	runtime.AddCleanup(k, (*nativeKey).close, native)
	return k, nil
}

// correct has the library sign once and checks the result with crypto/rsa, so that a
// library that differs from the one that was expected can't put bad signatures on
// mail.
func correct(n *nativeKey, pub *rsa.PublicKey) bool {
	sum := sha256.Sum256([]byte("rsasign self-check"))
	sig, err := n.sign(&sum)
	return err == nil && rsa.VerifyPKCS1v15(pub, crypto.SHA256, sum[:], sig) == nil
}

func parse(der []byte) (*rsa.PrivateKey, error) {
	if k, err := x509.ParsePKCS8PrivateKey(der); err == nil {
		if priv, ok := k.(*rsa.PrivateKey); ok {
			return priv, nil
		}
		return nil, ErrNotRSA
	}
	priv, err := x509.ParsePKCS1PrivateKey(der)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrNotRSA, err)
	}
	return priv, nil
}

// SignDigest signs the SHA-256 digest sum.
func (k *Key) SignDigest(sum [sha256.Size]byte) ([]byte, error) {
	if k.native != nil {
		sig, err := k.native.sign(&sum)
		runtime.KeepAlive(k)
		if err == nil {
			return sig, nil
		}
		// A failure inside the library, such as no memory, need not stop the mail.
	}
	return rsa.SignPKCS1v15(nil, k.rsa, crypto.SHA256, sum[:])
}

// Algorithm is the name of the signature in DKIM (RFC 6376 §3.3).
func (k *Key) Algorithm() string { return "rsa-sha256" }

// Public is the public half.
func (k *Key) Public() *rsa.PublicKey { return &k.rsa.PublicKey }

// Implementation is what this key signs with; see Engine.Implementation.
func (k *Key) Implementation() string { return k.name }
