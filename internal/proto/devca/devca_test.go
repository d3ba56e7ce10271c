// SPDX-License-Identifier: Apache-2.0

package devca_test

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"sesame/internal/proto/devca"
	"sesame/internal/testkit/need"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	hosts = []string{"email-smtp.us-east-1.amazonaws.com", "*.example.test", "Mail.Example.com.", "192.0.2.7"}
)

func ensure(t *testing.T, dir string, hosts []string, now time.Time) *devca.Certs {
	t.Helper()
	c, err := devca.Ensure(dir, hosts, now)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestEnsureMakesWhatGoTrusts(t *testing.T) {
	t.Parallel()
	c := ensure(t, filepath.Join(t.TempDir(), "new", "folder"), hosts, start)
	roots := x509.NewCertPool()
	roots.AddCert(c.CA)
	for name, ok := range map[string]bool{
		"localhost": true, "127.0.0.1": true, "::1": true, "192.0.2.7": true,
		"email-smtp.us-east-1.amazonaws.com": true, "x.example.test": true, "mail.example.com": true,
		"email-smtp.us-west-2.amazonaws.com": false, "127.0.0.2": false, "example.test": false,
	} {
		_, err := c.Leaf.Leaf.Verify(x509.VerifyOptions{DNSName: name, Roots: roots, CurrentTime: start,
			KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
		if (err == nil) != ok {
			t.Errorf("%s: %v", name, err)
		}
	}
	if !bytes.Equal(c.Leaf.Leaf.AuthorityKeyId, c.CA.SubjectKeyId) || len(c.Leaf.Leaf.SubjectKeyId) == 0 {
		t.Error("the key identifiers do not lead from the certificate to the authority")
	}
	if life := c.CA.NotAfter.Sub(start); life < 9*365*24*time.Hour {
		t.Errorf("the authority lives %v", life)
	}
}

func TestFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	c := ensure(t, dir, hosts, start)
	for name, mode := range map[string]fs.FileMode{
		"ca.pem": 0o644, "cert.pem": 0o644, "ca-key.pem": 0o600, "cert-key.pem": 0o600,
	} {
		fi, err := os.Stat(filepath.Join(dir, name))
		if err != nil || fi.Mode().Perm() != mode {
			t.Errorf("%s: %v, %v", name, fi, err)
		}
	}
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 4 {
		t.Errorf("folder holds %v, %v", entries, err)
	}
	if _, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile); err != nil {
		t.Error(err)
	}
}

func TestEnsureKeepsAndRenews(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for _, tc := range []struct {
		name     string
		spoil    func(dir string) error
		hosts    []string
		after    time.Duration
		sameCA   bool
		sameLeaf bool
	}{
		{"nothing changed", nil, hosts, 0, true, true},
		{"the hosts in another order and case", nil,
			[]string{"192.0.2.7", "mail.example.com", "*.EXAMPLE.test", "email-smtp.us-east-1.amazonaws.com"}, 0, true, true},
		{"a host more", nil, append([]string{"more.example"}, hosts...), 0, true, false},
		{"a host less", nil, hosts[1:], 0, true, false},
		{"31 days before its end", nil, hosts, 334 * day, true, true},
		{"29 days before its end", nil, hosts, 336 * day, true, false},
		{"after its end", nil, hosts, 400 * day, true, false},
		{"nine years later", nil, hosts, 9 * 365 * day, true, false},
		{"after the authority's end", nil, hosts, 11 * 365 * day, false, false},
		{"a clock that was ahead is put right", nil, hosts, -day, false, false},
		{"the certificate is gone", remove("cert.pem"), hosts, 0, true, false},
		{"the certificate is rubbish", rubbish("cert.pem"), hosts, 0, true, false},
		{"the certificate's key is gone", remove("cert-key.pem"), hosts, 0, true, false},
		{"the authority's certificate is gone", remove("ca.pem"), hosts, 0, false, true},
		{"the authority's certificate is rubbish", rubbish("ca.pem"), hosts, 0, false, true},
		{"the authority's key is gone", remove("ca-key.pem"), hosts, 0, false, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			a := ensure(t, dir, hosts, start)
			if tc.spoil != nil {
				if err := tc.spoil(dir); err != nil {
					t.Fatal(err)
				}
			}
			b := ensure(t, dir, tc.hosts, start.Add(tc.after))
			if a.CA.Equal(b.CA) != tc.sameCA || a.Leaf.Leaf.Equal(b.Leaf.Leaf) != tc.sameLeaf {
				t.Errorf("same authority %v, same certificate %v", a.CA.Equal(b.CA), a.Leaf.Leaf.Equal(b.Leaf.Leaf))
			}
			roots := x509.NewCertPool()
			roots.AddCert(b.CA)
			if _, err := b.Leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, CurrentTime: start.Add(tc.after)}); err != nil {
				t.Error(err)
			}
			if _, err := tls.LoadX509KeyPair(b.CertFile, b.KeyFile); err != nil {
				t.Error(err)
			}
		})
	}
}

