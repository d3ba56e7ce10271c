// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/address"
	"sesame/internal/base/scope"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/proto/smtpclient"
)

// bounced settles a hard bounce of a message of an account.
func (w *world) bounced(t testing.TB, of scope.Scope, to string) {
	t.Helper()
	a, err := address.Parse(to)
	must(t, err)
	writes := w.suppression.Bounced(t.Context(), suppression.Feedback{Scope: of, MessageID: "m1", Address: a}, &smtpclient.Outcome{
		Class: smtpclient.Permanent, Cause: smtpclient.CauseReply, Command: smtpclient.CommandRcpt, Code: 550, Enhanced: smtpclient.Enhanced{5, 1, 1},
		Lines: []string{"550 5.1.1 User unknown"},
	})
	must(t, w.db.Write(t.Context(), func(tx *store.Tx) error { return writes[0](tx) }))
	w.clock.Advance(time.Second)
}

// TestTheAccountsSuppressionList is the guide's way with a list.
func TestTheAccountsSuppressionList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	put := func(a string, r types.SuppressionListReason) {
		t.Helper()
		_, err := c.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: &a, Reason: r})
		must(t, err)
		w.clock.Advance(time.Minute)
	}
	began := w.clock.Now()
	put(" recipient1@EXAMPLE.com ", types.SuppressionListReasonBounce)
	put("recipient2@example.com", types.SuppressionListReasonComplaint)
	w.bounced(t, home, "recipient3@example.com")
	put("recipient2@example.com", types.SuppressionListReasonBounce)

	got, err := c.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String("recipient1@example.COM")})
	must(t, err)
	if d := got.SuppressedDestination; *d.EmailAddress != "recipient1@example.com" || d.Reason != types.SuppressionListReasonBounce || d.Attributes != nil ||
		d.LastUpdateTime.Sub(began).Abs() > time.Second || d.TenantName != nil {
		t.Errorf("by hand: %+v", d)
	}
	got, err = c.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String("recipient3@example.com")})
	must(t, err)
	if a := got.SuppressedDestination.Attributes; a == nil || *a.MessageId != "m1" || len(*a.FeedbackId) != 60 {
		t.Errorf("by a bounce: %+v", a)
	}

	list := func(in sesv2.ListSuppressedDestinationsInput) string {
		t.Helper()
		var all []string
		for p := sesv2.NewListSuppressedDestinationsPaginator(c, &in); p.HasMorePages(); {
			out, err := p.NextPage(ctx)
			must(t, err)
			for _, s := range out.SuppressedDestinationSummaries {
				all = append(all, strings.TrimSuffix(*s.EmailAddress, "@example.com")+" "+string(s.Reason))
			}
		}
		return strings.Join(all, ", ")
	}
	const first, second, third = "recipient1 BOUNCE", "recipient3 BOUNCE", "recipient2 BOUNCE"
	for _, cs := range []struct {
		what string
		in   sesv2.ListSuppressedDestinationsInput
		want string
	}{
		{"all", sesv2.ListSuppressedDestinationsInput{}, first + ", " + second + ", " + third},
		{"one by one", sesv2.ListSuppressedDestinationsInput{PageSize: aws.Int32(1)}, first + ", " + second + ", " + third},
		{"bounces", sesv2.ListSuppressedDestinationsInput{Reasons: []types.SuppressionListReason{"BOUNCE"}}, first + ", " + second + ", " + third},
		{"complaints", sesv2.ListSuppressedDestinationsInput{Reasons: []types.SuppressionListReason{"COMPLAINT"}}, ""},
		{"both", sesv2.ListSuppressedDestinationsInput{Reasons: []types.SuppressionListReason{"COMPLAINT", "BOUNCE"}}, first + ", " + second + ", " + third},
		{"after the first", sesv2.ListSuppressedDestinationsInput{StartDate: aws.Time(began.Add(30 * time.Second))}, second + ", " + third},
		{"before the second", sesv2.ListSuppressedDestinationsInput{EndDate: aws.Time(began.Add(30 * time.Second))}, first},
	} {
		if got := list(cs.in); got != cs.want {
			t.Errorf("%s: %s", cs.what, got)
		}
	}

	_, err = c.DeleteSuppressedDestination(ctx, &sesv2.DeleteSuppressedDestinationInput{EmailAddress: aws.String("recipient1@example.com")})
	must(t, err)
	gone := refusal{404, "NotFoundException", "Email address recipient1@example.com does not exist on your suppression list."}
	_, err = c.DeleteSuppressedDestination(ctx, &sesv2.DeleteSuppressedDestinationInput{EmailAddress: aws.String("recipient1@example.com")})
	wantRefusal(t, err, gone)
	isA[*types.NotFoundException](t, err)
	_, err = c.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String("recipient1@example.com")})
	wantRefusal(t, err, gone)
}

