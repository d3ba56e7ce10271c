// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/scope"
	"sesame/internal/core/bucket"
	"sesame/internal/core/importjob"
)

// upload puts an object into a bucket, which it makes if need be.
func (w *world) upload(t testing.TB, sc scope.Scope, name, key, content string) {
	t.Helper()
	if err := w.buckets.Create(t.Context(), sc, name); !errors.Is(err, bucket.ErrExists) {
		must(t, err)
	}
	_, err := w.buckets.Put(t.Context(), sc, name, bucket.Draft{Key: key, Size: int64(len(content))}, strings.NewReader(content))
	must(t, err)
}

func source(bucketName, key string) *types.ImportDataSource {
	return &types.ImportDataSource{DataFormat: types.DataFormatCsv, S3Url: aws.String("s3://" + bucketName + "/" + key)}
}

// suppress asks for a job on the suppression list.
func suppress(bucketName, key string, action types.SuppressionListImportAction) *sesv2.CreateImportJobInput {
	return &sesv2.CreateImportJobInput{
		ImportDataSource:  source(bucketName, key),
		ImportDestination: &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{SuppressionListImportAction: action}},
	}
}

// enlist asks for a job on a contact list.
func enlist(bucketName, key, list string, action types.ContactListImportAction) *sesv2.CreateImportJobInput {
	return &sesv2.CreateImportJobInput{
		ImportDataSource: source(bucketName, key),
		ImportDestination: &types.ImportDestination{ContactListDestination: &types.ContactListDestination{
			ContactListName: &list, ContactListImportAction: action,
		}},
	}
}

// begin makes an import job and returns its id.
func begin(t *testing.T, c *sesv2.Client, in *sesv2.CreateImportJobInput) *string {
	t.Helper()
	out, err := c.CreateImportJob(t.Context(), in)
	must(t, err)
	return out.JobId
}

// workOff has the server do the jobs that wait.
func (w *world) workOff(t *testing.T) {
	t.Helper()
	for found := true; found; {
		var err error
		found, err = w.imports.Step(t.Context())
		must(t, err)
	}
}

// TestAnImportJob reads every field of a job of the guide's example, with a record in it that
// is none, before and after.
func TestAnImportJob(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	w.upload(t, home, "lists", "2026/addresses.csv", "recipient1@example.com,BOUNCE\nnobody,BOUNCE\nrecipient2@example.com,COMPLAINT\n")
	began := w.clock.Now()
	id := begin(t, c, suppress("lists", "2026/addresses.csv", types.SuppressionListImportActionPut))

	job, err := c.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: id})
	must(t, err)
	if *job.JobId != *id || job.JobStatus != types.JobStatusCreated || job.CompletedTimestamp != nil || job.FailureInfo != nil ||
		*job.ProcessedRecordsCount != 0 || *job.FailedRecordsCount != 0 || job.CreatedTimestamp.Sub(began).Abs() > time.Second {
		t.Errorf("before: %s", show(job))
	}
	w.clock.Advance(time.Minute)
	w.workOff(t)
	job, err = c.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: id})
	must(t, err)
	if job.JobStatus != types.JobStatusCompleted || *job.ProcessedRecordsCount != 3 || *job.FailedRecordsCount != 1 ||
		job.CompletedTimestamp.Sub(*job.CreatedTimestamp).Round(time.Second) != time.Minute {
		t.Errorf("after: %s", show(job))
	}
	if s := job.ImportDataSource; *s.S3Url != "s3://lists/2026/addresses.csv" || s.DataFormat != types.DataFormatCsv {
		t.Errorf("source: %s", show(s))
	}
	if d := job.ImportDestination; d.ContactListDestination != nil || d.SuppressionListDestination.SuppressionListImportAction != types.SuppressionListImportActionPut {
		t.Errorf("destination: %s", show(d))
	}
	want := fmt.Sprintf("https://%s.%s.example/ses-import-failures/%s.json", home.Account, home.Region, *id)
	if f := job.FailureInfo; f == nil || f.ErrorMessage != nil || *f.FailedRecordsS3Url != want {
		t.Errorf("failures: %s", show(f))
	}
	for address, reason := range map[string]types.SuppressionListReason{"recipient1@example.com": "BOUNCE", "recipient2@example.com": "COMPLAINT"} {
		got, err := c.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: &address})
		must(t, err)
		if d := got.SuppressedDestination; d.Reason != reason || *d.EmailAddress != address {
			t.Errorf("%s", show(d))
		}
	}

	w.upload(t, home, "lists", "gone.csv", "recipient1@example.com\nnever@example.com\n")
	id = begin(t, c, suppress("lists", "gone.csv", types.SuppressionListImportActionDelete))
	w.workOff(t)
	job, err = c.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: id})
	must(t, err)
	if job.JobStatus != types.JobStatusCompleted || *job.ProcessedRecordsCount != 2 || *job.FailedRecordsCount != 0 || job.FailureInfo != nil {
		t.Errorf("removal: %s", show(job))
	}
	_, err = c.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String("recipient1@example.com")})
	isA[*types.NotFoundException](t, err)
}

