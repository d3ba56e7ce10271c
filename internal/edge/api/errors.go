// SPDX-License-Identifier: Apache-2.0

package api

import (
	"errors"
	"log/slog"
	"net/http"

	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/proto/awswire"
	"sesame/internal/proto/sigv4"
)

// codes are what a fault is called in both versions of the API, with the HTTP status
// of each.
type codes struct {
	v1       string
	status1  int
	v2       string
	status2  int
	internal bool // the log hears of it
}

// wire is the one table from kinds to codes (SES API v1 and v2: common errors, and
// the errors of the operations).
func wire(k fault.Kind) codes {
	const bad = http.StatusBadRequest
	switch k {
	case fault.Invalid:
		return codes{"InvalidParameterValue", bad, "BadRequestException", bad, false}
	case fault.TooLarge:
		return codes{"InvalidParameterValue", bad, "BadRequestException", bad, false}
	case fault.Rejected:
		return codes{"MessageRejected", bad, "MessageRejected", bad, false}
	case fault.NotFound:
		return codes{"InvalidParameterValue", bad, "NotFoundException", http.StatusNotFound, false}
	case fault.ConfigSetNotFound:
		return codes{"ConfigurationSetDoesNotExist", bad, "NotFoundException", http.StatusNotFound, false}
	case fault.TemplateNotFound:
		return codes{"TemplateDoesNotExist", bad, "NotFoundException", http.StatusNotFound, false}
	case fault.AlreadyExists:
		return codes{"AlreadyExists", bad, "AlreadyExistsException", bad, false}
	case fault.LimitExceeded:
		return codes{"LimitExceeded", bad, "LimitExceededException", bad, false}
	case fault.Throttled:
		return codes{"Throttling", bad, "TooManyRequestsException", http.StatusTooManyRequests, false}
	case fault.AccessDenied:
		return codes{"AccessDenied", http.StatusForbidden, "AccessDeniedException", http.StatusForbidden, false}
	case fault.AccountPaused:
		return codes{"AccountSendingPausedException", bad, "SendingPausedException", bad, false}
	case fault.ConfigSetPaused:
		return codes{"ConfigurationSetSendingPausedException", bad, "SendingPausedException", bad, false}
	case fault.MailFromNotVerified:
		return codes{"MailFromDomainNotVerifiedException", bad, "MailFromDomainNotVerifiedException", bad, false}
	case fault.Conflict:
		return codes{"InvalidParameterValue", bad, "ConcurrentModificationException", http.StatusInternalServerError, false}
	case fault.Unavailable:
		return codes{"ServiceUnavailable", http.StatusServiceUnavailable, "ServiceUnavailableException", http.StatusServiceUnavailable, true}
	case fault.NotImplemented:
		return codes{"NotImplemented", http.StatusNotImplemented, "NotImplementedException", http.StatusNotImplemented, false}
	}
	return codes{"InternalFailure", http.StatusInternalServerError, "InternalServiceErrorException", http.StatusInternalServerError, true}
}

// identityCodes are the codes of IAM and STS for a fault, which share all but one.
func (d *Door) identityCodes(svc *awswire.Service, err error) (code string, status int, internal bool) {
	var f *fault.Error
	if errors.As(err, &f) && f.Kind == fault.Invalid {
		switch f.Field {
		case account.FieldPolicy:
			return "MalformedPolicyDocument", http.StatusBadRequest, false
		case account.FieldInput:
			return "InvalidInput", http.StatusBadRequest, false
		case account.FieldPacked:
			return "PackedPolicyTooLarge", http.StatusBadRequest, false
		}
	}
	switch fault.KindOf(err) {
	case fault.Invalid, fault.TooLarge:
		return "ValidationError", http.StatusBadRequest, false
	case fault.NotFound:
		return "NoSuchEntity", http.StatusNotFound, false
	case fault.AlreadyExists:
		return "EntityAlreadyExists", http.StatusConflict, false
	case fault.LimitExceeded:
		return "LimitExceeded", http.StatusConflict, false
	case fault.Conflict:
		return "DeleteConflict", http.StatusConflict, false
	case fault.Internal:
		if svc == d.o.IAM.Service {
			return "ServiceFailure", http.StatusInternalServerError, true
		}
	}
	c := wire(fault.KindOf(err))
	return c.v1, c.status1, c.internal
}

// version2 tells which codes a service's clients know: the REST-JSON service has the
// second version's.
func (d *Door) version2(svc *awswire.Service) bool { return svc == d.o.V2.Service }

// errorOf turns whatever an operation returned into what the client reads. The log
// gets what the client must not see.
func (d *Door) errorOf(svc *awswire.Service, err error, log *slog.Logger) *awswire.Error {
	if e, ok := svc.ErrorOf(err); ok {
		return e
	}
	var signature *sigv4.Error
	if errors.As(err, &signature) {
		w := signature.Kind.Wire()
		if d.version2(svc) {
			return &awswire.Error{Code: w.V2, Status: w.Status, Message: signature.Text}
		}
		return &awswire.Error{Code: w.V1, Status: w.Status, Message: signature.Text}
	}
	if svc == d.o.IAM.Service || svc == d.o.STS.Service {
		code, status, internal := d.identityCodes(svc, err)
		if internal {
			log.Error("request failed", "error", err)
		}
		return &awswire.Error{Code: code, Status: status, Message: fault.PeerText(err)}
	}
	c := wire(fault.KindOf(err))
	if c.internal {
		log.Error("request failed", "error", err)
	}
	if d.version2(svc) {
		return &awswire.Error{Code: c.v2, Status: c.status2, Message: fault.PeerText(err)}
	}
	return &awswire.Error{Code: c.v1, Status: c.status1, Message: fault.PeerText(err)}
}
