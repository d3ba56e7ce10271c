// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"io"
	"log/slog"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"

	"sesame/internal/config"
	"sesame/internal/core/account"
)

// TestBucketsAreBesideTheAPI has one endpoint answer SES's API and S3's, and an object
// outlive the server.
func TestBucketsAreBesideTheAPI(t *testing.T) {
	t.Parallel()
	const keyID, secret = "AKIAEXAMPLEEXAMPLE01", "wJalrXUtnFEMI"
	c := config.Default()
	c.DataDir, c.Hostname = filepath.Join(t.TempDir(), "data"), "mail.example"
	c.Listen = config.Listen{HTTP: []string{"127.0.0.1:0"}}
	ok := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	with := func(do func(s *Server, client *awss3.Client, ses *sesv2.Client)) {
		t.Helper()
		s, err := Start(t.Context(), c, slog.New(slog.DiscardHandler))
		ok(err)
		endpoint := aws.String("http://" + s.Addresses().HTTP[0])
		keys := credentials.NewStaticCredentialsProvider(keyID, secret, "")
		do(s, awss3.New(awss3.Options{Region: "us-east-1", BaseEndpoint: endpoint, UsePathStyle: true, Credentials: keys}),
			sesv2.New(sesv2.Options{Region: "us-east-1", BaseEndpoint: endpoint, Credentials: keys}))
		ok(s.Stop(context.Background()))
	}
	bucket, key := aws.String("files"), aws.String("a/b")
	with(func(s *Server, client *awss3.Client, ses *sesv2.Client) {
		_, err := s.accounts.CreateUser(t.Context(), account.NewUser{Account: "123456789012", Name: "u", KeyID: keyID, Secret: secret, Policies: []string{account.AdministratorAccess}})
		ok(err)
		_, err = ses.GetAccount(t.Context(), &sesv2.GetAccountInput{})
		ok(err)
		_, err = client.CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: bucket})
		ok(err)
		_, err = client.PutObject(t.Context(), &awss3.PutObjectInput{Bucket: bucket, Key: key, Body: strings.NewReader("content")})
		ok(err)
	})
	with(func(s *Server, client *awss3.Client, _ *sesv2.Client) {
		out, err := client.GetObject(t.Context(), &awss3.GetObjectInput{Bucket: bucket, Key: key})
		ok(err)
		if b, err := io.ReadAll(out.Body); string(b) != "content" || err != nil {
			t.Errorf("after a restart it has %q, %v", b, err)
		}
		ok(out.Body.Close())
		rec := httptest.NewRecorder()
		s.ops().ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", "/metrics", nil))
		if line := `sesame_bucket_answers_total{operation="GetObject",status="200"} 1`; !strings.Contains(rec.Body.String(), line) {
			t.Errorf("no line %s", line)
		}
	})
}
