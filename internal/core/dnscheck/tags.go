// SPDX-License-Identifier: Apache-2.0

package dnscheck

import "strings"

// tag is one name=value of a tag list.
type tag struct{ name, value string }

// tagList is the form that DKIM's, DMARC's and BIMI's records share (RFC 6376 §3.2).
type tagList []tag

// maxTags bounds what is read of a list; the records in use have a dozen.
const maxTags = 64

// parseTags reads a list. A part without "=" has ok false; the others are read anyway.
func parseTags(s string) (list tagList, ok bool) {
	ok = true
	for part := range strings.SplitSeq(s, ";") {
		part = strings.Trim(part, whitespace)
		if part == "" {
			continue
		}
		name, value, found := strings.Cut(part, "=")
		if !found || len(list) == maxTags {
			ok = false
			continue
		}
		list = append(list, tag{strings.Trim(name, whitespace), strings.Trim(value, whitespace)})
	}
	return list, ok
}

const whitespace = " \t\r\n"

// get returns the first value of a tag.
func (l tagList) get(name string) (value string, ok bool) {
	for _, t := range l {
		if t.name == name {
			return t.value, true
		}
	}
	return "", false
}

// has reports whether s is a tag list that begins with v=version, as all but DKIM's must.
func has(s, version string) bool {
	list, _ := parseTags(s)
	return len(list) > 0 && list[0].name == "v" && list[0].value == version
}

// publicKey is the p= of a DKIM key record without the white space that RFC 6376 §3.2
// lets stand in it. ok is false if s is no key record.
func publicKey(s string) (key string, ok bool) {
	list, _ := parseTags(s)
	if v, has := list.get("v"); has && v != "DKIM1" {
		return "", false
	}
	p, ok := list.get("p")
	return squeeze(p), ok
}

// squeeze takes out all white space.
func squeeze(s string) string {
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(whitespace, r) {
			return -1
		}
		return r
	}, s)
}