func TestTheSettingsOfTheSuppressionList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	reasons := func() string {
		t.Helper()
		out, err := c.GetAccount(ctx, nil)
		must(t, err)
		return fmt.Sprint(out.SuppressionAttributes.SuppressedReasons)
	}
	if got := reasons(); got != "[BOUNCE COMPLAINT]" {
		t.Errorf("a new account has %s", got)
	}
	for _, cs := range []struct {
		body, want string
	}{
		{`{"SuppressedReasons":["COMPLAINT"]}`, "[COMPLAINT]"},
		{`{"SuppressedReasons":["COMPLAINT","BOUNCE","COMPLAINT"]}`, "[BOUNCE COMPLAINT]"},
		{`{"SuppressedReasons":[]}`, "[]"},
		{`{"SuppressedReasons":["BOUNCE"],"ValidationAttributes":{"ConditionThreshold":{"ConditionThresholdEnabled":"DISABLED"}}}`, "[BOUNCE]"},
		{`{}`, "[]"},
	} {
		a := w.do(t, call{method: http.MethodPut, target: "/v2/email/account/suppression", body: cs.body})
		if got := reasons(); a.status != 200 || got != cs.want {
			t.Errorf("%s: %d, %s", cs.body, a.status, got)
		}
	}
	a := w.do(t, call{method: http.MethodPut, target: "/v2/email/account/suppression", body: `{"SuppressedReasons":["bounce"]}`})
	if a.status != 400 || a.code() != "BadRequestException" ||
		a.text() != constraint("suppressedReasons", "Member must satisfy constraint: [Member must satisfy enum value set: [BOUNCE, COMPLAINT]]") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRefusalsOfTheSuppressionList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	for _, bad := range []string{"x", "a@b@c", "ü@example.com", "a@example.com, b@example.com"} {
		_, err := c.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: &bad, Reason: types.SuppressionListReasonBounce})
		isA[*types.BadRequestException](t, err)
	}
	_, err := c.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: aws.String("a@example.com"), Reason: "SPAM"})
	isA[*types.BadRequestException](t, err)
	_, err = c.ListSuppressedDestinations(ctx, &sesv2.ListSuppressedDestinationsInput{NextToken: aws.String("x")})
	isA[*types.InvalidNextTokenException](t, err)
	for _, size := range []int32{0, -1, 1001} {
		_, err = c.ListSuppressedDestinations(ctx, &sesv2.ListSuppressedDestinationsInput{PageSize: &size})
		isA[*types.BadRequestException](t, err)
	}
	tenant := aws.String("t")
	_, err1 := c.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: aws.String("a@example.com"), Reason: "BOUNCE", TenantName: tenant})
	_, err2 := c.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String("a@example.com"), TenantName: tenant})
	_, err3 := c.ListSuppressedDestinations(ctx, &sesv2.ListSuppressedDestinationsInput{TenantName: tenant})
	_, err4 := c.DeleteSuppressedDestination(ctx, &sesv2.DeleteSuppressedDestinationInput{EmailAddress: aws.String("a@example.com"), TenantName: tenant})
	_, err5 := c.PutAccountSuppressionAttributes(ctx, &sesv2.PutAccountSuppressionAttributesInput{ValidationAttributes: &types.SuppressionValidationAttributes{
		ConditionThreshold: &types.SuppressionConditionThreshold{ConditionThresholdEnabled: types.FeatureStatusEnabled},
	}})
	for _, err := range []error{err1, err2, err3, err4, err5} {
		wantRefusal(t, err, refusal{501, "NotImplementedException", ""})
	}
}

// TestSuppressedRecipientsGetNothing: the call succeeds and counts against the quota; what
// the global list stops counts as a bounce, what the account's stops does not.
func TestSuppressedRecipientsGetNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, one, two := t.Context(), w.sesClient(tester()), w.sesv2Client(tester())
	w.bounced(t, scope.Scope{Account: "210987654321", Region: region}, "global@example.net")
	_, err := two.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: aws.String("mine@example.net"), Reason: types.SuppressionListReasonBounce})
	must(t, err)
	counts := func() string {
		t.Helper()
		stats, err := one.GetSendStatistics(ctx, nil)
		must(t, err)
		quota, err := one.GetSendQuota(ctx, nil)
		must(t, err)
		var sent, bounces int64
		for _, p := range stats.SendDataPoints {
			sent, bounces = sent+p.DeliveryAttempts, bounces+p.Bounces
		}
		return fmt.Sprintf("%d sent, %d bounces, %v of the quota", sent, bounces, quota.SentLast24Hours)
	}
	fates := func(id string) (all []string) {
		for _, f := range w.stored(t, id).Fates {
			all = append(all, fmt.Sprintf("%d %s %s %s", f.Recipients[0], f.State, f.Detail.BounceType, f.Detail.BounceSubType))
		}
		return all
	}
	out, err := two.SendEmail(ctx, plain(sender, "mine@EXAMPLE.net", reader, "global@example.net"))
	must(t, err)
	if got := fmt.Sprint(fates(*out.MessageId)); got != "[0 suppressed Permanent OnAccountSuppressionList]" {
		t.Errorf("with the account's list: %s", got)
	}
	if got := counts(); got != "3 sent, 0 bounces, 3 of the quota" {
		t.Errorf("with the account's list: %s", got)
	}
	_, err = two.PutAccountSuppressionAttributes(ctx, &sesv2.PutAccountSuppressionAttributesInput{})
	must(t, err)
	sent, err := one.SendEmail(ctx, plainV1("mine@example.net", "global@example.net"))
	must(t, err)
	if got := fmt.Sprint(fates(*sent.MessageId)); got != "[1 suppressed Permanent Suppressed]" {
		t.Errorf("with the global list: %s", got)
	}
	if got := counts(); got != "5 sent, 1 bounces, 5 of the quota" {
		t.Errorf("with the global list: %s", got)
	}
	if why := w.stored(t, *sent.MessageId).Fates[0].Reason; !strings.HasPrefix(why, "on the global suppression list until ") || !strings.HasSuffix(why, ": 550 5.1.1") {
		t.Errorf("why: %s", why)
	}
}

