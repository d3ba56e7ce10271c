// SPDX-License-Identifier: Apache-2.0

//go:build !linux || !(amd64 || arm64) || static

package rsasign

import (
	"crypto/sha256"
	"errors"
)

// This build has no libcrypto: library and nativeKey never come to exist.

var defaultLibraries []string

type library struct{ version string }

type nativeKey struct{}

var errNone = errors.New("rsasign: built without libcrypto")

func openLibrary([]string) (*library, error) { return nil, errNone }

func (*library) load([]byte, int) (*nativeKey, error) { return nil, errNone }

func (*nativeKey) close() {}

func (*nativeKey) sign(*[sha256.Size]byte) ([]byte, error) { return nil, errNone }
