// SPDX-License-Identifier: Apache-2.0

package access

import (
	"cmp"
	"strconv"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/proto/policy"
)

// keys are the condition keys of a request. Those of AWS that need something that this
// server does not have are absent: VPCs (aws:SourceVpc, aws:SourceVpce, aws:VpcSourceIp),
// multi-factor authentication, and calls by AWS services (aws:SourceAccount,
// aws:SourceArn). So are those of tags, which policies may not have (policy.CheckKeys).
type keys struct {
	*Request
	now          time.Time
	organization string
	send         *Send       // nil for calls that send nothing
	own          policy.Keys // of the operation alone

	known []known // the values that were asked for
	room  [4]known
}

// Context is the condition keys that every request has, for whoever decides about one
// himself (STS: AssumeRole); organization is that of the principal's account. It must not
// be used by two evaluations at once.
func (r Request) Context(now time.Time, organization string) policy.Context {
	return &keys{Request: &r, now: now, organization: organization}
}

// known is a key with its values; none if it is absent.
type known struct {
	key    string
	values []string
}

// Values implements policy.Context. Many statements ask for the same few keys.
func (k *keys) Values(key string) ([]string, bool) {
	for i := range k.known {
		if k.known[i].key == key {
			return k.known[i].values, k.known[i].values != nil
		}
	}
	values := k.values(key)
	if k.known == nil {
		k.known = k.room[:0]
	}
	k.known = append(k.known, known{key, values})
	return values, values != nil
}

func (k *keys) values(key string) []string {
	p := &k.Principal
	switch key {
	case "aws:currenttime":
		return one(k.now.UTC().Format(time.RFC3339))
	case "aws:epochtime":
		return one(strconv.FormatInt(k.now.Unix(), 10))
	case "aws:securetransport":
		return one(strconv.FormatBool(k.Secure))
	case "aws:sourceip":
		return one(k.SourceIP)
	case "aws:useragent":
		return one(k.UserAgent)
	case "aws:requestedregion":
		return one(k.Scope.Region)
	case "aws:principalaccount":
		return one(p.Account)
	case "aws:principalarn":
		return one(cmp.Or(p.RoleARN(), p.ARN()))
	case "aws:principaltype":
		if p.Role != "" {
			return one("AssumedRole")
		}
		return one("User")
	case "aws:principalorgid":
		return one(k.organization)
	case "aws:principalisawsservice", "aws:viaawsservice":
		return one("false")
	case "aws:username":
		return one(p.User)
	case "aws:userid":
		return one(p.ID)
	case "aws:tokenissuetime":
		if p.Temporary {
			return one(p.IssuedAt.UTC().Format(time.RFC3339))
		}
		return nil
	case "ses:apiversion":
		return one(k.APIVersion)
	}
	if k.send != nil {
		return k.send.values(key)
	}
	return k.own[key]
}

// values are the keys that only mail has (SES: controlling access, condition keys). A
// message with several From addresses has several values of what is said of one.
func (s *Send) values(key string) []string {
	var values []string
	switch key {
	case "ses:fromaddress":
		for _, m := range s.From {
			values = spellings(values, m.Address)
		}
	case "ses:recipients":
		for _, a := range s.Recipients {
			values = spellings(values, a)
		}
	case "ses:feedbackaddress":
		if !s.ReturnPath.IsZero() {
			values = spellings(nil, s.ReturnPath)
		}
	case "ses:fromdisplayname":
		named := false
		for _, m := range s.From {
			values = append(values, m.Name)
			named = named || m.Name != ""
		}
		if !named {
			return nil
		}
	}
	return values
}

// spellings adds an address as it was written, since SES tells capitals apart, and, if
// that is not the same, with its domain in lower case, and without quotes that it does not
// need: what is denied must not be let through for its spelling.
func spellings(values []string, a address.Address) []string {
	values = append(values, a.Written())
	if f := a.Folded(); a != f {
		values = append(values, a.String(), f.String())
	}
	return values
}

// one is a key with one value; it is absent where the value is empty.
func one(value string) []string {
	if value == "" {
		return nil
	}
	return []string{value}
}
