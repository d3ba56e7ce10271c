// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/text/encoding/htmlindex"

	"sesame/internal/testkit/need"
)

// structure is what a program reads in a message: white space in texts counts as one space.
type structure struct {
	From, To []string
	Subject  string
	Parts    []string // depth, type, and for those without parts the hash of their octets
}

// pythonReads reads messages in Base64, one a line, and writes a structure for each.
const pythonReads = `
import base64, email, email.policy, hashlib, json, sys

def parts(part, depth):
    line = "%d %s" % (depth, part.get_content_type())
    if part.is_multipart():
        yield line
        for child in part.iter_parts() if part.get_content_maintype() == "multipart" else part.get_payload():
            yield from parts(child, depth + 1)
    else:
        yield line + " " + hashlib.sha256(part.get_payload(decode=True)).hexdigest()

def addresses(message, name):
    return [" ".join((a.display_name + " <" + a.addr_spec + ">").split()) for field in message.get_all(name, []) for a in field.addresses]

for line in sys.stdin.buffer:
    m = email.message_from_bytes(base64.b64decode(line), policy=email.policy.default)
    print(json.dumps({"From": addresses(m, "From"), "To": addresses(m, "To"),
        "Subject": " ".join(str(m["Subject"] or "").split()), "Parts": list(parts(m, 0))}))
`

// TestPythonAndGoReadTheSame has two parsers, which nobody here wrote, read every message
// of the files that leaves: the same tree of types, the same octets in each part, the same
// names, addresses and subject.
func TestPythonAndGoReadTheSame(t *testing.T) {
	t.Parallel()
	python := need.Program(t, need.Python)
	var names []string
	var all [][]byte
	var in bytes.Buffer
	for _, file := range files(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		s := parse(string(text))
		if _, differ := s.get(parsersSection); differ {
			continue
		}
		for _, x := range s.sections {
			if !expected(x.name) || x.name == answersSection {
				continue
			}
			for _, m := range messages(x.text) {
				names, all = append(names, filepath.Base(file)+", "+x.name), append(all, m)
				in.WriteString(base64.StdEncoding.EncodeToString(m) + "\n")
			}
		}
	}
	cmd := exec.CommandContext(t.Context(), python, "-c", pythonReads)
	cmd.Stdin = &in
	var problems bytes.Buffer
	cmd.Stderr = &problems
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("python: %v\n%s", err, problems.Bytes())
	}
	lines := bytes.Split(bytes.TrimSpace(out), []byte("\n"))
	if len(lines) != len(all) || len(all) == 0 {
		t.Fatalf("python read %d messages of %d", len(lines), len(all))
	}
	for i, line := range lines {
		var want structure
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		got, err := goReads(all[i])
		if err != nil {
			t.Errorf("%s: Go: %v", names[i], err)
			continue
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\nGo     %+v\nPython %+v", names[i], got, want)
		}
	}
}

var words = mime.WordDecoder{CharsetReader: func(charset string, in io.Reader) (io.Reader, error) {
	e, err := htmlindex.Get(charset)
	if err != nil {
		return nil, err
	}
	return e.NewDecoder().Reader(in), nil
}}

// goReads reads a message with the standard library.
func goReads(b []byte) (s structure, err error) {
	m, err := mail.ReadMessage(bytes.NewReader(b))
	if err != nil {
		return s, err
	}
	if s.From, err = goAddresses(m.Header["From"]); err != nil {
		return s, err
	}
	if s.To, err = goAddresses(m.Header["To"]); err != nil {
		return s, err
	}
	subject, err := words.DecodeHeader(m.Header.Get("Subject"))
	if err != nil {
		return s, err
	}
	s.Subject = strings.Join(strings.Fields(subject), " ")
	err = s.goParts(textproto.MIMEHeader(m.Header), m.Body, 0)
	return s, err
}

func goAddresses(fields []string) (all []string, err error) {
	parser := mail.AddressParser{WordDecoder: &words}
	all = []string{}
	for _, f := range fields {
		list, err := parser.ParseList(f)
		if err != nil {
			return nil, fmt.Errorf("%w in %q", err, f)
		}
		for _, a := range list {
			addr := strings.TrimSuffix(strings.TrimPrefix((&mail.Address{Address: a.Address}).String(), "<"), ">")
			all = append(all, strings.Join(strings.Fields(a.Name+" <"+addr+">"), " "))
		}
	}
	return all, nil
}

// goParts appends a part and those in it.
func (s *structure) goParts(h textproto.MIMEHeader, body io.Reader, depth int) error {
	kind, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		kind = "text/plain" // RFC 2045 §5.2
	}
	line := fmt.Sprintf("%d %s", depth, kind)
	if strings.HasPrefix(kind, "multipart/") {
		s.Parts = append(s.Parts, line)
		for r := multipart.NewReader(body, params["boundary"]); ; {
			p, err := r.NextRawPart()
			if errors.Is(err, io.EOF) {
				return nil
			}
			if err != nil {
				return err
			}
			if err := s.goParts(p.Header, p, depth+1); err != nil {
				return err
			}
		}
	}
	switch strings.ToLower(h.Get("Content-Transfer-Encoding")) {
	case "base64":
		body = base64.NewDecoder(base64.StdEncoding, body)
	case "quoted-printable":
		body = quotedprintable.NewReader(body)
	}
	content, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	s.Parts = append(s.Parts, line+" "+hex.EncodeToString(sum[:]))
	return nil
}

// TestTheParsersSeeADifference has the comparison fail where it should.
func TestTheParsersSeeADifference(t *testing.T) {
	t.Parallel()
	const message = "From: A <a@example.com>\r\nTo: b@example.net\r\nSubject: =?utf-8?q?=C3=BC?=\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
	one, err := goReads([]byte(message))
	if err != nil {
		t.Fatal(err)
	}
	if one.Subject != "\u00fc" || !slices.Equal(one.From, []string{"A <a@example.com>"}) || len(one.Parts) != 2 {
		t.Errorf("read as %+v", one)
	}
	for _, other := range []string{"Subject: y", "Content-Type: multipart/mixed; boundary=c"} {
		name, _, _ := strings.Cut(other, ":")
		var lines []string
		for line := range strings.SplitSeq(message, "\r\n") {
			if strings.HasPrefix(line, name) {
				line = other
			}
			lines = append(lines, line)
		}
		two, err := goReads([]byte(strings.Join(lines, "\r\n")))
		if err == nil && fmt.Sprint(one) == fmt.Sprint(two) {
			t.Errorf("with %q nothing else is read", other)
		}
	}
}
