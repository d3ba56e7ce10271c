// SPDX-License-Identifier: Apache-2.0

package app

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsconfig "github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"sesame/internal/config"
	"sesame/internal/core/importjob"
)

// buildImports comes after the buckets: jobs read them, if there is no S3 server.
func (s *Server) buildImports() (*importjob.Jobs, error) {
	o := importjob.Options{DB: s.db, Clock: s.clock, Node: s.node.name, Access: s.access, Addresses: s.suppression, Contacts: s.contacts}
	o.Objects = importjob.Builtin{Buckets: s.buckets, Presign: s.reports.Presign}
	if b := s.cfg.Buckets; b.Endpoint != "" {
		remote := importjob.RemoteOptions{Endpoint: b.Endpoint, Region: b.Region, MaxObject: b.MaxObject(), Accounts: map[string]importjob.RemoteAccount{}}
		for id, a := range b.Accounts {
			keys, err := bucketKeys(a)
			if err != nil {
				return nil, fmt.Errorf("buckets.accounts.%s: %w", id, err)
			}
			remote.Accounts[id] = importjob.RemoteAccount{Credentials: keys, Reports: a.Reports}
		}
		o.Objects = importjob.NewRemote(remote)
	}
	return importjob.New(o), nil
}

// bucketKeys are what an account signs with: the key that is configured, or what the machine
// has, as the AWS tools find it.
func bucketKeys(a config.BucketAccount) (aws.CredentialsProvider, error) {
	if a.AccessKeyID == "" {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		found, err := awsconfig.LoadDefaultConfig(ctx)
		return found.Credentials, err
	}
	secret, err := os.ReadFile(a.SecretFile)
	if err != nil {
		return nil, err
	}
	return credentials.NewStaticCredentialsProvider(a.AccessKeyID, strings.TrimSpace(string(secret)), ""), nil
}
