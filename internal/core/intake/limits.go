// SPDX-License-Identifier: Apache-2.0

package intake

// Sizes of a message that SES takes at its doors, after encoding (SES: service
// quotas).
const (
	MaxBytesV1 = 10 << 20
	MaxBytesV2 = 40 << 20 // and SMTP
)

// MaxRecipients is how many recipients one message may have (SES: service quotas).
const MaxRecipients = 50

// MaxEntries is how many destinations one bulk call may have (SES: service quotas).
const MaxEntries = 50

// Limits bound messages and bulk calls. Zero values are SES's.
type Limits struct {
	Recipients int // of a message
	Entries    int // of a bulk call
	Parts      int // MIME parts of a message
	BytesV1    int // of a message at the door of API v1, after encoding
	Bytes      int // the same, at the others

	// BlockedExtensions are those of files that are not sent, with their dots; an empty
	// slice is none, nil are SES's.
	BlockedExtensions []string
}

// orSES is l with SES's bounds where it has none of its own.
func (l Limits) orSES() Limits {
	for _, d := range []struct {
		own *int
		ses int
	}{{&l.Recipients, MaxRecipients}, {&l.Entries, MaxEntries}, {&l.BytesV1, MaxBytesV1}, {&l.Bytes, MaxBytesV2}} {
		if *d.own == 0 {
			*d.own = d.ses
		}
	}
	return l
}

// bytes bounds a message.
func (l Limits) bytes(s Submission) int {
	switch {
	case s.MaxBytes > 0:
		return s.MaxBytes
	case s.APIVersion == "1":
		return l.BytesV1
	}
	return l.Bytes
}