func remove(name string) func(string) error {
	return func(dir string) error { return os.Remove(filepath.Join(dir, name)) }
}

func rubbish(name string) func(string) error {
	return func(dir string) error { return os.WriteFile(filepath.Join(dir, name), []byte("rubbish"), 0o600) }
}

func TestEnsureRefuses(t *testing.T) {
	t.Parallel()
	for _, host := range []string{"", "a b", "-a.example", "a..b", "exämple.com", "a.example:8025", "*.*.a", "1.2.3.4/8"} {
		if _, err := devca.Ensure(t.TempDir(), []string{host}, start); err == nil {
			t.Errorf("host %q is accepted", host)
		}
	}
	dir := t.TempDir()
	ensure(t, dir, nil, start)
	if err := rubbish("ca-key.pem")(dir); err != nil {
		t.Fatal(err)
	}
	if _, err := devca.Ensure(dir, nil, start); err == nil {
		t.Error("a spoilt key is overwritten in silence")
	}
}

func TestManyAtOnceAgree(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got := make([]*devca.Certs, 8)
	var wg sync.WaitGroup
	for i := range got {
		wg.Go(func() {
			c, err := devca.Ensure(dir, hosts, start)
			if err != nil {
				t.Error(err)
				return
			}
			got[i] = c
		})
	}
	wg.Wait()
	if t.Failed() {
		return
	}
	for _, c := range got {
		if !c.CA.Equal(got[0].CA) {
			t.Error("two authorities in one folder")
		}
		if err := c.Leaf.Leaf.CheckSignatureFrom(got[0].CA); err != nil {
			t.Error(err)
		}
	}
	if _, err := tls.LoadX509KeyPair(got[0].CertFile, got[0].KeyFile); err != nil {
		t.Error(err)
	}
}

func TestOpenSSLVerifies(t *testing.T) {
	t.Parallel()
	openssl := need.Program(t, need.OpenSSL)
	c := ensure(t, t.TempDir(), hosts, time.Now())
	for _, args := range [][]string{
		{"-verify_hostname", "localhost"},
		{"-verify_hostname", "email-smtp.us-east-1.amazonaws.com"},
		{"-verify_ip", "127.0.0.1"},
		{"-verify_ip", "::1"},
	} {
		full := append([]string{"verify", "-x509_strict", "-purpose", "sslserver", "-no-CApath", "-no-CAstore", "-CAfile", c.CAFile},
			append(args, c.CertFile)...)
		if out, err := exec.Command(openssl, full...).CombinedOutput(); err != nil {
			t.Errorf("%v: %s", args, out)
		}
	}
	if _, err := exec.Command(openssl, "verify", "-no-CApath", "-no-CAstore", "-CAfile", c.CAFile,
		"-verify_hostname", "other.example", c.CertFile).CombinedOutput(); err == nil {
		t.Error("openssl accepts a name that is not there")
	}
}

// TestRealClientsConnect lets clients of other makes verify a server on loopback.
func TestRealClientsConnect(t *testing.T) {
	t.Parallel()
	c := ensure(t, t.TempDir(), nil, time.Now())
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusNoContent)
	}))
	srv.TLS = &tls.Config{Certificates: []tls.Certificate{c.Leaf}}
	srv.StartTLS()
	defer srv.Close()
	_, port, err := net.SplitHostPort(srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"localhost", "127.0.0.1"} {
		url := "https://" + host + ":" + port + "/"
		for tool, args := range map[*need.Tool][]string{
			&need.Node:   {"-e", "fetch('" + url + "').then(r=>process.exit(r.status==204?0:1),e=>{console.error(e);process.exit(1)})"},
			&need.Python: {"-c", "import ssl,urllib.request as u;c=ssl.create_default_context(cafile='" + c.CAFile + "');c.verify_flags|=ssl.VERIFY_X509_STRICT;u.urlopen('" + url + "',context=c)"},
			&need.Curl:   {"-sSf", "--cacert", c.CAFile, url},
		} {
			t.Run(tool.Name+" to "+host, func(t *testing.T) {
				cmd := exec.Command(need.Program(t, *tool), args...)
				cmd.Env = append(os.Environ(), "NODE_EXTRA_CA_CERTS="+c.CAFile, "NO_PROXY=*", "no_proxy=*")
				if out, err := cmd.CombinedOutput(); err != nil {
					t.Errorf("%v: %s", err, out)
				}
			})
		}
	}
}
