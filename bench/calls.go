// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// calls is the work of one API loader: Count SendEmail calls of SES v2, numbered from
// First, by Connections callers that keep one connection each. Every call is signed
// (SigV4) by the AWS SDK for Go and not retried.
type calls struct {
	URL         string
	Key, Secret string
	Connections int
	First       int
	Count       int
	Size        int // octets of content, half of it HTML, half text
}

// called says how the calls went.
type called struct {
	Start, End time.Time
	Count      int
	P50, P99   time.Duration
	Error      string
}

// client is the SDK's client for a door, with one attempt a call.
func (d door) client(c *http.Client) *sesv2.Client {
	return sesv2.New(sesv2.Options{
		Region:           benchRegion,
		BaseEndpoint:     aws.String(d.api),
		Credentials:      credentials.NewStaticCredentialsProvider(d.key, d.secret, ""),
		HTTPClient:       c,
		RetryMaxAttempts: 1,
	})
}

// run makes all calls. It stops at the first failure.
func (c calls) run() called {
	transport := &http.Transport{MaxIdleConnsPerHost: c.Connections, MaxConnsPerHost: c.Connections}
	defer transport.CloseIdleConnections()
	client := door{api: c.URL, key: c.Key, secret: c.Secret}.client(&http.Client{Transport: transport, Timeout: replyTimeout})
	text, html := string(filler(c.Size/2)), "<html><body>"+string(filler(c.Size/2-26))+"</body></html>"
	var (
		next   atomic.Int64
		failed atomic.Pointer[error]
		mu     sync.Mutex
		took   []time.Duration
		wg     sync.WaitGroup
		res    = called{Start: time.Now()}
	)
	for range c.Connections {
		wg.Go(func() {
			var mine []time.Duration
			for failed.Load() == nil {
				i := int(next.Add(1)) - 1
				if i >= c.Count {
					break
				}
				begin := time.Now()
				if _, err := client.SendEmail(context.Background(), simpleMail(c.First+i, text, html)); err != nil {
					err = fmt.Errorf("call %d: %w", c.First+i, err)
					failed.CompareAndSwap(nil, &err)
					break
				}
				mine = append(mine, time.Since(begin))
			}
			mu.Lock()
			defer mu.Unlock()
			took = append(took, mine...)
		})
	}
	wg.Wait()
	res.End, res.Count = time.Now(), len(took)
	if p := failed.Load(); p != nil {
		res.Error = (*p).Error()
	}
	if len(took) > 0 {
		slices.Sort(took)
		res.P50, res.P99 = took[len(took)/2], took[len(took)*99/100]
	}
	return res
}

func simpleMail(seq int, text, html string) *sesv2.SendEmailInput {
	content := func(s string) *types.Content {
		return &types.Content{Data: aws.String(s), Charset: aws.String("UTF-8")}
	}
	return &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(envelopeFrom),
		Destination:      &types.Destination{ToAddresses: []string{envelopeTo}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: content(subject(seq)),
			Body:    &types.Body{Text: content(text), Html: content(html)},
		}},
	}
}
