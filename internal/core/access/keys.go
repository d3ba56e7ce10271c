// SPDX-License-Identifier: Apache-2.0

package access

import (
	"strconv"
	"time"
)

// keys are the condition keys of a request. Those of AWS that need something that this
// server does not have are absent: VPCs (aws:SourceVpc, aws:SourceVpce, aws:VpcSourceIp),
// multi-factor authentication, and calls by AWS services (aws:SourceAccount,
// aws:SourceArn).
type keys struct {
	*Request
	now          time.Time
	organization string
	send         *Send // nil for calls that send nothing
}

// Values implements policy.Context.
func (k *keys) Values(key string) ([]string, bool) {
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
		if c := caller(*p); c.Role != "" {
			return one(c.Role)
		}
		return one(p.ARN())
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
	case "ses:apiversion":
		return one(k.APIVersion)
	}
	if k.send != nil {
		return k.send.values(key)
	}
	return nil, false
}

// values are the keys that only mail has (SES: controlling access, condition keys). A
// message with several From addresses has several values of what is said of one.
func (s *Send) values(key string) ([]string, bool) {
	var values []string
	switch key {
	case "ses:fromaddress":
		for _, m := range s.From {
			values = append(values, m.Address.String())
		}
	case "ses:recipients":
		values = make([]string, len(s.Recipients))
		for i, a := range s.Recipients {
			values[i] = a.String()
		}
	case "ses:feedbackaddress":
		if !s.ReturnPath.IsZero() {
			values = []string{s.ReturnPath.String()}
		}
	case "ses:fromdisplayname":
		named := false
		for _, m := range s.From {
			values = append(values, m.Name)
			named = named || m.Name != ""
		}
		return values, named
	}
	return values, len(values) > 0
}

// one is a key with one value; it is absent where the value is empty.
func one(value string) ([]string, bool) { return []string{value}, value != "" }
