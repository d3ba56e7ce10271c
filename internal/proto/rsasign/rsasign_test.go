// SPDX-License-Identifier: Apache-2.0

package rsasign_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"

	"sesame/internal/proto/rsasign"
)

func newKey(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	k, err := rsa.GenerateKey(rand.Reader, bits)
	if err != nil {
		tb.Fatal(err)
	}
	return k
}

func pkcs8(tb testing.TB, key any) []byte {
	tb.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		tb.Fatal(err)
	}
	return der
}

func engines() map[string]*rsasign.Engine {
	return map[string]*rsasign.Engine{
		"the fastest found": rsasign.Open(rsasign.Options{}),
		"the fallback":      rsasign.Open(rsasign.Options{PureGo: true}),
	}
}

func TestSignatureVerifiesAndIsTheSameInBothImplementations(t *testing.T) {
	t.Parallel()
	sum := sha256.Sum256([]byte("header"))
	for _, bits := range []int{1024, 2048} {
		priv := newKey(t, bits)
		want, err := rsa.SignPKCS1v15(nil, priv, crypto.SHA256, sum[:])
		if err != nil {
			t.Fatal(err)
		}
		for name, der := range map[string][]byte{
			"PKCS #8": pkcs8(t, priv),
			"PKCS #1": x509.MarshalPKCS1PrivateKey(priv),
		} {
			for which, e := range engines() {
				k, err := e.Load(der)
				if err != nil {
					t.Fatalf("%s, %d bits, %s: %v", which, bits, name, err)
				}
				got, err := k.SignDigest(sum)
				if err != nil || !bytes.Equal(got, want) {
					t.Errorf("%s, %d bits, %s: signature differs (error %v)", which, bits, name, err)
				}
				if !k.Public().Equal(&priv.PublicKey) || k.Algorithm() != "rsa-sha256" {
					t.Errorf("%s: wrong public key or algorithm", which)
				}
				if k.Implementation() != e.Implementation() {
					t.Errorf("%s: key signs with %q, engine with %q", which, k.Implementation(), e.Implementation())
				}
			}
		}
	}
}

func TestImplementationSaysWhatSigns(t *testing.T) {
	t.Parallel()
	if got := rsasign.Open(rsasign.Options{PureGo: true}).Implementation(); got != "go" {
		t.Errorf("forced fallback says %q", got)
	}
	missing := rsasign.Options{Libraries: []string{"libsesame-no-such-library.so.0"}}
	if got := rsasign.Open(missing).Implementation(); got != "go" {
		t.Errorf("missing library says %q", got)
	}
	other := rsasign.Options{Libraries: []string{"libc.so.6"}}
	if got := rsasign.Open(other).Implementation(); got != "go" {
		t.Errorf("library without the functions says %q", got)
	}
	got := rsasign.Open(rsasign.Options{}).Implementation()
	if got != "go" && !strings.HasPrefix(got, "libcrypto ") {
		t.Errorf("found %q", got)
	}
	t.Logf("this machine signs with %s", got)
}

func TestLoadRefusesWhatIsNoUsableKey(t *testing.T) {
	t.Parallel()
	ec, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		der  []byte
		want error
	}{
		"no bytes":              {nil, rsasign.ErrNotRSA},
		"too many bytes":        {make([]byte, 8<<10+1), rsasign.ErrSize},
		"not DER":               {[]byte("-----BEGIN"), rsasign.ErrNotRSA},
		"a key of another sort": {pkcs8(t, ec), rsasign.ErrNotRSA},
	} {
		for which, e := range engines() {
			if _, err := e.Load(c.der); !errors.Is(err, c.want) {
				t.Errorf("%s, %s: error %v, want %v", which, name, err, c.want)
			}
		}
	}
}

func TestKeysSignFromManyGoroutinesAndAreFreed(t *testing.T) {
	t.Parallel()
	der := pkcs8(t, newKey(t, 1024))
	e := rsasign.Open(rsasign.Options{})
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			for i := range 20 {
				k, err := e.Load(der)
				if err != nil {
					t.Error(err)
					return
				}
				sum := sha256.Sum256([]byte{byte(i)})
				sig, err := k.SignDigest(sum)
				if err != nil || rsa.VerifyPKCS1v15(k.Public(), crypto.SHA256, sum[:], sig) != nil {
					t.Errorf("bad signature: %v", err)
				}
				if i%5 == 0 {
					runtime.GC()
				}
			}
		})
	}
	shared, err := e.Load(der)
	if err != nil {
		t.Fatal(err)
	}
	for range 8 {
		wg.Go(func() {
			for i := range 50 {
				sum := sha256.Sum256([]byte{byte(i)})
				sig, err := shared.SignDigest(sum)
				if err != nil || rsa.VerifyPKCS1v15(shared.Public(), crypto.SHA256, sum[:], sig) != nil {
					t.Errorf("bad signature of the shared key: %v", err)
				}
			}
		})
	}
	wg.Wait()
}

func FuzzLoad(f *testing.F) {
	k, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		f.Fatal(err)
	}
	der := x509.MarshalPKCS1PrivateKey(k)
	f.Add(der)
	f.Add(der[:len(der)/2])
	f.Add([]byte{0x30, 0x80})
	e := rsasign.Open(rsasign.Options{})
	f.Fuzz(func(t *testing.T, der []byte) {
		k, err := e.Load(der)
		if err != nil {
			return
		}
		sum := sha256.Sum256(der)
		sig, err := k.SignDigest(sum)
		if err != nil || rsa.VerifyPKCS1v15(k.Public(), crypto.SHA256, sum[:], sig) != nil {
			t.Fatalf("accepted key signs badly: %v", err)
		}
	})
}

func BenchmarkSign(b *testing.B) {
	der := pkcs8(b, newKey(b, 2048))
	for name, e := range map[string]*rsasign.Engine{
		"found": rsasign.Open(rsasign.Options{}),
		"go":    rsasign.Open(rsasign.Options{PureGo: true}),
	} {
		k, err := e.Load(der)
		if err != nil {
			b.Fatal(err)
		}
		sum := sha256.Sum256([]byte("header"))
		b.Run(name, func(b *testing.B) {
			b.Logf("signs with %s", k.Implementation())
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.SignDigest(sum); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/parallel", func(b *testing.B) {
			b.ReportAllocs()
			b.RunParallel(func(pb *testing.PB) {
				for pb.Next() {
					if _, err := k.SignDigest(sum); err != nil {
						b.Error(err)
					}
				}
			})
		})
	}
}
