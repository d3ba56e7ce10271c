// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// execute runs a command line.
func execute(args ...string) (code int, out, errOut string) {
	var o, e bytes.Buffer
	code = run(args, &o, &e)
	return code, o.String(), e.String()
}

func TestVersion(t *testing.T) {
	t.Parallel()
	code, out, errOut := execute("version")
	if code != 0 || !regexp.MustCompile(`^sesame \S+( [0-9a-f]{40})?\n$`).MatchString(out) || errOut != "" {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
}

func TestHelp(t *testing.T) {
	t.Parallel()
	code, out, _ := execute("--help")
	for _, word := range []string{"dev", "serve", "user create", "user list", "user delete", "key rotate", "smtp-credentials create", "policy attach", "role create", "account close", "identity verify", "zone export", "dns", "doctor", "mail list", "mail wait", "api", "version"} {
		if !strings.Contains(out, word) {
			t.Errorf("the help does not name %s", word)
		}
	}
	if code != 0 {
		t.Errorf("exit code %d", code)
	}
}

func TestAPIListsEveryOperationOnce(t *testing.T) {
	t.Parallel()
	code, out, _ := execute("api")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	seen, counts := map[string]bool{}, map[string]int{}
	for _, line := range lines {
		f := strings.Split(line, "\t")
		if len(f) != 3 || seen[f[0]+f[1]] || f[2] != "yes" && f[2] != "no" {
			t.Errorf("%q", line)
			continue
		}
		seen[f[0]+f[1]] = true
		counts[f[0]]++
	}
	if code != 0 || counts["ses"] < 71 || counts["sesv2"] < 116 || counts["iam"] < 50 || counts["sts"] < 3 || len(counts) != 4 {
		t.Errorf("%d, %v", code, counts)
	}
	for _, want := range []string{"ses\tSendRawEmail\tyes", "sesv2\tSendEmail\tyes", "sesv2\tSendBulkEmail\tyes", "sesv2\tCreateTenant\tno", "iam\tCreateAccessKey\tyes", "sts\tAssumeRole\tyes"} {
		if !strings.Contains(out, want+"\n") {
			t.Errorf("no line %q", want)
		}
	}
}

func TestSMTPCredentials(t *testing.T) {
	t.Parallel()
	const secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	for region, want := range map[string]string{"us-east-1": "BLBM/9hSUELfq8Gw+rU1YcBjkOxGbhT2XG763xVLGWL9", "eu-central-1": "BF0/eIJm0ruTHsSjOkRuOGzGF+zeSyE3aiRzrzUQ8LwG"} {
		if code, out, errOut := execute("smtp-credentials", secret, region); code != 0 || out != want+"\n" {
			t.Errorf("%s: %d, %q, %q", region, code, out, errOut)
		}
	}
	code, out, errOut := execute("smtp-credentials", secret, "Mars")
	if code != 1 || out != "" || !strings.Contains(errOut, `"Mars" is no region name`) || strings.Contains(errOut, secret) {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
}

func TestUsers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	user := func(args ...string) (int, string, string) {
		return execute(append([]string{"user"}, append(args, "--dir", dir)...)...)
	}
	code, out, errOut := user("create", "--account", "123456789012", "--name", "alice")
	var made map[string]string
	if err := json.Unmarshal([]byte(out), &made); code != 0 || err != nil {
		t.Fatalf("%d, %v, %q, %q", code, err, out, errOut)
	}
	if made["account"] != "123456789012" || made["user"] != "alice" || made["region"] != "us-east-1" || made["smtpUser"] != made["accessKeyId"] {
		t.Errorf("%v", made)
	}
	if _, password, _ := execute("smtp-credentials", made["secretAccessKey"], "us-east-1"); password != made["smtpPassword"]+"\n" {
		t.Errorf("the SMTP password is not the key's: %v", made)
	}
	code, out, errOut = user("create", "--account", "123456789012", "--name", "bob", "--access-key", "AKIAEXAMPLEEXAMPLE01", "--secret-key", "12345678", "--region", "eu-west-1")
	if code != 0 || !strings.Contains(out, `"accessKeyId": "AKIAEXAMPLEEXAMPLE01"`) || !strings.Contains(out, `"secretAccessKey": "12345678"`) || !strings.Contains(out, `"region": "eu-west-1"`) {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"the same name again", []string{"--account", "123456789012", "--name", "alice"}, "User with name alice already exists."},
		{"the same key again", []string{"--account", "210987654321", "--name", "eve", "--access-key", "AKIAEXAMPLEEXAMPLE01", "--secret-key", "12345678"}, "The access key id AKIAEXAMPLEEXAMPLE01 is taken."},
		{"half a key", []string{"--account", "123456789012", "--name", "eve", "--access-key", "AKIAEXAMPLEEXAMPLE02"}, "Give both the access key id and the secret key, or neither."},
		{"a short secret", []string{"--account", "123456789012", "--name", "eve", "--access-key", "AKIAEXAMPLEEXAMPLE02", "--secret-key", "x"}, "A secret key has 8 to 128 characters."},
		{"an account that is none", []string{"--account", "12345", "--name", "eve"}, "An account id has 12 digits."},
		{"a name that is none", []string{"--account", "123456789012", "--name", "eve/adam"}, "The specified value for userName is invalid. It must contain only alphanumeric characters and/or the following: +=,.@_-"},
	} {
		if code, out, errOut := user(append([]string{"create"}, tc.args...)...); code != 1 || out != "" || !strings.Contains(errOut, tc.want) {
			t.Errorf("%s: %d, %q, %q", tc.name, code, out, errOut)
		}
	}
	line := regexp.MustCompile(`^123456789012  alice  \[` + made["accessKeyId"] + `\]  \S+Z?\n123456789012  bob  \[AKIAEXAMPLEEXAMPLE01\]  \S+\n$`)
	if code, out, errOut = user("list"); code != 0 || !line.MatchString(out) {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	if strings.Contains(out, made["secretAccessKey"]) {
		t.Error("the list shows a secret")
	}
	if code, out, _ = user("list", "--account", "210987654321"); code != 0 || out != "" {
		t.Errorf("users of an account without any: %d, %q", code, out)
	}
	if code, out, errOut = user("delete", "--account", "123456789012", "--name", "alice"); code != 0 || out != "" || errOut != "" {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
	if code, _, errOut = user("delete", "--account", "123456789012", "--name", "alice"); code != 1 || !strings.Contains(errOut, "The user with name alice cannot be found.") {
		t.Errorf("%d, %q", code, errOut)
	}
	if _, out, _ = user("list"); strings.Contains(out, "alice") || !strings.Contains(out, "bob") {
		t.Errorf("%q", out)
	}
	for _, name := range []string{"sesame.db", "keyring"} {
		if info, err := os.Stat(filepath.Join(dir, name)); err != nil || info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s can be read by others: %v", name, err)
		}
	}
}

func TestIdentityVerify(t *testing.T) {
	t.Parallel()
	code, out, errOut := execute("identity", "verify", "example.com", "--account", "123456789012", "--dir", t.TempDir())
	if code != 1 || out != "" || !strings.Contains(errOut, "Email identity example.com does not exist.") {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
}

// TestOperatorCommandsMakeNoNewWorld is not parallel: it changes the working folder,
// where the default data folder is looked for.
func TestOperatorCommandsMakeNoNewWorld(t *testing.T) {
	t.Chdir(t.TempDir())
	data := filepath.Join(t.TempDir(), "data")
	file := filepath.Join(t.TempDir(), "sesame.toml")
	text := "data_dir = \"" + data + "\"\nhostname = \"mail.example.com\"\nregions = [\"us-east-1\", \"eu-west-1\"]\n[listen]\nhttps = []\nsmtp = []\nsmtps = []\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	alice := []string{"--account", "123456789012", "--name", "alice"}
	list, remove := []string{"user", "list"}, append([]string{"user", "delete"}, alice...)
	verify := []string{"identity", "verify", "example.com", "--account", "123456789012"}
	create := append([]string{"user", "create"}, alice...)
	at := func(args []string) []string { return append(slices.Clone(args), "--config", file) }
	for _, args := range [][]string{list, remove, verify, create, at(list), at(remove), at(verify)} {
		where := "./.sesame"
		if slices.Contains(args, file) {
			where = data
		}
		if code, out, errOut := execute(args...); code != 1 || out != "" || !strings.Contains(errOut, "no data folder at "+where+": give --config or --dir") {
			t.Errorf("%v: %d, %q, %q", args, code, out, errOut)
		}
		if _, err := os.Stat(where); err == nil {
			t.Fatalf("%v made %s", args, where)
		}
	}
	if code, out, errOut := execute(append(at(create), "--region", "us-west-2")...); code != 1 || out != "" || !strings.Contains(errOut, "region us-west-2 is not among the regions of") {
		t.Errorf("a region that is not served: %d, %q, %q", code, out, errOut)
	}
	if code, out, errOut := execute(append(at(create), "--region", "eu-west-1")...); code != 0 || !strings.Contains(out, `"region": "eu-west-1"`) {
		t.Errorf("before the first start: %d, %q, %q", code, out, errOut)
	}
	if code, out, errOut := execute(at(list)...); code != 0 || !strings.Contains(out, "alice") {
		t.Errorf("%d, %q, %q", code, out, errOut)
	}
}

func TestBadCommandLines(t *testing.T) {
	t.Parallel()
	dir, file := t.TempDir(), filepath.Join(t.TempDir(), "sesame.toml")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		name string
		args []string
		want string
	}{
		{"nothing", nil, "expected one of"},
		{"an unknown command", []string{"fly"}, "unexpected argument fly"},
		{"an unknown flag", []string{"version", "--fast"}, "unknown flag --fast"},
		{"a flag without its value", []string{"dev", "--dir"}, "expected string value"},
		{"a level that is none", []string{"dev", "--log-level", "loud"}, "--log-level must be one of"},
		{"serve without a configuration", []string{"serve"}, "missing flags: --config"},
		{"a configuration that is not there", []string{"serve", "--config", filepath.Join(dir, "none")}, "no such file"},
		{"a user without a name", []string{"user", "create", "--account", "123456789012"}, "missing flags: --name"},
		{"two places", []string{"user", "list", "--dir", dir, "--config", file}, "can't be used together"},
		{"a folder that is not there", []string{"user", "list", "--dir", filepath.Join(dir, "none")}, "no such file"},
		{"half of smtp-credentials", []string{"smtp-credentials", "secret"}, `expected "<region>"`},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			code, out, errOut := execute(tc.args...)
			if code != 2 || out != "" || !strings.HasPrefix(errOut, "sesame: error: ") || !strings.Contains(errOut, tc.want) {
				t.Errorf("%d, %q, %q", code, out, errOut)
			}
		})
	}
}

