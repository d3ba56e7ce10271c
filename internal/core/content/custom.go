// SPDX-License-Identifier: Apache-2.0

package content

import (
	"sesame/internal/base/fault"
	"sesame/internal/proto/message"
)

// Bounds of the custom headers of SendEmail and SendBulkEmail (SES: MessageHeader).
const (
	MaxCustomHeaders = 15
	MaxHeaderName    = 126
	MaxHeaderValue   = 995
	MaxHeaderSum     = 996 // name and value together
)

// CheckHeaders refuses custom headers that SES refuses: too many or too long ones,
// characters other than printable ASCII, fields that SES sets itself and fields that
// occur twice though they must not. The fault names field and the header.
func CheckHeaders(field string, headers []message.NameValue) error {
	refuse := func(format string, args ...any) error {
		return fault.InField(fault.Invalid, field, format, args...)
	}
	if len(headers) > MaxCustomHeaders {
		return refuse("A message can have at most %d custom headers.", MaxCustomHeaders)
	}
	seen := make(map[int]bool, len(headers))
	for _, h := range headers {
		set := rulesOf([]byte(h.Name))
		switch {
		case h.Name == "":
			return refuse("Empty header names are illegal.")
		case len(h.Name) > MaxHeaderName || len(h.Value) > MaxHeaderValue || len(h.Name)+len(h.Value) > MaxHeaderSum:
			return refuse("Header too long: '%s'.", fault.Printable(h.Name))
		case !headerName(h.Name):
			return refuse("Illegal character in header name '%s'.", fault.Printable(h.Name))
		case !headerValue(h.Value):
			return refuse("Illegal character in header '%s'.", fault.Printable(h.Name))
		case set.rules&Reserved != 0:
			return refuse("Header '%s' cannot be set as a custom header.", set.name)
		case set.rules&Unique != 0 && seen[set.index]:
			return refuse("Duplicate header '%s'.", set.name)
		}
		seen[set.index] = true
	}
	return nil
}

func headerName(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] >= 0x7f || s[i] == ':' {
			return false
		}
	}
	return true
}

func headerValue(s string) bool {
	for i := range len(s) {
		if s[i] < ' ' || s[i] >= 0x7f {
			return false
		}
	}
	return true
}
