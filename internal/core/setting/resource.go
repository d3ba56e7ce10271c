// SPDX-License-Identifier: Apache-2.0

package setting

import (
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// Kind says what a Resource is, as its ARN does.
type Kind string

// The kinds. The ARN of an account's settings in a region ends with "account".
const (
	Account          Kind = "account"
	Identity         Kind = "identity"
	ConfigurationSet Kind = "configuration-set"
)

// Resource has settings.
type Resource struct {
	Scope scope.Scope
	Kind  Kind
	Name  string // "" for an account
}

// ARN is the resource's ARN, such as arn:aws:ses:us-east-1:123456789012:identity/example.com.
func (r Resource) ARN() string { return r.Scope.ARN(r.path()) }

func (r Resource) path() string {
	if r.Kind == Account {
		return string(Account)
	}
	return string(r.Kind) + "/" + r.Name
}

// maxARN bounds an ARN: an identity's name is the longest of names.
const maxARN = 512

// ParseARN reads the ARN of a resource that has settings.
func ParseARN(arn string) (Resource, error) {
	bad := fault.InField(fault.Invalid, "Arn",
		"An ARN of settings is arn:aws:ses:REGION:ACCOUNT: and account, identity/NAME or configuration-set/NAME.")
	p := strings.SplitN(arn, ":", 6)
	if len(arn) > maxARN || len(p) != 6 || p[0] != "arn" || p[2] != "ses" {
		return Resource{}, bad
	}
	r := Resource{Scope: scope.Scope{Account: p[4], Region: p[3]}}
	if !scope.ValidAccount(p[4]) || !scope.ValidRegion(p[3]) || p[1] != r.Scope.Partition() {
		return Resource{}, bad
	}
	kind, name, named := strings.Cut(p[5], "/")
	r.Kind, r.Name = Kind(kind), name
	switch r.Kind {
	case Account:
		if named {
			return Resource{}, bad
		}
	case Identity, ConfigurationSet:
		if name == "" {
			return Resource{}, bad
		}
	default:
		return Resource{}, bad
	}
	return r, nil
}
