// SPDX-License-Identifier: Apache-2.0

package smtpclient_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"strings"
	"syscall"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

// sinkVar makes the test binary a null sink, so that a benchmark can count the
// client's processor time apart from the server's.
const sinkVar = "SMTPCLIENT_TEST_SINK"

func TestMain(m *testing.M) {
	if os.Getenv(sinkVar) != "" {
		if err := runSink(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// runSink takes every message until its standard input ends.
func runSink() error {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Println(l.Addr())
	go smtptest.Sink(l)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func startSink(tb testing.TB) netip.AddrPort {
	tb.Helper()
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), sinkVar+"=1")
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		tb.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		stdin.Close()
		if err := cmd.Wait(); err != nil {
			tb.Error(err)
		}
	})
	addr, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		tb.Fatal(err)
	}
	return netip.MustParseAddrPort(strings.TrimSpace(addr))
}

// processorTime is what this process has used so far.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		tb.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkSend sends messages over one open session to a sink in a process of its
// own. cpu-µs/op is the client's processor time, the kernel's part included.
func BenchmarkSend(b *testing.B) {
	addr := startSink(b)
	for _, size := range []int{4 << 10, 50 << 10} {
		for _, traced := range []bool{false, true} {
			b.Run(fmt.Sprintf("%dKiB/transcript=%v", size>>10, traced), func(b *testing.B) {
				c, err := smtpclient.Dial(b.Context(), smtpclient.Options{Addr: addr, Hello: "client.test"})
				if err != nil {
					b.Fatal(err)
				}
				defer c.Close()
				lines := bytes.Repeat([]byte(strings.Repeat("x", 76)+"\r\n"), size/78)
				copy(lines[len(lines)/2/78*78:], ".")
				content := [][]byte{[]byte("X-Header: 1\r\nSubject: benchmark\r\n\r\n"), lines}
				a, err := address.Parse("recipient@example.test")
				if err != nil {
					b.Fatal(err)
				}
				env := smtpclient.Envelope{From: a, To: []address.Address{a}, Size: size}
				b.ReportAllocs()
				b.SetBytes(int64(size))
				start := processorTime(b)
				for b.Loop() {
					if traced {
						env.Transcript = smtpclient.NewTranscript(clock.System)
					}
					res, err := c.Send(b.Context(), env, content)
					if err != nil || res.Outcomes[0].Class != smtpclient.Delivered {
						b.Fatal(res, err)
					}
				}
				b.ReportMetric(float64((processorTime(b)-start).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
	}
}
