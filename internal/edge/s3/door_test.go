// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/bucket"
	"sesame/internal/edge/s3"
)

// fails is an authorizer with a bug.
type fails struct{}

// Authorize panics.
func (fails) Authorize(context.Context, access.Call) error { panic("a bug") }

// TestABugIsOneRequests: the server goes on, wherever in a call it was.
func TestABugIsOneRequests(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(o *s3.Options) { o.Access, o.Log = fails{}, slog.New(slog.DiscardHandler) })
	must(t, w.buckets.Create(ctx, scopeOf(accountID), "files"))
	user := w.user(t, accountID, "alice")
	code(t, "in the call", tryGet("a")(w.client(user, region)), "InternalError")
	_, err := w.client(user, region).DeleteObjects(ctx, &awss3.DeleteObjectsInput{Bucket: aws.String("files"), Delete: &types.Delete{
		Objects: []types.ObjectIdentifier{{Key: aws.String("a")}, {Key: aws.String("b")}},
	}})
	code(t, "beside it", err, "InternalError")
}

// TestReportsAreReadByTheirURLAlone has the URL that a job shows read its object, and
// nothing else.
func TestReportsAreReadByTheirURLAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	sc := scopeOf(accountID)
	must(t, w.accounts.EnsureAccount(ctx, accountID))
	must(t, w.buckets.Create(ctx, sc, "reports"))
	for _, key := range []string{"b.json", "c.json"} {
		_, err := w.buckets.Put(ctx, sc, "reports", bucket.Draft{Key: key, Size: -1}, strings.NewReader("content"))
		must(t, err)
	}
	url := w.reports.Presign(sc, "reports", "b.json")
	for _, c := range []struct {
		what, method, url string
		status            int
	}{
		{"the object", "GET", url, 200},
		{"another object", "GET", strings.Replace(url, "b.json", "c.json", 1), 403},
		{"writing", "PUT", url, 403},
		{"removing", "DELETE", url, 403},
		{"another account", "GET", strings.Replace(url, accountID, otherID, 1), 403},
		{"longer", "GET", strings.Replace(url, "3600", "7200", 1), 403},
		{"one that is gone", "GET", w.reports.Presign(sc, "reports", "gone"), 403},
		{"the bucket", "GET", w.reports.Presign(sc, "reports", ""), 403},
	} {
		resp, body := w.ask(t, c.method, c.url, nil, nil)
		if resp.StatusCode != c.status || c.status == 200 && body != "content" {
			t.Errorf("%s: %d %s", c.what, resp.StatusCode, body)
		}
	}
	must(t, w.accounts.SetState(ctx, sc, "test", account.Closed, "test"))
	if resp, _ := w.ask(t, "GET", url, nil, nil); resp.StatusCode != 403 {
		t.Errorf("of a closed account: %d", resp.StatusCode)
	}
	must(t, w.accounts.SetState(ctx, sc, "test", account.Active, "test"))
	w.clock.Advance(time.Hour + time.Second)
	if resp, _ := w.ask(t, "GET", url, nil, nil); resp.StatusCode != 403 {
		t.Errorf("after an hour: %d", resp.StatusCode)
	}
}

// TestAnEmptyBodyIsWaitedFor: who asks whether to go on with nothing is told so before the
// answer, as by S3.
func TestAnEmptyBodyIsWaitedFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.admin(t)
	r := done(http.NewRequestWithContext(t.Context(), "PUT", w.URL+"/files/empty", http.NoBody))(t)
	r = signedAs(t, w.user(t, accountID, "alice"), r, "UNSIGNED-PAYLOAD")
	r.Header.Set("Expect", "100-continue")
	conn := done(tls.Dial("tcp", w.Listener.Addr().String(), &tls.Config{RootCAs: w.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs, ServerName: "example.com"}))(t)
	defer conn.Close()
	must(t, r.Write(conn))
	in := bufio.NewReader(conn)
	for _, want := range []int{http.StatusContinue, http.StatusOK} {
		resp := done(http.ReadResponse(in, r))(t)
		if resp.StatusCode != want {
			t.Fatalf("%s, want %d", resp.Status, want)
		}
	}
}
