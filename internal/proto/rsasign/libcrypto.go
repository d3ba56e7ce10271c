// SPDX-License-Identifier: Apache-2.0

//go:build linux && (amd64 || arm64) && !static

package rsasign

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"unsafe"

	"github.com/ebitengine/purego"
)

// defaultLibraries are the names under which distributions install libcrypto.
var defaultLibraries = []string{"libcrypto.so.3", "libcrypto.so.1.1"}

// maxContexts bounds the signing contexts that an idle key keeps.
const maxContexts = 64

// library is libcrypto with the addresses of the functions that signing needs. All of
// them are thread-safe and exist in OpenSSL 1.1 and 3 with the same meaning.
type library struct {
	version string

	d2iAutoPrivateKey uintptr // EVP_PKEY *(EVP_PKEY **, const unsigned char **, long)
	pkeyFree          uintptr // void (EVP_PKEY *)
	ctxNew            uintptr // EVP_PKEY_CTX *(EVP_PKEY *, ENGINE *)
	ctxFree           uintptr // void (EVP_PKEY_CTX *)
	ctxCtrlStr        uintptr // int (EVP_PKEY_CTX *, const char *, const char *)
	signInit          uintptr // int (EVP_PKEY_CTX *)
	sign              uintptr // int (EVP_PKEY_CTX *, unsigned char *, size_t *, const unsigned char *, size_t)
}

var errLibrary = errors.New("rsasign: libcrypto")

func openLibrary(names []string) (*library, error) {
	err := fmt.Errorf("%w: not found", errLibrary)
	for _, name := range names {
		var handle uintptr
		if handle, err = purego.Dlopen(name, purego.RTLD_NOW|purego.RTLD_LOCAL); err != nil {
			continue
		}
		var lib *library
		if lib, err = bind(handle); err == nil {
			return lib, nil
		}
	}
	return nil, err
}

func bind(handle uintptr) (*library, error) {
	lib := new(library)
	var versionOf uintptr
	for name, addr := range map[string]*uintptr{
		"OpenSSL_version":       &versionOf,
		"d2i_AutoPrivateKey":    &lib.d2iAutoPrivateKey,
		"EVP_PKEY_free":         &lib.pkeyFree,
		"EVP_PKEY_CTX_new":      &lib.ctxNew,
		"EVP_PKEY_CTX_free":     &lib.ctxFree,
		"EVP_PKEY_CTX_ctrl_str": &lib.ctxCtrlStr,
		"EVP_PKEY_sign_init":    &lib.signInit,
		"EVP_PKEY_sign":         &lib.sign,
	} {
		a, err := purego.Dlsym(handle, name)
		if err != nil {
			return nil, err
		}
		*addr = a
	}
	var version func(int32) string
	purego.RegisterFunc(&version, versionOf)
	text := version(0) // OPENSSL_VERSION: "OpenSSL 3.0.15 3 Sep 2024"
	f := strings.Fields(text)
	if len(f) < 2 || f[0] != "OpenSSL" {
		return nil, fmt.Errorf("%w: unknown version %q", errLibrary, text)
	}
	lib.version = f[1]
	return lib, nil
}

// nativeKey is a key inside libcrypto. A signing context serves one call at a time;
// idle ones are kept for the next calls.
type nativeKey struct {
	lib  *library
	pkey uintptr
	size int // of a signature, in octets
	idle chan uintptr
}

// load hands a PKCS #1 key to libcrypto; size is that of its modulus in octets.
func (l *library) load(der []byte, size int) (*nativeKey, error) {
	var pin runtime.Pinner
	pin.Pin(unsafe.SliceData(der))
	defer pin.Unpin()
	// The library moves p past the key, so p must not be a pointer to Go's collector.
	p := uintptr(unsafe.Pointer(unsafe.SliceData(der)))
	pkey, _, _ := purego.SyscallN(l.d2iAutoPrivateKey, 0, uintptr(unsafe.Pointer(&p)), uintptr(len(der)))
	if pkey == 0 {
		return nil, fmt.Errorf("%w: key not accepted", errLibrary)
	}
	return &nativeKey{lib: l, pkey: pkey, size: size, idle: make(chan uintptr, maxContexts)}, nil
}

// close frees the key and its contexts. No call may be under way.
func (n *nativeKey) close() {
	for {
		select {
		case ctx := <-n.idle:
			purego.SyscallN(n.lib.ctxFree, ctx)
		default:
			purego.SyscallN(n.lib.pkeyFree, n.pkey)
			return
		}
	}
}

func (n *nativeKey) sign(sum *[sha256.Size]byte) ([]byte, error) {
	ctx, err := n.context()
	if err != nil {
		return nil, err
	}
	sig := make([]byte, n.size)
	length := uintptr(len(sig)) // size_t
	ok, _, _ := purego.SyscallN(n.lib.sign, ctx,
		uintptr(unsafe.Pointer(unsafe.SliceData(sig))), uintptr(unsafe.Pointer(&length)),
		uintptr(unsafe.Pointer(sum)), sha256.Size)
	if int32(ok) != 1 || length != uintptr(n.size) {
		purego.SyscallN(n.lib.ctxFree, ctx)
		return nil, fmt.Errorf("%w: EVP_PKEY_sign", errLibrary)
	}
	select {
	case n.idle <- ctx:
	default:
		purego.SyscallN(n.lib.ctxFree, ctx)
	}
	return sig, nil
}

// context takes an idle signing context or makes one.
func (n *nativeKey) context() (uintptr, error) {
	select {
	case ctx := <-n.idle:
		return ctx, nil
	default:
	}
	ctx, _, _ := purego.SyscallN(n.lib.ctxNew, n.pkey, 0)
	if ctx == 0 {
		return 0, fmt.Errorf("%w: EVP_PKEY_CTX_new", errLibrary)
	}
	ok, _, _ := purego.SyscallN(n.lib.signInit, ctx)
	if int32(ok) == 1 && n.lib.set(ctx, "rsa_padding_mode\x00", "pkcs1\x00") &&
		n.lib.set(ctx, "digest\x00", "sha256\x00") {
		return ctx, nil
	}
	purego.SyscallN(n.lib.ctxFree, ctx)
	return 0, fmt.Errorf("%w: EVP_PKEY_sign_init", errLibrary)
}

// set gives a context a parameter; both strings end with a NUL.
func (l *library) set(ctx uintptr, name, value string) bool {
	ok, _, _ := purego.SyscallN(l.ctxCtrlStr, ctx,
		uintptr(unsafe.Pointer(unsafe.StringData(name))), uintptr(unsafe.Pointer(unsafe.StringData(value))))
	return int32(ok) == 1
}
