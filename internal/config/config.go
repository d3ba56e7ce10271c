// SPDX-License-Identifier: Apache-2.0

// Package config reads the configuration file of `sesame serve`. Only app and the
// command line know it; parts take options of their own.
package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/BurntSushi/toml"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
)

// Config is the whole configuration. The zero value of a field means its default,
// which Default shows.
type Config struct {
	DataDir  string   `toml:"data_dir"`
	Hostname string   `toml:"hostname"`
	Regions  []string `toml:"regions"`

	Database Database `toml:"database"`
	Listen   Listen   `toml:"listen"`
	TLS      TLS      `toml:"tls"`
	DNS      DNS      `toml:"dns"`
	DKIM     DKIM     `toml:"dkim"`
	Zone     Zone     `toml:"zone"`
	Delivery Delivery `toml:"delivery"`
	Routes   []Route  `toml:"routes"`
	Limits   Limits   `toml:"limits"`
	Message  Message  `toml:"message"`
	Service  Service  `toml:"service"`
	Tracking Tracking `toml:"tracking"`
	Scan     Scan     `toml:"scan"`
	Buckets  Buckets  `toml:"buckets"`
	Log      Log      `toml:"log"`

	// Dev is set by `sesame dev` alone: identities verify at once, the last hop is the
	// mailbox of DevAccount, and the page at / is served.
	Dev        bool   `toml:"-"`
	DevAccount string `toml:"-"`
	VerifyDNS  bool   `toml:"-"` // in dev, identities are proven by DNS as in serve
}

// Database says where the truth is kept.
type Database struct {
	URL string `toml:"url"` // postgres://...; empty is SQLite in data_dir
}

// Listen has the addresses of each door; an empty list switches it off.
type Listen struct {
	HTTPS []string `toml:"https"` // API with TLS
	HTTP  []string `toml:"http"`  // API in clear text, for a proxy that ends TLS
	SMTP  []string `toml:"smtp"`  // submission with STARTTLS
	SMTPS []string `toml:"smtps"` // submission, TLS from the first byte
	MX    []string `toml:"mx"`    // mail to the service; in dev to anybody
	DNS   []string `toml:"dns"`   // name server of the zone, UDP and TCP
	Ops   string   `toml:"ops"`   // /healthz, /readyz, /metrics

	// TrustedProxies are the addresses and networks of proxies before HTTPS and HTTP whose
	// X-Forwarded-For says who asks.
	TrustedProxies []string `toml:"trusted_proxies"`

	Profiles bool `toml:"profiles"` // /debug/pprof/ on Ops, too
}

// TLS says where certificates come from: files, or ACME for the named domains.
type TLS struct {
	CertFile      string   `toml:"cert_file"`
	KeyFile       string   `toml:"key_file"`
	ACMEEmail     string   `toml:"acme_email"`
	ACMEDomains   []string `toml:"acme_domains"`
	ACMEDirectory string   `toml:"acme_directory"` // URL of the ACME server; empty is Let's Encrypt
	ACMECAFile    string   `toml:"acme_ca_file"`   // PEM: who signed that server's certificate; empty: the system knows
}

// DNS names the resolvers; empty means those of /etc/resolv.conf.
type DNS struct {
	Servers []string `toml:"servers"`
	Port    int      `toml:"port"` // of name servers that are asked directly
}

// Delivery bounds and paces outgoing mail.
type Delivery struct {
	MaxConcurrent  int        `toml:"max_concurrent"`
	PerDestination int        `toml:"per_destination"`
	MaxAge         Duration   `toml:"max_age"`
	Retry          []Duration `toml:"retry"`
	SMTPPort       int        `toml:"smtp_port"`
	Private        bool       `toml:"private_addresses"` // a recipient's DNS may lead to private and loopback addresses
	Paused         bool       `toml:"paused"`
	ReturnDomain   string     `toml:"return_domain"` // domain of the return paths; default hostname
	Retention      Duration   `toml:"retention"`     // of finished messages
}

// Route sends mail for a domain to smart hosts instead of its MX.
type Route struct {
	Domain string   `toml:"domain"`
	Hosts  []string `toml:"hosts"`
	TLS    string   `toml:"tls"`
}

