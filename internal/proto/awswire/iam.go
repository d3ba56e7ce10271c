// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	_ "embed"
	"net/http"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	ststypes "github.com/aws/aws-sdk-go-v2/service/sts/types"
)

//go:embed constraints/iam.txt
var iamConstraints string

//go:embed constraints/sts.txt
var stsConstraints string

// NewIAM compiles the IAM API. Constraints are known of the operations that are served.
func NewIAM() (*Service, error) {
	return NewQuery(&QueryConfig{
		Name:      "iam",
		Client:    reflect.TypeFor[*iam.Client](),
		Namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
		Version:   "2010-05-08",
		Unions: map[reflect.Type][]unionVariant{
			reflect.TypeFor[iamtypes.PolicyIdentifier](): {
				{"InlinePolicyIdentifier", reflect.TypeFor[iamtypes.PolicyIdentifierMemberInlinePolicyIdentifier]()},
				{"PolicyArn", reflect.TypeFor[iamtypes.PolicyIdentifierMemberPolicyArn]()},
				{"PolicyType", reflect.TypeFor[iamtypes.PolicyIdentifierMemberPolicyType]()},
			},
		},
		Constraints: iamConstraints,
		Statuses: map[reflect.Type]int{
			reflect.TypeFor[iamtypes.ConcurrentModificationException]():        http.StatusConflict,
			reflect.TypeFor[iamtypes.DeleteConflictException]():                http.StatusConflict,
			reflect.TypeFor[iamtypes.EntityAlreadyExistsException]():           http.StatusConflict,
			reflect.TypeFor[iamtypes.EntityTemporarilyUnmodifiableException](): http.StatusConflict,
			reflect.TypeFor[iamtypes.LimitExceededException]():                 http.StatusConflict,
			reflect.TypeFor[iamtypes.NoSuchEntityException]():                  http.StatusNotFound,
			reflect.TypeFor[iamtypes.PolicyEvaluationException]():              http.StatusInternalServerError,
			reflect.TypeFor[iamtypes.ServiceFailureException]():                http.StatusInternalServerError,
		},
	})
}

// NewSTS compiles the STS API. Constraints are known of the operations that are served.
func NewSTS() (*Service, error) {
	return NewQuery(&QueryConfig{
		Name:        "sts",
		Client:      reflect.TypeFor[*sts.Client](),
		Namespace:   "https://sts.amazonaws.com/doc/2011-06-15/",
		Version:     "2011-06-15",
		Names:       map[string]string{"PolicyDescriptorType.Arn": "arn"},
		Constraints: stsConstraints,
		Statuses: map[reflect.Type]int{
			reflect.TypeFor[ststypes.IDPRejectedClaimException](): http.StatusForbidden,
			reflect.TypeFor[ststypes.RegionDisabledException]():   http.StatusForbidden,
		},
	})
}