func TestWhyAnAddressIsSuppressed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.bounced(t, home, "gone@example.net")
	var x struct {
		Entries []struct {
			List, MessageId, Response, Effect string
		}
		Verdicts []struct {
			Sent      bool
			DecidedBy string
		}
	}
	a := w.do(t, call{method: http.MethodGet, target: "/_sesame/v1/suppression/gone%40example.net"})
	must(t, json.Unmarshal([]byte(a.body), &x))
	if len(x.Entries) != 2 || x.Entries[0].MessageId != "m1" || x.Entries[0].Response != "550 5.1.1 User unknown" || x.Entries[0].Effect != "nothing is sent" ||
		x.Entries[1].Effect != "none: the account uses its own list" || len(x.Verdicts) != 1 || x.Verdicts[0].Sent || x.Verdicts[0].DecidedBy != "ACCOUNT" {
		t.Errorf("%s", a.body)
	}
	for target, want := range map[string]string{
		"/_sesame/v1/suppression":                                   `"List":"ACCOUNT"`,
		"/_sesame/v1/suppression?list=GLOBAL":                       `"List":"GLOBAL"`,
		"/_sesame/v1/suppression?list=X":                            "A list is ACCOUNT or GLOBAL.",
		"/_sesame/v1/suppression?limit=1001":                        "A page has at most 1000 entries.",
		"/_sesame/v1/suppression?nextToken=x":                       "The nextToken is not valid.",
		"/_sesame/v1/suppression/x":                                 "The email address is not valid.",
		"/_sesame/v1/suppression/export?format=x":                   "A format is CSV or JSON.",
		"/_sesame/v1/suppression/export":                            "gone@example.net,BOUNCE\n",
		"/_sesame/v1/suppression/export?format=JSON":                `{"emailAddress":"gone@example.net","reason":"BOUNCE"}` + "\n",
		"/_sesame/v1/suppression/a%40b.c?configurationSetName=none": "Configuration set <none> does not exist.",
	} {
		if a := w.do(t, call{method: http.MethodGet, target: target}); !strings.Contains(a.body, want) {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
	del := call{method: http.MethodDelete, target: "/_sesame/v1/suppression/gone%40example.net/global"}
	if a := w.do(t, del); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := w.do(t, del); a.status != 404 {
		t.Errorf("twice: %d %s", a.status, a.body)
	}
}

// TestTheExportIsAStream: it comes without a length, compressed if asked for, and a page
// at a time.
func TestTheExportIsAStream(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var records []suppression.Record
	for n := range 3000 {
		records = append(records, suppression.Record{Address: fmt.Sprintf("r%d@example.com", n), Reason: "BOUNCE"})
	}
	write, _ := w.suppression.Adding(home, records)
	must(t, w.db.Write(t.Context(), write))
	a := w.do(t, call{method: http.MethodGet, target: "/_sesame/v1/suppression/export", header: http.Header{"Accept-Encoding": {"gzip"}}})
	if a.header.Get("Content-Length") != "" || a.header.Get("Content-Encoding") != "gzip" || a.header.Get("Content-Type") != "text/csv; charset=utf-8; header=absent" {
		t.Errorf("%v", a.header)
	}
	z, err := gzip.NewReader(strings.NewReader(a.body))
	must(t, err)
	text, err := io.ReadAll(z)
	must(t, err)
	if n := bytes.Count(text, []byte("@example.com,BOUNCE\n")); n != len(records) {
		t.Errorf("%d lines", n)
	}
}

// TestAStreamThatBreaksDoesNotLookComplete: the client must not take a part of a list for
// the whole of it.
func TestAStreamThatBreaksDoesNotLookComplete(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(`DROP TABLE suppressed`)
		return err
	}))
	r := w.request(t, call{method: http.MethodGet, target: "/_sesame/v1/suppression/export"})
	resp, err := w.server.Client().Do(r)
	if err == nil {
		_, err = io.ReadAll(resp.Body)
		must(t, resp.Body.Close())
	}
	if err == nil {
		t.Error("a list that could not be read came to an end")
	}
}
