// SPDX-License-Identifier: Apache-2.0

package keyring

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"
)

const (
	maxFile = 1 << 20 // bytes of a keyring file that are read
	maxKeys = 1000
)

// fileForm is the keyring file: JSON, so that an operator can read which keys there
// are.
type fileForm struct {
	Version int       `json:"version"`
	Keys    []keyForm `json:"keys"`
}

type keyForm struct {
	ID      uint32    `json:"id"`
	Created time.Time `json:"created"`
	Secret  []byte    `json:"secret"` // Base64, 32 bytes
}

// LoadOrCreate returns the ring in file, and makes one of a single random key if
// there is none. The folder must be there. The new file has mode 0600, is complete
// and synced before it has its name, and when several processes begin at once they
// all get the ring of the first.
func LoadOrCreate(file string, now time.Time) (*Ring, error) {
	r, err := Load(file)
	if !errors.Is(err, fs.ErrNotExist) {
		return r, err
	}
	k, err := randomKey(1, now)
	if err != nil {
		return nil, err
	}
	err = write(file, []*key{k}, os.Link)
	if err != nil && !errors.Is(err, fs.ErrExist) {
		return nil, err
	}
	return Load(file) // ours, or that of the process that was first
}

// Load returns the ring in file. It refuses a file that others may read or change.
func Load(file string) (*Ring, error) {
	r := &Ring{file: file}
	if err := r.reload(); err != nil {
		return nil, err
	}
	return r, nil
}

// Rotate adds a random key to the ring in file, which seals from now on. Running
// processes go on with the key that they have and find the new one when they meet
// it; machines that share a database need the new file before one of them is
// restarted. It fails with fs.ErrExist while another Rotate runs, or after one died:
// then file + ".lock" is to be removed by hand.
func Rotate(file string, now time.Time) (*Ring, error) {
	lock, err := os.OpenFile(file+".lock", os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer os.Remove(lock.Name())
	defer lock.Close()
	r, err := Load(file)
	if err != nil {
		return nil, err
	}
	keys := r.state.Load().keys
	last := keys[len(keys)-1].id
	if len(keys) >= maxKeys || last == math.MaxUint32 {
		return nil, fmt.Errorf("keyring: %s is full", file)
	}
	k, err := randomKey(last+1, now)
	if err != nil {
		return nil, err
	}
	if err := write(file, append(slices.Clone(keys), k), os.Rename); err != nil {
		return nil, err
	}
	return Load(file)
}

// reload reads the ring's file anew. On an error the ring stays as it is.
func (r *Ring) reload() error {
	data, err := read(r.file)
	if err != nil {
		return fmt.Errorf("keyring: %w", err)
	}
	keys, err := parse(data)
	if err != nil {
		return fmt.Errorf("keyring: %s: %w", r.file, err)
	}
	r.state.Store(&state{keys: keys})
	return nil
}

func read(file string) ([]byte, error) {
	fi, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	if mode := fi.Mode().Perm(); mode&0o027 != 0 && runtime.GOOS != "windows" {
		return nil, fmt.Errorf("%s has mode %04o: others may read or change it; set mode 0600", file, mode)
	}
	if fi.Size() > maxFile {
		return nil, fmt.Errorf("%s is no keyring: it has %d bytes", file, fi.Size())
	}
	return os.ReadFile(file)
}

// parse reads the file's form. Its errors show nothing of the keys.
func parse(data []byte) ([]*key, error) {
	var form fileForm
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&form); err != nil || dec.More() {
		return nil, errors.New("not a keyring file")
	}
	if form.Version != version {
		return nil, fmt.Errorf("version %d of the keyring is not known", form.Version)
	}
	if len(form.Keys) == 0 || len(form.Keys) > maxKeys {
		return nil, fmt.Errorf("a keyring of %d keys", len(form.Keys))
	}
	var keys []*key
	for _, f := range form.Keys {
		k, err := newKey(f.ID, f.Created, f.Secret)
		if err != nil {
			return nil, err
		}
		if len(keys) > 0 && keys[len(keys)-1].id >= k.id {
			return nil, fmt.Errorf("key %d is out of order", k.id)
		}
		keys = append(keys, k)
	}
	return keys, nil
}

// write makes file with keys, complete and synced, and gives it its name by move:
// os.Link never replaces a file (fs.ErrExist), os.Rename does.
func write(file string, keys []*key, move func(from, to string) error) (err error) {
	defer func() {
		if err != nil {
			err = fmt.Errorf("keyring: %w", err)
		}
	}()
	form := fileForm{Version: version}
	for _, k := range keys {
		form.Keys = append(form.Keys, keyForm{ID: k.id, Created: k.created, Secret: k.secret[:]})
	}
	data, err := json.MarshalIndent(form, "", "  ")
	if err != nil {
		return err
	}
	dir := filepath.Dir(file)
	f, err := os.CreateTemp(dir, "."+filepath.Base(file)+".*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(f.Name())
	_, err = f.Write(append(data, '\n'))
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
