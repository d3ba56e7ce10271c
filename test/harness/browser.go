// SPDX-License-Identifier: Apache-2.0

package harness

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"sesame/internal/testkit/need"
)

// Browser is a Chromium without a window and with a profile of its own. Nothing of it
// leaves the machine: see StartBrowser.
type Browser struct {
	ctx context.Context
	out *outside
}

// StartBrowser starts a Chromium that ends with the test. Each of hosts is a name that a
// page may mention, with the loopback address, host:port, where it is really served; any
// port of it leads there. 127.0.0.1 and localhost are themselves. Everything else leads,
// whatever its port, to a listener that answers nobody and writes down who came: Outside.
// Chromium knows none of the tests' CAs; it takes the trusted certificates as they are.
func StartBrowser(t testing.TB, hosts map[string]string, trusted ...Certificate) *Browser {
	t.Helper()
	program := need.Program(t, need.Chromium)
	need.Library(t, "chromedp", "github.com/chromedp/chromedp")
	out := listenOutside(t)
	var rules []string
	for _, name := range slices.Sorted(maps.Keys(hosts)) {
		rules = append(rules, "MAP "+name+" "+hosts[name])
	}
	// What Chromium wants by itself, whatever its flags say, is not there at all.
	rules = append(rules, "MAP *.google.com ~NOTFOUND", "MAP *.googleapis.com ~NOTFOUND", "MAP *.gvt1.com ~NOTFOUND", "MAP * "+out.listener.Addr().String(), "EXCLUDE 127.0.0.1", "EXCLUDE localhost")
	home := Dir(t)
	options := slices.Concat(chromedp.DefaultExecAllocatorOptions[:], []chromedp.ExecAllocatorOption{
		chromedp.ExecPath(program), chromedp.UserDataDir(filepath.Join(home, "profile")),
		chromedp.NoInheritEnv, chromedp.Env(baseEnviron(home)...), chromedp.ModifyCmdFunc(diesWithUs),
		chromedp.Flag("headless", "new"), chromedp.Flag("no-sandbox", true), // root has no sandbox
		chromedp.Flag("host-resolver-rules", strings.Join(rules, ",")),
		chromedp.Flag("no-proxy-server", true), chromedp.Flag("no-pings", true),
		chromedp.Flag("disable-component-update", true), chromedp.Flag("disable-domain-reliability", true),
		// IsolateSandboxedIframes is off so that a tab tells of its frames, too.
		chromedp.Flag("disable-features", "Translate,MediaRouter,OptimizationHints,NetworkTimeServiceQuerying,HttpsUpgrades,IsolateSandboxedIframes"),
		chromedp.Flag("disable-popup-blocking", false), // as people have it
		chromedp.Flag("disable-ipc-flooding-protection", false),
		chromedp.DisableGPU,
	})
	if len(trusted) > 0 {
		var keys []string
		for _, c := range trusted {
			keys = append(keys, c.keyHash(t))
		}
		options = append(options, chromedp.Flag("ignore-certificate-errors-spki-list", strings.Join(keys, ",")))
	}
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, end := chromedp.NewContext(allocator, chromedp.WithErrorf(ignore))
	t.Cleanup(end)
	if err := chromedp.Do(ctx); err != nil {
		t.Fatalf("start Chromium: %v", err)
	}
	return &Browser{ctx: ctx, out: out}
}

// ignore is for what chromedp says of events that are newer than it.
func ignore(string, ...any) {}

// diesWithUs has the kernel end the browser should the test process die.
func diesWithUs(cmd *exec.Cmd) {
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
}

// Outside returns who was dialled beside the hosts of StartBrowser, in order: "GET
// http://host/path", "https://host", or "a connection" that asked for nothing.
// What a page wants of others is dialled when the page is shown, at the latest.
func (b *Browser) Outside() []string { return b.out.all() }

// outside is the listener for everything that must not be reached.
type outside struct {
	listener net.Listener

	mu    sync.Mutex
	calls []string
}

func listenOutside(t testing.TB) *outside {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	o := &outside{listener: l}
	var calls sync.WaitGroup
	calls.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				calls.Go(func() { o.call(conn) })
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		calls.Wait()
	})
	return o
}

// call notes one connection at once, and whom it is for when it says so.
func (o *outside) call(conn net.Conn) {
	defer conn.Close()
	n := o.note("a connection")
	if err := conn.SetDeadline(time.Now().Add(5 * time.Second)); err != nil {
		return
	}
	in := bufio.NewReader(conn)
	if first, err := in.Peek(1); err == nil && first[0] == 0x16 { // a handshake (RFC 8446 §5.1)
		// It fails: there is no certificate.
		_ = tls.Server(&readAgain{conn, in}, &tls.Config{GetConfigForClient: func(hello *tls.ClientHelloInfo) (*tls.Config, error) {
			o.amend(n, "https://"+hello.ServerName)
			return nil, nil
		}}).Handshake()
		return
	}
	if r, err := http.ReadRequest(in); err == nil {
		o.amend(n, fmt.Sprintf("%s http://%s%s", r.Method, r.Host, r.URL))
	}
}

// readAgain is a connection of which something was read ahead.
type readAgain struct {
	net.Conn
	in *bufio.Reader
}

func (c *readAgain) Read(p []byte) (int, error) { return c.in.Read(p) }

func (o *outside) note(call string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls = append(o.calls, call)
	return len(o.calls) - 1
}

func (o *outside) amend(n int, call string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.calls[n] = call
}

func (o *outside) all() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.Clone(o.calls)
}
