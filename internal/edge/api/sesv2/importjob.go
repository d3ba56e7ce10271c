// SPDX-License-Identifier: Apache-2.0

package sesv2

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/importjob"
	"sesame/internal/edge/api/caller"
	"sesame/internal/edge/api/page"
)

// ImportJobs keeps import jobs.
type ImportJobs interface {
	Create(ctx context.Context, who access.Request, job importjob.Job) (string, error)
	Get(ctx context.Context, sc scope.Scope, id string) (importjob.Job, error)
	List(ctx context.Context, sc scope.Scope, d importjob.Destination, behind importjob.Position, limit int) ([]importjob.Job, bool, error)
	ReportURL(ctx context.Context, job importjob.Job) (string, error)
}

// CreateImportJob queues the import of a file in a bucket into the suppression list or a
// contact list.
func (a *API) CreateImportJob(ctx context.Context, in *sesv2.CreateImportJobInput) (*sesv2.CreateImportJobOutput, error) {
	job := importjob.Job{URL: aws.ToString(in.ImportDataSource.S3Url), Format: string(in.ImportDataSource.DataFormat)}
	contacts, suppressed := in.ImportDestination.ContactListDestination, in.ImportDestination.SuppressionListDestination
	switch {
	case (contacts == nil) == (suppressed == nil):
		return nil, fault.InField(fault.Invalid, "ImportDestination", "ImportDestination must have either SuppressionListDestination or ContactListDestination.")
	case contacts != nil:
		job.Destination, job.Action, job.List = importjob.Contacts, string(contacts.ContactListImportAction), aws.ToString(contacts.ContactListName)
	default:
		job.Destination, job.Action = importjob.Suppression, string(suppressed.SuppressionListImportAction)
	}
	id, err := a.ImportJobs.Create(ctx, caller.From(ctx).Access("2"), job)
	if err != nil {
		return nil, err
	}
	return &sesv2.CreateImportJobOutput{JobId: &id}, nil
}

// destinationOf is where a job imports into.
func destinationOf(job importjob.Job) *types.ImportDestination {
	if job.Destination == importjob.Contacts {
		return &types.ImportDestination{ContactListDestination: &types.ContactListDestination{
			ContactListName: &job.List, ContactListImportAction: types.ContactListImportAction(job.Action),
		}}
	}
	return &types.ImportDestination{SuppressionListDestination: &types.SuppressionListDestination{
		SuppressionListImportAction: types.SuppressionListImportAction(job.Action),
	}}
}

// GetImportJob shows a job. The list of the records that failed is at a presigned URL, which
// is good for an hour.
func (a *API) GetImportJob(ctx context.Context, in *sesv2.GetImportJobInput) (*sesv2.GetImportJobOutput, error) {
	job, err := a.ImportJobs.Get(ctx, caller.From(ctx).Scope, aws.ToString(in.JobId))
	if err != nil {
		return nil, err
	}
	out := &sesv2.GetImportJobOutput{
		JobId: &job.ID, ImportDestination: destinationOf(job), JobStatus: types.JobStatus(job.State),
		ImportDataSource: &types.ImportDataSource{S3Url: &job.URL, DataFormat: types.DataFormat(job.Format)},
		CreatedTimestamp: &job.CreatedAt, ProcessedRecordsCount: aws.Int32(int32(job.Processed)), FailedRecordsCount: aws.Int32(int32(job.Failed)),
	}
	if job.CompletedAt.IsZero() {
		return out, nil
	}
	out.CompletedTimestamp = &job.CompletedAt
	if job.Failed > 0 || job.Error != "" {
		out.FailureInfo = &types.FailureInfo{}
	}
	if job.Error != "" {
		out.FailureInfo.ErrorMessage = &job.Error
	}
	url, err := a.ImportJobs.ReportURL(ctx, job)
	if url != "" {
		out.FailureInfo.FailedRecordsS3Url = &url
	}
	return out, err
}

// importJobKind is the kind of the tokens of lists of import jobs.
const importJobKind = "import-job"

// defaultJobs is how many jobs a page has if the caller does not say; ours.
const defaultJobs = 100

// ListImportJobs lists jobs, the newest first.
func (a *API) ListImportJobs(ctx context.Context, in *sesv2.ListImportJobsInput) (*sesv2.ListImportJobsOutput, error) {
	sc := caller.From(ctx).Scope
	tokens := page.List{Kind: importJobKind + string(in.ImportDestinationType), Region: sc.Region}
	size, err := page.Size("PageSize", in.PageSize, defaultJobs, importjob.MaxPage)
	if err != nil {
		return nil, err
	}
	var behind importjob.Position
	last, err := tokens.After(in.NextToken)
	if err != nil {
		return nil, err
	}
	if last != "" {
		at, id, _ := strings.Cut(last, " ")
		ms, err := strconv.ParseInt(at, 10, 64)
		if err != nil {
			return nil, fault.InField(fault.Invalid, "NextToken", "Invalid NextToken <%s>.", fault.Printable(aws.ToString(in.NextToken)))
		}
		behind = importjob.Position{At: time.UnixMilli(ms), ID: id}
	}
	jobs, more, err := a.ImportJobs.List(ctx, sc, importjob.Destination(in.ImportDestinationType), behind, size)
	if err != nil {
		return nil, err
	}
	out := &sesv2.ListImportJobsOutput{ImportJobs: []types.ImportJobSummary{}}
	for _, job := range jobs {
		out.ImportJobs = append(out.ImportJobs, types.ImportJobSummary{
			JobId: aws.String(job.ID), ImportDestination: destinationOf(job), JobStatus: types.JobStatus(job.State), CreatedTimestamp: aws.Time(job.CreatedAt),
			ProcessedRecordsCount: aws.Int32(int32(job.Processed)), FailedRecordsCount: aws.Int32(int32(job.Failed)),
		})
	}
	if more {
		end := jobs[len(jobs)-1]
		out.NextToken = tokens.Token(fmt.Sprintf("%d %s", end.CreatedAt.UnixMilli(), end.ID))
	}
	return out, nil
}
