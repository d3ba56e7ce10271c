// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/netutil"

	"sesame/internal/base/drain"
	"sesame/internal/edge/api"
	"sesame/internal/edge/api/admin"
	"sesame/internal/edge/api/iam"
	"sesame/internal/edge/api/ses"
	"sesame/internal/edge/api/sesv2"
	"sesame/internal/edge/api/sts"
	"sesame/internal/edge/console"
	"sesame/internal/edge/httpx"
	"sesame/internal/edge/ops"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/awswire"
	"sesame/internal/proto/smtpserver"
)

// Bounds of the HTTP doors.
const (
	headerTimeout = 10 * time.Second
	bodyTimeout   = 5 * time.Minute // 60 MiB over a slow line
	idleTimeout   = 2 * time.Minute
	maxHeader     = 64 << 10

	// maxInFlight is bytes of large request bodies at once. A body is there up to four
	// times while it is handled (as it came, decoded, as a message, as it is written), so
	// this is about a GiB of memory.
	maxInFlight = 256 << 20
	// maxConns is connections of one HTTP listener at once; more wait to be accepted.
	// With a small body on each they hold as much as the large ones may.
	maxConns = 4096
)

// door is one listener with what serves it. shutdown lets what is under way finish; at
// the end of ctx it cuts the connections that are left, which is no error.
type door struct {
	serve    func()
	shutdown func(ctx context.Context) error
}

// Addresses are where the doors really listen.
type Addresses struct {
	HTTPS []string `json:"https"`
	HTTP  []string `json:"http"`
	SMTP  []string `json:"smtp"`
	SMTPS []string `json:"smtps"`
	MX    []string `json:"mx"`
	Ops   []string `json:"ops"`
	DNS   []string `json:"dns,omitempty"`
}

// Addresses returns where the doors listen.
func (s *Server) Addresses() Addresses { return s.addresses }

// background is what runs until the server stops.
type background struct{ wg sync.WaitGroup }

func (b *background) run(f func())                   { b.wg.Go(f) }
func (b *background) wait(ctx context.Context) error { return drain.Wait(ctx, drain.Done(&b.wg)) }

// APIs are the AWS services with the operations that they answer; deps may be empty
// for whoever wants only the list.
func APIs(v1 *ses.API, v2 *sesv2.API) (api.Binding, api.Binding, error) {
	first, err := awswire.NewSES()
	if err != nil {
		return api.Binding{}, api.Binding{}, err
	}
	second, err := awswire.NewSESv2()
	if err != nil {
		return api.Binding{}, api.Binding{}, err
	}
	return api.Bind(first, v1), api.Bind(second, v2), nil
}

// listen opens every listener, so that what follows knows the real addresses.
func (s *Server) listen(context.Context) error {
	l := s.cfg.Listen
	for _, open := range []struct {
		addrs []string
		real  *[]string
		to    *[]net.Listener
	}{
		{l.HTTPS, &s.addresses.HTTPS, &s.listeners.https},
		{l.HTTP, &s.addresses.HTTP, &s.listeners.http},
		{l.SMTP, &s.addresses.SMTP, &s.listeners.smtp},
		{l.SMTPS, &s.addresses.SMTPS, &s.listeners.smtps},
		{s.separateMX(), &s.addresses.MX, &s.listeners.mx},
		{list(l.Ops), &s.addresses.Ops, &s.listeners.ops},
	} {
		for _, addr := range open.addrs {
			n, err := net.Listen("tcp", addr)
			if err != nil {
				return err
			}
			s.listeners.all = append(s.listeners.all, n)
			*open.to = append(*open.to, n)
			*open.real = append(*open.real, n.Addr().String())
		}
	}
	for i, addr := range l.SMTP {
		if s.cfg.SharesMX(addr) {
			s.addresses.MX = append(s.addresses.MX, s.addresses.SMTP[i])
		}
	}
	return s.listenDNS()
}

// listeners are the open listeners by door.
type listeners struct {
	all, https, http, smtp, smtps, mx, ops []net.Listener

	packets []net.PacketConn // of the name server, UDP
	streams []net.Listener   // and TCP, on the same ports
}

func (l *listeners) close() error {
	var errs []error
	for _, n := range slices.Concat(l.all, l.streams) {
		errs = append(errs, unlessClosed(n.Close()))
	}
	return errors.Join(errs...)
}

// closePackets closes what the last answers leave by.
func (l *listeners) closePackets() error {
	var errs []error
	for _, p := range l.packets {
		errs = append(errs, unlessClosed(p.Close()))
	}
	return errors.Join(errs...)
}

