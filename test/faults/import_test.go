// SPDX-License-Identifier: Apache-2.0

package faults

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"sesame/test/harness"
)

// importJob is what GetImportJob tells.
type importJob struct {
	JobID                                     string `json:"JobId"`
	JobStatus                                 string
	ProcessedRecordsCount, FailedRecordsCount int
}

// call makes a call of API v2 or of the admin API, which must succeed.
func call(t *testing.T, s *harness.Server, method, path string, in any) []byte {
	t.Helper()
	status, body := s.Call(t, method, path, in)
	if status != http.StatusOK {
		t.Fatalf("%s %s: HTTP %d: %s", method, path, status, body)
	}
	return body
}

// TestAnImportGoesOnAfterKills: each of a hundred thousand records takes effect and is
// counted once.
func TestAnImportGoesOnAfterKills(t *testing.T) {
	const records = 100_000
	s := harness.Serve(t, harness.ServeConfig(t))
	var file strings.Builder
	file.WriteString("nobody,BOUNCE\n")
	for n := range records - 1 {
		fmt.Fprintf(&file, "r%d@example.com,BOUNCE\n", n)
	}
	buckets := s3.New(s3.Options{
		BaseEndpoint: &s.Endpoint, UsePathStyle: true, Region: harness.Region,
		Credentials: credentials.NewStaticCredentialsProvider(harness.AccessKey, harness.SecretKey, ""),
	})
	if _, err := buckets.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: aws.String("lists")}); err != nil {
		t.Fatal(err)
	}
	_, err := buckets.PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String("lists"), Key: aws.String("a.csv"), Body: strings.NewReader(file.String())})
	if err != nil {
		t.Fatal(err)
	}
	var job importJob
	decode := func(body []byte) importJob {
		t.Helper()
		if err := json.Unmarshal(body, &job); err != nil {
			t.Fatal(err)
		}
		return job
	}
	decode(call(t, s, "POST", "/v2/email/import-jobs", map[string]any{
		"ImportDataSource":  map[string]string{"S3Url": "s3://lists/a.csv", "DataFormat": "CSV"},
		"ImportDestination": map[string]any{"SuppressionListDestination": map[string]string{"SuppressionListImportAction": "PUT"}},
	}))
	get := func() importJob { return decode(call(t, s, "GET", "/v2/email/import-jobs/"+job.JobID, nil)) }
	for killed := 0; killed < 3; killed++ {
		before := job.ProcessedRecordsCount
		harness.Eventually(t, "some records to be imported", func() bool { return get().ProcessedRecordsCount > before })
		if job.JobStatus != "PROCESSING" {
			t.Fatalf("it is done after %d kills: %+v", killed, job)
		}
		s.Kill()
		s.Start()
	}
	harness.Eventually(t, "the job to end", func() bool { return get().JobStatus != "PROCESSING" })
	if job.JobStatus != "COMPLETED" || job.ProcessedRecordsCount != records || job.FailedRecordsCount != 1 {
		t.Errorf("%+v", job)
	}
	if n := strings.Count(string(call(t, s, "GET", "/_sesame/v1/suppression/export", nil)), "@example.com,BOUNCE\n"); n != records-1 {
		t.Errorf("%d addresses are on the list", n)
	}
}
