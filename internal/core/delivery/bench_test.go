// SPDX-License-Identifier: Apache-2.0

package delivery_test

import (
	"bytes"
	"net"
	"testing"

	"sesame/internal/base/address"
	"sesame/internal/core/delivery"
	"sesame/internal/proto/smtpclient"
	"sesame/internal/proto/smtpclient/smtptest"
)

// BenchmarkDeliver makes attempts of 4 KiB over kept connections to a sink in the same
// process, whose part is in the figures.
func BenchmarkDeliver(b *testing.B) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		b.Fatal(err)
	}
	defer l.Close()
	go smtptest.Sink(l)
	tr, err := delivery.New(delivery.Options{
		Routes: []delivery.Route{{Pattern: "*", Hosts: []string{l.Addr().String()}}},
		Pool:   delivery.PoolOptions{MaxMessages: 1000},
	})
	if err != nil {
		b.Fatal(err)
	}
	defer tr.Close(b.Context())
	a := address.Address{Local: "recipient", Domain: "example.test"}
	content := [][]byte{[]byte("Subject: benchmark\r\n\r\n"), bytes.Repeat([]byte("0123456789abcdef0123456789abcdef0123456789abcd\r\n"), 85)}
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			at := tr.Deliver(b.Context(), delivery.Delivery{Domain: a.Domain, From: a, To: []address.Address{a}, Content: content, Size: 4100})
			if at.Outcomes[0].Class != smtpclient.Delivered {
				b.Error(at.TranscriptText())
				return
			}
		}
	})
}
