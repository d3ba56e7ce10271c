// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"

	"sesame/internal/base/scope"
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

// BucketAccount is how an account uses the S3 server of Endpoint.
type BucketAccount struct {
	AccessKeyID string `toml:"access_key_id"` // empty: the machine's own, from the environment, shared files or its role
	SecretFile  string `toml:"secret_access_key_file"`
	Reports     string `toml:"reports"` // bucket for the lists of records that failed
}

var accountID = regexp.MustCompile(`^\d{12}$`)

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
	return b.checkEndpoint()
}

func (b Buckets) checkEndpoint() error {
	if b.Endpoint == "" {
		if b.Region != "" || len(b.Accounts) > 0 {
			return errors.New("buckets: region and accounts are of no use without endpoint")
		}
		return nil
	}
	u, err := url.Parse(b.Endpoint)
	if err != nil || u.Scheme != "https" && u.Scheme != "http" || u.Hostname() == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("buckets.endpoint is no https:// URL of a server")
	}
	if b.Region != "" && !scope.ValidRegion(b.Region) {
		return fmt.Errorf("buckets.region: %q is no region name", b.Region)
	}
	if len(b.Accounts) == 0 {
		return errors.New("buckets.endpoint is of no use without buckets.accounts")
	}
	own := 0
	for id, a := range b.Accounts {
		switch {
		case !accountID.MatchString(id):
			return fmt.Errorf("buckets.accounts: %q is no account id", id)
		case (a.AccessKeyID == "") != (a.SecretFile == ""):
			return fmt.Errorf("buckets.accounts.%s: give both access_key_id and secret_access_key_file, or neither", id)
		case a.Reports == "":
			return fmt.Errorf("buckets.accounts.%s: reports is missing", id)
		}
		if a.AccessKeyID == "" {
			own++
		}
	}
	if own > 1 { // each would read what the other may
		return errors.New("buckets.accounts: only one account may use the machine's own key")
	}
	return nil
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
