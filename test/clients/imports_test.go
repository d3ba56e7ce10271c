// SPDX-License-Identifier: Apache-2.0

package clients_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"sesame/internal/testkit/need"
	"sesame/test/harness"
)

// TestImportJobs has the AWS CLI and boto3 put lists into buckets and import them.
func TestImportJobs(t *testing.T) {
	t.Parallel()
	for name, run := range map[string]func(t *testing.T, s *harness.Server) harness.Result{
		"AWS CLI": func(t *testing.T, s *harness.Server) harness.Result {
			need.Program(t, need.AWSCLI)
			return script(t, s, "/bin/sh", "imports.sh")
		},
		"boto3": func(t *testing.T, s *harness.Server) harness.Result {
			return script(t, s, need.Module(t, need.Boto3), "imports.py")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := run(t, harness.Dev(t))
			if r.Code != 0 || r.Stdout != "every list is as its files say\n" {
				t.Errorf("exit code %d\nstdout:\n%s\nstderr:\n%s", r.Code, r.Stdout, r.Stderr)
			}
		})
	}
}

// TestImportFromAnotherS3Server has a server read files from another one's buckets, over its
// S3 door, and write the report there.
func TestImportFromAnotherS3Server(t *testing.T) {
	t.Parallel()
	python := need.Module(t, need.Boto3)
	store := harness.Dev(t)
	upload := `import boto3, os
s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name=os.environ["AWS_REGION"])
for name in ("lists", "reports"):
    s3.create_bucket(Bucket=name)
s3.put_object(Bucket="lists", Key="a/b c+d.csv", Body=b"recipient1@example.com,BOUNCE\nnobody,BOUNCE\n")`
	if r := store.Run(t, python, "-c", upload); r.Code != 0 {
		t.Fatal(r.Stderr)
	}

	c := harness.ServeConfig(t)
	secret := filepath.Join(filepath.Dir(c.DataDir), "s3.secret")
	if err := os.WriteFile(secret, []byte(harness.SecretKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c.Buckets = &harness.Buckets{Endpoint: store.Endpoint, Accounts: map[string]harness.BucketAccount{
		harness.Account: {AccessKeyID: harness.AccessKey, SecretFile: secret, Reports: "reports"},
	}}
	s := harness.Serve(t, c)
	importing := func(url string) (int, []byte) {
		return s.Call(t, "POST", "/v2/email/import-jobs", map[string]any{
			"ImportDataSource":  map[string]string{"S3Url": url, "DataFormat": "CSV"},
			"ImportDestination": map[string]any{"SuppressionListDestination": map[string]string{"SuppressionListImportAction": "PUT"}},
		})
	}
	if status, body := importing("s3://lists/nothing.csv"); status != http.StatusBadRequest || !strings.Contains(string(body), "s3://lists/nothing.csv does not exist") {
		t.Errorf("a file that is not there: HTTP %d: %s", status, body)
	}
	status, body := importing("s3://lists/a/b c+d.csv")
	var job struct {
		JobID                                     string `json:"JobId"`
		JobStatus                                 string
		ProcessedRecordsCount, FailedRecordsCount int
		FailureInfo                               struct{ FailedRecordsS3Url string }
	}
	if err := json.Unmarshal(body, &job); status != http.StatusOK || err != nil {
		t.Fatalf("HTTP %d: %s", status, body)
	}
	harness.Eventually(t, "the job to end", func() bool {
		err := json.Unmarshal(call(t, s, "GET", "/v2/email/import-jobs/"+job.JobID, nil), &job)
		return err == nil && (job.JobStatus == "COMPLETED" || job.JobStatus == "FAILED")
	})
	if job.JobStatus != "COMPLETED" || job.ProcessedRecordsCount != 2 || job.FailedRecordsCount != 1 {
		t.Errorf("%+v", job)
	}
	call(t, s, "GET", "/v2/email/suppression/addresses/recipient1@example.com", nil)
	if !strings.HasPrefix(job.FailureInfo.FailedRecordsS3Url, store.Endpoint+"/reports/ses-import-failures/"+harness.Account+"/"+harness.Region+"/") {
		t.Fatalf("the report is at %s", job.FailureInfo.FailedRecordsS3Url)
	}
	resp, err := http.Get(job.FailureInfo.FailedRecordsS3Url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	report, err := io.ReadAll(resp.Body)
	if err != nil || string(report) != `{"record":2,"content":"nobody,BOUNCE","errorMessage":"The email address is not valid."}`+"\n" {
		t.Errorf("%s, %v", report, err)
	}
}
