// SPDX-License-Identifier: Apache-2.0

package devca

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// ensureKey returns the P-256 key in file, made now if there is none. A file that
// holds no such key is an error: it is not ours to destroy.
func ensureKey(file string) (*ecdsa.PrivateKey, error) {
	key, err := readKey(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if key, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader); err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	err = createFile(file, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600)
	if errors.Is(err, fs.ErrExist) { // another process was first: its key is the one
		return readKey(file)
	}
	if err != nil {
		return nil, err
	}
	return key, nil
}

func readKey(file string) (*ecdsa.PrivateKey, error) {
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("devca: %w", err)
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "PRIVATE KEY" {
		return nil, fmt.Errorf("devca: %s holds no PKCS #8 key; remove it to make a new one", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("devca: %s: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("devca: %s holds no P-256 key; remove it to make a new one", file)
	}
	return key, nil
}

// createFile makes file with data, whole and synced, or fails with fs.ErrExist if it
// is there already.
func createFile(file string, data []byte, mode fs.FileMode) error {
	return placeFile(file, data, mode, os.Link)
}

// replaceFile puts data in the place of file, whole and synced.
func replaceFile(file string, data []byte, mode fs.FileMode) error {
	return placeFile(file, data, mode, os.Rename)
}

// placeFile writes a file beside the target, syncs it, moves it into place and syncs
// the folder.
func placeFile(file string, data []byte, mode fs.FileMode, move func(from, to string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("devca: %w", err)
		}
	}()
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, "."+filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(data)
	if err == nil {
		err = f.Chmod(mode)
	}
	if err == nil {
		err = f.Sync()
	}
	if cerr := f.Close(); err == nil {
		err = cerr
	}
	if err != nil {
		return err
	}
	if err := move(f.Name(), file); err != nil {
		return err
	}
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}
