// SPDX-License-Identifier: Apache-2.0

// Package scope holds the pair that everything belongs to: an AWS account and a
// region. SES isolates all state by it, and it leads every table.
package scope

import "strings"

// Scope names an account in a region. The zero value names nothing.
type Scope struct {
	Account string // 12 digits
	Region  string // an AWS region name such as "us-east-1"
}

// ServiceAccount is the account of the service itself: its mail (verification mails,
// warnings) is sent in it, so that it counts as no customer's. Nobody else can have it.
const ServiceAccount = "000000000000"

// ARN returns the SES ARN of a resource of this scope, for example
// arn:aws:ses:us-east-1:123456789012:identity/example.com.
func (s Scope) ARN(resource string) string {
	return "arn:" + s.Partition() + ":ses:" + s.Region + ":" + s.Account + ":" + resource
}

// ParseARN takes the ARN of an SES resource apart, as ARN makes it. ok is false for what
// is not one.
func ParseARN(arn string) (s Scope, resource string, ok bool) {
	parts := strings.SplitN(arn, ":", 6)
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "ses" {
		return Scope{}, "", false
	}
	s = Scope{Region: parts[3], Account: parts[4]}
	ok = ValidRegion(s.Region) && ValidAccount(s.Account) && parts[1] == s.Partition() && parts[5] != ""
	return s, parts[5], ok
}

// Partition is the ARN partition that the region belongs to.
func (s Scope) Partition() string {
	switch {
	case strings.HasPrefix(s.Region, "us-gov-"):
		return "aws-us-gov"
	case strings.HasPrefix(s.Region, "cn-"):
		return "aws-cn"
	}
	return "aws"
}

// String is "account/region", for logs.
func (s Scope) String() string { return s.Account + "/" + s.Region }

// ValidAccount reports whether id can be a customer's AWS account id: 12 digits, and not
// those of ServiceAccount.
func ValidAccount(id string) bool {
	if len(id) != 12 || id == ServiceAccount {
		return false
	}
	for i := range len(id) {
		if id[i] < '0' || id[i] > '9' {
			return false
		}
	}
	return true
}

// ValidRegion reports whether name has the form of a region name: 2 to 32
// lower-case letters, digits and hyphens, beginning and ending with neither
// hyphen. Any such name is a region; a server may play several.
func ValidRegion(name string) bool {
	if len(name) < 2 || len(name) > 32 || name[0] == '-' || name[len(name)-1] == '-' {
		return false
	}
	for i := range len(name) {
		c := name[i]
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}
