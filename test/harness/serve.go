// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"

	"github.com/BurntSushi/toml"
)

// Config is the configuration file of `sesame serve`, as far as tests set it.
type Config struct {
	DataDir  string   `toml:"data_dir"`
	Hostname string   `toml:"hostname"`
	Regions  []string `toml:"regions"`
	Database Database `toml:"database"`
	Listen   Listen   `toml:"listen"`
	TLS      TLS      `toml:"tls"`
	DNS      Resolver `toml:"dns"`
	Delivery Delivery `toml:"delivery"`
	Routes   []Route  `toml:"routes,omitempty"`
	Limits   *Limits  `toml:"limits,omitempty"`
	Zone     *Zone    `toml:"zone,omitempty"`
	Scan     *Scan    `toml:"scan,omitempty"`
	Buckets  *Buckets `toml:"buckets,omitempty"`
}

// Buckets is the [buckets] table.
type Buckets struct {
	Endpoint string                   `toml:"endpoint"`
	Accounts map[string]BucketAccount `toml:"accounts"`
}

// BucketAccount is one of [buckets.accounts].
type BucketAccount struct {
	AccessKeyID string `toml:"access_key_id"`
	SecretFile  string `toml:"secret_access_key_file"`
	Reports     string `toml:"reports"`
}

// Scan is the [scan] table.
type Scan struct {
	Clamd       string `toml:"clamd"`
	Rspamd      string `toml:"rspamd"`
	Spam        string `toml:"spam,omitempty"`
	Unavailable string `toml:"unavailable,omitempty"`
}

// Database is the [database] table: an empty URL is SQLite in the data folder.
type Database struct {
	URL string `toml:"url"`
}

// Listen is the [listen] table: addresses by door, none switches the door off.
type Listen struct {
	HTTPS []string `toml:"https"`
	HTTP  []string `toml:"http"`
	SMTP  []string `toml:"smtp"`
	SMTPS []string `toml:"smtps"`
	MX    []string `toml:"mx"`
	Ops   string   `toml:"ops"`
	DNS   []string `toml:"dns"`
}

// TLS is the [tls] table.
type TLS struct {
	CertFile string `toml:"cert_file,omitempty"`
	KeyFile  string `toml:"key_file,omitempty"`

	ACMEDomains   []string `toml:"acme_domains,omitempty"`
	ACMEDirectory string   `toml:"acme_directory,omitempty"`
	ACMECAFile    string   `toml:"acme_ca_file,omitempty"`
}

// Resolver is the [dns] table.
type Resolver struct {
	Servers []string `toml:"servers,omitempty"`
}

// Zone is the [zone] table.
type Zone struct {
	Name        string      `toml:"name"`
	NameServers []string    `toml:"name_servers"`
	Addresses   []string    `toml:"addresses"`
	KeyTTL      string      `toml:"key_ttl,omitempty"`
	Update      *ZoneUpdate `toml:"update,omitempty"`
}

// ZoneUpdate is the [zone.update] table.
type ZoneUpdate struct {
	Server         string `toml:"server"`
	TSIGName       string `toml:"tsig_name,omitempty"`
	TSIGSecretFile string `toml:"tsig_secret_file,omitempty"`
}

// Delivery is the [delivery] table.
type Delivery struct {
	MaxConcurrent  int      `toml:"max_concurrent,omitzero"`
	PerDestination int      `toml:"per_destination,omitzero"`
	MaxAge         string   `toml:"max_age,omitempty"`
	Retry          []string `toml:"retry,omitempty"`
	SMTPPort       int      `toml:"smtp_port,omitzero"`
	Private        bool     `toml:"private_addresses,omitzero"`
}

// Route is one of [[routes]].
type Route struct {
	Domain string   `toml:"domain"`
	Hosts  []string `toml:"hosts"`
	TLS    string   `toml:"tls,omitempty"`
}

// Limits is the [limits] table.
type Limits struct {
	DailyQuota  float64 `toml:"daily_quota"`
	MaxSendRate float64 `toml:"max_send_rate"`
}

