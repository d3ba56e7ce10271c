// SPDX-License-Identifier: Apache-2.0

package config

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"

	"sesame/internal/base/scope"
)

// BucketAccount is how an account uses the S3 server of Endpoint.
type BucketAccount struct {
	AccessKeyID string `toml:"access_key_id"` // empty: the machine's own, from the environment, shared files or its role
	SecretFile  string `toml:"secret_access_key_file"`
	Reports     string `toml:"reports"` // bucket for the lists of records that failed
}

var accountID = regexp.MustCompile(`^\d{12}$`)

func (b Buckets) checkAccounts() error {
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
