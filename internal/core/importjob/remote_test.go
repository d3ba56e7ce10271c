// SPDX-License-Identifier: Apache-2.0

package importjob_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/credentials"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/importjob"
	"sesame/internal/testkit/storetest"
)

// bucketServer is as much of an S3 server as jobs need; test/clients has a real one. It
// remembers who asked in which region.
type bucketServer struct {
	*httptest.Server
	mu      sync.Mutex
	objects map[string]string // by their paths
	signed  []string          // the scopes of the credentials
	asked   int
}

func newBucketServer(t *testing.T) *bucketServer {
	s := &bucketServer{objects: map[string]string{"/files/2026/a+b c.csv": addresses(1200)}}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Close)
	return s
}

func (s *bucketServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.asked++
	_, credential, _ := strings.Cut(r.Header.Get("Authorization"), "Credential=")
	credential, _, _ = strings.Cut(credential, "/aws4_request")
	s.signed = append(s.signed, credential)
	content, there := s.objects[r.URL.Path]
	refuse := func(status int, code string) {
		w.Header().Set("Location", "http://192.0.2.1/")
		w.WriteHeader(status)
		fmt.Fprintf(w, "<Error><Code>%s</Code><Message>secret words of the server</Message></Error>", code)
	}
	switch {
	case strings.HasPrefix(r.URL.Path, "/theirs/"):
		refuse(http.StatusForbidden, "AccessDenied")
	case strings.HasPrefix(r.URL.Path, "/abroad/"):
		refuse(http.StatusMovedPermanently, "PermanentRedirect")
	case strings.HasPrefix(r.URL.Path, "/elsewhere/"):
		refuse(http.StatusTemporaryRedirect, "TemporaryRedirect")
	case strings.HasPrefix(r.URL.Path, "/broken/"):
		refuse(http.StatusInternalServerError, "InternalError")
	case r.Method == http.MethodPut:
		body, _ := io.ReadAll(r.Body)
		s.objects[r.URL.Path] = string(body)
	case !there:
		refuse(http.StatusNotFound, "NoSuchKey")
	default:
		w.Header().Set("ETag", fmt.Sprintf(`"%x"`, len(content)))
		w.Header().Set("Content-Length", fmt.Sprint(len(content)))
		io.WriteString(w, content)
	}
}

// remote are the buckets of a server for the account sc.
func (s *bucketServer) remote(region string) *importjob.Remote {
	return importjob.NewRemote(importjob.RemoteOptions{
		Endpoint: s.URL, Region: region, MaxObject: 1 << 20, Accounts: map[string]importjob.RemoteAccount{
			sc.Account: {Credentials: credentials.NewStaticCredentialsProvider("AKIAEXAMPLE", "secret", ""), Reports: "reports"},
		},
	})
}

// TestFilesInAnotherServersBuckets are read from there, and the report is written there.
func TestFilesInAnotherServersBuckets(t *testing.T) {
	t.Parallel()
	w, s := newWorld(t, storetest.SQLite(t)), newBucketServer(t)
	remote := s.remote("")
	node := w.node(func(o *importjob.Options) { o.Objects = remote })
	job := suppress("PUT", "CSV")
	job.URL = "s3://files/2026/a+b c.csv"
	id, err := node.Create(ctx, by(sc), job)
	must(t, err)
	step(t, node)
	if job := w.get(t, id); job.State != importjob.Completed || job.Processed != 1201 || job.Failed != 1 || !job.Reported || job.Error != "" {
		t.Fatalf("%+v", job)
	}
	report := "/reports/ses-import-failures/123456789012/us-east-1/" + id + ".json"
	if got := lines(t, strings.NewReader(s.objects[report])); len(got) != 1 || got[0].Content != "bad record" {
		t.Errorf("%+v in %v", got, s.objects)
	}
	for _, scope := range s.signed {
		if !strings.HasPrefix(scope, "AKIAEXAMPLE/") || !strings.HasSuffix(scope, "/us-east-1/s3") {
			t.Errorf("signed for %s", scope)
		}
	}
	signed, err := node.ReportURL(ctx, w.get(t, id))
	must(t, err)
	u, err := url.Parse(signed)
	must(t, err)
	if q := u.Query(); !strings.HasPrefix(signed, s.URL+report+"?") || q.Get("X-Amz-Expires") != "3600" || q.Get("X-Amz-Signature") == "" {
		t.Errorf("%s", signed)
	}
}

// TestWhatAnotherServerRefuses is told to the job's owner without a word of the server's. A
// redirection leads nowhere.
func TestWhatAnotherServerRefuses(t *testing.T) {
	t.Parallel()
	s := newBucketServer(t)
	s.objects["/files/large"] = strings.Repeat("x", 1<<20+1)
	remote := s.remote("eu-west-1")
	for _, c := range []struct {
		what   string
		who    scope.Scope
		bucket string
		key    string
		kind   fault.Kind
		text   string
	}{
		{"no object", sc, "files", "nothing", fault.NotFound, "The object s3://files/nothing does not exist in this account and region."},
		{"another account's bucket", sc, "theirs", "a", fault.AccessDenied, "Access to the object s3://theirs/a is denied."},
		{"a bucket in another region", sc, "abroad", "a", fault.NotFound, "The object s3://abroad/a does not exist in this account and region."},
		{"an object that is too large", sc, "files", "large", fault.TooLarge, "The object s3://files/large is larger than 1048576 octets."},
		{"a way into another bucket", sc, "files", "../theirs/a", fault.NotFound, "The object s3://files/../theirs/a does not exist in this account and region."},
		{"an account without keys", other, "files", "2026/a+b c.csv", fault.AccessDenied, "The account has no buckets."},
		{"a redirection", sc, "elsewhere", "a", fault.Unavailable, "The buckets can't be reached now."},
		{"a broken server", sc, "broken", "a", fault.Unavailable, "The buckets can't be reached now."},
	} {
		t.Run(c.what, func(t *testing.T) {
			_, _, err := remote.Open(ctx, c.who, importjob.Place{Bucket: c.bucket, Key: c.key})
			if !fault.Is(err, c.kind) || fault.PeerText(err) != c.text {
				t.Errorf("%v: %s", err, fault.PeerText(err))
			}
		})
	}
	for _, scope := range s.signed {
		if !strings.HasSuffix(scope, "/eu-west-1/s3") {
			t.Errorf("signed for %s", scope)
		}
	}
	if url, err := remote.ReportURL(ctx, other, "job"); url != "" || err != nil {
		t.Errorf("a report of an account without keys: %s, %v", url, err)
	}
	s.Close()
	if _, _, err := remote.Open(ctx, sc, importjob.Place{Bucket: "files", Key: "a"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("no server: %v", err)
	}
}
