// SPDX-License-Identifier: Apache-2.0

package message_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	"sesame/internal/proto/message"
)

func TestSplit(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, raw string
		fields    []string // name|value
		body      string
	}{
		{"header and body", "From: a@b\r\nTo: c@d\r\n\r\nhi\r\n", []string{"From|a@b", "To|c@d"}, "hi\r\n"},
		{"bare LF as line end", "From: a@b\nTo: c@d\n\nhi\n", []string{"From|a@b", "To|c@d"}, "hi\n"},
		{"folded values are unfolded", "Subject: one\r\n two\r\n\tthree\r\n\r\n", []string{"Subject|one two\tthree"}, ""},
		{"no body and no empty line", "From: a@b\r\n", []string{"From|a@b"}, ""},
		{"no line end at all", "From: a@b", []string{"From|a@b"}, ""},
		{"a message that begins with an empty line has no header section", "\r\nhi\r\n", nil, "hi\r\n"},
		{"text without a header section is body", "Hello there,\r\n\r\nbye\r\n", nil, "Hello there,\r\n\r\nbye\r\n"},
		{"a line that is no field ends the header section", "From: a@b\r\nnonsense here\r\nTo: c@d\r\n", []string{"From|a@b"}, "nonsense here\r\nTo: c@d\r\n"},
		{"white space alone can't begin a header section", " folded\r\nFrom: a@b\r\n", nil, " folded\r\nFrom: a@b\r\n"},
		{"a line of white space continues a field", "From: a@b\r\n \r\nTo: c@d\r\n\r\nx", []string{"From|a@b", "To|c@d"}, "x"},
		{"the mbox line is left out", "From a@b Mon Jan  1 00:00:00 2024\nTo: c@d\n\nhi", []string{"To|c@d"}, "hi"},
		{"white space before the colon is obsolete syntax", "From : a@b\r\nTo\t: c@d\r\n\r\n", []string{"From|a@b", "To|c@d"}, ""},
		{"an empty value", "Subject:\r\nTo: c@d\r\n\r\n", []string{"Subject|", "To|c@d"}, ""},
		{"a value with colons", "X-Url: http://a:1/\r\n\r\n", []string{"X-Url|http://a:1/"}, ""},
		{"a colon alone is no field", ": x\r\n\r\n", nil, ": x\r\n\r\n"},
		{"an empty message", "", nil, ""},
		{"8-bit values", "Subject: f\xc3\xbcr\r\n\r\n", []string{"Subject|für"}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			h, body, err := message.Split([]byte(c.raw))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, f := range h {
				got = append(got, f.Name()+"|"+f.Value())
			}
			if strings.Join(got, "\n") != strings.Join(c.fields, "\n") {
				t.Errorf("fields %q, want %q", got, c.fields)
			}
			if string(body) != c.body {
				t.Errorf("body %q, want %q", body, c.body)
			}
		})
	}
}

func TestFieldKeepsItsOctets(t *testing.T) {
	t.Parallel()
	raw := "SubJect:  one\r\n\t two \r\nTo: c@d\r\n\r\n"
	h, _, err := message.Split([]byte(raw))
	if err != nil {
		t.Fatal(err)
	}
	f, ok := h.First("subject")
	if !ok || string(f.Raw()) != "SubJect:  one\r\n\t two \r\n" || f.Name() != "SubJect" {
		t.Errorf("field %q named %q", f.Raw(), f.Name())
	}
	if got := string(f.RawValue()); got != "  one\r\n\t two \r\n" {
		t.Errorf("raw value %q", got)
	}
	if got := f.LongestLine(); got != len("SubJect:  one") {
		t.Errorf("longest line %d", got)
	}
	if !f.Is("SUBJECT") || f.Is("Subjects") || h.Get("TO") != "c@d" || h.Has("Cc") {
		t.Error("lookup by name is wrong")
	}
}

func TestValuesGivesEveryOccurrence(t *testing.T) {
	t.Parallel()
	h, _, _ := message.Split([]byte("To: a@b\nX: 1\nto: c@d\n\n"))
	if got := h.Values("To"); len(got) != 2 || got[0] != "a@b" || got[1] != "c@d" {
		t.Errorf("values %q", got)
	}
}

func TestSplitIsBounded(t *testing.T) {
	t.Parallel()
	if _, _, err := message.Split([]byte("X: " + strings.Repeat("a", message.MaxHeaderBytes))); !errors.Is(err, message.ErrHeaderTooLarge) {
		t.Errorf("one long field: %v", err)
	}
	if _, _, err := message.Split([]byte(strings.Repeat("X: a\r\n", message.MaxFields+1))); !errors.Is(err, message.ErrTooManyFields) {
		t.Errorf("many fields: %v", err)
	}
	if _, _, err := message.Split([]byte(strings.Repeat("X: a\r\n", message.MaxFields) + "\r\n")); err != nil {
		t.Errorf("as many fields as allowed: %v", err)
	}
}

func TestNormalizeCRLF(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want string }{
		{"clean", "a\r\nb\r\n", "a\r\nb\r\n"},
		{"empty", "", ""},
		{"no line end", "a", "a"},
		{"bare LF", "a\nb\n", "a\r\nb\r\n"},
		{"bare CR", "a\rb\r", "a\r\nb\r\n"},
		{"mixed", "a\n\r\n\r\rb", "a\r\n\r\n\r\n\r\nb"},
		{"LF before CR", "\n\r", "\r\n\r\n"},
		{"CR before CRLF", "a\r\r\nb", "a\r\n\r\nb"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			in := []byte(c.in)
			got := message.NormalizeCRLF(in)
			if string(got) != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
			if !message.IsCRLF(got) || message.IsCRLF(in) != (c.in == c.want) {
				t.Error("IsCRLF disagrees")
			}
			if c.in == c.want && len(in) > 0 && &got[0] != &in[0] {
				t.Error("clean input was copied")
			}
		})
	}
}

func TestOctetsAndLines(t *testing.T) {
	t.Parallel()
	for n := range 20 {
		b := bytes.Repeat([]byte("a"), n)
		if message.Is8Bit(b) {
			t.Errorf("%d ASCII octets called 8-bit", n)
		}
		for i := range b {
			b[i] = 0x80
			if !message.Is8Bit(b) {
				t.Errorf("octet %d of %d not seen", i, n)
			}
			b[i] = 'a'
		}
	}
	if got := message.LongestLine([]byte("a\r\nbbb\r\ncc")); got != 3 {
		t.Errorf("longest line %d", got)
	}
}

func FuzzSplit(f *testing.F) {
	f.Add([]byte("From: a@b\r\nTo: c@d,\r\n e@f\r\n\r\nhi\r\n"))
	f.Add([]byte("From x\n\nbody"))
	f.Add([]byte("a\r\nb"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		h, body, err := message.Split(raw)
		if err != nil {
			return
		}
		var joined []byte
		for _, field := range h {
			if field.Name() == "" {
				t.Fatal("field without a name")
			}
			joined = append(joined, field.Raw()...)
		}
		if !bytes.HasSuffix(raw, body) || !bytes.Contains(raw, joined) {
			t.Fatal("octets changed")
		}
		if n := len(raw) - len(joined) - len(body); n > 2 && !bytes.HasPrefix(raw, []byte("From ")) {
			t.Fatalf("%d octets lost", n)
		}
		norm := message.NormalizeCRLF(raw)
		if !message.IsCRLF(norm) {
			t.Fatal("not normalised")
		}
		if again := message.NormalizeCRLF(norm); !bytes.Equal(again, norm) {
			t.Fatal("normalising twice differs")
		}
	})
}
