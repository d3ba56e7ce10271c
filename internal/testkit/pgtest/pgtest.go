// SPDX-License-Identifier: Apache-2.0

// Package pgtest gives a test a fresh database in a real PostgreSQL. The server is
// Debian's, started by the test process itself in a folder of its own with fsync on,
// once for all its tests, and it ends with the process however that ends. A test
// without PostgreSQL skips (or fails: see package need). For tests only.
package pgtest

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"sesame/internal/testkit/need"
)

// startTimeout bounds initdb and the server's start together.
const startTimeout = time.Minute

// shared starts the process's one server at its first use.
var shared = sync.OnceValues(start)

// URL returns the postgres:// URL of an empty database that only this test knows. It
// is dropped, its connections cut, when the test ends. Safe for parallel tests.
func URL(t testing.TB) string {
	t.Helper()
	need.Program(t, need.PostgreSQL)
	s, err := shared()
	if err != nil {
		t.Fatalf("start PostgreSQL: %v", err)
	}
	name := "test_" + strings.ToLower(rand.Text())
	if err := s.exec("CREATE DATABASE " + name); err != nil {
		t.Fatalf("create a database: %v", err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("PostgreSQL's log:\n%s", s.log())
		}
		if err := s.exec("DROP DATABASE " + name + " WITH (FORCE)"); err != nil {
			t.Errorf("drop the database: %v", err)
		}
	})
	return s.url(name)
}

// server is a PostgreSQL that a shell watches over: the shell reads hold, and when the
// test process is gone, which closes it, stops the server and removes dir.
type server struct {
	dir      string
	port     int
	password string
	hold     io.WriteCloser // held open for the watcher as long as the process lives
}

// watch runs the server until standard input ends, and says in the file "ended" that
// the server has. Immediate shutdown is enough, since the data is removed.
const watch = `
exec 3<&0
"$1" -D "$2/data" >"$2/log" 2>&1 3<&- &
pid=$!
( while read -r _; do :; done; kill -QUIT $pid ) <&3 &
wait $pid
: >"$2/ended"
wait
rm -rf "$2"
`

func start() (*server, error) {
	deadline := time.Now().Add(startTimeout)
	binaries, err := binaries()
	if err != nil {
		return nil, err
	}
	who, err := owner()
	if err != nil {
		return nil, err
	}
	s := &server{password: rand.Text()}
	if s.dir, err = os.MkdirTemp("", "sesame-pg-"); err != nil {
		return nil, err
	}
	if err := s.initialise(binaries, who); err != nil {
		os.RemoveAll(s.dir)
		return nil, err
	}
	watcher := exec.Command("/bin/sh", "-c", watch, "sh", filepath.Join(binaries, "postgres"), s.dir)
	watcher.SysProcAttr = &syscall.SysProcAttr{Credential: who, Setpgid: true}
	watcher.Dir = s.dir
	if s.hold, err = watcher.StdinPipe(); err != nil {
		return nil, err
	}
	if err := watcher.Start(); err != nil {
		return nil, err
	}
	return s, s.ready(deadline)
}

// owner is who runs the server: PostgreSQL refuses root. Nil stands for the caller.
func owner() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		return nil, err
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
}

func binaries() (string, error) {
	found, err := filepath.Glob(need.PostgreSQL.Paths[0])
	if err != nil || len(found) == 0 {
		return "", errors.New("no PostgreSQL server found")
	}
	return filepath.Dir(found[len(found)-1]), nil
}

// initialise makes the cluster in s.dir, which then belongs to who.
func (s *server) initialise(binaries string, who *syscall.Credential) error {
	password := filepath.Join(s.dir, "password")
	if err := os.WriteFile(password, []byte(s.password+"\n"), 0o600); err != nil {
		return err
	}
	if who != nil {
		for _, path := range []string{s.dir, password} {
			if err := os.Chown(path, int(who.Uid), int(who.Gid)); err != nil {
				return err
			}
		}
	}
	data := filepath.Join(s.dir, "data")
	initdb := exec.Command(filepath.Join(binaries, "initdb"), "-D", data, "-U", "sesame", "-A", "scram-sha-256",
		"--pwfile", password, "-E", "UTF8", "--locale=C", "--no-sync")
	initdb.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	initdb.Dir = s.dir
	if out, err := initdb.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	var err error
	if s.port, err = freePort(); err != nil {
		return err
	}
	// Durable like a server in production, small like a guest on somebody's machine.
	settings := fmt.Sprintf(`
listen_addresses = '127.0.0.1'
port = %d
unix_socket_directories = '%s'
max_connections = 400
shared_buffers = 64MB
fsync = on
synchronous_commit = on
full_page_writes = on
autovacuum = on
`, s.port, s.dir)
	f, err := os.OpenFile(filepath.Join(data, "postgresql.conf"), os.O_WRONLY|os.O_APPEND, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(settings)
	return err
}

// ready waits until the server answers.
func (s *server) ready(deadline time.Time) error {
	tick := time.NewTicker(20 * time.Millisecond)
	defer tick.Stop()
	for {
		err := s.exec("SELECT 1")
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("not ready after %v: %w\n%s", startTimeout, err, s.log())
		}
		if _, err := os.Stat(filepath.Join(s.dir, "ended")); err == nil {
			return fmt.Errorf("ended at once:\n%s", s.log())
		}
		<-tick.C
	}
}

// exec runs one statement on a connection of its own, as a superuser.
func (s *server) exec(statement string) error {
	ctx, cancel := context.WithTimeout(context.Background(), startTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, s.url("postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, statement)
	return err
}

func (s *server) url(database string) string {
	u := url.URL{
		Scheme: "postgres", User: url.UserPassword("sesame", s.password),
		Host: net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)),
		Path: "/" + database, RawQuery: "sslmode=disable",
	}
	return u.String()
}

// log returns the end of the server's log.
func (s *server) log() string {
	const most = 8 << 10
	text, err := os.ReadFile(filepath.Join(s.dir, "log"))
	if err != nil {
		return err.Error()
	}
	if len(text) > most {
		text = text[len(text)-most:]
		text = text[bytes.IndexByte(text, '\n')+1:]
	}
	return string(text)
}

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, err
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}
