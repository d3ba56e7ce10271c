// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"path/filepath"
)

// Buckets is where objects are kept that the S3 API puts and gets, and from where import jobs
// read.
type Buckets struct {
	Dir   string `toml:"dir"`           // empty is "buckets" in data_dir; nodes that share a database share it
	MaxMB int64  `toml:"max_object_mb"` // of one object; 0 is 1024

	Endpoint string                   `toml:"endpoint"` // URL of the S3 server that import jobs use; empty: the built-in buckets
	Region   string                   `toml:"region"`   // of the signatures for it; empty is the region of the job
	Accounts map[string]BucketAccount `toml:"accounts"` // who uses it with which key
}

// Bounds of Buckets.MaxMB.
const (
	defaultObjectMB = 1024
	mostObjectMB    = 5 << 20 // 5 TiB, as Amazon S3 has it
)

// MaxObject is how large one object may be, in octets.
func (b Buckets) MaxObject() int64 {
	if b.MaxMB == 0 {
		return defaultObjectMB << 20
	}
	return b.MaxMB << 20
}

func (c Config) checkBuckets() error {
	b := c.Buckets
	switch {
	case b.Dir != "" && !filepath.IsAbs(b.Dir):
		return fmt.Errorf("buckets.dir: %q is no absolute path", b.Dir)
	case b.Dir != "" && filepath.Clean(b.Dir) == filepath.Clean(c.DataDir):
		return errors.New("buckets.dir must be a folder of its own, not data_dir")
	case b.MaxMB < 0 || b.MaxMB > mostObjectMB:
		return fmt.Errorf("buckets.max_object_mb must be 1 to %d", mostObjectMB)
	}
	return b.checkAccounts()
}
