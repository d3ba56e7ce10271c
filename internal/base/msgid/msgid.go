// SPDX-License-Identifier: Apache-2.0

// Package msgid makes message ids of SES's form: 16 hex digits (a region code and
// the milliseconds since 1970), a version 4 UUID and six digits, 60 characters in
// all, for example 0100018f3c2a9b10-5b1f8c2e-6f0d-4a5e-9d7a-0c1b2a3d4e5f-000000.
// They are unique, sort by time within a region, and make good index keys.
package msgid

import (
	"encoding/hex"
	"fmt"
	"io"
	"strings"
	"time"
)

// Len is the length of every id.
const Len = 60

// regionCodes are the leading four digits of the ids that SES gives in each region.
var regionCodes = map[string]string{
	"us-east-1": "0100", "us-west-2": "0101", "eu-west-1": "0102", "sa-east-1": "0103",
	"ap-northeast-1": "0106", "eu-central-1": "0107", "ap-southeast-2": "0108",
	"ap-south-1": "0109", "us-gov-west-1": "010a", "eu-west-2": "010b", "ap-northeast-2": "010c",
	"ca-central-1": "010d", "ap-southeast-1": "010e", "us-east-2": "010f", "eu-north-1": "0110",
	"us-west-1": "0111", "eu-west-3": "0112", "ap-northeast-3": "0113", "eu-south-1": "0114",
}

// New returns an id for a message accepted in region at t, with 16 bytes of random.
func New(region string, t time.Time, random io.Reader) (string, error) {
	var u [16]byte
	if _, err := io.ReadFull(random, u[:]); err != nil {
		return "", fmt.Errorf("msgid: random source: %w", err)
	}
	u[6] = u[6]&0x0f | 0x40 // RFC 9562 §5.4: version 4
	u[8] = u[8]&0x3f | 0x80 // RFC 9562 §4.1: variant
	b := appendTime(make([]byte, 0, Len), region, t)
	b = append(b, '-')
	b = hex.AppendEncode(b, u[0:4])
	b = append(b, '-')
	b = hex.AppendEncode(b, u[4:6])
	b = append(b, '-')
	b = hex.AppendEncode(b, u[6:8])
	b = append(b, '-')
	b = hex.AppendEncode(b, u[8:10])
	b = append(b, '-')
	b = hex.AppendEncode(b, u[10:16])
	b = append(b, "-000000"...)
	return string(b), nil
}

// Floor returns a string that sorts before the ids of messages accepted in region at t
// or later, and after all earlier ones: a bound for ranges over ids.
func Floor(region string, t time.Time) string { return string(appendTime(nil, region, t)) }

func appendTime(b []byte, region string, t time.Time) []byte {
	code, ok := regionCodes[region]
	if !ok {
		code = "01ff"
	}
	v := uint64(t.UnixMilli())
	b = append(b, code...)
	return hex.AppendEncode(b, []byte{byte(v >> 40), byte(v >> 32), byte(v >> 24), byte(v >> 16), byte(v >> 8), byte(v)})
}

// Valid reports whether s has the form of an id.
func Valid(s string) bool {
	if len(s) != Len {
		return false
	}
	for i := range len(s) {
		switch c := s[i]; i {
		case 16, 25, 30, 35, 40, 53:
			if c != '-' {
				return false
			}
		default:
			if !strings.ContainsRune("0123456789abcdef", rune(c)) {
				return false
			}
		}
	}
	return true
}

// MailDomain is the domain of the Message-ID header of mail from region:
// email.amazonses.com in us-east-1, REGION.amazonses.com elsewhere. Clients build
// the header from the id by the same rule.
func MailDomain(region string) string {
	if region == "us-east-1" {
		return "email.amazonses.com"
	}
	return region + ".amazonses.com"
}