// openDoors puts a server behind each listener.
func (s *Server) openDoors(ctx context.Context) error {
	names, err := s.certNames()
	if err != nil {
		return err
	}
	tlsConfig, err := serverTLS(ctx, s.cfg, s.log, names)
	if err != nil {
		return err
	}
	proxies, err := s.cfg.Listen.Proxies()
	if err != nil {
		return err
	}
	web, err := s.web()
	if err != nil {
		return err
	}
	web = httpx.Proxies(proxies).Handler(web)
	for _, n := range s.listeners.https {
		n = netutil.LimitListener(n, maxConns)
		s.http(tls.NewListener(n, withHTTP(tlsConfig)), web)
	}
	for _, n := range s.listeners.http {
		n = netutil.LimitListener(n, maxConns)
		if s.cfg.Dev {
			n = httpx.Sniff(n, tlsConfig)
		}
		s.http(n, web)
	}
	for _, n := range s.listeners.ops {
		s.http(netutil.LimitListener(n, maxConns), s.ops())
	}
	for i, n := range s.listeners.smtp {
		err = errors.Join(err, s.submission(n, tlsConfig, s.cfg.SharesMX(s.cfg.Listen.SMTP[i])))
	}
	for _, n := range s.listeners.smtps {
		err = errors.Join(err, s.implicitSubmission(n, tlsConfig))
	}
	for _, n := range s.listeners.mx {
		err = errors.Join(err, s.mx(n, tlsConfig))
	}
	s.nameServers()
	return err
}

func list(s string) []string {
	if s == "" {
		return nil
	}
	return []string{s}
}

// withHTTP keeps to HTTP/1.1, which is what the SDKs speak.
func withHTTP(c *tls.Config) *tls.Config {
	if c != nil && len(c.NextProtos) == 0 {
		c = c.Clone()
		c.NextProtos = []string{"http/1.1"}
	}
	return c
}

// web is everything on the HTTP port: the APIs, and in dev the page and the ops
// paths.
func (s *Server) web() (http.Handler, error) {
	v1, v2, err := APIs(
		&ses.API{
			Intake: s.intake, Identities: s.identities, Quotas: s.quotas, Statistics: s.spool, Accounts: s.accounts,
			Templates: s.templates, Verification: s.verifier, ConfigSets: s.configSets, EmailTemplates: s.emailTemplates,
		},
		&sesv2.API{
			Intake: s.intake, Identities: s.identities, Quotas: s.quotas, Accounts: s.accounts,
			Templates: s.templates, Verification: s.verifier, Zone: zoneNames(s.cfg), ConfigSets: s.configSets, EmailTemplates: s.emailTemplates, VDM: s.accounts, Suppression: s.suppression, ImportJobs: s.imports, Contacts: s.contacts,
		})
	if err != nil {
		return nil, err
	}
	users, tokens, err := IdentityAPIs(&iam.API{Accounts: s.accounts, Clock: s.clock}, &sts.API{Accounts: s.accounts, Clock: s.clock})
	if err != nil {
		return nil, err
	}
	var compress httpx.Compressor
	s.api = api.New(api.Options{
		V1: v1, V2: v2, IAM: users, STS: tokens, Admin: s.admin(), Keys: s.accounts, Access: s.access, Clock: s.clock, Random: rand.Reader, Log: s.log,
		Regions: s.regions(), MaxInFlightBytes: maxInFlight, Calls: s.calls(), Sandbox: s.accounts,
	})
	apis, err := s.withTracking(s.withUnsubscribing(s.withLinks(compress.Handler(s.api))))
	if err != nil {
		return nil, err
	}
	if !s.cfg.Dev {
		return s.withBuckets(apis), nil
	}
	pages := http.NewServeMux()
	numbers := s.ops()
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		pages.Handle("GET "+path, numbers)
	}
	pages.Handle("/", compress.Handler(console.New(s.mailbox, console.Options{EnvFile: filepath.Join(s.cfg.DataDir, "dev.env"), Log: s.log})))
	local := httpx.AllowHosts(nil, pages) // the APIs are asked by any name: the signature guards them
	return s.withBuckets(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if api.IsRequest(r) || isLink(r) {
			apis.ServeHTTP(w, r)
			return
		}
		local.ServeHTTP(w, r)
	})), nil
}

// regions are those that are served; dev plays any.
func (s *Server) regions() []string {
	if s.cfg.Dev {
		return nil
	}
	return s.cfg.Regions
}

func (s *Server) admin() *admin.Router {
	var routes [][]admin.Route
	if s.mailbox != nil {
		routes = append(routes, admin.Mailbox(s.mailbox))
	}
	return admin.New(append(routes, admin.Identities(s.checks, s.identities), admin.Settings(s.settings), admin.Suppression(s.suppression), admin.Messages(s.spool))...)
}

