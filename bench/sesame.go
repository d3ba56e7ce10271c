// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
)

const (
	benchRegion  = "us-east-1"
	benchAccount = "123456789012"
)

// sesameConfig is the configuration of `sesame serve`: SQLite, STARTTLS on the
// submission port, the sink as the only route. Nothing asks a name server; the one
// that is named does not exist.
const sesameConfig = `data_dir = "%[1]s/data"
hostname = "localhost"
regions = ["` + benchRegion + `"]
[listen]
https = []
http = ["127.0.0.1:0"]
smtp = ["127.0.0.1:0"]
smtps = []
mx = []
ops = "%[3]s"
[tls]
cert_file = "%[1]s/cert.pem"
key_file = "%[1]s/key.pem"
[dns]
servers = ["127.0.0.1:9"]
[delivery]
paused = %[4]t
[[routes]]
domain = "*"
hosts = ["%[2]s"]
tls = "none"
[limits]
daily_quota = 0.0
max_send_rate = 0.0
`

// startSesame returns the starter of a Sesame binary. With paused set it accepts and
// stores mail but does not deliver it. The sending domain is verified and signed for
// with the key that Sesame makes, RSA-2048.
func startSesame(binary string, paused bool) starter {
	return func(ctx context.Context, s *site, sink string) (door, error) {
		ops, err := freePort()
		if err != nil {
			return door{}, err
		}
		if err := writeCertificate(s.path("cert.pem"), s.path("key.pem")); err != nil {
			return door{}, err
		}
		if err := s.write("sesame.toml", fmt.Sprintf(sesameConfig, s.dir, sink, ops, paused)); err != nil {
			return door{}, err
		}
		if err := os.MkdirAll(s.path("data"), 0o700); err != nil {
			return door{}, err
		}
		d, err := sesameUser(ctx, s, binary)
		if err != nil {
			return door{}, err
		}
		if err := s.spawn("sesame", binary, "serve", "--config", s.path("sesame.toml")); err != nil {
			return door{}, err
		}
		err = s.await(ctx, "Sesame", func() error {
			if err := d.readListen(s.path("data", "listen.json")); err != nil {
				return err
			}
			return answers(ctx, "http://"+ops+"/readyz")
		})
		if err != nil {
			return door{}, err
		}
		d.caFile = s.path("cert.pem")
		return d, verifyDomain(ctx, s, binary, d)
	}
}

// sesameUser makes the account's user and returns a door with its credentials.
func sesameUser(ctx context.Context, s *site, binary string) (door, error) {
	out, err := s.do(ctx, binary, "user", "create", "--account", benchAccount, "--name", "bench",
		"--config", s.path("sesame.toml"))
	if err != nil {
		return door{}, err
	}
	var user struct{ AccessKeyID, SecretAccessKey, SMTPUser, SMTPPassword string }
	if err := json.Unmarshal(out, &user); err != nil {
		return door{}, fmt.Errorf("sesame user create: %w", err)
	}
	return door{user: user.SMTPUser, password: user.SMTPPassword, key: user.AccessKeyID, secret: user.SecretAccessKey}, nil
}

// readListen takes the addresses from the file that Sesame writes when it is ready.
func (d *door) readListen(path string) error {
	b, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	var listen struct{ HTTP, SMTP []string }
	if err := json.Unmarshal(b, &listen); err != nil {
		return err
	}
	if len(listen.HTTP) == 0 || len(listen.SMTP) == 0 {
		return fmt.Errorf("%s lacks a listener", path)
	}
	d.api, d.smtp = "http://"+listen.HTTP[0], listen.SMTP[0]
	return nil
}

// verifyDomain makes the sending domain an identity and verifies it as its operator.
func verifyDomain(ctx context.Context, s *site, binary string, d door) error {
	c := d.client(http.DefaultClient)
	_, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String(benchDomain)})
	if err != nil {
		return err
	}
	_, err = s.do(ctx, binary, "identity", "verify", benchDomain, "--account", benchAccount, "--region", benchRegion,
		"--config", s.path("sesame.toml"))
	if err != nil {
		return err
	}
	return s.await(ctx, "identity "+benchDomain, func() error {
		out, err := c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String(benchDomain)})
		if err != nil {
			return err
		}
		if !out.VerifiedForSendingStatus {
			return fmt.Errorf("%s is not verified at %s", benchDomain, time.Now().Format(time.TimeOnly))
		}
		return nil
	})
}
