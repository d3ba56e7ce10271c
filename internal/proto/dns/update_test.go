// SPDX-License-Identifier: Apache-2.0

package dns_test

import (
	"net"
	"strings"
	"testing"
	"time"

	mdns "github.com/miekg/dns"

	"sesame/internal/proto/dns"
)

const secret = "c2VjcmV0IG9mIHRoZSB0ZXN0cw=="

// updateServer takes updates signed with the key "key.", and answers with rcode.
func updateServer(t *testing.T, rcode int, sign bool, got chan<- *mdns.Msg) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	srv := &mdns.Server{
		Listener: l, TsigSecret: map[string]string{"key.": secret}, NotifyStartedFunc: func() { close(started) },
		MsgAcceptFunc: func(mdns.Header) mdns.MsgAcceptAction { return mdns.MsgAccept },
		Handler: mdns.HandlerFunc(func(w mdns.ResponseWriter, m *mdns.Msg) {
			resp := new(mdns.Msg).SetRcode(m, rcode)
			if m.IsTsig() != nil && w.TsigStatus() != nil {
				resp.Rcode = mdns.RcodeNotAuth
			} else if m.IsTsig() != nil && sign {
				resp.SetTsig("key.", mdns.HmacSHA256, 300, time.Now().Unix())
			}
			select {
			case got <- m:
			default:
			}
			_ = w.WriteMsg(resp)
		}),
	}
	go func() { _ = srv.ActivateAndServe() }()
	<-started
	t.Cleanup(func() { _ = srv.Shutdown() })
	return l.Addr().String()
}

func TestUpdate(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		why    string
		rcode  int
		sign   bool
		change func(*dns.UpdateOptions)
		want   string // in the error; "": none
	}{
		{"taken, and signed by both", mdns.RcodeSuccess, true, nil, ""},
		{"without a key nobody signs", mdns.RcodeSuccess, true, func(o *dns.UpdateOptions) { o.KeyName = "" }, ""},
		{"refused", mdns.RcodeRefused, true, nil, "answered REFUSED"},
		{"of a zone that it does not have", mdns.RcodeNotAuth, true, nil, "answered NOTAUTH"},
		{"another secret", mdns.RcodeSuccess, true, func(o *dns.UpdateOptions) { o.Secret = "b3RoZXI=" }, "answered NOTAUTH"},
		{"another clock", mdns.RcodeSuccess, true, func(o *dns.UpdateOptions) { o.Clock = func() time.Time { return time.Now().Add(-time.Hour) } }, "answered NOTAUTH"},
		{"a response that nobody vouches for", mdns.RcodeSuccess, false, nil, "the response is not signed"},
	} {
		t.Run(tc.why, func(t *testing.T) {
			t.Parallel()
			got := make(chan *mdns.Msg, 1)
			o := dns.UpdateOptions{Server: updateServer(t, tc.rcode, tc.sign, got), Zone: "a.test", KeyName: "Key", Secret: secret, Timeout: 5 * time.Second}
			if tc.change != nil {
				tc.change(&o)
			}
			u, err := dns.NewUpdater(o)
			if err != nil {
				t.Fatal(err)
			}
			remove, add := rrs("w.a.test. 60 IN A 192.0.2.1"), rrs("w.a.test. 60 IN A 192.0.2.2")
			err = u.Update(t.Context(), remove, add)
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) || err != nil && strings.Contains(err.Error(), o.Secret) {
				t.Errorf("got %v", err)
			}
			m := <-got
			if len(m.Ns) != 2 || m.Ns[0].Header().Class != mdns.ClassNONE || m.Ns[0].Header().Ttl != 0 || m.Ns[1].Header().Class != mdns.ClassINET {
				t.Errorf("sent %v", m)
			}
			if remove[0].Header().Class != mdns.ClassINET {
				t.Error("the caller's record was changed")
			}
		})
	}
}

func TestUpdateOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for why, o := range map[string]dns.UpdateOptions{
		"the secret":    {Server: "192.0.2.1", Zone: "a.test", KeyName: "k", Secret: "not base64!"},
		"no secret":     {Server: "192.0.2.1", Zone: "a.test", KeyName: "k"},
		"the algorithm": {Server: "192.0.2.1", Zone: "a.test", KeyName: "k", Secret: secret, Algorithm: "hmac-md5"},
	} {
		if _, err := dns.NewUpdater(o); err == nil || strings.Contains(err.Error(), "not base64!") {
			t.Errorf("%s: %v", why, err)
		}
	}
}
