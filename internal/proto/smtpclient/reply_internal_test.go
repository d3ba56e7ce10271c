// SPDX-License-Identifier: Apache-2.0

package smtpclient

import (
	"bufio"
	"errors"
	"io"
	"strings"
	"testing"
)

func TestReadReply(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name, in string
		code     int
		enhanced string
		text     string
		err      error
	}{
		{"one line", "250 2.1.0 Ok\r\n", 250, "2.1.0", "250 2.1.0 Ok", nil},
		{"several lines", "250-a\r\n250-b\r\n250 c\r\n", 250, "", "250-a\n250-b\n250 c", nil},
		{"the enhanced code is the first line's", "550-5.1.1 a\r\n550 5.7.1 b\r\n", 550, "5.1.1", "550-5.1.1 a\n550 5.7.1 b", nil},
		{"the code alone", "354\r\n", 354, "", "354", nil},
		{"the code with a space", "354 \r\n", 354, "", "354 ", nil},
		{"an empty line among others", "250-\r\n250 x\r\n", 250, "", "250-\n250 x", nil},
		{"bare line feeds", "250-a\n250 b\n", 250, "", "250-a\n250 b", nil},
		{"control characters and octets above 127 are replaced", "550 a\x00\x1b\x7f\xc3\xa4\tz\r\n", 550, "", "550 a????? z", nil},
		{"a code of four digits", "2500 x\r\n", 0, "", "", errProtocol},
		{"no code", "hello\r\n", 0, "", "", errProtocol},
		{"an empty line", "\r\n", 0, "", "", errProtocol},
		{"a code below 200", "199 x\r\n", 0, "", "", errProtocol},
		{"a code above 599", "600 x\r\n", 0, "", "", errProtocol},
		{"a sign for a digit", "+50 x\r\n", 0, "", "", errProtocol},
		{"another code within the reply", "250-a\r\n251 b\r\n", 0, "", "", errProtocol},
		{"the longest line", "250 " + strings.Repeat("x", maxReplyLine-6) + "\r\n", 250, "", "250 " + strings.Repeat("x", maxReplyLine-6), nil},
		{"a longer line", "250 " + strings.Repeat("x", maxReplyLine-5) + "\r\n", 0, "", "", errProtocol},
		{"the most lines", strings.Repeat("250-\r\n", maxReplyLines-1) + "250 \r\n", 250, "", strings.Repeat("250-\n", maxReplyLines-1) + "250 ", nil},
		{"more lines", strings.Repeat("250-\r\n", maxReplyLines) + "250 \r\n", 0, "", "", errProtocol},
		{"more octets", strings.Repeat("250-"+strings.Repeat("x", 1000)+"\r\n", 17) + "250 \r\n", 0, "", "", errProtocol},
		{"an end within a line", "250 a", 0, "", "", io.EOF},
		{"an end between lines", "250-a\r\n", 0, "", "", io.EOF},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			rep, err := readReply(bufio.NewReaderSize(strings.NewReader(tc.in), maxReplyLine), nil)
			if !errors.Is(err, tc.err) {
				t.Fatalf("error %v, want %v", err, tc.err)
			}
			if err == nil && (rep.code != tc.code || rep.enhanced.String() != tc.enhanced || string(rep.text) != tc.text) {
				t.Errorf("got %d %q %q", rep.code, rep.enhanced, rep.text)
			}
		})
	}
}

func TestParseEnhanced(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		text string
		code int
		want string
	}{
		{"5.1.1 no", 550, "5.1.1"},
		{"5.1.1", 550, "5.1.1"},
		{"4.999.999 x", 450, "4.999.999"},
		{"2.0.0 ok", 250, "2.0.0"},
		{"5.1.1: no", 550, ""},
		{"5.1.1000 no", 550, ""},
		{"5.1. no", 550, ""},
		{"5..1 no", 550, ""},
		{"5.1", 550, ""},
		{"5.1.1 no", 450, ""},
		{"3.1.1 no", 354, ""},
		{"5x1.1 no", 550, ""},
		{"", 550, ""},
	} {
		if got := parseEnhanced([]byte(tc.text), tc.code).String(); got != tc.want {
			t.Errorf("%d %q: got %q, want %q", tc.code, tc.text, got, tc.want)
		}
	}
}

func TestParseExtensions(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]extensions{
		"250 mx":                 {},
		"250-PIPELINING\n250 ":   {}, // the first line is the peer's name
		"250-mx\n250 PIPELINING": {pipelining: true},
		"250-mx\n250-size 10\n250-StartTLS\n250 8BITMIME":                     {size: true, startTLS: true, eightBit: true},
		"250-mx\n250-AUTH LOGIN\n250 X-AUTH PLAIN":                            {},
		"250-mx\n250-AUTH CRAM-MD5 PLAIN\n250-\n250-    \n250 PIPELININGLESS": {authPlain: true},
	} {
		if got := parseExtensions([]byte(text)); got != want {
			t.Errorf("%q: got %+v, want %+v", text, got, want)
		}
	}
}

func FuzzReadReply(f *testing.F) {
	for _, s := range []string{
		"250 2.1.0 Ok\r\n", "250-a\r\n250 b\r\n", "354\r\n", "550 5.7.26 \xff\x00\r\n", "250-a\r\n550 b\r\n", "220 x\n421 4.3.2 y\n",
		"250 " + strings.Repeat("x", 3000) + "\r\n", strings.Repeat("250-x\r\n", 120), "\r\n", "25", "250", "250 5.1.1\r\n",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		r := bufio.NewReaderSize(strings.NewReader(string(in)), maxReplyLine)
		var buf []byte
		for {
			rep, err := readReply(r, buf)
			buf = rep.text
			if len(rep.text) > maxReplySize+maxReplyLines || rep.lines > maxReplyLines {
				t.Fatalf("%d octets, %d lines", len(rep.text), rep.lines)
			}
			for _, c := range rep.text {
				if c != '\n' && (c < ' ' || c > '~') {
					t.Fatalf("unsafe octet %#x", c)
				}
			}
			if err != nil {
				return
			}
			o := rep.outcome(CommandRcpt)
			if o.Code < 200 || o.Code > 599 || len(o.Lines) != rep.lines || o.Class == Permanent != (o.Code >= 500) || o.Class == Delivered {
				t.Fatalf("outcome %+v of %q", o, rep.text)
			}
			if e := o.Enhanced; e != (Enhanced{}) && int(e[0]) != o.Code/100 {
				t.Fatalf("enhanced code %v of %d", e, o.Code)
			}
		}
	})
}
