// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/smithy-go"

	apiiam "sesame/internal/edge/api/iam"
	v1 "sesame/internal/edge/api/ses"
	v2 "sesame/internal/edge/api/sesv2"
	apists "sesame/internal/edge/api/sts"
	"sesame/internal/proto/awswire"
)

// The errors that the service models declare are produced here, each by each operation
// that declares it, and caught by the SDK's own type. What can't occur on this server has
// a reason. testdata/errors lists what is declared.

// input is an operation's input, in the model's words.
type input map[string]any

// asked is a call that is refused.
type asked struct {
	operation string
	in        input
}

// produced are calls that are refused with one error.
type produced struct {
	service, err string
	state        string // of the server, a key of states
	calls        []asked
}

// excused says why operations never have an error that they declare.
type excused struct {
	service, err string
	why          string
	operations   string // "" is every operation that no call produces it of
}

// refusedCall is one call of those that are produced, as the programs of other languages
// read it, too.
type refusedCall struct {
	Service, Operation, Error string
	Input                     input
	Endpoint                  string
	Code                      string // as the wire has it

	state string
}

func (c refusedCall) pair() string { return c.Service + "." + c.Operation + " " + c.Error }

// refusedCalls are all of them, with those that follow from others: a server that has lost
// its users fails every operation of IAM, and one that is called too often refuses every
// operation of SES v2 that does not send before it reads the input, so that any will do.
func refusedCalls() []refusedCall {
	var all []refusedCall
	inputs := map[string]input{}
	for _, p := range slices.Concat(producedByIAM(), producedBySES(), producedBySESv2(), producedBySetsV1(), producedBySetsV2(), producedBySuppression(), producedByTemplates()) {
		for _, c := range p.calls {
			all = append(all, refusedCall{Service: p.service, Operation: c.operation, Error: p.err, Input: c.in, state: p.state})
			if name := p.service + "." + c.operation; inputs[name] == nil || p.err == "NoSuchEntityException" {
				inputs[name] = c.in
			}
		}
	}
	for _, d := range declared("iam") {
		if d.err == "ServiceFailureException" && d.operation != "ListAccountAliases" {
			all = append(all, refusedCall{Service: "iam", Operation: d.operation, Error: d.err, Input: inputs["iam."+d.operation], state: "broken"})
		}
	}
	for _, d := range declared("sesv2") {
		if d.err == "TooManyRequestsException" && !slices.ContainsFunc(all, func(c refusedCall) bool { return c.Operation == d.operation && c.Error == d.err }) {
			all = append(all, refusedCall{Service: "sesv2", Operation: d.operation, Error: d.err, Input: inputs["sesv2."+d.operation], state: "busy"})
		}
	}
	for i := range all {
		if all[i].Input == nil {
			all[i].Input = input{}
		}
	}
	return all
}

// declaration is that an operation declares an error.
type declaration struct{ service, operation, err string }

// declared reads what the operations of a service declare that this server has.
func declared(service string) []declaration {
	text, err := os.ReadFile(filepath.Join("testdata", "errors", service+".txt"))
	if err != nil {
		panic(err)
	}
	var all []declaration
	for line := range strings.Lines(string(text)) {
		words := strings.Fields(line)
		if words[0] == "#" || !implemented(service, words[0]) {
			continue
		}
		for _, e := range words[1:] {
			all = append(all, declaration{service, words[0], e})
		}
	}
	return all
}

// implemented reports whether the server has an operation.
func implemented(service, operation string) bool {
	_, ok := map[string]reflect.Type{
		"iam": reflect.TypeFor[*apiiam.API](), "sts": reflect.TypeFor[*apists.API](), "ses": reflect.TypeFor[*v1.API](), "sesv2": reflect.TypeFor[*v2.API](),
	}[service].MethodByName(operation)
	return ok
}

