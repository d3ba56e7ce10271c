// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"github.com/aws/smithy-go"
)

// Error is an error as a client reads it.
type Error struct {
	Code    string // "NotFoundException", "AlreadyExists"
	Message string // empty is written as null in JSON and left out of XML, as SES does
	Status  int    // HTTP status; under 500 the sender is at fault
	Fields  []ErrorField
	Header  http.Header // further headers of the answer, or nil
}

// ErrorField is a further member of an error, such as v1's ConfigurationSetName.
type ErrorField struct{ Name, Value string }

// Error is the log's text.
func (e *Error) Error() string { return fmt.Sprintf("%s (%d): %s", e.Code, e.Status, e.Message) }

func malformed(code, format string, args ...any) *Error {
	return &Error{Code: code, Message: fmt.Sprintf(format, args...), Status: http.StatusBadRequest}
}

// errorTable says which of the SDK's typed errors belong to a service.
type errorTable struct {
	statuses map[reflect.Type]int // by type
	pkgPath  string               // if set, every other error type of this package is a 400
}

// ErrorOf turns err into the error that a client of the service reads. It knows
// *Error itself, the service's own modelled errors (types.NotFoundException of sesv2,
// types.AlreadyExistsException of ses, with their further members), and
// *smithy.GenericAPIError for codes that no type exists for. It reports false for
// everything else, and for modelled errors of another service: those would leak one
// API's codes into the other.
func (s *Service) ErrorOf(err error) (*Error, bool) {
	var own *Error
	if errors.As(err, &own) {
		return own, true
	}
	var generic *smithy.GenericAPIError
	if errors.As(err, &generic) {
		return &Error{
			Code: generic.Code, Message: generic.Message,
			Status: statusOfCode(generic.Code, generic.Fault),
		}, true
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return nil, false
	}
	v := reflect.ValueOf(api)
	if v.Kind() != reflect.Pointer || v.IsNil() || v.Elem().Kind() != reflect.Struct {
		return nil, false
	}
	status, ok := s.errors.status(v.Type().Elem())
	if !ok {
		return nil, false
	}
	return &Error{
		Code: api.ErrorCode(), Message: api.ErrorMessage(), Status: status,
		Fields: errorFields(v.Elem()),
	}, true
}

func (t *errorTable) status(typ reflect.Type) (int, bool) {
	if status, ok := t.statuses[typ]; ok {
		return status, true
	}
	return http.StatusBadRequest, t.pkgPath != "" && typ.PkgPath() == t.pkgPath
}

// errorFields returns the members of a modelled error beside its message. All of them
// are strings in the services that this package serves.
func errorFields(v reflect.Value) []ErrorField {
	var fields []ErrorField
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if !f.IsExported() || f.Name == "Message" || f.Name == "ErrorCodeOverride" {
			continue
		}
		if s, ok := v.Field(i).Interface().(*string); ok && s != nil {
			fields = append(fields, ErrorField{Name: f.Name, Value: *s})
		}
	}
	return fields
}

// statusOfCode is the HTTP status of the error codes that are common to all AWS
// services and that no service models. v2's codes end in Exception, v1's do not.
func statusOfCode(code string, fault smithy.ErrorFault) int {
	switch strings.TrimSuffix(code, "Exception") {
	case "AccessDenied", "ExpiredToken", "IncompleteSignature", "InvalidClientTokenId",
		"InvalidSignature", "MissingAuthenticationToken", "OptInRequired",
		"SignatureDoesNotMatch", "UnrecognizedClient":
		return http.StatusForbidden
	case "UnknownOperation":
		return http.StatusNotFound
	case "RequestEntityTooLarge":
		return http.StatusRequestEntityTooLarge
	case "TooManyRequests":
		return http.StatusTooManyRequests
	case "InternalFailure", "InternalServerError", "InternalServiceError":
		return http.StatusInternalServerError
	case "NotImplemented":
		return http.StatusNotImplemented
	case "ServiceUnavailable":
		return http.StatusServiceUnavailable
	}
	if fault == smithy.FaultServer {
		return http.StatusInternalServerError
	}
	return http.StatusBadRequest
}
