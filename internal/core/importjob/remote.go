// SPDX-License-Identifier: Apache-2.0

package importjob

import (
	"cmp"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
)

// Remote are the buckets of a server that speaks Amazon S3's API. An account's jobs reach
// what its credentials may, so it is that server that keeps accounts apart. Nothing that a
// request has in it chooses the server: buckets and keys are in the path.
type Remote struct {
	o    RemoteOptions
	http *http.Client
}

// RemoteOptions say where the server is, and who asks it. They are the operator's.
type RemoteOptions struct {
	Endpoint  string // URL
	Region    string // of the signatures; "" is that of the job
	Accounts  map[string]RemoteAccount
	MaxObject int64 // octets of a file
}

// RemoteAccount is what an account reads and writes with, and the bucket of its reports.
type RemoteAccount struct {
	Credentials aws.CredentialsProvider
	Reports     string
}

// How long the server may take: to be reached, to begin its answer, to go on with it.
const (
	connectIn = 10 * time.Second
	answerIn  = 30 * time.Second
	goOnIn    = 30 * time.Second
)

// NewRemote returns the buckets of a server.
func NewRemote(o RemoteOptions) *Remote {
	return &Remote{o, &http.Client{
		Transport: &http.Transport{
			Proxy: http.ProxyFromEnvironment, DialContext: (&net.Dialer{Timeout: connectIn}).DialContext, TLSHandshakeTimeout: connectIn,
			ResponseHeaderTimeout: answerIn, IdleConnTimeout: goOnIn, MaxConnsPerHost: 32, MaxIdleConnsPerHost: 2,
			MaxResponseHeaderBytes: 64 << 10, DisableCompression: true, // an object is what it is
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// client is an account's client for a region.
func (r *Remote) client(sc scope.Scope) (*s3.Client, RemoteAccount, error) {
	account, ok := r.o.Accounts[sc.Account]
	if !ok {
		return nil, account, fault.New(fault.AccessDenied, "The account has no buckets.")
	}
	return s3.New(s3.Options{
		BaseEndpoint: &r.o.Endpoint, UsePathStyle: true, Region: cmp.Or(r.o.Region, sc.Region), Credentials: account.Credentials, HTTPClient: r.http,
		// Not every server knows the checksums that the SDK adds by itself.
		RequestChecksumCalculation: aws.RequestChecksumCalculationWhenRequired, ResponseChecksumValidation: aws.ResponseChecksumValidationWhenRequired,
	}), account, nil
}

// Open opens an object. An answer that does not come on for half a minute ends with an error.
func (r *Remote) Open(ctx context.Context, sc scope.Scope, at Place) (io.ReadCloser, string, error) {
	client, _, err := r.client(sc)
	if err != nil {
		return nil, "", err
	}
	if slices.ContainsFunc(strings.Split(at.Key, "/"), func(s string) bool { return s == "." || s == ".." }) {
		return nil, "", notThere(at) // some servers would take it for another bucket's
	}
	ctx, cancel := context.WithCancel(ctx)
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &at.Bucket, Key: &at.Key})
	if err != nil {
		cancel()
		return nil, "", refusal(err, at)
	}
	body := &patient{body: out.Body, cancel: cancel, timer: time.AfterFunc(goOnIn, cancel)}
	body.timer.Stop()
	if size := aws.ToInt64(out.ContentLength); size > r.o.MaxObject || out.ContentLength == nil {
		return nil, "", errors.Join(fault.New(fault.TooLarge, "The object %s is larger than %d octets.", fault.Printable(at.String()), r.o.MaxObject), body.Close())
	}
	return body, aws.ToString(out.ETag), nil
}

// patient is a body that has to come on.
type patient struct {
	body   io.ReadCloser
	cancel func()
	timer  *time.Timer
}

// Read reads on.
func (p *patient) Read(b []byte) (int, error) {
	p.timer.Reset(goOnIn)
	defer p.timer.Stop()
	return p.body.Read(b)
}

// Close gives up what is not read yet.
func (p *patient) Close() error {
	p.cancel()
	p.timer.Stop()
	_ = p.body.Close() // nothing that matters is lost
	return nil
}

// refusal is the fault for an error of the server. What says that the bucket is not for the
// account, or not in the region, is its owner's.
func refusal(err error, at Place) error {
	var answer *smithyhttp.ResponseError
	if errors.As(err, &answer) {
		switch answer.HTTPStatusCode() {
		case http.StatusNotFound, http.StatusMovedPermanently:
			return &fault.Error{Kind: fault.NotFound, Text: fault.PeerText(notThere(at)), Err: err}
		case http.StatusForbidden:
			return &fault.Error{Kind: fault.AccessDenied, Text: "Access to the object " + fault.Printable(at.String()) + " is denied.", Err: err}
		}
	}
	return &fault.Error{Kind: fault.Unavailable, Op: "importjob.Remote", Text: "The buckets can't be reached now.", Err: err}
}

// report is where the report of a job is, in the account's bucket for them.
func (a RemoteAccount) report(sc scope.Scope, job string) Place {
	return Place{a.Reports, reports + "/" + sc.Account + "/" + sc.Region + "/" + reportKey(job)}
}

// Report writes a report into the account's bucket for them. Its length has to be known
// before, so it goes through a file.
func (r *Remote) Report(ctx context.Context, sc scope.Scope, job string, content io.Reader) error {
	client, account, err := r.client(sc)
	if err != nil {
		return err
	}
	f, err := os.CreateTemp("", "sesame-report-")
	if err != nil {
		return fault.Wrap("importjob.Report", err)
	}
	defer os.Remove(f.Name())
	defer f.Close()
	if _, err := io.Copy(f, content); err != nil {
		return fault.Wrap("importjob.Report", err)
	}
	if _, err := f.Seek(0, io.SeekStart); err != nil {
		return fault.Wrap("importjob.Report", err)
	}
	at := account.report(sc, job)
	_, err = client.PutObject(ctx, &s3.PutObjectInput{Bucket: &at.Bucket, Key: &at.Key, Body: f, ContentType: aws.String(reportType)})
	if err != nil {
		return refusal(err, at)
	}
	return nil
}

// ReportURL presigns a URL of the report, which leads to the server.
func (r *Remote) ReportURL(ctx context.Context, sc scope.Scope, job string) (string, error) {
	client, account, err := r.client(sc)
	if err != nil {
		return "", nil // the account had keys once
	}
	at := account.report(sc, job)
	signed, err := s3.NewPresignClient(client).PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &at.Bucket, Key: &at.Key}, s3.WithPresignExpires(time.Hour))
	if err != nil {
		return "", fault.Wrap("importjob.ReportURL", err)
	}
	return signed.URL, nil
}
