// SPDX-License-Identifier: Apache-2.0

package app

import "sesame/internal/core/intake"

// messageLimits are the configured bounds of messages.
func (s *Server) messageLimits() intake.Limits {
	m := s.cfg.Message
	return intake.Limits{
		Recipients: m.Recipients, Entries: m.Destinations, Parts: m.MIMEParts, BytesV1: m.MaxBytesV1, Bytes: m.MaxBytes,
		BlockedExtensions: m.BlockedExtensions,
	}
}
