// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/quota"
	"sesame/internal/edge/api"
)

// throttled is a server with SES's rate of calls.
func throttled(s *settings) { s.calls = 1 }

func TestCallsAreThrottledAsSESDoes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, throttled)
	ctx := t.Context()
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	for range 2 {
		if _, err := one.GetSendQuota(ctx, nil); err != nil {
			t.Fatal(err)
		}
		if _, err := two.GetAccount(ctx, nil); err != nil {
			t.Fatal(err)
		}
	}
	_, err := one.GetSendQuota(ctx, nil)
	wantRefusal(t, err, refusal{400, "Throttling", "Rate exceeded"})
	_, err = two.GetAccount(ctx, nil)
	wantRefusal(t, err, refusal{429, "TooManyRequestsException", "Rate exceeded"})
	isA[*types.TooManyRequestsException](t, err)
	if _, err := two.ListEmailIdentities(ctx, nil); err != nil {
		t.Errorf("another operation: %v", err)
	}
	for range 5 {
		if _, err := one.SendEmail(ctx, plainV1(reader)); err != nil {
			t.Errorf("a send: %v", err)
		}
		if _, err := two.SendEmail(ctx, plain(sender, reader)); err != nil {
			t.Errorf("a send: %v", err)
		}
	}
	there := tester()
	there.region = "eu-west-1"
	if _, err := w.sesv2Client(there).GetAccount(ctx, nil); err != nil {
		t.Errorf("another region: %v", err)
	}
	w.clock.Advance(time.Second)
	if _, err := two.GetAccount(ctx, nil); err != nil {
		t.Errorf("a second later: %v", err)
	}
}

// TestTheSDKsRetryGoesThrough: the SDKs take the refusal for what it is, wait, and try
// again. Here their wait moves the clock.
func TestTheSDKsRetryGoesThrough(t *testing.T) {
	t.Parallel()
	w := newWorld(t, throttled)
	retries := 0
	two := w.sesv2Client(tester(), func(o *sesv2.Options) {
		o.Retryer = retry.NewStandard(func(r *retry.StandardOptions) {
			r.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) {
				retries++
				w.clock.Advance(700 * time.Millisecond)
				return 0, nil
			})
		})
	})
	for range 4 {
		if _, err := two.GetAccount(t.Context(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if retries == 0 {
		t.Error("nothing was throttled")
	}
}

// TestStrangersAreNotCounted: who has not proven who he is uses up nobody's calls.
func TestStrangersAreNotCounted(t *testing.T) {
	t.Parallel()
	w := newWorld(t, throttled)
	forged := tester()
	forged.secret = "wrong"
	for range 5 {
		if a := w.do(t, call{method: http.MethodGet, target: "/v2/email/account", who: forged}); a.status != 403 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if _, err := w.sesv2Client(tester()).GetAccount(t.Context(), nil); err != nil {
		t.Error(err)
	}
	// Nor do calls that are no operation.
	if a := w.do(t, call{method: http.MethodGet, target: "/v2/email/nothing"}); a.status != 404 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

var _ api.Calls = (*quota.Calls)(nil)

// TestInventedRegionsGiveNoOtherRate: IAM and STS take a signature for any region, and
// have one rate in all.
func TestInventedRegionsGiveNoOtherRate(t *testing.T) {
	t.Parallel()
	w := newWorld(t, throttled)
	for n, region := range []string{"us-east-1", "xx-one-1", "xx-two-2"} {
		a := w.do(t, call{method: "POST", target: "/", body: "Action=GetCallerIdentity&Version=2011-06-15", header: form(), service: "sts", who: in(region)})
		if want := map[bool]int{true: 200, false: 400}[n < 2]; a.status != want {
			t.Errorf("call %d: %d %s", n+1, a.status, a.body)
		}
	}
}

func TestTheAdminAPIIsThrottled(t *testing.T) {
	t.Parallel()
	w := newWorld(t, throttled)
	for n := range 3 {
		a := w.do(t, call{method: "GET", target: "/_sesame/v1/identities/none.example/records"})
		if want := map[bool]int{true: 404, false: 429}[n < 2]; a.status != want {
			t.Errorf("call %d: %d %s", n+1, a.status, a.body)
		}
	}
}
