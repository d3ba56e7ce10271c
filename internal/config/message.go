// SPDX-License-Identifier: Apache-2.0

package config

import (
	"fmt"
	"strings"
)

// Message bounds the messages that are taken. The defaults are SES's.
type Message struct {
	Recipients   int `toml:"recipients"`   // of a message
	Destinations int `toml:"destinations"` // of a bulk call
	MIMEParts    int `toml:"mime_parts"`   // of a message
	MaxBytesV1   int `toml:"max_bytes_v1"` // of a message by API v1, after encoding
	MaxBytes     int `toml:"max_bytes"`    // of a message by API v2 or SMTP

	// BlockedExtensions are those of files that are not sent, with their dots: [] is none,
	// and without the key they are SES's.
	BlockedExtensions []string `toml:"blocked_extensions"`
}

func defaultMessage() Message {
	return Message{Recipients: 50, Destinations: 50, MIMEParts: 500, MaxBytesV1: 10 << 20, MaxBytes: 40 << 20}
}

func (c Config) checkMessage() error {
	m := c.Message
	for _, b := range []struct {
		key             string
		is, least, most int
	}{
		{"recipients", m.Recipients, 1, 255}, // a return path has room for the number of one of so many
		{"destinations", m.Destinations, 1, 1000},
		{"mime_parts", m.MIMEParts, 1, 10_000},
		{"max_bytes_v1", m.MaxBytesV1, 1024, 40 << 20}, // what fits into a request of either API
		{"max_bytes", m.MaxBytes, 1024, 40 << 20},
	} {
		if b.is < b.least || b.is > b.most {
			return fmt.Errorf("message.%s is %d to %d", b.key, b.least, b.most)
		}
	}
	for _, ext := range m.BlockedExtensions {
		if len(ext) < 2 || strings.LastIndexByte(ext, '.') != 0 || strings.ContainsAny(ext, " \t") {
			return fmt.Errorf("message.blocked_extensions: %q is no extension, such as \".exe\"", ext)
		}
	}
	return nil
}
