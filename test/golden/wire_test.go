// SPDX-License-Identifier: Apache-2.0

package golden_test

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpserver"
)

// sink is a recipient's server that keeps the last message.
type sink struct {
	mu   sync.Mutex
	data []byte
}

func (s *sink) NewSession(context.Context, smtpserver.ConnInfo) (smtpserver.Session, error) {
	return s, nil
}
func (s *sink) Auth(context.Context, string, string) error                         { return smtpserver.ErrCredentials }
func (s *sink) Mail(context.Context, address.Address, smtpserver.MailParams) error { return nil }
func (s *sink) Rcpt(context.Context, address.Address) error                        { return nil }
func (s *sink) Reset()                                                             {}
func (s *sink) Close()                                                             {}

func (s *sink) Data(_ context.Context, message []byte) (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.data = bytes.Clone(message)
	return "", nil
}

func (s *sink) last() []byte {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.data
}

// TestTheWireCarriesWhatTheFilesSay sends every message of the files that leaves, to the
// recipients that they name, as core/delivery does. The server must get these octets, with
// a line end after them if they had none.
func TestTheWireCarriesWhatTheFilesSay(t *testing.T) {
	t.Parallel()
	var to sink
	server, err := smtpserver.NewServer(smtpserver.Config{Hostname: "mx.example.net", Limits: smtpserver.Limits{IdleTimeout: patience, MaxRecipients: 100}}, &to)
	if err != nil {
		t.Fatal(err)
	}
	l := loopback(t)
	var serving sync.WaitGroup
	serving.Go(func() {
		if err := server.Serve(l); !errors.Is(err, smtpserver.ErrServerClosed) {
			t.Error(err)
		}
	})
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			t.Error(err)
		}
		serving.Wait()
	})
	conn, err := smtpclient.Dial(t.Context(), smtpclient.Options{Addr: netip.MustParseAddrPort(l.Addr().String()), Hello: "client.example.com"})
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	sent := 0
	for _, file := range files(t) {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, x := range parse(string(text)).sections {
			if !expected(x.name) || x.name == answersSection {
				continue
			}
			for one := range strings.SplitSeq(x.text, nextMessage) {
				for _, content := range messages(one) {
					result, err := conn.Send(t.Context(), envelopeOf(t, one), [][]byte{content})
					if err != nil || result.Outcomes[0].Class != smtpclient.Delivered {
						t.Fatalf("%s: %v, %+v", filepath.Base(file), err, result)
					}
					sent++
					if got := to.last(); string(got) != strings.TrimSuffix(string(content), "\r\n")+"\r\n" {
						t.Errorf("%s: %s", filepath.Base(file), firstDifference(show(content), show(got)))
					}
				}
			}
		}
	}
	if sent < 100 {
		t.Errorf("only %d messages were sent", sent)
	}
}

// envelopeOf reads the lines before the message.
func envelopeOf(t *testing.T, text string) (env smtpclient.Envelope) {
	t.Helper()
	lines, _, _ := strings.Cut(text, "\n"+dataLine+"\n")
	for line := range strings.SplitSeq(lines, "\n") {
		for name, take := range map[string]func(address.Address){
			"MAIL FROM:<": func(a address.Address) { env.From = a },
			"RCPT TO:<":   func(a address.Address) { env.To = append(env.To, a) },
		} {
			rest, ok := strings.CutPrefix(line, name)
			if !ok {
				continue
			}
			a, err := address.Parse(strings.TrimSuffix(rest, ">"))
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			take(a)
		}
	}
	return env
}
