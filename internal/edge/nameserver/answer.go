// SPDX-License-Identifier: Apache-2.0

package nameserver

import (
	"context"
	"net/netip"
	"strings"

	mdns "github.com/miekg/dns"

	"sesame/internal/core/zone"
)

// ednsSize is the largest answer over UDP: it is not fragmented on any path (RFC 6891
// §6.2.5, DNS Flag Day 2020).
const ednsSize = 1232

// maxAliases bounds the CNAMEs that one answer follows through our zones.
const maxAliases = 10

// respond makes the response to a message with one question, or one zone to update.
func (s *Server) respond(ctx context.Context, m *mdns.Msg, from netip.Addr) *mdns.Msg {
	resp := new(mdns.Msg).SetReply(m)
	resp.RecursionAvailable = s.o.Resolver
	if o := m.IsEdns0(); o != nil {
		resp.SetEdns0(ednsSize, false)
		if o.Version() != 0 {
			resp.Rcode = mdns.RcodeBadVers // RFC 6891 §6.1.3
			return resp
		}
	}
	if len(m.Question) != 1 { // a header that promised one, and no more
		resp.Rcode = mdns.RcodeFormatError
		return resp
	}
	if m.Opcode == mdns.OpcodeUpdate {
		resp.Rcode = mdns.RcodeRefused
		if from.IsLoopback() && m.IsTsig() == nil { // there are no keys to check it with
			resp.Rcode = s.o.Updates.Update(ctx, m)
		}
		return resp
	}
	q := m.Question[0]
	switch {
	case q.Qclass != mdns.ClassINET:
		resp.Rcode = mdns.RcodeRefused
	case q.Qtype == mdns.TypeAXFR, q.Qtype == mdns.TypeIXFR:
		resp.Rcode = mdns.RcodeRefused // who may have all keys at once is the operator's to say: see zone export
	case q.Qtype == mdns.TypeOPT, q.Qtype == mdns.TypeTSIG, q.Qtype == mdns.TypeNone:
		resp.Rcode = mdns.RcodeFormatError
	default:
		s.answer(ctx, resp, strings.ToLower(q.Name), q.Qtype)
	}
	return resp
}

// answer fills in what is known of a name (RFC 1034 §4.3.2).
func (s *Server) answer(ctx context.Context, resp *mdns.Msg, name string, qtype uint16) {
	for seen := map[string]bool{}; len(seen) < maxAliases && !seen[name]; {
		seen[name] = true
		node, ok, err := s.at(ctx, name)
		switch {
		case err != nil:
			s.o.Log.Debug("dns: no answer", "name", name, "error", err)
			resp.Rcode, resp.Answer, resp.Authoritative = mdns.RcodeServerFailure, nil, false
			return
		case !ok && len(resp.Answer) == 0:
			resp.Rcode = mdns.RcodeRefused
			return
		case !ok: // an alias that leads out of our zones: the client goes on
			return
		}
		resp.Authoritative = true
		if !node.Exists {
			resp.Rcode = mdns.RcodeNameError
			resp.Ns = []mdns.RR{negative(node)}
			return
		}
		records, alias := pick(node.Records, qtype)
		resp.Answer = append(resp.Answer, records...)
		if alias == "" {
			if len(records) == 0 {
				resp.Ns = []mdns.RR{negative(node)}
			}
			return
		}
		name = alias
	}
}

func (s *Server) at(ctx context.Context, name string) (zone.Node, bool, error) {
	for _, a := range s.o.Zones {
		if node, ok, err := a.At(ctx, name); ok || err != nil {
			return node, ok, err
		}
	}
	return zone.Node{}, false, nil
}

// pick chooses the records of a type; where there is a CNAME instead, that, and the name
// that it leads to.
func pick(all []mdns.RR, qtype uint16) (records []mdns.RR, alias string) {
	if qtype == mdns.TypeANY {
		return minimal(all), ""
	}
	for _, rr := range all {
		switch cname, ok := rr.(*mdns.CNAME); {
		case rr.Header().Rrtype == qtype:
			records = append(records, rr)
		case ok:
			records, alias = append(records, rr), strings.ToLower(cname.Target)
		}
	}
	return records, alias
}

// minimal is the answer to ANY, which nobody needs but who wants much for little (RFC
// 8482 §4.2).
func minimal(all []mdns.RR) []mdns.RR {
	if len(all) == 0 {
		return nil
	}
	return []mdns.RR{&mdns.HINFO{
		Hdr: mdns.RR_Header{Name: all[0].Header().Name, Rrtype: mdns.TypeHINFO, Class: mdns.ClassINET, Ttl: 3600}, Cpu: "RFC8482",
	}}
}

// negative is the SOA that says how long it may be remembered that there is nothing (RFC
// 2308 §3).
func negative(node zone.Node) mdns.RR {
	soa := *node.SOA
	soa.Hdr.Ttl = min(soa.Hdr.Ttl, soa.Minttl)
	return &soa
}

// fit cuts a response to what the asker takes over UDP (RFC 1035 §4.2.1, RFC 6891
// §6.2.3).
func fit(m, resp *mdns.Msg) {
	size := mdns.MinMsgSize
	if o := m.IsEdns0(); o != nil {
		size = min(max(int(o.UDPSize()), mdns.MinMsgSize), ednsSize)
	}
	resp.Truncate(size)
}
