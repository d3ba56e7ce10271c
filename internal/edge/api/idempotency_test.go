// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	v1types "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sesame/internal/core/idempotency"
)

// withKey sends an Idempotency-Key with each call of API v2.
func withKey(key string) func(*sesv2.Options) {
	return func(o *sesv2.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("Idempotency-Key", key))
	}
}

func simple(subject string, change ...func(*sesv2.SendEmailInput)) *sesv2.SendEmailInput {
	in := &sesv2.SendEmailInput{
		FromEmailAddress: aws.String(sender), Destination: &types.Destination{ToAddresses: []string{reader}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: &subject}, Body: &types.Body{Text: &types.Content{Data: aws.String("Hello")}},
		}},
	}
	for _, c := range change {
		c(in)
	}
	return in
}

func TestTheSameSendTwiceIsSentOnceWhenTheClientAsksForIt(t *testing.T) {
	t.Parallel()
	raw := func(text string) *sesv2.SendEmailInput {
		return &sesv2.SendEmailInput{Content: &types.EmailContent{Raw: &types.RawMessage{Data: []byte(text)}}}
	}
	withHeader := func(in *sesv2.SendEmailInput) {
		in.Content.Simple.Headers = []types.MessageHeader{{Name: aws.String("X-SES-IDEMPOTENCY-KEY"), Value: aws.String("h1")}}
	}
	const keyed = "X-SES-Idempotency-Key: h1\nFrom: " + sender + "\nTo: " + reader + "\n\n"
	for _, c := range []struct {
		name         string
		first, again *sesv2.SendEmailInput
		key, key2    string // of the HTTP requests
		messages     int
		refused      bool
	}{
		{name: "a key of the request", first: simple("a"), again: simple("a"), key: "k1", key2: "k1", messages: 1},
		{name: "two keys are two requests", first: simple("a"), again: simple("a"), key: "k1", key2: "k2", messages: 2},
		{name: "no key means nothing", first: simple("a"), again: simple("a"), messages: 2},
		{name: "one key with two contents", first: simple("a"), again: simple("b"), key: "k1", key2: "k1", messages: 1, refused: true},
		{name: "a key in the header section of a raw message", first: raw(keyed + "a\n"), again: raw(keyed + "a\n"), messages: 1},
		{name: "a key in the header section with other content", first: raw(keyed + "a\n"), again: raw(keyed + "b\n"), messages: 1, refused: true},
		{name: "a key among the custom headers", first: simple("a", withHeader), again: simple("a", withHeader), messages: 1},
		{name: "a key that is no text", first: simple("a"), again: simple("a"), key: "k1", key2: "k\u00e4se", messages: 1, refused: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			send := func(in *sesv2.SendEmailInput, key string) (string, error) {
				var change []func(*sesv2.Options)
				if key != "" {
					change = append(change, withKey(key))
				}
				out, err := w.sesv2Client(tester(), change...).SendEmail(t.Context(), in)
				if err != nil {
					return "", err
				}
				return *out.MessageId, nil
			}
			first := done(send(c.first, c.key))(t)
			again, err := send(c.again, c.key2)
			var bad *types.BadRequestException
			switch {
			case c.refused && !errors.As(err, &bad):
				t.Errorf("%v, want BadRequestException", err)
			case !c.refused && err != nil:
				t.Error(err)
			case !c.refused && (again == first) != (c.messages == 1):
				t.Errorf("answers %s and %s", first, again)
			}
			if w.count() != c.messages {
				t.Errorf("%d messages, want %d", w.count(), c.messages)
			}
			if got := w.stored(t, first).header.Get("X-SES-Idempotency-Key"); got != "" {
				t.Errorf("the key is in the mail: %q", got)
			}
		})
	}
}

func TestAKeyIsOfOneOperationOfOneAccountInOneRegion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.newAccount(t, "210987654321", "other")
	for name, c := range map[string]*sesv2.Client{
		"one account":     w.sesv2Client(tester(), withKey("k")),
		"another account": w.sesv2Client(other, withKey("k")),
	} {
		if _, err := c.SendEmail(t.Context(), simple("a")); err != nil && name == "one account" {
			t.Errorf("%s: %v", name, err)
		}
	}
	v1 := w.sesClient(tester(), func(o *ses.Options) {
		o.APIOptions = append(o.APIOptions, smithyhttp.SetHeaderValue("Idempotency-Key", "k"))
	})
	in := &ses.SendRawEmailInput{RawMessage: &v1types.RawMessage{Data: []byte("From: " + sender + "\nTo: " + reader + "\n\nx\n")}}
	first := done(v1.SendRawEmail(t.Context(), in))(t)
	again := done(v1.SendRawEmail(t.Context(), in))(t)
	if *first.MessageId != *again.MessageId || w.count() != 2 {
		t.Errorf("answers %s and %s, %d messages", *first.MessageId, *again.MessageId, w.count())
	}
	in.RawMessage.Data = append(in.RawMessage.Data, 'y')
	_, err := v1.SendRawEmail(t.Context(), in)
	var wire interface{ ErrorCode() string }
	if !errors.As(err, &wire) || wire.ErrorCode() != "InvalidParameterValue" {
		t.Errorf("other content: %v", err)
	}
}

