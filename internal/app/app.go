// SPDX-License-Identifier: Apache-2.0

// Package app is the one place where the parts are built, started and stopped, in
// reading order. `sesame dev` and `sesame serve` come here with different
// configurations.
package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"net"
	"net/netip"
	"path/filepath"
	"sync"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/config"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/blob"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/mailbox"
	"sesame/internal/core/outgoing"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/core/template"
	"sesame/internal/core/track"
	"sesame/internal/core/zone"
	"sesame/internal/edge/api"
	"sesame/internal/edge/ops"
	"sesame/internal/proto/dns"
	"sesame/internal/proto/rsasign"
	"sesame/internal/proto/smtpclient"
)

// Bounds that no configuration needs to change.
const (
	inRow          = 256 << 10        // content above this goes to the blob store of a node that shares with nobody
	leaseFor       = 30 * time.Minute // longer than an attempt and its wait in memory
	attemptTimeout = 10 * time.Minute
	maxReady       = 20_000
	maxReadyBytes  = 256 << 20
	rescan         = 15 * time.Second
	purgeEvery     = 10 * time.Minute
	maxIdle        = 500 // connections to other servers kept for the next message
)

// How long the steps of Stop may take, one after the other. Each has a time of its own:
// a client that holds up a door must not use up what handing back leases needs.
const (
	doorTimeout = 10 * time.Second // then connections are cut
	workTimeout = 15 * time.Second // deliveries under way, and leases handed back
	quitTimeout = 5 * time.Second  // QUIT to other servers
	endTimeout  = 5 * time.Second  // what runs in the background, and quotas handed back
	dataTimeout = 5 * time.Second  // the last commits
)

// Server is a running Sesame.
type Server struct {
	cfg   config.Config
	log   *slog.Logger
	clock clock.Clock

	node           *node
	db             *store.DB
	ring           *keyring.Ring
	accounts       *account.Accounts
	identities     *identity.Identities
	configSets     *configset.Sets
	emailTemplates *template.Templates
	suppression    *suppression.Lists
	contacts       *contact.Lists
	keys           *idempotency.Keys
	checker        *identity.Checker
	checks         *dnscheck.Identities
	access         *access.Authorizer
	quotas         *quota.Quotas
	settings       *setting.Settings
	spool          *spool.Spool
	transport      *delivery.Transport
	dispatcher     *dispatch.Dispatcher
	intake         *intake.Intake
	mailbox        *mailbox.Mailbox // dev alone
	verification
	tracking
	storage

	listeners listeners
	addresses Addresses
	api       *api.Door
	doors     []door
	stop      context.CancelFunc

	smtpMetrics   *ops.SMTP
	dnsMetrics    *ops.DNS
	bucketMetrics *ops.Buckets
	linkMetrics   *ops.Links
	pusher        *zone.Pusher // nil: the zone is at nobody else's server
	background
}

// Start builds a server and starts it. When it returns, every door listens. The end of
// ctx ends the start, with ctx's error; afterwards ctx no longer matters, and Stop ends
// the server.
func Start(ctx context.Context, cfg config.Config, log *slog.Logger) (s *Server, err error) {
	s = &Server{cfg: cfg, log: log, clock: clock.System, smtpMetrics: ops.NewSMTP(), dnsMetrics: ops.NewDNS(), bucketMetrics: ops.NewBuckets(), linkMetrics: ops.NewLinks()}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Stop(context.WithoutCancel(ctx)))
		}
	}()
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	s.stop = cancel
	started := context.AfterFunc(ctx, cancel) // a step may wait long: for the database, for a migration
	for _, step := range []func(context.Context) error{
		s.openData, s.listen, s.buildCore, s.buildDelivery, s.buildVerification, s.openDoors, s.recover,
	} {
		if err := step(background); err != nil {
			started()
			return s, err
		}
	}
	if !started() {
		return s, context.Cause(ctx)
	}
	s.run(s.dispatcher.Run)
	s.run(func() { s.purge(background) })
	s.run(func() { s.adjustQuotas(background) })
	s.run(func() { s.keepAccounts(background) })
	s.run(func() { s.cleanSuppression(background) })
	s.run(func() { s.cleanContacts(background) })
	s.run(func() { s.checker.Run(background) })
	s.run(func() { s.push(background) })
	s.run(func() { s.imports.Run(background, s.log) })
	s.run(func() { s.sweepBuckets(background) })
	s.run(func() { s.serviceMail.Run(background) })
	s.run(func() { s.recorder.Run(background) })
	for _, d := range s.doors {
		s.run(d.serve)
	}
	return s, nil
}

// openData takes the data folder and opens what is kept in it.
func (s *Server) openData(ctx context.Context) (err error) {
	if s.node, err = claim(s.cfg.DataDir); err != nil {
		return err
	}
	if s.ring, err = keyring.LoadOrCreate(filepath.Join(s.cfg.DataDir, "keyring"), s.clock()); err != nil {
		return err
	}
	s.db, err = store.Open(ctx, StoreOptions(s.cfg, s.log))
	return err
}

