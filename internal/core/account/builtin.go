// SPDX-License-Identifier: Apache-2.0

package account

import (
	"strings"
	"time"
)

// ARNs of the managed policies of AWS that there are (IAM: AWS managed policies).
const (
	awsPolicy           = "arn:aws:iam::aws:policy/"
	AdministratorAccess = awsPolicy + "AdministratorAccess"
	S3FullAccess        = awsPolicy + "AmazonS3FullAccess"
	S3ReadOnlyAccess    = awsPolicy + "AmazonS3ReadOnlyAccess"
	SESFullAccess       = awsPolicy + "AmazonSESFullAccess"
	SESReadOnlyAccess   = awsPolicy + "AmazonSESReadOnlyAccess"
	IAMFullAccess       = awsPolicy + "IAMFullAccess"
	IAMReadOnlyAccess   = awsPolicy + "IAMReadOnlyAccess"
)

// builtins are AWS's managed policies. Nobody changes them, and they have one version.
func builtins() []Policy {
	created := time.Date(2015, 2, 6, 18, 40, 0, 0, time.UTC)
	policy := func(arn, id, description, document string) Policy {
		return Policy{
			Account: "aws", Name: strings.TrimPrefix(arn, awsPolicy), Path: "/", ID: id, Description: description,
			Version: 1, Document: document, CreatedAt: created, UpdatedAt: created,
		}
	}
	allow := func(actions string) string {
		return `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":[` + actions + `],"Resource":"*"}]}`
	}
	return []Policy{
		policy(AdministratorAccess, "ANPAIWMBCKSKIEE64ZLYK", "Provides full access to AWS services and resources.", allow(`"*"`)),
		policy(S3FullAccess, "ANPAIFIR6V6BVTRAHWINE", "Provides full access to all buckets.", allow(`"s3:*"`)),
		policy(S3ReadOnlyAccess, "ANPAIZTJ4DXE7G6AGAE6M", "Provides read only access to all buckets.", allow(`"s3:Get*","s3:List*"`)),
		policy(SESFullAccess, "ANPAJ2P4NXCHAT7NDPNR4", "Provides full access to Amazon SES.", allow(`"ses:*"`)),
		policy(SESReadOnlyAccess, "ANPAINV2XPFRMWJJNSCGI", "Provides read only access to Amazon SES.", allow(`"ses:Get*","ses:List*","ses:BatchGet*"`)),
		policy(IAMFullAccess, "ANPAI7XKCFMBPM3QQRRVQ", "Provides full access to IAM.", allow(`"iam:*"`)),
		policy(IAMReadOnlyAccess, "ANPAJKSO7NDY4T57MWDSQ", "Provides read only access to IAM.",
			allow(`"iam:Get*","iam:List*","iam:SimulateCustomPolicy","iam:SimulatePrincipalPolicy"`)),
	}
}

// builtin is AWS's managed policy of an ARN.
func builtin(arn string) (Policy, bool) {
	for _, p := range builtins() {
		if p.ARN() == arn {
			return p, true
		}
	}
	return Policy{}, false
}
