// SPDX-License-Identifier: Apache-2.0

package content_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"sesame/internal/core/content"
)

const eicar = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

func TestTheTestVirusIsFoundWhereverItIs(t *testing.T) {
	t.Parallel()
	attached := func(encoding, body string) string {
		return "From: a@example.com\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n\r\nhello\r\n--b\r\n" +
			"Content-Disposition: attachment; filename=sample.txt\r\nContent-Transfer-Encoding: " + encoding + "\r\n\r\n" + body + "\r\n--b--\r\n"
	}
	for _, c := range []struct {
		what, raw string
		want      bool
	}{
		{"a message without it", "From: a@example.com\r\n\r\nhello\r\n", false},
		{"the body", "From: a@example.com\r\n\r\n" + eicar + "\r\n", true},
		{"the middle of a body", "From: a@example.com\r\n\r\nsee: " + eicar + " there\r\n", true},
		{"an attachment as it is", attached("7bit", eicar), true},
		{"an attachment in base64", attached("base64", base64.StdEncoding.EncodeToString([]byte(eicar))), true},
		{"an attachment in quoted-printable", attached("quoted-printable", strings.ReplaceAll(eicar, "!", "=21")), true},
		{"a body in base64", "From: a@example.com\r\nContent-Transfer-Encoding: BASE64\r\n\r\n" + base64.StdEncoding.EncodeToString([]byte(eicar)), true},
		{"a message inside the message", attached("7bit", "Content-Type: text/plain\r\n\r\n"+eicar), true},
		{"a part of it is none", attached("7bit", eicar[:60]), false},
		{"an encoding that nobody knows", attached("x-own", base64.StdEncoding.EncodeToString([]byte(eicar))), false},
		{"a header field is no content", "From: a@example.com\r\nSubject: " + eicar + "\r\n\r\nhello\r\n", false},
	} {
		m, err := content.Inspect([]byte(c.raw), content.Limits{})
		if err != nil {
			t.Errorf("%s: %v", c.what, err)
		} else if m.TestVirus != c.want {
			t.Errorf("%s: %v, want %v", c.what, m.TestVirus, c.want)
		}
	}
}