func TestDevRefuses(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"half a key":              {[]string{"--access-key", "AKIAEXAMPLEEXAMPLE01"}, "give both --access-key and --secret-key, or neither"},
		"an account that is none": {[]string{"--account", "1"}, `--account "1" does not have 12 digits`},
		"a region that is none":   {[]string{"--region", "Mars"}, `regions: "Mars" is no region name`},
		"an address without port": {[]string{"--http", "localhost"}, `listen.http: "localhost" is not host:port`},
		"nobody to ask":           {[]string{"--verify", "dns", "--dns", ""}, "--verify dns needs --dns"},
		"a database that is none": {[]string{"--database", "mysql://root:hunter2@localhost", "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--smtps", "127.0.0.1:0", "--mx", "127.0.0.1:0", "--dns", "127.0.0.1:0"}, "the database URL does not parse"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			code, out, errOut := execute(append([]string{"dev", "--dir", t.TempDir()}, tc.args...)...)
			if code != 1 || out != "" || !strings.Contains(errOut, tc.want) || strings.Contains(errOut, "hunter2") {
				t.Errorf("%d, %q, %q", code, out, errOut)
			}
		})
	}
}

// TestServeSaysWhatIsWrong has configurations that can't work.
func TestServeSaysWhatIsWrong(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { taken.Close() })
	const quiet = "hostname = \"mail.example.com\"\n[listen]\nhttps = []\nsmtp = []\nsmtps = []\nops = \"\"\n"
	notAFolder := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(notAFolder, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct{ name, text, want string }{
		{"no TOML", "regions = [", "sesame.toml"},
		{"an unknown key", "colour = \"blue\"", "unknown key colour"},
		{"a host name that is none", "hostname = \"a b\"", `hostname "a b" is no host name`},
		{"no region", "regions = []", "regions must name at least one region"},
		{"a region that is none", "regions = [\"Mars\"]", `regions: "Mars" is no region name`},
		{"an address without a port", "[listen]\nhttps = [\"0.0.0.0\"]", `listen.https: "0.0.0.0" is not host:port`},
		{"no certificate", "hostname = \"mail.example.com\"", "tls: listen.https, smtp and smtps need cert_file and key_file, or acme_domains"},
		{"half a certificate", "[tls]\ncert_file = \"x\"", "tls: give both cert_file and key_file"},
		{"a certificate that is not there", quiet + "[tls]\ncert_file = \"/none/cert.pem\"\nkey_file = \"/none/key.pem\"\n", "no such file"},
		{"a wait that is none", quiet + "[delivery]\nretry = [\"soon\"]\n", `invalid duration`},
		{"a route without hosts", quiet + "[[routes]]\ndomain = \"*\"\n", "routes[0]: hosts is empty"},
		{"a level that is none", quiet + "[log]\nlevel = \"loud\"\n", `log.level "loud" is not debug, info, warn or error`},
		{"a port that is taken", strings.Replace(quiet, `ops = ""`, `ops = "`+taken.Addr().String()+`"`, 1), "address already in use"},
		{"a database that is none", quiet + "[database]\nurl = \"mysql://root:hunter2@localhost\"\n", "the database URL does not parse"},
		{"a data folder that is none", "data_dir = \"" + notAFolder + "\"\n" + quiet, "not a directory"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "sesame.toml")
			text := tc.text
			if !strings.Contains(text, "data_dir") {
				text = "data_dir = \"" + t.TempDir() + "\"\n" + text
			}
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			code, out, errOut := execute("serve", "--config", file)
			if code != 1 || out != "" || !strings.Contains(errOut, tc.want) || strings.Contains(errOut, "hunter2") {
				t.Errorf("%d, %q, %q", code, out, errOut)
			}
		})
	}
}