// Log chooses what is logged.
type Log struct {
	Level  string `toml:"level"`  // debug, info, warn, error
	Format string `toml:"format"` // text, json
}

// Duration is a time.Duration written as "1h30m".
type Duration struct{ time.Duration }

// UnmarshalText reads Go's form of a duration.
func (d *Duration) UnmarshalText(b []byte) (err error) {
	d.Duration, err = time.ParseDuration(string(b))
	return err
}

// MarshalText writes Go's form.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// Default is the configuration of a file that says nothing.
func Default() Config {
	return Config{
		DataDir: "/var/lib/sesame",
		Regions: []string{"us-east-1"},
		Listen: Listen{
			HTTPS: []string{":443"}, SMTP: []string{":25", ":587", ":2587"}, SMTPS: []string{":465", ":2465"}, Ops: "127.0.0.1:9090",
		},
		Delivery: Delivery{
			MaxConcurrent: 500, PerDestination: 20, MaxAge: Duration{14 * time.Hour}, SMTPPort: 25, Retention: Duration{14 * 24 * time.Hour},
			Retry: []Duration{{time.Minute}, {5 * time.Minute}, {15 * time.Minute}, {30 * time.Minute}, {time.Hour}},
		},
		DKIM:    defaultDKIM(),
		DNS:     DNS{Port: 53},
		Limits:  defaultLimits(),
		Message: defaultMessage(),
		Log:     Log{Level: "info", Format: "text"},
	}
}

