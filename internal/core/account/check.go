// SPDX-License-Identifier: Apache-2.0

package account

import (
	"database/sql"
	"encoding/json"
	"errors"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"sesame/internal/base/fault"
	"sesame/internal/proto/policy"
)

// Members that have an error code of their own in IAM and STS.
const (
	FieldPolicy = "PolicyDocument" // MalformedPolicyDocument
	FieldInput  = "Input"          // InvalidInput
	FieldPacked = "PackedPolicy"   // PackedPolicyTooLarge
)

// IAM's limits (IAM and STS quotas). Sizes of policies are in characters that are no
// white space.
const (
	MaxUsers       = 5000
	MaxRoles       = 1000
	MaxPolicies    = 1500
	MaxKeys        = 2 // per user
	MaxVersions    = 5
	MaxAttached    = 10 // managed policies per user or role
	MaxTags        = 50
	MaxPolicySize  = 6144
	MaxTrustSize   = 2048
	MaxUserInline  = 2048
	MaxRoleInline  = 10240
	maxDescription = 1000
	maxPath        = 512
	maxSMTPPerUser = 10
	minMaxSession  = time.Hour
	maxMaxSession  = 12 * time.Hour
)

var (
	nameForm = regexp.MustCompile(`^[A-Za-z0-9_+=,.@-]+$`)
	pathForm = regexp.MustCompile(`^/([!-\x7f]+/)?$`)
	tagForm  = regexp.MustCompile(`^[\p{L}\p{Z}\p{N}_.:/=+\-@]*$`)
)

// checkName refuses what is no name of at most most characters; member is what IAM
// calls it.
func checkName(member, name string, most int) error {
	if name == "" || len(name) > most {
		return fault.InField(fault.Invalid, member, "The specified value for %s is invalid. It must have 1 to %d characters.", member, most)
	}
	if !nameForm.MatchString(name) {
		return fault.InField(fault.Invalid, member,
			"The specified value for %s is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-", member)
	}
	return nil
}

func checkPath(path string) error {
	if len(path) > maxPath || !pathForm.MatchString(path) {
		return fault.InField(fault.Invalid, "path",
			"The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.")
	}
	return nil
}

func checkDescription(text string) error {
	if utf8.RuneCountInString(text) > maxDescription {
		return fault.InField(fault.Invalid, "description", "The specified value for description is invalid. It must have at most %d characters.", maxDescription)
	}
	return nil
}

// checkTags refuses tags that can't be, alone or together.
func checkTags(tags []Tag) error {
	if len(tags) > MaxTags {
		return fault.New(fault.LimitExceeded, "The number of tags has reached the maximum limit.")
	}
	seen := map[string]bool{}
	for _, t := range tags {
		key := strings.ToLower(t.Key)
		switch {
		case seen[key]:
			return fault.InField(fault.Invalid, FieldInput, "Duplicate tag keys found. Please note that Tag keys are case insensitive.")
		case t.Key == "" || utf8.RuneCountInString(t.Key) > 128 || !tagForm.MatchString(t.Key):
			return fault.InField(fault.Invalid, "tags", "A tag key has 1 to 128 letters, digits, spaces or _.:/=+-@.")
		case utf8.RuneCountInString(t.Value) > 256 || !tagForm.MatchString(t.Value):
			return fault.InField(fault.Invalid, "tags", "A tag value has up to 256 letters, digits, spaces or _.:/=+-@.")
		case strings.HasPrefix(key, "aws:"):
			return fault.InField(fault.Invalid, FieldInput, "Tag keys that begin with aws: are reserved.")
		}
		seen[key] = true
	}
	return nil
}

// checkDocument refuses what is no policy of a kind, or one of more than most characters
// that are no white space.
func checkDocument(kind policy.Kind, document string, most int, tooLong error) error {
	if len(document) > policy.MaxBytes || size(document) > most {
		return tooLong
	}
	d, err := policy.Parse([]byte(document))
	if err == nil {
		err = d.Validate(kind)
	}
	if err == nil {
		err = d.CheckKeys()
	}
	if err != nil {
		return &fault.Error{Kind: fault.Invalid, Field: FieldPolicy, Text: err.Error()}
	}
	return nil
}

func size(document string) int {
	n := 0
	for _, r := range document {
		if !unicode.IsSpace(r) {
			n++
		}
	}
	return n
}

func overQuota(quota string, most int) error {
	return fault.New(fault.LimitExceeded, "Cannot exceed quota for %s: %d", quota, most)
}

func isNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

func encodeTags(tags []Tag) string {
	if len(tags) == 0 {
		return "[]"
	}
	b, err := json.Marshal(tags)
	if err != nil {
		panic(err) // strings always marshal
	}
	return string(b)
}

func decodeTags(text string) ([]Tag, error) {
	var tags []Tag
	err := json.Unmarshal([]byte(text), &tags)
	return tags, err
}
