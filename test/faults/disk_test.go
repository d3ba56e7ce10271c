// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"context"
	"errors"
	"fmt"
	"net/textproto"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
	"sesame/test/traffic"
)

var tmpfs = need.Tool{
	Name: "mount (tmpfs)", Paths: []string{"/usr/bin/mount", "/bin/mount"}, Version: []string{"--version"}, From: "Debian package mount", Root: true,
}

// smallDisk mounts a file system of a few megabytes at dir, until the test ends.
func smallDisk(t *testing.T, dir string, bytes int) {
	t.Helper()
	need.Program(t, tmpfs)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mount("sesame-test", dir, "tmpfs", 0, fmt.Sprintf("size=%d,mode=700", bytes)); err != nil {
		if need.Strict() {
			t.Fatalf("mount a tmpfs: %v", err)
		}
		t.Skipf("mount a tmpfs: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(dir, syscall.MNT_DETACH); err != nil {
			t.Errorf("unmount %s: %v", dir, err)
		}
	})
}

// fill writes a file until the disk has no room, and returns its path.
func fill(t *testing.T, dir string) string {
	t.Helper()
	path := filepath.Join(dir, "filler")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	for size := 1 << 20; size > 0; {
		if _, err := f.Write(make([]byte, size)); errors.Is(err, syscall.ENOSPC) {
			size /= 2
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return path
}

// sdk returns clients of both versions that try once.
func sdk(s *harness.Server) (*ses.Client, *sesv2.Client) {
	config := aws.Config{
		Region: harness.Region, BaseEndpoint: aws.String(s.Endpoint), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(harness.AccessKey, harness.SecretKey, ""),
	}
	return ses.NewFromConfig(config), sesv2.NewFromConfig(config)
}

// sendBoth sends one message with each version of the API.
func sendBoth(s *harness.Server, to string) (v1, v2 error) {
	first, second := sdk(s)
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	_, v1 = first.SendEmail(ctx, &ses.SendEmailInput{
		Source: aws.String("a@" + domain), Destination: &sestypes.Destination{ToAddresses: []string{to}},
		Message: &sestypes.Message{Subject: &sestypes.Content{Data: aws.String("s")}, Body: &sestypes.Body{Text: &sestypes.Content{Data: aws.String("t")}}},
	})
	_, v2 = second.SendEmail(ctx, &sesv2.SendEmailInput{
		FromEmailAddress: aws.String("a@" + domain), Destination: &types.Destination{ToAddresses: []string{to}},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: aws.String("s")}, Body: &types.Body{Text: &types.Content{Data: aws.String("t")}},
		}},
	})
	return v1, v2
}

// wantRetryable fails the test unless an SDK would try again after err.
func wantRetryable(t *testing.T, what string, err error) {
	t.Helper()
	var status interface{ HTTPStatusCode() int }
	switch {
	case err == nil:
		t.Errorf("%s was accepted", what)
	case !errors.As(err, &status) || status.HTTPStatusCode() != 500 && status.HTTPStatusCode() != 503 || !retry.NewStandard().IsErrorRetryable(err):
		t.Errorf("%s got what no SDK tries again: %v", what, err)
	default:
		t.Logf("%s: %v", what, err)
	}
}

// wantLater fails the test unless err is a reply that SMTP clients try again after.
func wantLater(t *testing.T, what string, err error) {
	t.Helper()
	var reply *textproto.Error
	if !errors.As(err, &reply) || reply.Code != 451 && reply.Code != 452 && reply.Code != 454 {
		t.Errorf("%s: %v, want 451, 452 or 454", what, err)
		return
	}
	t.Logf("%s: %v", what, err)
}

func TestAFullDiskLosesNothingAndHealsByItself(t *testing.T) {
	config := harness.ServeConfig(t)
	smallDisk(t, config.DataDir, 96<<20) // the log that SQLite writes ahead takes up to 16 MiB of it
	s := start(t, config)
	s.sink.Shut(true) // so that mail waits
	for i := range 200 {
		if err := s.client.SendOne(3000+i, fmt.Sprintf("before%d@example.net", i)); err != nil {
			t.Fatal(err)
		}
	}
	waiting := s.book.Outstanding()

	filler := fill(t, config.DataDir)
	// What the database has reserved already may take a few more.
	session, err := s.client.Connect()
	if err != nil {
		t.Fatal(err)
	}
	defer session.Close()
	for i := range 10_000 {
		if err = s.client.Send(session, 20_000, fmt.Sprintf("during%d@example.net", i)); err != nil {
			break
		}
	}
	t.Logf("%d messages waited when the disk was full, %d more were accepted after that", waiting, s.book.Outstanding()-waiting)
	wantLater(t, "SMTP, a message for the row", err)
	wantLater(t, "SMTP, a large message", s.client.SendOne(2<<20, "large@example.net"))
	v1, v2 := sendBoth(s.Server, "api@example.net")
	wantRetryable(t, "API v1", v1)
	wantRetryable(t, "API v2", v2)

	s.sink.Shut(false)
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	harness.Eventually(t, "the server to accept mail again", func() bool { return s.client.SendOne(1000, "after@example.net") == nil })
	if err := s.client.SendOne(2<<20, "large@example.net"); err != nil {
		t.Errorf("a large message: %v", err)
	}
	if v1, v2 := sendBoth(s.Server, "api@example.net"); v1 != nil || v2 != nil {
		t.Errorf("API: %v, %v", v1, v2)
	}
	traffic.Drain(s.book, drain)

	// Again, while deliveries are under way whose outcomes can't be recorded.
	load := s.client.Start(senders)
	<-time.After(500 * time.Millisecond)
	filler = fill(t, config.DataDir)
	harness.Eventually(t, "refusals", func() bool { return load.Refused()[451]+load.Refused()[452]+load.Refused()[454] > senders })
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	s.moreAccepted(t, senders)
	load.Stop()
	t.Logf("under load: replies %v", load.Refused())
	if r := s.balance(t); r.Duplicates > 0 {
		t.Errorf("%d duplicates", r.Duplicates)
	}
}