// TestAnImportOfContacts is the guide's example, too, and a file that can't be read.
func TestAnImportOfContacts(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	_, err := c.CreateContactList(ctx, &sesv2.CreateContactListInput{ContactListName: aws.String("ExampleContactListName"), Topics: []types.Topic{
		{TopicName: aws.String("Sports"), DisplayName: aws.String("Sports"), DefaultSubscriptionStatus: types.SubscriptionStatusOptOut},
		{TopicName: aws.String("Cycling"), DisplayName: aws.String("Cycling"), DefaultSubscriptionStatus: types.SubscriptionStatusOptIn},
	}})
	must(t, err)
	w.upload(t, home, "lists", "contacts.csv", "emailAddress,unsubscribeAll,attributesData,topicPreferences.Sports,topicPreferences.Cycling\n"+
		"example1@amazon.com,false,{\"Name\": \"John\"},OPT_IN,OPT_OUT\nexample2@amazon.com,true,,OPT_OUT,OPT_OUT\n")
	w.upload(t, home, "lists", "headless.csv", "example1@amazon.com,false\n")
	put := begin(t, c, enlist("lists", "contacts.csv", "ExampleContactListName", types.ContactListImportActionPut))
	headless := begin(t, c, enlist("lists", "headless.csv", "ExampleContactListName", types.ContactListImportActionDelete))
	w.workOff(t)

	job, err := c.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: put})
	must(t, err)
	d := job.ImportDestination
	if d.SuppressionListDestination != nil || *d.ContactListDestination.ContactListName != "ExampleContactListName" ||
		d.ContactListDestination.ContactListImportAction != types.ContactListImportActionPut || job.JobStatus != types.JobStatusCompleted || *job.ProcessedRecordsCount != 2 {
		t.Errorf("%s", show(job))
	}
	got, err := c.GetContact(ctx, &sesv2.GetContactInput{ContactListName: aws.String("ExampleContactListName"), EmailAddress: aws.String("example1@amazon.com")})
	must(t, err)
	if got.UnsubscribeAll || *got.AttributesData != `{"Name": "John"}` || show(got.TopicPreferences) != show([]types.TopicPreference{
		{TopicName: aws.String("Sports"), SubscriptionStatus: types.SubscriptionStatusOptIn}, {TopicName: aws.String("Cycling"), SubscriptionStatus: types.SubscriptionStatusOptOut},
	}) {
		t.Errorf("%s", show(got))
	}
	job, err = c.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: headless})
	must(t, err)
	if job.JobStatus != types.JobStatusFailed || *job.ProcessedRecordsCount != 0 || job.FailureInfo.FailedRecordsS3Url != nil ||
		*job.FailureInfo.ErrorMessage != "The header has an unknown or repeated column <example1@amazon.com>." {
		t.Errorf("%s", show(job))
	}
}

