// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"strings"
	"testing"

	"sesame/internal/proto/message"
)

func TestParseMedia(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, kind, param, want string }{
		{"type alone", "text/plain", "text/plain", "charset", ""},
		{"a token", "text/plain; charset=utf-8", "text/plain", "charset", "utf-8"},
		{"a quoted string", `text/plain; charset="utf-8"; x=y`, "text/plain", "charset", "utf-8"},
		{"letter case of type and parameter", `Multipart/Mixed; Boundary="NextPart"`, "multipart/mixed", "boundary", "NextPart"},
		{"a trailing semicolon", "text/plain;", "text/plain", "charset", ""},
		{"no space and a trailing semicolon", `attachment;filename="customers.txt"; creation-date="Sat, 05 Aug 2017 19:35:36 GMT";`, "attachment", "filename", "customers.txt"},
		{"an unquoted value with a space", "attachment; filename=test hello.txt", "attachment", "filename", "test hello.txt"},
		{"a semicolon in quotes", `attachment; filename="a;b.txt"`, "attachment", "filename", "a;b.txt"},
		{"a quoted pair", `attachment; filename="a\"b.txt"`, "attachment", "filename", `a"b.txt`},
		{"a quote without an end", `attachment; filename="a.txt`, "attachment", "filename", "a.txt"},
		{"a comment", "text/plain; charset=us-ascii (Plain)", "text/plain", "charset", "us-ascii"},
		{"an encoded word", `attachment; filename="=?utf-8?q?=C3=BC.exe?="`, "attachment", "filename", "ü.exe"},
		{"an extended value", "attachment; filename*=UTF-8''%C3%BC.txt", "attachment", "filename", "ü.txt"},
		{"an extended value in Latin 1", "attachment; filename*=iso-8859-1'de'%FC.txt", "attachment", "filename", "ü.txt"},
		{"continuations", `attachment; filename*0="long "; filename*1="name.txt"`, "attachment", "filename", "long name.txt"},
		{"encoded continuations", `attachment; filename*0*=utf-8''%C3%BC; filename*1*=%C3%A4; filename*2=".txt"`, "attachment", "filename", "üä.txt"},
		{"a wrong percent sign", "attachment; filename*=utf-8''100%.txt", "attachment", "filename", "100%.txt"},
		{"stray semicolons", ";;; charset=x ;;", "", "charset", "x"},
		{"a parameter without a value", "text/plain; charset; x=y", "text/plain", "x", "y"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m := message.ParseMedia(c.in)
			if m.Type != c.kind || m.Param(c.param) != c.want {
				t.Errorf("type %q, %s=%q; want %q, %q", m.Type, c.param, m.Param(c.param), c.kind, c.want)
			}
		})
	}
}

func TestAllGivesEveryFormOfAParameter(t *testing.T) {
	t.Parallel()
	m := message.ParseMedia(`attachment; filename="a.txt"; filename*=utf-8''b.exe; filename=c.txt`)
	if got := strings.Join(m.All("filename"), " "); got != "b.exe a.txt c.txt" {
		t.Errorf("got %q", got)
	}
}

func FuzzParseMedia(f *testing.F) {
	f.Add(`a/b; c="d\"e"; f*0*=utf-8''%41; f*1=b`)
	f.Add(`;="`)
	f.Fuzz(func(t *testing.T, s string) {
		m := message.ParseMedia(s)
		_ = m.All("filename")
		_ = m.Param("c")
		_ = message.DecodeText(s)
	})
}
