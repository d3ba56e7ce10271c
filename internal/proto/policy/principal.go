// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"regexp"
	"strings"
)

// PrincipalType is the key that a principal is listed under.
type PrincipalType string

// The types. Nobody calls this server as one of the last two.
const (
	Everyone      PrincipalType = "*" // "Principal": "*", and "AWS": "*"
	AWS           PrincipalType = "AWS"
	Service       PrincipalType = "Service"
	Federated     PrincipalType = "Federated"
	CanonicalUser PrincipalType = "CanonicalUser"
)

// Principal is an entry of a Principal or NotPrincipal element.
type Principal struct {
	Type PrincipalType
	ID   string // as written: an account id, an ARN, the name of a service, "*"

	account string // of an entry that means a whole account
}

var (
	accountID = regexp.MustCompile(`^[0-9]{12}$`)
	rootARN   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::([0-9]{12}):root$`)
	// A user's or a role's path has printable ASCII (IAM CreateUser); wildcards are not
	// allowed in principals.
	entityARN = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:(user|role)/[!-)+->@-~]+$`)
	sessARN   = regexp.MustCompile(`^arn:aws[a-z-]*:sts::[0-9]{12}:(assumed-role/[\w+=,.@-]+/[\w+=,.@-]+|federated-user/[\w+=,.@-]+)$`)
	service   = regexp.MustCompile(`^[a-z0-9][a-z0-9-]*(\.[a-z0-9-]+)+$`)
)

// newPrincipal reads one value listed under key.
func newPrincipal(key, id string) (Principal, error) {
	p := Principal{Type: PrincipalType(key), ID: id}
	valid := id != "" && len(id) <= 2048
	switch p.Type {
	case AWS:
		switch root := rootARN.FindStringSubmatch(id); {
		case id == "*":
			p.Type = Everyone
		case accountID.MatchString(id):
			p.account = id
		case root != nil:
			p.account = root[1]
		default:
			valid = entityARN.MatchString(id) || sessARN.MatchString(id)
		}
	case Service:
		valid = service.MatchString(id)
	case Federated, CanonicalUser:
	default:
		return p, invalid("Invalid principal in policy: unknown type %s.", quoted(key))
	}
	if !valid {
		return p, invalid("Invalid principal in policy: %s:%s", quoted(key), quoted(id))
	}
	return p, nil
}

// names reports whether the entry is about this very caller, or everyone.
func (p *Principal) names(c *Caller) bool {
	switch p.Type {
	case Everyone:
		return true
	case AWS:
		return c.ARN != "" && (p.ID == c.ARN || p.ID == c.Role) || p.account != "" && strings.HasSuffix(c.ARN, ":iam::"+p.account+":root")
	case Service:
		return c.Service != "" && p.ID == c.Service
	}
	return false
}

func (p *Principal) hasAccount(c *Caller) bool {
	return p.account != "" && p.account == c.Account
}

// aboutCaller applies Principal or NotPrincipal. An entry for an account means all its
// users and roles, with one exception: in a Deny's NotPrincipal it exempts nobody but the
// account's root user, so that a user has to be named to be exempt (IAM User Guide,
// NotPrincipal with Deny).
func (s *Statement) aboutCaller(r *Request) bool {
	if s.Principals == nil {
		return true
	}
	accounts := s.Effect == EffectDeny && !s.NotPrincipal || s.Effect == EffectAllow && (s.NotPrincipal || !r.Direct)
	for i := range s.Principals {
		p := &s.Principals[i]
		if p.names(&r.Caller) || accounts && p.hasAccount(&r.Caller) {
			return !s.NotPrincipal
		}
	}
	return s.NotPrincipal
}