// TestEveryDeclaredErrorIsProducedOrExcused compares the tables with the models: an error
// that nothing produces and nothing excuses fails it, and so does a line of the tables that
// is of no use.
func TestEveryDeclaredErrorIsProducedOrExcused(t *testing.T) {
	t.Parallel()
	made := map[string]bool{}
	for _, c := range refusedCalls() {
		made[c.pair()] = true
	}
	modelled := map[string]bool{}
	used := make([]bool, len(neverProduced))
	for _, service := range []string{"iam", "sts", "ses", "sesv2"} {
		for _, d := range declared(service) {
			pair := d.service + "." + d.operation + " " + d.err
			modelled[pair] = true
			why := slices.IndexFunc(neverProduced, func(e excused) bool {
				return e.service == d.service && e.err == d.err && (e.operations == "" && !made[pair] || slices.Contains(strings.Fields(e.operations), d.operation))
			})
			switch {
			case why >= 0:
				used[why] = true
				if made[pair] {
					t.Errorf("%s is excused and produced", pair)
				}
			case !made[pair]:
				t.Errorf("%s is neither produced nor excused", pair)
			}
		}
	}
	for pair := range made {
		if !modelled[pair] {
			t.Errorf("%s is produced, but the model does not declare it", pair)
		}
	}
	for i, e := range neverProduced {
		if !used[i] {
			t.Errorf("nothing needs the excuse for %s of %s: %s", e.err, e.service, e.why)
		}
	}
}

// TestEveryDeclaredErrorIsCaughtByItsType makes each call that the tables have with the SDK
// for Go, and then all of them with programs in other languages.
func TestEveryDeclaredErrorIsCaughtByItsType(t *testing.T) {
	t.Parallel()
	calls := refusedCalls()
	worlds := map[string]*world{}
	for state, prepare := range states {
		worlds[state] = prepare(t)
	}
	for i := range calls {
		c := &calls[i]
		w := worlds[c.state]
		c.Endpoint = w.server.URL
		err := w.call(t, c)
		if err == nil {
			t.Errorf("%s: not refused, with %v", c.pair(), c.Input)
			continue
		}
		if got, want := sdkType(err), c.Service+"/types."+c.Error; got != want {
			t.Errorf("%s: a %s: %v", c.pair(), got, err)
			continue
		}
		c.Code = refused(t, err).code
	}
	if t.Failed() {
		return
	}
	for name, program := range map[string]func(*testing.T, []refusedCall){"JavaScript": javaScript, "boto3": boto3, "AWS CLI": awsCLI} {
		t.Run(name, func(t *testing.T) { program(t, calls) })
	}
}

// call makes a call with the SDK for Go.
func (w *world) call(t *testing.T, c *refusedCall) error {
	t.Helper()
	all, err := services()
	if err != nil {
		t.Fatal(err)
	}
	service := all[slices.IndexFunc(all[:], func(s *awswire.Service) bool { return s.Name() == c.Service })]
	value := service.Operation(c.Operation).NewInput()
	text, err := json.Marshal(c.Input)
	if err != nil {
		t.Fatal(err)
	}
	known := json.NewDecoder(bytes.NewReader(text))
	known.DisallowUnknownFields()
	if err := known.Decode(value); err != nil {
		t.Fatalf("%s: %v", c.pair(), err)
	}
	client := map[string]any{
		"iam": w.iamClient(tester()), "sts": w.stsClient(tester()), "ses": w.sesClient(tester()), "sesv2": w.sesv2Client(tester()),
	}[c.Service]
	return invoke(context.Background(), client, c.Operation, value)
}

// sdkType is the SDK's type of an error as errors.As finds it, such as
// "iam/types.NoSuchEntityException".
func sdkType(err error) string {
	var typed smithy.APIError
	if !errors.As(err, &typed) {
		return fmt.Sprintf("%T", err)
	}
	t := reflect.TypeOf(typed).Elem()
	return strings.TrimPrefix(t.PkgPath(), "github.com/aws/aws-sdk-go-v2/service/") + "." + t.Name()
}