// TestDevRunsUntilItIsTold is not parallel: the signal goes to the whole process.
func TestDevRunsUntilItIsTold(t *testing.T) {
	dir := t.TempDir()
	args := []string{"dev", "--dir", dir, "--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--smtps", "127.0.0.1:0", "--mx", "127.0.0.1:0", "--dns", "127.0.0.1:0",
		"--access-key", "AKIAEXAMPLEEXAMPLE01", "--secret-key", "a secret of the test"}
	ready := &announcer{said: make(chan struct{})}
	var errOut bytes.Buffer
	done := make(chan int, 1)
	go func() { done <- run(args, ready, &errOut) }()
	select {
	case <-ready.said:
	case code := <-done:
		t.Fatalf("it ended by itself: %d, %q", code, errOut.String())
	case <-time.After(30 * time.Second):
		t.Fatal("not ready in 30 s")
	}
	text, err := os.ReadFile(filepath.Join(dir, "dev.env"))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"export AWS_ACCESS_KEY_ID='AKIAEXAMPLEEXAMPLE01'\n", "export AWS_SECRET_ACCESS_KEY='a secret of the test'\n", "export AWS_REGION='us-east-1'\n"} {
		if !strings.Contains(string(text), want) {
			t.Errorf("dev.env has no %q", want)
		}
	}
	if code, _, errOut := execute(append([]string{"dev", "--dir", dir}, args[3:]...)...); code != 1 || !strings.Contains(errOut, "another sesame runs on this data folder") {
		t.Errorf("a second one: %d, %q", code, errOut)
	}
	// A user that is made while the server runs.
	if code, _, errOut := execute("user", "create", "--dir", dir, "--account", "123456789012", "--name", "late"); code != 0 {
		t.Errorf("%q", errOut)
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	select {
	case code := <-done:
		if out := ready.text.String(); code != 0 || errOut.Len() != 0 || !strings.Contains(out, "AKIAEXAMPLEEXAMPLE01") {
			t.Errorf("%d, %q, %q", code, out, errOut.String())
		}
	case <-time.After(30 * time.Second):
		t.Fatal("it did not stop")
	}
}

// announcer is an output that tells when the server says that it is ready.
type announcer struct {
	text bytes.Buffer
	once sync.Once
	said chan struct{}
}

func (a *announcer) Write(p []byte) (int, error) {
	a.text.Write(p)
	if strings.Contains(a.text.String(), "Sesame is ready.") {
		a.once.Do(func() { close(a.said) })
	}
	return len(p), nil
}
