// SPDX-License-Identifier: Apache-2.0

package track

import "strings"

// trackable reports whether s is a URL of http or https by the grammar of RFC 3986, with a
// host. Others stay as they are (SES: they are not tracked).
func trackable(s string) bool {
	scheme, rest, ok := strings.Cut(s, "://")
	if !ok || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return false
	}
	rest, fragment, _ := strings.Cut(rest, "#")
	rest, query, _ := strings.Cut(rest, "?")
	authority, path := rest, ""
	if i := strings.IndexByte(rest, '/'); i >= 0 {
		authority, path = rest[:i], rest[i:]
	}
	return validAuthority(authority) && made(path, ":@/") && made(query, ":@/?") && made(fragment, ":@/?")
}

// validAuthority checks user, host and port (RFC 3986 §3.2).
func validAuthority(s string) bool {
	if user, host, ok := strings.Cut(s, "@"); ok {
		if !made(user, ":") {
			return false
		}
		s = host
	}
	host, port := s, ""
	if i := strings.LastIndexByte(s, ':'); i >= 0 && !strings.HasSuffix(s, "]") {
		host, port = s[:i], s[i+1:]
	}
	if strings.Trim(port, "0123456789") != "" {
		return false
	}
	if literal, ok := strings.CutPrefix(host, "["); ok {
		literal, ok = strings.CutSuffix(literal, "]")
		return ok && literal != "" && !strings.Contains(literal, "%") && made(literal, ":")
	}
	return host != "" && made(host, "")
}

// made reports whether s is made of unreserved and percent-encoded characters, sub-delims
// (RFC 3986 §2) and those of also.
func made(s, also string) bool {
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9':
		case c == '%':
			if i+2 >= len(s) || !isHex(s[i+1]) || !isHex(s[i+2]) {
				return false
			}
			i += 2
		case strings.IndexByte("-._~!$&'()*+,;=", c) >= 0 || strings.IndexByte(also, c) >= 0:
		default:
			return false
		}
	}
	return true
}

func isHex(c byte) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F'
}
