// SPDX-License-Identifier: Apache-2.0

// Package page makes and reads the NextToken of lists. A token says after which name
// the next page begins. As with SES, both versions of the API take each other's tokens
// for the same kind of resource, and none of another list or region.
package page

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/aws"

	"sesame/internal/base/fault"
)

// List is what a token belongs to.
type List struct {
	Kind   string // of the resources, such as "identity"
	Region string
}

const separator = "\x00" // in no kind, region or name

// Token is the NextToken of a page that ends with the resource last.
func (l List) Token(last string) *string {
	return aws.String(base64.RawURLEncoding.EncodeToString([]byte(l.prefix() + last)))
}

func (l List) prefix() string { return l.Kind + separator + l.Region + separator }

// After is the name that the page after a token begins behind. Without a token, or with
// an empty one, it is "". The fault for what is no token of the list is in SES's words.
func (l List) After(token *string) (string, error) {
	s := aws.ToString(token)
	if s == "" {
		return "", nil
	}
	b, err := base64.RawURLEncoding.DecodeString(s)
	last, ok := strings.CutPrefix(string(b), l.prefix())
	if err != nil || !ok || !utf8.ValidString(last) || strings.Contains(last, separator) { // not every database takes the latter
		return "", fault.InField(fault.Invalid, "NextToken", "Invalid NextToken <%s>.", fault.Printable(s))
	}
	return last, nil
}

// Size is how many resources a page shall have: def if the client does not say, else
// what it says, from 1 to most. parameter is its name, for the fault, which is in SES's
// words.
func Size(parameter string, asked *int32, def, most int) (int, error) {
	if asked == nil {
		return def, nil
	}
	if n := int(*asked); n >= 1 && n <= most {
		return n, nil
	}
	return 0, fault.InField(fault.Invalid, parameter,
		"Value %d for parameter %s is invalid. %[2]s must be between 1 and %d.", *asked, parameter, most)
}
