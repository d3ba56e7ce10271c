// SPDX-License-Identifier: Apache-2.0

package app

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"math"
	"net/http"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"sesame/internal/core/bucket"
	"sesame/internal/core/importjob"
	"sesame/internal/core/quota"
	"sesame/internal/edge/s3"
)

// storage is the buckets, and what is imported from them.
type storage struct {
	buckets *bucket.Store
	imports *importjob.Jobs
	reports *s3.Reports
}

// buildStorage comes after listen: in dev the URLs of reports lead to the real port.
func (s *Server) buildStorage() (err error) {
	s.buckets, err = bucket.New(bucket.Options{
		DB: s.db, Dir: cmp.Or(s.cfg.Buckets.Dir, filepath.Join(s.cfg.DataDir, "buckets")), Clock: s.clock, Random: rand.Reader,
		MaxObject: s.cfg.Buckets.MaxObject(), Free: freeOctets, KeepFree: keepFree,
	})
	if err != nil {
		return err
	}
	s.reports = &s3.Reports{MAC: s.ring.MAC, Base: s.serviceURL(), Clock: s.clock, Accounts: s.accounts}
	s.imports, err = s.buildImports()
	return err
}

// keepFree is what objects leave of a disk: mail is on it, too, by default.
const keepFree = 1 << 30

// freeOctets is how much room there is on the disk of a folder.
func freeOctets(dir string) (int64, error) {
	var fs unix.Statfs_t
	if err := unix.Statfs(dir, &fs); err != nil {
		return 0, fmt.Errorf("%s: %w", dir, err)
	}
	return int64(min(uint64(fs.Bavail)*uint64(fs.Bsize), math.MaxInt64)), nil
}

// withBuckets sends requests that are signed for S3 to the buckets.
func (s *Server) withBuckets(next http.Handler) http.Handler {
	door := s3.New(s3.Options{
		Buckets: s.buckets, Keys: s.accounts, Access: s.access, Reports: s.reports, Clock: s.clock, Random: rand.Reader, Log: s.log, Regions: s.regions(),
		Calls: s.bucketCalls(), Answered: s.bucketMetrics.Answered,
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s3.IsRequest(r) {
			door.ServeHTTP(w, r)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bucketRate is how many calls of an operation on buckets an account may make in a second,
// where calls are throttled (S3: performance design patterns, request rates).
const bucketRate = 3500

func (s *Server) bucketCalls() s3.Calls {
	if s.cfg.Limits.APICalls == 0 {
		return nil
	}
	return quota.NewCalls(s.clock, bucketRate)
}

// sweepEvery is how often the files of the buckets and the import jobs are looked through.
const sweepEvery = 24 * time.Hour

// sweepBuckets removes files that no object has, and import jobs that are long over, until
// ctx ends.
func (s *Server) sweepBuckets(ctx context.Context) {
	t := time.NewTicker(sweepEvery)
	defer t.Stop()
	for {
		if err := errors.Join(s.buckets.Sweep(ctx), s.imports.Clean(ctx)); err != nil && ctx.Err() == nil {
			s.log.Error("sweep the buckets", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
