// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"time"
)

// cleanEvery is how often the suppression lists are looked through for what is over.
const cleanEvery = time.Hour

// cleanSuppression removes what is over from the suppression lists, until ctx ends.
func (s *Server) cleanSuppression(ctx context.Context) {
	t := time.NewTicker(cleanEvery)
	defer t.Stop()
	for {
		if err := s.suppression.Clean(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("clean the suppression lists", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
