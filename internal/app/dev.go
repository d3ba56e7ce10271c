// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/core/account"
)

// devUser is the IAM user that dev makes.
const devUser = "dev"

// DevKeys fix what dev would make up. Empty fields are kept from an earlier start, or
// made up.
type DevKeys struct {
	AccessKey, SecretKey string
}

// DevSession is what a developer needs to use the server.
type DevSession struct {
	Account   string
	Variables []Variable
}

// Variable is one line of dev.env.
type Variable struct{ Name, Value string }

// DevUser makes sure of dev's user and key, and writes dev.env, which tells that the
// server is ready.
func (s *Server) DevUser(ctx context.Context, keys DevKeys) (DevSession, error) {
	c, err := s.devCredentials(ctx, keys)
	if err != nil {
		return DevSession{}, err
	}
	dir, err := filepath.Abs(s.cfg.DataDir)
	if err != nil {
		return DevSession{}, err
	}
	region, ca := s.cfg.Regions[0], filepath.Join(dir, "ca.pem")
	d := DevSession{Account: c.Account, Variables: []Variable{
		{"AWS_ENDPOINT_URL", "http://" + first(s.addresses.HTTP)},
		{"AWS_ACCESS_KEY_ID", c.KeyID},
		{"AWS_SECRET_ACCESS_KEY", c.Secret},
		{"AWS_REGION", region},
		{"AWS_DEFAULT_REGION", region},
		{"SESAME_ACCOUNT", c.Account},
		{"SESAME_SMTP", first(s.addresses.SMTP)},
		{"SESAME_SMTPS", first(s.addresses.SMTPS)},
		{"SESAME_SMTP_USER", c.KeyID},
		{"SESAME_SMTP_PASSWORD", c.SMTPPassword(region)},
		{"SESAME_MX", first(s.addresses.MX)},
		{"SESAME_DNS", first(s.cfg.DNS.Servers)},
		{"AWS_CA_BUNDLE", ca},
		{"SSL_CERT_FILE", ca},
		{"NODE_EXTRA_CA_CERTS", ca},
	}}
	var env strings.Builder
	for _, v := range d.Variables {
		fmt.Fprintf(&env, "export %s='%s'\n", v.Name, strings.ReplaceAll(v.Value, "'", `'\''`))
	}
	return d, writeFile(filepath.Join(dir, "dev.env"), []byte(env.String()), 0o600)
}

func first(s []string) string {
	if len(s) == 0 {
		return ""
	}
	return s[0]
}

// devCredentials returns the credentials of an earlier start, unless others are asked
// for.
func (s *Server) devCredentials(ctx context.Context, want DevKeys) (account.Credentials, error) {
	users, err := s.accounts.Users(ctx, s.cfg.DevAccount)
	if err != nil {
		return account.Credentials{}, err
	}
	for _, u := range users {
		if u.Name != devUser || len(u.Keys) == 0 {
			continue
		}
		k, err := s.accounts.Key(ctx, u.Keys[0])
		if errors.Is(err, account.ErrNoKey) { // somebody disabled it
			continue
		}
		if err != nil {
			return account.Credentials{}, err
		}
		if want.AccessKey == "" || want == (DevKeys{k.KeyID, k.Secret}) {
			return account.Credentials{Principal: k.Principal, Secret: k.Secret}, nil
		}
	}
	if err := s.accounts.DeleteUser(ctx, s.cfg.DevAccount, devUser); err != nil && !fault.Is(err, fault.NotFound) {
		return account.Credentials{}, err
	}
	return s.accounts.CreateUser(ctx, account.NewUser{
		Account: s.cfg.DevAccount, Name: devUser, KeyID: want.AccessKey, Secret: want.SecretKey, Policies: []string{account.AdministratorAccess},
	})
}

// WriteListening writes listen.json, which tells where the doors are and, for `serve`,
// that they are open.
func (s *Server) WriteListening() error {
	b, err := json.Marshal(s.addresses)
	if err != nil {
		return err
	}
	return writeFile(filepath.Join(s.cfg.DataDir, "listen.json"), b, 0o644)
}

// Print writes what to paste; program is how this one was called.
func (d DevSession) Print(w io.Writer, program string) {
	v := map[string]string{}
	for _, x := range d.Variables {
		v[x.Name] = x.Value
	}
	fmt.Fprintf(w, `Sesame is ready.

  API           %s        (mail arrives in the browser there, too)
  SMTP          %s (STARTTLS)   %s (TLS)
  DNS           %s        (takes dynamic updates)
  account       %s        region %s
  access key    %s
  secret key    %s
  SMTP user     %s
  password      %s

In another terminal:

  . %s
  aws sesv2 create-email-identity --email-identity example.com
  aws sesv2 send-email --from-email-address hello@example.com --destination ToAddresses=you@example.net \
      --content 'Simple={Subject={Data=Hi},Body={Text={Data=It works}}}'
  %s mail list

`, v["AWS_ENDPOINT_URL"], v["SESAME_SMTP"], v["SESAME_SMTPS"], cmp.Or(v["SESAME_DNS"], "none"), d.Account, v["AWS_REGION"], v["AWS_ACCESS_KEY_ID"],
		v["AWS_SECRET_ACCESS_KEY"], v["SESAME_SMTP_USER"], v["SESAME_SMTP_PASSWORD"], filepath.Join(filepath.Dir(v["AWS_CA_BUNDLE"]), "dev.env"), program)
}