func (s *Server) ops() http.Handler {
	return ops.New(ops.Sources{
		Ready: s.Ready, Store: s.db.Stats, Spool: s.spool.Stats, Dispatch: s.dispatcher.Stats, Transport: s.transport.Stats, MaxIdle: maxIdle,
		Checks: s.checker.Stats,
		Bodies: s.api.InFlight, MaxBodies: maxInFlight, Profiles: s.cfg.Listen.Profiles,
		Extra: slices.Concat(s.smtpMetrics.Collectors(), s.dnsMetrics.Collectors(s.pushStats()), ops.ServiceMail(s.serviceMail.Stats), ops.Tracking(s.recorder.Stats), ops.Imports(s.imports.Stats), s.linkMetrics.Collectors(), s.bucketMetrics.Collectors()),
	})
}

func (s *Server) http(l net.Listener, h http.Handler) {
	srv := &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: bodyTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
		ErrorLog: slog.NewLogLogger(s.log.Handler(), slog.LevelDebug),
	}
	s.doors = append(s.doors, door{
		serve: func() {
			if err := srv.Serve(l); !errors.Is(err, http.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.log.Error("http", "addr", l.Addr(), "error", err)
			}
		},
		shutdown: func(ctx context.Context) error {
			err := srv.Shutdown(ctx)
			if err != nil && ctx.Err() != nil {
				s.log.Warn("clients that did not come to an end were cut off", "addr", l.Addr())
				err = srv.Close()
			}
			return errors.Join(unlessClosed(err), unlessClosed(l.Close()))
		},
	})
}

// unlessClosed is the error of closing a listener, which somebody may have closed
// already.
func unlessClosed(err error) error {
	if errors.Is(err, net.ErrClosed) {
		return nil
	}
	return err
}

// Bounds of one SMTP listener. Of its sessions one client has at most a quarter, so that
// nobody alone keeps the others out; on a developer's machine all clients are one.
const (
	maxSessions      = 1000
	maxSessionsPerIP = maxSessions / 4
	maxDATA          = 64 << 20 // bytes of messages on their way in at once
)

// submission serves SES's SMTP interface for the first region. A listener that is shared
// takes mail to the service from who does not authenticate.
func (s *Server) submission(l net.Listener, t *tls.Config, shared bool) error {
	c, b := s.submissionConfig(t)
	if shared {
		c.Auth = true
		return s.smtp(l, c, twoDoors{b, s.exchanger(smtpserver.ErrAuthRequired)})
	}
	c.RequireAuth, c.RequireTLS = true, true
	return s.smtp(l, c, b)
}

// implicitSubmission is submission with TLS from the first byte.
func (s *Server) implicitSubmission(l net.Listener, t *tls.Config) error {
	c, b := s.submissionConfig(t)
	c.RequireAuth, c.Implicit = true, true
	return s.smtp(l, c, b)
}

func (s *Server) submissionConfig(t *tls.Config) (smtpserver.Config, *submission.Backend) {
	limits := smtpserver.Limits{
		MaxRecipients:    2 * s.cfg.Message.Recipients, // who is just over reads SES's refusal
		MaxMessageBytes:  int64(s.cfg.Message.MaxBytes),
		MaxInFlightBytes: maxDATA, MaxSessions: maxSessions, MaxSessionsPerIP: maxSessionsPerIP,
	}
	if s.cfg.Dev {
		limits.MaxSessionsPerIP = maxSessions
	}
	return smtpserver.Config{
		Hostname: "email-smtp.amazonaws.com", Greeting: "SimpleEmailService-d-" + strings.ToUpper(randomHex()[:9]), TLS: t, Limits: limits,
	}, &submission.Backend{Auth: s.accounts, Keys: s.accounts, Intake: s.intake, Region: s.cfg.Regions[0]}
}

func (s *Server) smtp(l net.Listener, c smtpserver.Config, b smtpserver.Backend) error {
	c.Log, c.Metrics = s.log, s.smtpMetrics.Metrics(c.Limits.MaxSessions)
	srv, err := smtpserver.NewServer(c, b)
	if err != nil {
		return fmt.Errorf("smtp: %w", err)
	}
	s.doors = append(s.doors, door{
		serve: func() {
			if err := srv.Serve(l); !errors.Is(err, smtpserver.ErrServerClosed) && !errors.Is(err, net.ErrClosed) {
				s.log.Error("smtp", "addr", l.Addr(), "error", err)
			}
		},
		shutdown: func(ctx context.Context) error {
			err := srv.Shutdown(ctx) // cuts the connections itself
			if err != nil && ctx.Err() != nil {
				s.log.Warn("clients that did not come to an end were cut off", "addr", l.Addr())
				return nil
			}
			return err
		},
	})
	return nil
}
