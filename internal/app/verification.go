// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"net/http"
	"strings"

	"sesame/internal/core/identity"
	"sesame/internal/core/notice"
	"sesame/internal/core/servicemail"
	core "sesame/internal/core/verification"
	"sesame/internal/edge/track"
	"sesame/internal/edge/unsubscribe"
	"sesame/internal/edge/verify"
)

// verification is what proves addresses by mail, and the service's own mail.
type verification struct {
	templates   *core.Templates
	verifier    *core.Mailer
	confirmer   *core.Confirmer
	serviceMail *servicemail.Sender
}

// buildVerification comes after listen: in dev the links lead to the real port.
func (s *Server) buildVerification(context.Context) error {
	links := &core.Links{Wrap: s.ring, Clock: s.clock, Base: s.serviceURL()}
	v := &s.verification
	v.templates = core.NewTemplates(s.db, s.identities, s.clock)
	v.verifier = &core.Mailer{Templates: v.templates, Links: links, Intake: s.intake, Sandbox: s.accounts, Mails: s.identities}
	v.confirmer = &core.Confirmer{Links: links, Identities: s.identities, Templates: v.templates, Accounts: s.accounts}
	v.serviceMail = servicemail.New(servicemail.Options{
		Queue:  &notice.Queue{DB: s.db, Clock: s.clock, LeaseFor: servicemail.LeaseFor},
		Intake: s.intake, Contacts: s.accounts, Identities: s.identities, Records: s.expected, Links: links,
		From: s.serviceFrom(), Clock: s.clock, Log: s.log,
	})
	return nil
}

// serviceURL is where browsers reach this server, without a slash at its end.
func (s *Server) serviceURL() string {
	switch {
	case s.cfg.Service.URL != "":
		return strings.TrimRight(s.cfg.Service.URL, "/")
	case s.cfg.Dev:
		return "http://" + first(s.addresses.HTTP)
	}
	return "https://" + s.cfg.Hostname
}

// serviceFrom is who the service's own mail is from.
func (s *Server) serviceFrom() string {
	if s.cfg.Service.From != "" {
		return s.cfg.Service.From
	}
	return "no-reply@" + cmp.Or(string(zoneNames(s.cfg).Zone), s.cfg.Hostname)
}

// isLink reports whether a request follows a link of a mail. Anybody may, by any host name.
func isLink(r *http.Request) bool {
	return strings.HasPrefix(r.URL.Path, core.Path) || track.IsPath(r.URL.Path) || unsubscribe.IsPath(r.URL.Path)
}

// withLinks puts the pages of links before the APIs.
func (s *Server) withLinks(apis http.Handler) http.Handler {
	links := verify.New(s.confirmer, s.log)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, core.Path) {
			links.ServeHTTP(w, r)
			return
		}
		apis.ServeHTTP(w, r)
	})
}

// expected are the records that notices show.
func (s *Server) expected(id identity.Identity) []identity.Record {
	return s.identities.Expected(id, zoneNames(s.cfg))
}
