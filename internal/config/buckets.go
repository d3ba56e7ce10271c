// SPDX-License-Identifier: Apache-2.0

package config

// Buckets is where objects are kept that the S3 API puts and gets.
type Buckets struct {
	Dir   string `toml:"dir"`           // empty is "buckets" in data_dir; nodes that share a database share it
	MaxMB int64  `toml:"max_object_mb"` // of one object; 0 is 1024
}

// MaxObject is how large one object may be, in octets.
func (b Buckets) MaxObject() int64 {
	if b.MaxMB <= 0 {
		return 1 << 30
	}
	return b.MaxMB << 20
}
