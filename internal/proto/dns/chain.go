// SPDX-License-Identifier: Apache-2.0

package dns

import (
	"errors"
	"slices"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// maxAliases bounds the CNAMEs that one question follows; real chains have two or three.
const maxAliases = 10

// ErrAliases is the cause of a lookup that came to no end: CNAMEs lead in a circle, or on
// and on.
var ErrAliases = errors.New("the CNAMEs lead in a circle, or to more than 10 names")

// chain is what has been read of the way from a name, over CNAMEs (RFC 1034 §3.6.2), to
// its records. What an answer says about names that are not on this way is not looked at.
type chain struct {
	names     []string // fully qualified, lower case; the question's first
	records   []mdns.RR
	complete  bool // records are all that there are
	authentic bool
	ttl       time.Duration
	size      int
}

func (c *chain) last() string { return c.names[len(c.names)-1] }

// aliases are the names that CNAMEs led to, as Sesame writes names.
func (c *chain) aliases() []string {
	var names []string
	for _, n := range c.names[1:] {
		names = append(names, hostName(n))
	}
	return names
}

// follow goes on with what m, the answer to a question for qtype at the last name, says.
// The chain is then complete, or longer with its last name still to be asked for.
func (c *chain) follow(m *mdns.Msg, qtype uint16) error {
	c.authentic = c.authentic && m.AuthenticatedData
	c.size += m.Len()
	before := len(c.names)
	for {
		if c.records = c.at(m.Answer, qtype); len(c.records) > 0 {
			c.complete = true
			return nil
		}
		alias := c.at(m.Answer, mdns.TypeCNAME)
		if len(alias) == 0 || qtype == mdns.TypeCNAME {
			break
		}
		target := strings.ToLower(alias[0].(*mdns.CNAME).Target)
		if slices.Contains(c.names, target) || len(c.names) > maxAliases {
			return ErrAliases
		}
		c.names = append(c.names, target)
	}
	c.complete = m.Rcode == mdns.RcodeNameError || len(c.names) == before || deniesRecords(m)
	return nil
}

// at returns the records of the type at the last name, and notes how long they may be
// kept.
func (c *chain) at(answer []mdns.RR, qtype uint16) []mdns.RR {
	var found []mdns.RR
	for _, rr := range answer {
		h := rr.Header()
		if h.Rrtype == qtype && h.Class == mdns.ClassINET && strings.EqualFold(h.Name, c.last()) {
			found = append(found, rr)
			c.ttl = min(c.ttl, time.Duration(h.Ttl)*time.Second)
		}
	}
	return found
}

// deniesRecords reports whether m says that there are no records where its CNAMEs lead:
// it has a SOA (RFC 2308 §2.2).
func deniesRecords(m *mdns.Msg) bool {
	return slices.ContainsFunc(m.Ns, func(rr mdns.RR) bool { return rr.Header().Rrtype == mdns.TypeSOA })
}