func TestARefusedSendIsNotRemembered(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.pending = true })
	c := w.sesv2Client(tester(), withKey("k"))
	in := simple("a", func(in *sesv2.SendEmailInput) { in.FromEmailAddress = aws.String("a@new.example.com") })
	if _, err := c.SendEmail(t.Context(), in); err == nil {
		t.Fatal("sent from an identity that is not there")
	}
	w2 := newWorld(t)
	if _, err := w2.sesv2Client(tester(), withKey("k")).SendEmail(t.Context(), in); err == nil {
		t.Fatal("sent from an identity that is not there")
	}
	done(w2.sesv2Client(tester()).CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("new.example.com")}))(t)
	if _, err := w2.sesv2Client(tester(), withKey("k")).SendEmail(t.Context(), in); err != nil || w2.count() != 1 {
		t.Errorf("%v, %d messages", err, w2.count())
	}
}

// lossy lets requests through and loses the first answers, as a network does.
type lossy struct {
	http.RoundTripper
	mu   sync.Mutex
	lose int
	seen []string // amz-sdk-request of each request
}

func (l *lossy) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := l.RoundTripper.RoundTrip(r)
	l.mu.Lock()
	defer l.mu.Unlock()
	l.seen = append(l.seen, r.Header.Get("Amz-Sdk-Request"))
	if l.lose--; l.lose >= 0 && err == nil {
		_ = resp.Body.Close()
		return nil, errors.New("connection reset by peer")
	}
	return resp, err
}

// noWait is the SDK's own retryer without its pauses.
func noWait() aws.Retryer {
	return retry.AddWithMaxBackoffDelay(retry.NewStandard(func(o *retry.StandardOptions) {
		o.Retryables = append(o.Retryables, retry.IsErrorRetryableFunc(func(error) aws.Ternary { return aws.TrueTernary }))
	}), time.Millisecond)
}

func TestTheRetriesOfAnSDKSendNothingTwice(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		send func(ctx context.Context, w *world, http *http.Client) (*string, error)
	}{
		{"API v1", func(ctx context.Context, w *world, http *http.Client) (*string, error) {
			out, err := w.sesClient(tester(), func(o *ses.Options) { o.HTTPClient, o.Retryer = http, noWait() }).SendEmail(ctx, &ses.SendEmailInput{
				Source: aws.String(sender), Destination: &v1types.Destination{ToAddresses: []string{reader}},
				Message: &v1types.Message{Subject: &v1types.Content{Data: aws.String("a")}, Body: &v1types.Body{Text: &v1types.Content{Data: aws.String("b")}}},
			})
			if err != nil {
				return nil, err
			}
			return out.MessageId, nil
		}},
		{"API v2", func(ctx context.Context, w *world, http *http.Client) (*string, error) {
			out, err := w.sesv2Client(tester(), func(o *sesv2.Options) { o.HTTPClient, o.Retryer = http, noWait() }).SendEmail(ctx, simple("a"))
			if err != nil {
				return nil, err
			}
			return out.MessageId, nil
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			net := &lossy{RoundTripper: w.server.Client().Transport, lose: 2}
			client := &http.Client{Transport: net}
			id, err := c.send(t.Context(), w, client)
			if err != nil || w.count() != 1 || len(net.seen) != 3 {
				t.Fatalf("%v; %d messages; attempts %q", err, w.count(), net.seen)
			}
			w.stored(t, *id)
			second, err := c.send(t.Context(), w, client)
			if err != nil || *second == *id || w.count() != 2 {
				t.Errorf("the next call is another one: %v, %d messages", err, w.count())
			}
		})
	}
}

func TestAKeyOfABulkCallIsOneForEachEntry(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	in := &sesv2.SendBulkEmailInput{
		FromEmailAddress: aws.String(sender),
		DefaultContent: &types.BulkEmailContent{Template: &types.Template{
			TemplateContent: &types.EmailTemplateContent{Subject: aws.String("Hi"), Text: aws.String("Hello")}, TemplateData: aws.String("{}"),
		}},
		BulkEmailEntries: []types.BulkEmailEntry{
			{Destination: &types.Destination{ToAddresses: []string{reader}}},
			{Destination: &types.Destination{ToAddresses: []string{"no address"}}},
			{Destination: &types.Destination{ToAddresses: []string{reader}}},
		},
	}
	c := w.sesv2Client(tester(), withKey("bulk"))
	first := done(c.SendBulkEmail(t.Context(), in))(t).BulkEmailEntryResults
	again := done(c.SendBulkEmail(t.Context(), in))(t).BulkEmailEntryResults
	if w.count() != 2 || *first[0].MessageId == *first[2].MessageId {
		t.Errorf("%d messages, want one for each entry that can be sent", w.count())
	}
	for n := range first {
		if aws.ToString(again[n].MessageId) != aws.ToString(first[n].MessageId) || again[n].Status != first[n].Status {
			t.Errorf("entry %d: %+v, then %+v", n, first[n], again[n])
		}
	}
}

func TestKeysOutliveTheServer(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	first := done(w.sesv2Client(tester(), withKey("k")).SendEmail(t.Context(), simple("a")))(t)
	// Nothing of it is in memory: another node knows as much.
	node := idempotency.New(w.db, w.clock.Now)
	var keys []idempotency.Key
	var name, hash string
	must(t, w.db.QueryRow(t.Context(), `SELECT name, hash FROM idempotency_keys WHERE name LIKE 'key %'`).Scan(&name, &hash))
	keys = append(keys, idempotency.Key{Scope: home, Operation: "SendEmail", Name: name, Hash: hash, Keep: idempotency.KeepKey})
	answer, err := node.Once(t.Context(), keys, func(idempotency.Remember) (string, error) { return "", errors.New("sent again") })
	if err != nil || answer != *first.MessageId {
		t.Errorf("%q, %v; want %s", answer, err, *first.MessageId)
	}
}
