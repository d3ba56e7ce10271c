// SPDX-License-Identifier: Apache-2.0

package s3_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/bucket"
	"sesame/internal/core/keyring"
	"sesame/internal/core/store"
	"sesame/internal/edge/s3"
	"sesame/internal/testkit/logs"
	"sesame/internal/testkit/storetest"
)

const (
	accountID = "123456789012"
	otherID   = "210987654321"
	region    = "us-east-1"
	maxObject = 16 << 20
)

var ctx = context.Background()

// world is a door with all that is behind it, over TLS.
type world struct {
	*httptest.Server
	clock    *clock.Fake // stands still at the time at which the clients sign
	accounts *account.Accounts
	buckets  *bucket.Store
	reports  *s3.Reports
	log      *logs.Buffer
}

func newWorld(t testing.TB, change ...func(*s3.Options)) *world {
	t.Helper()
	db, ring := storetest.SQLite(t), keyring.Ephemeral()
	w := &world{clock: clock.NewFake(time.Now()), log: &logs.Buffer{}}
	w.accounts = account.New(db, ring, w.clock.Now, rand.Reader)
	w.buckets = openBuckets(t, db, w.clock, maxObject)
	w.reports = &s3.Reports{MAC: ring.MAC, Clock: w.clock.Now, Accounts: w.accounts}
	o := s3.Options{
		Buckets: w.buckets, Keys: w.accounts, Access: access.New(access.Options{Policies: w.accounts, Clock: w.clock.Now}), Reports: w.reports,
		Clock: w.clock.Now, Random: rand.Reader, Log: slog.New(slog.NewTextHandler(w.log, &slog.HandlerOptions{Level: slog.LevelInfo})),
	}
	for _, c := range change {
		c(&o)
	}
	w.Server = httptest.NewTLSServer(s3.New(o))
	t.Cleanup(w.Close)
	w.reports.Base = w.URL
	t.Cleanup(func() {
		if text := w.log.String(); text != "" {
			t.Errorf("logged:\n%s", text)
		}
	})
	return w
}

func openBuckets(t testing.TB, db *store.DB, clock *clock.Fake, maxObject int64) *bucket.Store {
	t.Helper()
	return done(bucket.New(bucket.Options{DB: db, Dir: t.TempDir(), Clock: clock.Now, Random: rand.Reader, MaxObject: maxObject}))(t)
}

// user makes a user whose inline policy has the statements; none is everything.
func (w *world) user(t testing.TB, accountID, name string, statements ...string) aws.Credentials {
	t.Helper()
	u := account.NewUser{Account: accountID, Name: name}
	if len(statements) == 0 {
		u.Policies = []string{account.AdministratorAccess}
	}
	c, err := w.accounts.CreateUser(ctx, u)
	must(t, err)
	if len(statements) > 0 {
		document := `{"Version":"2012-10-17","Statement":[` + strings.Join(statements, ",") + `]}`
		must(t, w.accounts.PutInline(ctx, account.Entity{Account: accountID, Kind: account.KindUser, Name: name}, "p", document))
	}
	return aws.Credentials{AccessKeyID: c.KeyID, SecretAccessKey: c.Secret}
}

// client is the official SDK with nothing but its endpoint changed, and path style.
func (w *world) client(c aws.Credentials, region string) *awss3.Client {
	return awss3.New(awss3.Options{
		Region: region, BaseEndpoint: &w.URL, UsePathStyle: true, HTTPClient: w.Client(), RetryMaxAttempts: 1,
		Credentials:                credentials.StaticCredentialsProvider{Value: c},
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenSupported, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenSupported,
	})
}

// admin is the client of a user who may do everything, with a bucket "files".
func (w *world) admin(t testing.TB) *awss3.Client {
	t.Helper()
	c := w.client(w.user(t, accountID, "admin"), region)
	done(c.CreateBucket(ctx, &awss3.CreateBucketInput{Bucket: aws.String("files")}))(t)
	return c
}

func put(t testing.TB, c *awss3.Client, key, content string) *awss3.PutObjectOutput {
	t.Helper()
	return done(c.PutObject(ctx, &awss3.PutObjectInput{Bucket: aws.String("files"), Key: &key, Body: strings.NewReader(content)}))(t)
}

// get returns the content of an object.
func get(t testing.TB, c *awss3.Client, key string) string {
	t.Helper()
	out := done(c.GetObject(ctx, &awss3.GetObjectInput{Bucket: aws.String("files"), Key: &key}))(t)
	defer out.Body.Close()
	return string(done(io.ReadAll(out.Body))(t))
}

// done returns what a call returned, if it succeeded.
func done[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		must(t, err)
		return v
	}
}

// refused wants an error that the SDK takes for a T.
func refused[T error](t testing.TB, what string, err error) {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Errorf("%s: %v, want a %T", what, err, want)
	}
}

// code wants an error with a code; "" wants none.
func code(t testing.TB, what string, err error, want string) {
	t.Helper()
	var e smithy.APIError
	got := ""
	if errors.As(err, &e) {
		got = e.ErrorCode()
	} else if err != nil {
		got = err.Error()
	}
	if got != want {
		t.Errorf("%s: %q, want %q", what, got, want)
	}
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// ask sends a request as it is.
func (w *world) ask(t testing.TB, method, url string, header http.Header, body []byte) (*http.Response, string) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(body))
	must(t, err)
	for name, values := range header {
		r.Header[name] = values
	}
	resp, err := w.Client().Do(r)
	must(t, err)
	defer resp.Body.Close()
	return resp, string(done(io.ReadAll(resp.Body))(t))
}

func scopeOf(account string) scope.Scope { return scope.Scope{Account: account, Region: region} }
