// SPDX-License-Identifier: Apache-2.0

package awswire_test

import (
	"encoding/json"
	"errors"
	"net/url"
	"strings"
	"testing"

	"sesame/internal/proto/awswire"
)

// dump is a value as text for a failure's message.
func dump(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return string(text)
}

// rest decodes a REST-JSON request.
func rest(s *awswire.Service, method, target, body string) (any, error) {
	path, query, _ := strings.Cut(target, "?")
	call, err := s.Route(&awswire.Request{Method: method, RawPath: path, RawQuery: query, Body: []byte(body)})
	if err != nil {
		return nil, err
	}
	return call.Decode()
}

// form decodes a request of the Query protocol. The version is SES's.
func form(s *awswire.Service, pairs ...string) (*awswire.Operation, any, error) {
	values := []string{"Version=2010-12-01"}
	for _, pair := range pairs {
		name, value, _ := strings.Cut(pair, "=")
		values = append(values, url.QueryEscape(name)+"="+url.QueryEscape(value))
	}
	call, err := s.Route(&awswire.Request{Method: "POST", RawPath: "/", Body: []byte(strings.Join(values, "&"))})
	if err != nil {
		return nil, nil, err
	}
	in, err := call.Decode()
	return call.Op, in, err
}

// wireError returns the error that the client would read, or ends the test.
func wireError(t *testing.T, err error) *awswire.Error {
	t.Helper()
	var wire *awswire.Error
	if !errors.As(err, &wire) {
		t.Fatalf("got %v, want an error for the client", err)
	}
	return wire
}