func TestImportJobsAreListed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	_, err := c.CreateContactList(ctx, &sesv2.CreateContactListInput{ContactListName: aws.String("News")})
	must(t, err)
	w.upload(t, home, "lists", "empty.csv", "")
	var ids []string
	for n := range 5 {
		in := suppress("lists", "empty.csv", types.SuppressionListImportActionPut)
		if n == 2 {
			in = enlist("lists", "empty.csv", "News", types.ContactListImportActionDelete)
		}
		ids = append([]string{*begin(t, c, in)}, ids...)
		w.clock.Advance(time.Second)
	}
	list := func(in sesv2.ListImportJobsInput) string {
		t.Helper()
		var all []string
		for p := sesv2.NewListImportJobsPaginator(c, &in); p.HasMorePages(); {
			out, err := p.NextPage(ctx)
			must(t, err)
			for _, j := range out.ImportJobs {
				if j.JobStatus != types.JobStatusCreated || j.CreatedTimestamp == nil || *j.ProcessedRecordsCount != 0 || *j.FailedRecordsCount != 0 || j.ImportDestination == nil {
					t.Errorf("%s", show(j))
				}
				all = append(all, *j.JobId)
			}
		}
		return strings.Join(all, " ")
	}
	for _, cs := range []struct {
		what string
		in   sesv2.ListImportJobsInput
		want []string
	}{
		{"the newest first", sesv2.ListImportJobsInput{}, ids},
		{"in pages of two", sesv2.ListImportJobsInput{PageSize: aws.Int32(2)}, ids},
		{"those of the suppression list", sesv2.ListImportJobsInput{ImportDestinationType: types.ImportDestinationTypeSuppressionList, PageSize: aws.Int32(3)}, []string{ids[0], ids[1], ids[3], ids[4]}},
		{"those of contact lists", sesv2.ListImportJobsInput{ImportDestinationType: types.ImportDestinationTypeContactList}, ids[2:3]},
	} {
		if got := list(cs.in); got != strings.Join(cs.want, " ") {
			t.Errorf("%s: %s", cs.what, got)
		}
	}
	page, err := c.ListImportJobs(ctx, &sesv2.ListImportJobsInput{PageSize: aws.Int32(1)})
	must(t, err)
	_, err = c.ListImportJobs(ctx, &sesv2.ListImportJobsInput{NextToken: page.NextToken, ImportDestinationType: types.ImportDestinationTypeContactList})
	isA[*types.BadRequestException](t, err) // the token is of another list
	// Clients from before 2021 ask with GET.
	if a := w.do(t, call{method: "GET", target: "/v2/email/import-jobs?PageSize=1"}); a.status != 200 || !strings.Contains(a.body, ids[0]) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestRefusalsOfImportJobs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	w.upload(t, home, "lists", "a.csv", "")
	w.upload(t, scope.Scope{Account: "210987654321", Region: region}, "theirs", "a.csv", "")
	w.upload(t, scope.Scope{Account: accountID, Region: "eu-west-1"}, "abroad", "a.csv", "")
	both := suppress("lists", "a.csv", types.SuppressionListImportActionPut)
	both.ImportDestination.ContactListDestination = enlist("", "", "News", types.ContactListImportActionPut).ImportDestination.ContactListDestination
	neither := suppress("lists", "a.csv", types.SuppressionListImportActionPut)
	neither.ImportDestination = &types.ImportDestination{}
	at := func(url string) *sesv2.CreateImportJobInput {
		in := suppress("", "", types.SuppressionListImportActionPut)
		in.ImportDataSource.S3Url = &url
		return in
	}
	const noURL = "S3Url must be an object in a bucket: s3://BUCKET/KEY."
	noPattern := constraint("importDataSource.s3Url", `Member must satisfy regular expression pattern: ^s3:\/\/([^\/]+)\/(.*?([^\/]+)\/?)$`)
	gone := func(url string) string { return "The object " + url + " does not exist in this account and region." }
	const oneOf = "ImportDestination must have either SuppressionListDestination or ContactListDestination."
	for _, cs := range []struct {
		what string
		in   *sesv2.CreateImportJobInput
		text string
	}{
		{"two destinations", both, oneOf},
		{"no destination", neither, oneOf},
		{"a web page", at("https://lists.s3.amazonaws.com/a.csv"), noPattern},
		{"a host and a port", at("s3://127.0.0.1:8080/a.csv"), noURL},
		{"an address", at("s3://169.254.169.254/latest/meta-data"), noURL},
		{"no key", at("s3://lists/"), noPattern},
		{"a key with a NUL", at("s3://lists/a\x00"), noURL},
		{"no such object", at("s3://lists/b.csv"), gone("s3://lists/b.csv")},
		{"no such bucket", at("s3://nothing/a.csv"), gone("s3://nothing/a.csv")},
		{"another account's bucket", at("s3://theirs/a.csv"), gone("s3://theirs/a.csv")},
		{"a bucket in another region", at("s3://abroad/a.csv"), gone("s3://abroad/a.csv")},
		{"no such list", enlist("lists", "a.csv", "News", types.ContactListImportActionPut), "List with name: News doesn't exist."},
	} {
		t.Run(cs.what, func(t *testing.T) {
			_, err := c.CreateImportJob(ctx, cs.in)
			wantRefusal(t, err, refusal{400, "BadRequestException", cs.text})
			isA[*types.BadRequestException](t, err)
		})
	}
	for range importjob.MaxWaiting {
		begin(t, c, suppress("lists", "a.csv", types.SuppressionListImportActionPut))
	}
	_, err := c.CreateImportJob(ctx, suppress("lists", "a.csv", types.SuppressionListImportActionPut))
	isA[*types.LimitExceededException](t, err)
	for _, id := range []string{"755380d7-fbdb-4ed2-a9a3-06866220f5b5", "x", "a\x00b", "ü"} {
		_, err = c.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: &id})
		isA[*types.NotFoundException](t, err)
	}
}

// TestWhoImportsMayReadTheFile: the list of the records that failed shows what is in it.
func TestWhoImportsMayReadTheFile(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesv2Client(tester())
	w.upload(t, home, "lists", "a.csv", "")
	w.ofUser(t, testerARN, allow("ses:*"))
	_, err := c.CreateImportJob(t.Context(), suppress("lists", "a.csv", types.SuppressionListImportActionPut))
	wantRefusal(t, err, denied("AccessDeniedException", "s3:GetObject", "arn:aws:s3:::lists/a.csv"))
	w.ofUser(t, testerARN, allow("ses:*"), statement("Allow", "s3:GetObject", "arn:aws:s3:::lists/*", ""))
	begin(t, c, suppress("lists", "a.csv", types.SuppressionListImportActionPut))
}
