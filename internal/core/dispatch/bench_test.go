// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/delivery"
	"sesame/internal/core/dispatch"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// instant is a spool and a transport that cost nothing.
type instant struct{ wg sync.WaitGroup }

func (*instant) Due(context.Context, int) ([]spool.Due, error) { return nil, nil }
func (*instant) Lease(context.Context, address.Domain, int, int) ([]*spool.Entry, time.Time, error) {
	return nil, time.Time{}, nil
}
func (*instant) Release(context.Context, []*spool.Entry) error { return nil }
func (*instant) Reclaim(context.Context) (int64, error)        { return 0, nil }
func (i *instant) Settle(context.Context, spool.Settlement) error {
	i.wg.Done()
	return nil
}

var delivered = []smtpclient.Outcome{{Class: smtpclient.Delivered, Code: 250, Cause: smtpclient.CauseReply}}

func (*instant) Deliver(context.Context, delivery.Delivery) delivery.Attempt {
	return delivery.Attempt{Outcomes: delivered}
}

// BenchmarkDispatch is what the dispatcher itself costs for one recipient.
func BenchmarkDispatch(b *testing.B) {
	i := &instant{}
	d := dispatch.New(dispatch.Options{
		Spool: i, Transport: i, Preparer: &fakePreparer{}, Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		MaxConcurrent: 500, PerDestination: 20, MaxReady: 20_000, MaxReadyBytes: 256 << 20, MaxAge: time.Hour,
		Retry: []time.Duration{time.Minute}, AttemptTimeout: time.Minute, Rescan: time.Hour,
	})
	go d.Run()
	to, prefix := address.Address{Local: "u", Domain: "example.net"}, []byte("X: y\r\n")
	until := time.Now().Add(time.Hour)
	b.ReportAllocs()
	for b.Loop() {
		for !d.Reserve(to.Domain, 4096) {
			i.wg.Wait()
		}
		m := &spool.Message{AcceptedAt: until, Content: make([]byte, 4096)}
		m.Prepared.Store(&prefix)
		i.wg.Add(1)
		d.Push([]*spool.Entry{{Message: m, Address: to, Attempt: 1, LeaseUntil: until}})
	}
	i.wg.Wait()
	if err := d.Stop(context.Background()); err != nil {
		b.Error(err)
	}
}
