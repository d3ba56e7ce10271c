// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"net/http"
	neturl "net/url"
	"slices"
	"time"

	"sesame/internal/config"
	core "sesame/internal/core/track"
	edge "sesame/internal/edge/track"
	"sesame/internal/proto/dns"
)

// tracking is what follows opens and clicks.
type tracking struct {
	tracker  *core.Tracker
	recorder *core.Recorder
}

// trackingRules are what intake asks.
type trackingRules struct {
	*core.Tracker
	*core.Rules
}

// buildTracking comes after listen: in dev the links lead to the real port.
func (s *Server) buildTracking() error {
	judge, err := core.NewJudge()
	if err != nil {
		return err
	}
	s.tracker = &core.Tracker{Wrap: s.ring, Host: s.trackingHost, OneHost: s.cfg.Dev, HTTP: s.cfg.Dev || s.cfg.ServesHTTP(), HTTPS: !s.cfg.Dev}
	s.recorder = core.NewRecorder(core.RecorderOptions{DB: s.db, Clock: s.clock, Log: s.log, Judge: judge, Settings: s.settings})
	return nil
}

// trackingHost is where links and pictures lead: below the zone, else to this server's own
// name, in dev to its port.
func (s *Server) trackingHost(region string) string {
	if host := zoneNames(s.cfg).TrackingHost(region); host != "" && !s.cfg.Dev {
		return host
	}
	if u, err := neturl.Parse(s.serviceURL()); err == nil {
		return u.Host
	}
	return s.cfg.Hostname
}

// trackingHosts are the names below the zone that links lead to.
func trackingHosts(c config.Config) []string {
	var hosts []string
	if names := zoneNames(c); names.Configured() {
		for _, region := range c.Regions {
			hosts = append(hosts, names.TrackingHost(region))
		}
	}
	return hosts
}

// isTrackingHost reports whether links of mail lead to a host: below the zone, or as the
// tracking domain of anybody's configuration set.
func (s *Server) isTrackingHost(ctx context.Context, host string) (bool, error) {
	if slices.Contains(trackingHosts(s.cfg), host) {
		return true, nil
	}
	return s.configSets.Tracks(ctx, host)
}

// certNames are the hosts that get certificates when somebody asks for them.
func (s *Server) certNames() (*certNames, error) {
	resolver, err := dns.New(dns.Options{Servers: s.cfg.DNS.Servers, MaxTTL: checkTTL, NegativeTTL: checkNegativeTTL, TemporaryTTL: checkNegativeTTL, Clock: s.clock})
	if err != nil {
		return nil, err
	}
	return &certNames{ours: s.isTrackingHost, now: s.clock, tried: map[string]time.Time{}, resolves: func(ctx context.Context, host string) bool {
		addrs, err := resolver.LookupAddrs(ctx, host)
		return err == nil && len(addrs) > 0
	}}, nil
}

// withTracking puts tracked links and pictures before everything else.
func (s *Server) withTracking(next http.Handler) (http.Handler, error) {
	links, err := edge.New(s.tracker, s.recorder, s.linkMetrics.Counter("tracking", edge.Results()...))
	if err != nil {
		return nil, err
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if edge.IsPath(r.URL.Path) {
			links.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	}), nil
}
