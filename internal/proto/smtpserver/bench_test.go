// SPDX-License-Identifier: Apache-2.0

package smtpserver_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/proto/smtpserver"
)

// TestMain lets this binary be the load generator of the benchmarks, so that what
// they measure is the server's share alone.
func TestMain(m *testing.M) {
	if addr := os.Getenv("SMTPSERVER_LOAD"); addr != "" {
		if err := generateLoad(addr); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

// sink is a Backend that takes everything.
type sink struct{ taken *atomic.Int64 }

func (s sink) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return s, nil
}
func (sink) Auth(context.Context, string, string) error                         { return nil }
func (sink) Mail(context.Context, address.Address, smtpserver.MailParams) error { return nil }
func (sink) Rcpt(context.Context, address.Address) error                        { return nil }
func (sink) Reset()                                                             {}
func (sink) Close()                                                             {}
func (s sink) Data(context.Context, []byte) (string, error) {
	s.taken.Add(1)
	return "Ok 010001234567-89ab", nil
}

// BenchmarkMessages takes messages of 4 KiB over 20 kept sessions on loopback. ns/op
// is the time from one message to the next; cpu-us/msg is what the server's process
// used, without the clients, which are another process; user-us/msg is the part of it
// outside the kernel.
func BenchmarkMessages(b *testing.B) {
	for _, secure := range []bool{false, true} {
		for _, pipelined := range []bool{false, true} {
			b.Run(fmt.Sprintf("tls=%t/pipelined=%t", secure, pipelined), func(b *testing.B) {
				benchmarkMessages(b, secure, pipelined)
			})
		}
	}
}

func benchmarkMessages(b *testing.B, secure, pipelined bool) {
	var taken atomic.Int64
	cfg := mx()
	cfg.Implicit = secure
	cfg.Limits = smtpserver.Limits{}
	s := start(b, cfg, sink{&taken})

	load := exec.Command(os.Args[0])
	load.Env = append(os.Environ(), "SMTPSERVER_LOAD="+s.addr, "SMTPSERVER_COUNT="+strconv.Itoa(b.N),
		"SMTPSERVER_PIPELINED="+strconv.FormatBool(pipelined))
	if secure {
		load.Env = append(load.Env, "SMTPSERVER_CA="+string(pem.EncodeToMemory(
			&pem.Block{Type: "CERTIFICATE", Bytes: certificate().Certificate[0]})))
	}
	load.Stderr = os.Stderr
	ready, err := load.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	goOn, err := load.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := load.Start(); err != nil {
		b.Fatal(err)
	}
	if _, err := bufio.NewReader(ready).ReadString('\n'); err != nil { // its sessions stand
		b.Fatal(err)
	}
	b.ReportAllocs()
	b.ResetTimer()
	userBefore, systemBefore := cpu(b)
	_, _ = io.WriteString(goOn, "go\n")
	if err := load.Wait(); err != nil {
		b.Fatal(err)
	}
	b.StopTimer()
	user, system := cpu(b)
	user, system = user-userBefore, system-systemBefore
	if int(taken.Load()) < b.N {
		b.Fatalf("%d of %d messages", taken.Load(), b.N)
	}
	b.ReportMetric(float64((user+system).Microseconds())/float64(b.N), "cpu-us/msg")
	b.ReportMetric(float64(user.Microseconds())/float64(b.N), "user-us/msg")
}

// cpu is what this process has used so far.
func cpu(b *testing.B) (user, system time.Duration) {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano()), time.Duration(u.Stime.Nano())
}

// generateLoad is the load generator: it opens 20 sessions, says so, waits for a
// line on its input and sends.
func generateLoad(addr string) error {
	count, err := strconv.Atoi(os.Getenv("SMTPSERVER_COUNT"))
	if err != nil {
		return err
	}
	var secure *tls.Config
	if ca := os.Getenv("SMTPSERVER_CA"); ca != "" {
		secure = &tls.Config{RootCAs: x509.NewCertPool(), ServerName: "mail.test"}
		secure.RootCAs.AppendCertsFromPEM([]byte(ca))
	}
	const sessions = 20
	var senders [sessions]*sender
	for i := range senders {
		if senders[i], err = newSender(addr, secure, os.Getenv("SMTPSERVER_PIPELINED") == "true"); err != nil {
			return err
		}
	}
	fmt.Println("ready")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	left := atomic.Int64{}
	left.Store(int64(count))
	errs := make(chan error, sessions)
	var wg sync.WaitGroup
	for _, s := range senders {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				if err := s.send(); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	return <-errs
}

type sender struct {
	conn  net.Conn
	r     *bufio.Reader
	steps [][]byte // what is sent in one piece each
	wants []int    // the replies awaited after each
}

func newSender(addr string, secure *tls.Config, pipelined bool) (*sender, error) {
	conn, err := net.Dial("tcp", addr)
	if err != nil {
		return nil, err
	}
	if secure != nil {
		conn = tls.Client(conn, secure)
	}
	s := &sender{conn: conn, r: bufio.NewReader(conn)}
	body := []byte("Subject: load\r\n\r\n" + strings.Repeat(strings.Repeat("x", 76)+"\r\n", 52) + ".\r\n")
	mail, rcpt, data := []byte("MAIL FROM:<sender@example.com>\r\n"), []byte("RCPT TO:<recipient@example.org>\r\n"), []byte("DATA\r\n")
	if pipelined {
		s.steps, s.wants = [][]byte{bytes.Join([][]byte{mail, rcpt, data}, nil), body}, []int{3, 1}
	} else {
		s.steps, s.wants = [][]byte{mail, rcpt, data, body}, []int{1, 1, 1, 1}
	}
	if _, err := s.r.ReadSlice('\n'); err != nil {
		return nil, err
	}
	if _, err := conn.Write([]byte("HELO load.test\r\n")); err != nil {
		return nil, err
	}
	_, err = s.r.ReadSlice('\n')
	return s, err
}

func (s *sender) send() error {
	for i, step := range s.steps {
		if _, err := s.conn.Write(step); err != nil {
			return err
		}
		for range s.wants[i] {
			line, err := s.r.ReadSlice('\n')
			if err != nil {
				return err
			}
			if line[0] != '2' && line[0] != '3' {
				return fmt.Errorf("refused: %s", line)
			}
		}
	}
	return nil
}

func BenchmarkDecodeData(b *testing.B) {
	wire := []byte(strings.Repeat(strings.Repeat("x", 76)+"\r\n", 52) + ".\r\n")
	b.SetBytes(int64(len(wire)))
	for b.Loop() {
		smtpserver.DecodeData(wire, nil, 1<<20)
	}
}
