// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"bytes"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"sesame/internal/proto/awswire"
	"sesame/internal/proto/awswire/internal/gen"
)

// TestEveryOperationOfTheSDKIsKnown fails when the SDK is raised to a version that has
// operations which the services here do not know yet.
func TestEveryOperationOfTheSDKIsKnown(t *testing.T) {
	t.Parallel()
	clients := map[string]reflect.Type{
		"ses": reflect.TypeFor[*ses.Client](), "sesv2": reflect.TypeFor[*sesv2.Client](),
		"iam": reflect.TypeFor[*iam.Client](), "sts": reflect.TypeFor[*sts.Client](),
	}
	eachProtocolUser(t, func(t *testing.T, s *awswire.Service) {
		var methods, operations []string
		for m := range clients[s.Name()].Methods() {
			if m.Name != "Options" {
				methods = append(methods, m.Name)
			}
		}
		for _, op := range s.Operations() {
			operations = append(operations, op.Name)
		}
		if !slices.Equal(methods, operations) {
			t.Errorf("the client has %d operations, the service %d:\n%v\n%v", len(methods), len(operations), methods, operations)
		}
	})
}

func TestGeneratedOperationsAreUpToDate(t *testing.T) {
	t.Parallel()
	dir, err := gen.PackageDir(gen.SDK + "sesv2")
	if err != nil {
		t.Fatal(err)
	}
	want, err := gen.Operations("sesv2", dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile("sesv2_gen.go")
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Error("sesv2_gen.go is out of date: run go generate ./internal/proto/awswire")
	}
}

// TestConstraintsKnowTheSDKsEnums fails when the SDK has a value that Validate would
// refuse.
func TestConstraintsKnowTheSDKsEnums(t *testing.T) {
	t.Parallel()
	for _, service := range []string{"ses", "sesv2", "iam"} {
		dir, err := gen.PackageDir(gen.SDK + service)
		if err != nil {
			t.Fatal(err)
		}
		enums, err := gen.Enums(dir)
		if err != nil {
			t.Fatal(err)
		}
		text, err := os.ReadFile("constraints/" + service + ".txt")
		if err != nil {
			t.Fatal(err)
		}
		checked := 0
		for line := range strings.Lines(string(text)) {
			words := strings.Fields(line)
			if len(words) < 3 || words[0] != "scalar" || !strings.HasPrefix(words[2], "enum=") {
				continue
			}
			checked++
			known := strings.Split(strings.TrimPrefix(words[2], "enum="), ",")
			for _, value := range enums[words[1]] {
				if !slices.Contains(known, value) {
					t.Errorf("%s: %s lacks %s", service, words[1], value)
				}
			}
		}
		if checked == 0 {
			t.Errorf("%s has no enums", service)
		}
	}
}

// TestRequiredMembersOfTheSDKAreChecked reads the SDK's documentation: what it calls
// required must be reported for an empty input, at the top and in every structure.
func TestRequiredMembersOfTheSDKAreChecked(t *testing.T) {
	t.Parallel()
	eachService(t, func(t *testing.T, s *awswire.Service) {
		dir, err := gen.PackageDir(gen.SDK + s.Name())
		if err != nil {
			t.Fatal(err)
		}
		required, err := gen.RequiredMembers(dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, op := range s.Operations() {
			message := ""
			if err := op.Validate(op.NewInput()); err != nil {
				message = wireError(t, err).Message
			}
			for _, member := range required[op.Name+"Input"] {
				field, _ := reflect.TypeOf(op.NewInput()).Elem().FieldByName(member)
				if k := field.Type.Kind(); k == reflect.Bool {
					continue // the Go type can't tell whether it was given
				}
				place := "Value at '" + strings.ToLower(member[:1]) + member[1:] + "' failed to satisfy constraint: Member must not be null"
				if !strings.Contains(message, place) {
					t.Errorf("%s: %s is not checked", op.Name, member)
				}
			}
		}
	})
}
