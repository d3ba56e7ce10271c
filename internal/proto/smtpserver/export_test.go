// SPDX-License-Identifier: Apache-2.0

package smtpserver

import (
	"crypto/tls"
	"net"

	"sesame/internal/base/address"
)

// DecodeData runs the dot decoder over wire, cut into pieces of the lengths in cuts
// (again and again). used is how much of wire it has taken.
func DecodeData(wire, cuts []byte, limit int64) (body []byte, used int, done, dropped bool) {
	d := dotDecoder{limit: limit}
	for i := 0; used < len(wire) && !done; i++ {
		piece := len(wire) - used
		if len(cuts) > 0 {
			piece = min(piece, 1+int(cuts[i%len(cuts)]))
		}
		var n int
		n, done = d.decode(wire[used : used+piece])
		used += n
	}
	return d.body, used, done, d.drop
}

// Origin is origin, as text.
func Origin(a net.Addr) string { return origin(a).String() }

// HasBare is hasBare.
func HasBare(p []byte) bool { return hasBare(p) }

// PlainResponse decodes a response to AUTH PLAIN.
func PlainResponse(s []byte) (user, password string, err error) {
	message, err := decodeResponse(s)
	if err != nil {
		return "", "", err
	}
	return splitPlain(message)
}

// ParsePath reads the argument of MAIL, or of RCPT.
func ParsePath(args []byte, keyword string) (a address.Address, ok bool) {
	p, ok := cutPath(args, keyword)
	if !ok {
		return a, false
	}
	var err error
	if keyword == "FROM:" {
		a, err = p.sender()
	} else {
		a, err = p.recipient()
	}
	return a, err == nil
}

// ServeConn runs one connection to its end, as if it were under TLS if secure.
func (s *Server) ServeConn(nc net.Conn, secure bool) {
	c := s.newConn(nc)
	if secure {
		c.tls = &tls.ConnectionState{}
	}
	s.mu.Lock()
	s.conns[c] = origin(nc.RemoteAddr())
	s.perIP[s.conns[c]]++
	s.mu.Unlock()
	c.useBuffers()
	c.serve()
}
