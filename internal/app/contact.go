// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"net/http"
	"time"

	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/track"
	"sesame/internal/edge/unsubscribe"
)

// buildContacts comes after buildTracking: the links lead to the same hosts.
func (s *Server) buildContacts() error {
	domain, err := s.mailDomain()
	if err != nil {
		return err
	}
	s.contacts = contact.New(contact.Options{DB: s.db, Clock: s.clock, Sign: s.ring, MailDomain: domain, Base: func(region string, set configset.Set) string {
		return s.tracker.Base(region, track.Options{Domain: set.TrackingHost(), HTTPS: track.HTTPS(set.HTTPSPolicy)})
	}})
	return nil
}

// withUnsubscribing puts the pages of subscriptions before everything else.
func (s *Server) withUnsubscribing(next http.Handler) http.Handler {
	pages := unsubscribe.New(s.contacts, s.log, s.linkMetrics.Counter("unsubscribe", unsubscribe.Results()...))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if unsubscribe.IsPath(r.URL.Path) {
			pages.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// cleanContacts removes what contact lists have left that are gone, until ctx ends.
func (s *Server) cleanContacts(ctx context.Context) {
	t := time.NewTicker(cleanEvery)
	defer t.Stop()
	for {
		if err := s.contacts.Clean(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("clean the contact lists", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