// StoreOptions are how the configured database is opened.
func StoreOptions(c config.Config, log *slog.Logger) store.Options {
	return store.Options{URL: c.Database.URL, Path: filepath.Join(c.DataDir, "sesame.db"), Log: log}
}

func (s *Server) buildCore(ctx context.Context) error {
	blobs, err := blob.Open(filepath.Join(s.cfg.DataDir, "blobs"))
	if err != nil {
		return err
	}
	s.accounts = account.New(s.db, s.ring, s.clock, rand.Reader)
	s.settings = setting.New(setting.Options{DB: s.db, Clock: s.clock, Exists: func(ctx context.Context, r setting.Resource) error {
		return Exists(s.identities, s.configSets)(ctx, r)
	}})
	o, err := identityOptions(s.cfg, s.db, s.ring, s.clock, s.settings)
	if err != nil {
		return err
	}
	o.Accounts = s.accounts
	s.identities = identity.New(o)
	s.configSets = configset.New(s.db, s.clock, s.identities)
	s.emailTemplates = template.New(s.db, s.clock)
	s.suppression = suppression.New(suppression.Options{
		DB: s.db, Clock: s.clock, Random: rand.Reader, Log: s.log, ConfigSets: s.configSets, Accounts: s.accounts,
	})
	if err := s.identities.EnsureService(ctx); err != nil {
		return err
	}
	s.checker = identity.NewChecker(s.identities, s.log)
	if s.pusher, err = s.newPusher(); err != nil {
		return err
	}
	if s.checks, err = DNSCheck(s.cfg, s.identities); err != nil {
		return err
	}
	s.buildLimits()
	limit := inRow
	if s.db.Shared() {
		limit = math.MaxInt // another node could not read this one's files
	}
	s.spool = spool.New(spool.Options{
		DB: s.db, Blobs: blobs, Clock: s.clock, Log: s.log, Node: s.node.name, LeaseFor: leaseFor, InRow: limit,
		MaxAge: s.cfg.Delivery.MaxAge.Duration,
	})
	s.keys = idempotency.New(s.db, s.clock)
	s.access = s.authorizer()
	if err := errors.Join(s.buildTracking(), s.buildContacts(), s.buildStorage()); err != nil {
		return err
	}
	s.intake = intake.New(intake.Options{
		Spool: s.spool, Identities: s.identities, Access: s.access, Quotas: s.quotas, Clock: s.clock, Random: rand.Reader, MAC: s.ring.MAC,
		Accounts: s.accounts, Settings: s.settings, ConfigSets: s.configSets, Suppressed: s.suppression, Once: s.keys, Templates: s.emailTemplates,
		Contacts: s.contacts, Limits: s.messageLimits(),
		Tracking: trackingRules{s.tracker, track.NewRules(s.settings, s.accounts, s.clock)},
	})
	if s.cfg.Dev {
		s.mailbox, err = mailbox.New(mailbox.Options{DB: s.db, Clock: s.clock, Account: s.cfg.DevAccount, Region: s.cfg.Regions[0], Log: s.log})
	}
	return err
}

// routes are the configured ones; in dev everything goes to the mailbox.
func (s *Server) routes() []delivery.Route {
	if s.cfg.Dev {
		return []delivery.Route{{Pattern: "*", Hosts: s.addresses.MX}}
	}
	routes := s.ownRoute()
	for _, r := range s.cfg.Routes {
		routes = append(routes, delivery.Route{Pattern: r.Domain, Hosts: r.Hosts, TLS: tlsPolicy(r.TLS)})
	}
	return routes
}

func tlsPolicy(name string) smtpclient.TLSPolicy {
	switch name {
	case "none":
		return smtpclient.TLSNone
	case "require":
		return smtpclient.TLSRequire
	}
	return smtpclient.TLSOpportunistic
}

func (s *Server) buildDelivery(context.Context) (err error) {
	resolver, err := dns.New(dns.Options{Servers: s.cfg.DNS.Servers, Clock: s.clock})
	if err != nil {
		return err
	}
	if s.transport, err = delivery.New(delivery.Options{
		Resolver: resolver, Hello: s.cfg.Hostname, OwnHosts: []string{s.cfg.Hostname}, Routes: s.routes(), SMTPPort: s.cfg.Delivery.SMTPPort, AllowPrivate: s.cfg.Delivery.Private, Clock: s.clock, Log: s.log,
	}); err != nil {
		return err
	}
	engine := rsasign.Open(rsasign.Options{})
	s.log.Info("signing", "rsa", engine.Implementation())
	d, err := address.ParseDomain(returnDomain(s.cfg))
	if err != nil {
		return err
	}
	retry := make([]time.Duration, len(s.cfg.Delivery.Retry))
	for i, w := range s.cfg.Delivery.Retry {
		retry[i] = w.Duration
	}
	s.dispatcher = dispatch.New(dispatch.Options{
		Spool: s.spool, Transport: s.transport, Suppress: s.suppression, Check: s.contentChecker(), Clock: s.clock, Log: s.log, Terms: s.terms,
		Preparer: &outgoing.Outgoing{
			Signers: identity.NewSigners(s.identities, engine), MailFroms: s.identities, Clock: s.clock, ReturnDomain: d, SourceIP: sourceIP(),
			MAC: func(data []byte) []byte { return s.ring.MAC("verp", data) },
		},
		MaxConcurrent: s.cfg.Delivery.MaxConcurrent, PerDestination: s.cfg.Delivery.PerDestination,
		MaxReady: maxReady, MaxReadyBytes: maxReadyBytes, MaxAge: s.cfg.Delivery.MaxAge.Duration, Retry: retry,
		AttemptTimeout: attemptTimeout, Rescan: rescan, Paused: s.cfg.Delivery.Paused,
	})
	s.spool.SetReady(s.dispatcher)
	return nil
}