// Load reads and checks a configuration file. An unknown key is an error.
func Load(path string) (Config, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return Config{}, err
	}
	c, err := Parse(string(text))
	if err != nil {
		return Config{}, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// Parse is Load of a file with this text.
func Parse(text string) (Config, error) { return parse(text, os.Hostname) }

func parse(text string, systemName func() (string, error)) (Config, error) {
	c := Default()
	md, err := toml.Decode(text, &c)
	if err != nil {
		return Config{}, err
	}
	if un := md.Undecoded(); len(un) > 0 {
		return Config{}, fmt.Errorf("unknown key %s", un[0])
	}
	c.zoneDefaults()
	c.mailDefaults()
	if c.Hostname != "" {
		return c, c.Check()
	}
	if c.Hostname, err = systemName(); err != nil {
		return Config{}, fmt.Errorf("hostname is not set and the system has none: %w", err)
	}
	if err := c.Check(); err != nil {
		return c, err
	}
	// No answer would find its way to a return path in a domain without a dot.
	if c.Delivery.ReturnDomain == "" && !strings.Contains(strings.TrimSuffix(c.Hostname, "."), ".") {
		return c, fmt.Errorf("hostname is not set, and the system's %q is no full name: write hostname = \"mail.example.com\" with the name "+
			"that leads to this machine, or set delivery.return_domain", c.Hostname)
	}
	return c, nil
}

// Check finds what can't work.
func (c Config) Check() error {
	if _, err := address.ParseDomain(c.Hostname); err != nil {
		return fmt.Errorf("hostname %q is no host name", c.Hostname)
	}
	if c.Delivery.ReturnDomain != "" {
		if _, err := address.ParseDomain(c.Delivery.ReturnDomain); err != nil {
			return fmt.Errorf("delivery.return_domain %q is no domain", c.Delivery.ReturnDomain)
		}
	}
	if len(c.Regions) == 0 {
		return errors.New("regions must name at least one region")
	}
	for _, r := range c.Regions {
		if !scope.ValidRegion(r) {
			return fmt.Errorf("regions: %q is no region name", r)
		}
	}
	return errors.Join(c.checkListen(), c.checkProxies(), c.checkTLS(), c.checkDelivery(), c.checkRoutes(), c.checkLimits(), c.checkDKIM(), c.checkZone(), c.checkService(), c.checkScan(), c.checkMessage(), c.checkBuckets())
}

func (c Config) checkListen() error {
	all := map[string][]string{"https": c.Listen.HTTPS, "http": c.Listen.HTTP, "smtp": c.Listen.SMTP, "smtps": c.Listen.SMTPS, "mx": c.Listen.MX, "dns": c.Listen.DNS}
	if c.Listen.Ops != "" {
		all["ops"] = []string{c.Listen.Ops}
	}
	for door, addrs := range all {
		for _, a := range addrs {
			if _, _, err := net.SplitHostPort(a); err != nil {
				return fmt.Errorf("listen.%s: %q is not host:port", door, a)
			}
		}
	}
	return nil
}

func (c Config) checkTLS() error {
	t := c.TLS
	switch {
	case (t.CertFile == "") != (t.KeyFile == ""):
		return errors.New("tls: give both cert_file and key_file")
	case t.CertFile != "" && len(t.ACMEDomains) > 0:
		return errors.New("tls: give cert_file or acme_domains, not both")
	case t.CertFile == "" && len(t.ACMEDomains) == 0 && !c.Dev && len(c.Listen.HTTPS)+len(c.Listen.SMTP)+len(c.Listen.SMTPS) > 0:
		return errors.New("tls: listen.https, smtp and smtps need cert_file and key_file, or acme_domains")
	case len(t.ACMEDomains) == 0 && (t.ACMEDirectory != "" || t.ACMECAFile != ""):
		return errors.New("tls: acme_directory and acme_ca_file are of no use without acme_domains")
	}
	if t.ACMEDirectory != "" {
		if u, err := url.Parse(t.ACMEDirectory); err != nil || u.Scheme != "https" || u.Hostname() == "" {
			return fmt.Errorf("tls.acme_directory: %q is no https:// URL", t.ACMEDirectory)
		}
	}
	return nil
}

func (c Config) checkDelivery() error {
	d := c.Delivery
	switch {
	case d.MaxConcurrent < 1 || d.PerDestination < 1:
		return errors.New("delivery: max_concurrent and per_destination must be at least 1")
	case d.MaxAge.Duration <= 0 || d.Retention.Duration <= 0:
		return errors.New("delivery: max_age and retention must be positive")
	case len(d.Retry) == 0:
		return errors.New("delivery.retry must have at least one wait")
	case d.SMTPPort < 1 || d.SMTPPort > 65535:
		return errors.New("delivery.smtp_port must be 1 to 65535")
	}
	for _, w := range d.Retry {
		if w.Duration < time.Millisecond {
			return errors.New("delivery.retry: a wait must be at least 1ms")
		}
	}
	return nil
}

func (c Config) checkRoutes() error {
	for i, r := range c.Routes {
		switch {
		case r.Domain == "":
			return fmt.Errorf("routes[%d]: domain is missing", i)
		case len(r.Hosts) == 0:
			return fmt.Errorf("routes[%d]: hosts is empty", i)
		case r.TLS != "" && r.TLS != "none" && r.TLS != "opportunistic" && r.TLS != "require":
			return fmt.Errorf("routes[%d]: tls %q is not none, opportunistic or require", i, r.TLS)
		}
		if d := strings.TrimPrefix(r.Domain, "."); r.Domain != "*" {
			if _, err := address.ParseDomain(d); err != nil {
				return fmt.Errorf("routes[%d]: domain %q is not *, a domain or .domain", i, r.Domain)
			}
		}
		for _, h := range r.Hosts {
			if _, _, err := net.SplitHostPort(h); err != nil {
				return fmt.Errorf("routes[%d]: host %q is not host:port", i, h)
			}
		}
	}
	return nil
}

func (c Config) checkLimits() error {
	if err := c.Limits.check(); err != nil {
		return err
	}
	if c.DNS.Port < 1 || c.DNS.Port > 65535 {
		return errors.New("dns.port must be 1 to 65535")
	}
	switch c.Log.Level {
	case "debug", "info", "warn", "error":
	default:
		return fmt.Errorf("log.level %q is not debug, info, warn or error", c.Log.Level)
	}
	if c.Log.Format != "text" && c.Log.Format != "json" {
		return fmt.Errorf("log.format %q is not text or json", c.Log.Format)
	}
	return nil
}