// ServeConfig returns a configuration for a server in a new folder: SQLite, API and
// submission on free loopback ports, a certificate for localhost, no limits. It changes
// nothing on the machine and reaches nobody: a test adds DNS servers or routes.
func ServeConfig(t testing.TB) Config {
	t.Helper()
	dir := Dir(t)
	cert := NewCA(t, dir).Issue(t, "localhost", "mail.example.com", "127.0.0.1")
	free := []string{"127.0.0.1:0"}
	return Config{
		DataDir: filepath.Join(dir, "data"), Hostname: "mail.example.com", Regions: []string{Region},
		Listen:   Listen{HTTPS: free, HTTP: free, SMTP: free, SMTPS: free, MX: []string{}, Ops: free[0], DNS: []string{}},
		TLS:      TLS{CertFile: cert.CertFile, KeyFile: cert.KeyFile},
		Delivery: Delivery{Retry: []string{"1s"}, Private: true}, // the destinations are on loopback
		Limits:   &Limits{},
	}
}

// Serve writes the configuration, makes the tests' account with its keys, starts
// `sesame serve` and waits until it is ready.
func Serve(t testing.TB, config Config) *Server {
	t.Helper()
	home := filepath.Dir(config.DataDir)
	s := &Server{Dir: config.DataDir, Config: filepath.Join(home, "sesame.toml"), CAFile: filepath.Join(home, "ca.pem")}
	var text bytes.Buffer
	if err := toml.NewEncoder(&text).Encode(config); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(s.Config, text.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	s.args = []string{"serve", "--config=" + s.Config}
	s.ready = filepath.Join(s.Dir, "listen.json")
	s.t, s.bin = t, Binary(t)
	user := s.createUser(t)
	s.learn = func(file []byte) error { return s.learnServe(file, user) }
	return launch(t, s)
}

// user is what `sesame user create` prints.
type user struct {
	Account         string `json:"account"`
	AccessKeyID     string `json:"accessKeyId"`
	SecretAccessKey string `json:"secretAccessKey"`
	SMTPUser        string `json:"smtpUser"`
	SMTPPassword    string `json:"smtpPassword"`
	Region          string `json:"region"`
}

func (s *Server) createUser(t testing.TB) user {
	t.Helper()
	out := s.CLI(t, "user", "create", "--account", Account, "--name", "tester",
		"--admin", "--access-key", AccessKey, "--secret-key", SecretKey, s.store())
	var u user
	if err := json.Unmarshal([]byte(out), &u); err != nil {
		t.Fatalf("sesame user create printed %q: %v", out, err)
	}
	if u.Account != Account || u.AccessKeyID != AccessKey || u.SecretAccessKey != SecretKey || u.Region != Region {
		t.Fatalf("sesame user create made %+v", u)
	}
	return u
}

// learnServe reads listen.json.
func (s *Server) learnServe(file []byte, u user) error {
	var doors map[string]json.RawMessage
	if err := json.Unmarshal(file, &doors); err != nil {
		return err
	}
	// A door is a list of addresses, or the one address of the operator's.
	first := func(name string) string {
		var list []string
		if json.Unmarshal(doors[name], &list) == nil && len(list) > 0 {
			return list[0]
		}
		var one string
		_ = json.Unmarshal(doors[name], &one) // absent: a door switched off
		return one
	}
	ops := first("ops")
	if ops == "" {
		return fmt.Errorf("no address of the operator's listener")
	}
	s.alive = "http://" + ops + "/readyz"
	s.SMTP, s.SMTPS, s.MX, s.DNS = first("smtp"), first("smtps"), first("mx"), first("dns")
	s.Endpoint, s.Secure = "", ""
	if address := first("http"); address != "" {
		s.Endpoint = "http://" + address
	}
	if address := first("https"); address != "" {
		_, port, err := net.SplitHostPort(address)
		if err != nil {
			return err
		}
		s.Secure = "https://localhost:" + port
	}
	s.Env = map[string]string{
		"AWS_ENDPOINT_URL": s.Endpoint, "AWS_ACCESS_KEY_ID": u.AccessKeyID, "AWS_SECRET_ACCESS_KEY": u.SecretAccessKey,
		"AWS_REGION": u.Region, "SESAME_SMTP": s.SMTP, "SESAME_SMTPS": s.SMTPS, "SESAME_MX": s.MX,
		"SESAME_SMTP_USER": u.SMTPUser, "SESAME_SMTP_PASSWORD": u.SMTPPassword,
		"AWS_CA_BUNDLE": s.CAFile, "SSL_CERT_FILE": s.CAFile, "NODE_EXTRA_CA_CERTS": s.CAFile,
	}
	return nil
}