// returnDomain is the domain of return paths, where no custom MAIL FROM domain is used: the
// zone has an MX and an SPF record for them.
func returnDomain(c config.Config) string {
	return cmp.Or(c.Delivery.ReturnDomain, c.Zone.Name, c.Hostname)
}

// sourceIP is the address that mail leaves from by default. Connecting a UDP socket
// sends nothing.
func sourceIP() netip.Addr {
	c, err := net.Dial("udp", "192.0.2.1:25") // TEST-NET-1, RFC 5737
	if err == nil {
		defer c.Close()
		if a, ok := c.LocalAddr().(*net.UDPAddr); ok {
			return a.AddrPort().Addr().Unmap()
		}
	}
	return netip.AddrFrom4([4]byte{127, 0, 0, 1})
}

// recover queues what an earlier start had begun.
func (s *Server) recover(ctx context.Context) error {
	n, err := s.spool.Recover(ctx)
	if err != nil {
		return fmt.Errorf("recover: %w", err)
	}
	if n > 0 {
		s.log.Warn("an earlier start ended without handing back its leases; some of these may be delivered twice", "recipients", n)
	}
	return nil
}

// purge removes what a crash left, and then finished messages when their retention is
// over.
func (s *Server) purge(ctx context.Context) {
	if err := s.spool.Sweep(ctx); err != nil && ctx.Err() == nil {
		s.log.Error("sweep", "error", err)
	}
	t := time.NewTicker(purgeEvery)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
			if _, err := s.keys.Purge(ctx); err != nil {
				s.log.Error("purge of idempotency keys", "error", err)
			}
			if n, err := s.spool.Purge(ctx, s.clock().Add(-s.cfg.Delivery.Retention.Duration)); err != nil {
				s.log.Error("purge", "error", err)
			} else if n > 0 {
				s.log.Info("purged finished messages", "messages", n)
			}
		}
	}
}

// Ready reports whether the server can do its work.
func (s *Server) Ready(ctx context.Context) error { return s.db.Ping(ctx) }

// Stop ends the server: no door takes more, what is in flight is finished, leases are
// handed back. Connections that are still busy after doorTimeout are cut, which is no
// error. It returns within the sum of the timeouts, and soon after ctx ends: what a
// database that does not answer keeps from coming to an end is left, with an error, as
// after a crash.
func (s *Server) Stop(ctx context.Context) error {
	errs := []error{s.listeners.close(), s.shutDoors(ctx), s.listeners.closePackets()}
	if s.dispatcher != nil {
		work, cancel := context.WithTimeout(ctx, workTimeout)
		errs = append(errs, s.dispatcher.Stop(work))
		cancel()
	}
	if s.stop != nil {
		s.stop()
	}
	if s.transport != nil {
		quit, cancel := context.WithTimeout(ctx, quitTimeout)
		errs = append(errs, s.transport.Close(quit))
		cancel()
	}
	errs = append(errs, s.end(ctx), s.closeData(ctx))
	if s.node != nil {
		errs = append(errs, s.node.release())
	}
	return errors.Join(errs...)
}

// end waits for what runs in the background, and hands back what the node holds of quotas.
func (s *Server) end(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, endTimeout)
	defer cancel()
	err := s.wait(ctx)
	if err == nil && s.quotas != nil {
		s.run(func() {
			if err := s.quotas.Close(ctx); err != nil { // they come free by themselves
				s.log.Warn("what this node holds of sending quotas was not handed back", "error", err)
			}
		})
		err = s.wait(ctx)
	}
	if err != nil {
		return fmt.Errorf("what runs in the background did not come to an end: %w", err)
	}
	return nil
}

// closeData closes the database.
func (s *Server) closeData(ctx context.Context) error {
	if s.db == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, dataTimeout)
	defer cancel()
	return s.db.Shutdown(ctx)
}

// shutDoors shuts all doors at once: one whose clients hold it up costs the others
// nothing.
func (s *Server) shutDoors(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, doorTimeout)
	defer cancel()
	errs := make([]error, len(s.doors))
	var all sync.WaitGroup
	for i, d := range s.doors {
		all.Go(func() { errs[i] = d.shutdown(ctx) })
	}
	all.Wait()
	return errors.Join(errs...)
}
