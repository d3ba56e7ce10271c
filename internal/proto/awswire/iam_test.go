// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"reflect"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/traits"

	"sesame/internal/proto/awswire"
)

// schemaOf notes the schema that a value is written with.
type schemaOf struct {
	smithy.ShapeSerializer
	schema *smithy.Schema
}

func (s *schemaOf) WriteStruct(schema *smithy.Schema) {
	if s.schema == nil {
		s.schema = schema
	}
}
func (*schemaOf) CloseStruct() {}

// TestIAMsErrorsHaveTheStatusOfTheirSchema reads the statuses off the SDK.
func TestIAMsErrorsHaveTheStatusOfTheirSchema(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewIAM)
	for _, e := range []smithy.APIError{
		&types.ConcurrentModificationException{}, &types.DeleteConflictException{},
		&types.EntityAlreadyExistsException{}, &types.EntityTemporarilyUnmodifiableException{}, &types.InvalidInputException{},
		&types.LimitExceededException{}, &types.MalformedPolicyDocumentException{}, &types.NoSuchEntityException{},
		&types.PolicyEvaluationException{}, &types.PolicyNotAttachableException{}, &types.ServiceFailureException{}, &types.UnmodifiableEntityException{},
	} {
		var seen schemaOf
		e.(smithy.Serializable).Serialize(&seen)
		trait, ok := smithy.SchemaTrait[*traits.AWSQueryError](seen.schema)
		if !ok {
			t.Fatalf("%T has no schema", e)
		}
		got, ok := s.ErrorOf(e.(error))
		if !ok || got.Status != trait.StatusCode || got.Code != trait.ErrorCode {
			t.Errorf("%T: %+v, its schema says %d %s", e, got, trait.StatusCode, trait.ErrorCode)
		}
	}
}

// TestUnionsOfForms has members with one variant, with none and with several.
func TestUnionsOfForms(t *testing.T) {
	t.Parallel()
	s := service(t, awswire.NewIAM)
	decode := func(member string) (any, error) {
		c, err := s.Route(&awswire.Request{Method: "POST", RawPath: "/",
			Body: []byte("Action=SimulatePrincipalPolicy&Version=2010-05-08&PolicyExclusionList.member.1" + member)})
		if err != nil {
			return nil, err
		}
		return c.Decode()
	}
	in, err := decode(".PolicyType=inline")
	want := []types.PolicyIdentifier{&types.PolicyIdentifierMemberPolicyType{Value: "inline"}}
	if err != nil || !reflect.DeepEqual(in.(*iam.SimulatePrincipalPolicyInput).PolicyExclusionList, want) {
		t.Errorf("%s, %v", dump(in), err)
	}
	for _, member := range []string{"=", ".Unknown=x", ".PolicyType=inline&PolicyExclusionList.member.1.PolicyArn=x"} {
		if _, err := decode(member); err == nil || wireError(t, err).Code != "MalformedInput" {
			t.Errorf("%s: %v", member, err)
		}
	}
}
