// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"fmt"
	"net"
	"path/filepath"
	"strings"
	"testing"
)

// Dev starts `sesame dev` on free ports with the tests' account and keys, and waits
// until it is ready. Further flags, such as --database, go last and win.
func Dev(t testing.TB, flags ...string) *Server {
	t.Helper()
	s := &Server{Dir: filepath.Join(Dir(t), "data")}
	s.ready = filepath.Join(s.Dir, "dev.env")
	s.args = append([]string{
		"dev", "--dir=" + s.Dir, "--region=" + Region, "--account=" + Account,
		"--access-key=" + AccessKey, "--secret-key=" + SecretKey,
		"--http=127.0.0.1:0", "--smtp=127.0.0.1:0", "--smtps=127.0.0.1:0", "--mx=127.0.0.1:0", "--dns=127.0.0.1:0",
	}, flags...)
	s.learn = s.learnDev
	return launch(t, s)
}

// learnDev reads dev.env.
func (s *Server) learnDev(file []byte) error {
	env, err := parseExports(string(file))
	if err != nil {
		return err
	}
	for _, name := range []string{
		"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_REGION", "AWS_CA_BUNDLE",
		"SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS", "SESAME_SMTP", "SESAME_SMTPS", "SESAME_MX", "SESAME_DNS", "SESAME_SMTP_USER", "SESAME_SMTP_PASSWORD",
	} {
		if env[name] == "" {
			return fmt.Errorf("%s is not set", name)
		}
	}
	s.Env = env
	s.Endpoint = env["AWS_ENDPOINT_URL"]
	s.SMTP, s.SMTPS, s.MX, s.DNS = env["SESAME_SMTP"], env["SESAME_SMTPS"], env["SESAME_MX"], env["SESAME_DNS"]
	s.CAFile = env["AWS_CA_BUNDLE"]
	_, port, err := net.SplitHostPort(strings.TrimPrefix(s.Endpoint, "http://"))
	if err != nil {
		return fmt.Errorf("AWS_ENDPOINT_URL: %w", err)
	}
	s.Secure = "https://localhost:" + port
	s.alive = s.Endpoint + "/readyz"
	return nil
}

// parseExports reads lines of the form export NAME='value', quoted for a POSIX shell.
func parseExports(text string) (map[string]string, error) {
	env := map[string]string{}
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		assignment, ok := strings.CutPrefix(line, "export ")
		name, value, found := strings.Cut(assignment, "=")
		if !ok || !found || len(value) < 2 || value[0] != '\'' || value[len(value)-1] != '\'' {
			return nil, fmt.Errorf("not an export: %q", line)
		}
		env[name] = strings.ReplaceAll(value[1:len(value)-1], `'\''`, "'")
	}
	return env, nil
}
