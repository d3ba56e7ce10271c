// SPDX-License-Identifier: Apache-2.0

package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/proto/rsasign"
)

// database looks whether the database answers, keeps what it confirms, and has our time.
func (d *doctor) database(ctx context.Context) Result {
	h, err := store.Inspect(ctx, d.Store)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return skip("there is none yet", "The first start makes it.")
	case err != nil:
		return fail(err.Error(), "Look at database.url, or at the file's folder.")
	}
	for _, s := range h.Settings {
		if s.Value != s.Want {
			return fail(fmt.Sprintf("%s: %s is %s, not %s", h.Engine, s.Name, s.Value, s.Want), "A power cut could lose mail that was accepted: correct the setting.")
		}
	}
	switch {
	case h.Pending > 0:
		return warn(fmt.Sprintf("%s answers, synchronous; %d changes of its schema are to be made", h.Engine, h.Pending), "The next start makes them: back up before.")
	case h.Pending < 0:
		return fail(h.Engine+" answers; a later version of sesame has used it", "Run that version, or restore a backup.")
	case h.Now.IsZero():
		return ok("%s answers, synchronous", h.Engine)
	}
	r := off(h.Now.Sub(h.Asked), "the database's clock")
	r.Seen = h.Engine + " answers, synchronous; this clock is " + r.Seen
	return r
}

// Limits of the disk.
const (
	leastFree = 256 << 20 // octets: less is as good as none
	fewFree   = 2 << 30
	fewInodes = 50_000
	syncs     = 5
	slowSync  = 50 * time.Millisecond
)

// disk looks whether there is room, and how long a commit takes to be safe.
func (d *doctor) disk(context.Context) Result {
	var s unix.Statfs_t
	if err := unix.Statfs(d.DataDir, &s); err != nil {
		return fail(d.DataDir+": "+err.Error(), "Correct data_dir, or make the folder.")
	}
	took, err := syncTime(d.DataDir)
	if err != nil {
		return fail("can't write in "+d.DataDir+": "+err.Error(), "Run as the server's user, and give it the folder.")
	}
	return room(uint64(s.Bavail)*uint64(s.Bsize), uint64(s.Ffree), uint64(s.Files), took)
}

// room judges a disk. A file system without inodes of its own counts none at all.
func room(free, inodes, allInodes uint64, sync time.Duration) Result {
	seen := fmt.Sprintf("%d MiB and %d inodes free, a sync takes %v", free>>20, inodes, sync.Round(10*time.Microsecond))
	const do = "Make room: at the end mail is refused with 452."
	switch {
	case free < leastFree || allInodes > 0 && inodes < 1000:
		return fail(seen, do)
	case free < fewFree || allInodes > 0 && inodes < fewInodes:
		return warn(seen, do)
	case sync > slowSync:
		return warn(seen, "Each commit waits for a sync: put data_dir on an SSD, or one with power-loss protection.")
	}
	return ok("%s", seen)
}

// syncTime is the median time that a small write takes to be on the disk.
func syncTime(dir string) (_ time.Duration, err error) {
	f, err := os.CreateTemp(dir, ".doctor-*")
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close(), os.Remove(f.Name())) }()
	var times []time.Duration
	for range syncs {
		began := time.Now()
		if _, err := f.Write(make([]byte, 4096)); err != nil {
			return 0, err
		}
		if err := f.Sync(); err != nil {
			return 0, err
		}
		times = append(times, time.Since(began))
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

// keyring looks whether secrets can be read, by the server alone.
func (d *doctor) keyring(context.Context) Result {
	path := filepath.Join(d.DataDir, "keyring")
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(d.Store.Path); err != nil && d.Store.URL == "" {
			return skip("there is none yet", "The first start makes it.")
		}
		return fail("there is none at "+path, "Restore it from the backup: without it no secret in the database can be read.")
	}
	if err == nil {
		_, err = keyring.Load(path)
	}
	if err != nil {
		return fail(strings.TrimPrefix(err.Error(), "keyring: "), "Run as the server's user; set mode 0600; or restore the file from the backup.")
	}
	if s, ok := info.Sys().(*syscall.Stat_t); ok && int(s.Uid) != os.Geteuid() && os.Geteuid() != 0 {
		return warn(fmt.Sprintf("%s belongs to user %d", path, s.Uid), "Give it to the server's user.")
	}
	return ok("%s, mode %04o. Is it in the backup?", path, info.Mode().Perm())
}

// files looks whether the bounds of the configuration fit the system's.
func (d *doctor) files(context.Context) Result {
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &l); err != nil {
		return skip(err.Error(), "")
	}
	most := uint64(l.Max) // a Go program raises its own limit to it
	if most < d.Files {
		return warn(fmt.Sprintf("%d may be open, and the configured bounds need up to %d", most, d.Files), "Raise the limit: LimitNOFILE= of the systemd unit, or ulimit -n.")
	}
	return ok("%d may be open", most)
}

// signing looks which implementation of RSA there is.
func (d *doctor) signing(context.Context) Result {
	name := rsasign.Open(rsasign.Options{}).Implementation()
	if name == "go" {
		return warn("RSA by Go's own library", "Install OpenSSL's libcrypto (Debian: libssl3): signing is three times faster with it.")
	}
	return ok("RSA by %s", name)
}
