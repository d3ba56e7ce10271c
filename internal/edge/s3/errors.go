// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"net/http"

	"github.com/rclone/gofakes3"

	"sesame/internal/base/fault"
	"sesame/internal/core/bucket"
	"sesame/internal/proto/sigv4"
)

// refusal is an error as the API has it (S3: error responses).
type refusal struct {
	status     int
	code, text string
}

// Error is the text for the peer.
func (e *refusal) Error() string { return e.code + ": " + e.text }

// Refusals of the door itself. They are comparable, and never changed.
var (
	errAborted        = &refusal{http.StatusConflict, "OperationAborted", "A conflicting conditional operation is currently in progress against this resource. Try again."}
	errAccessDenied   = &refusal{http.StatusForbidden, "AccessDenied", "Access Denied"}
	errBadDigest      = &refusal{http.StatusBadRequest, "BadDigest", "The Content-MD5 or checksum value that you specified did not match what the server received."}
	errInvalidDigest  = &refusal{http.StatusBadRequest, "InvalidDigest", "The Content-MD5 or checksum value that you specified is not valid."}
	errInvalidURI     = &refusal{http.StatusBadRequest, "InvalidURI", "Couldn't parse the specified URI."}
	errLocation       = &refusal{http.StatusBadRequest, "IllegalLocationConstraintException", "The location constraint is incompatible for the region specific endpoint this request was sent to."}
	errMalformedXML   = &refusal{http.StatusBadRequest, "MalformedXML", "The XML you provided was not well-formed or did not validate against our published schema"}
	errMissingDigest  = &refusal{http.StatusBadRequest, "InvalidRequest", "Missing required header for this request: Content-MD5 OR x-amz-checksum-*"}
	errMissingLength  = &refusal{http.StatusLengthRequired, "MissingContentLength", "You must provide the Content-Length HTTP header."}
	errNoACLs         = &refusal{http.StatusBadRequest, "AccessControlListNotSupported", "The bucket does not allow ACLs"}
	errNotImplemented = &refusal{http.StatusNotImplemented, "NotImplemented", "A header or parameter you provided implies functionality that is not implemented."}
	errPrecondition   = &refusal{http.StatusPreconditionFailed, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold"}
	errRange          = &refusal{http.StatusRequestedRangeNotSatisfiable, "InvalidRange", "The requested range is not satisfiable"}
	errStorageClass   = &refusal{http.StatusBadRequest, "InvalidStorageClass", "The storage class you specified is not valid"}
	errTimeout        = &refusal{http.StatusBadRequest, "RequestTimeout", "Your socket connection to the server was not read from or written to within the timeout period. Idle connections will be closed."}
	errVersion2       = &refusal{http.StatusBadRequest, "InvalidRequest", "The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256."}
	errTooLong        = &refusal{http.StatusBadRequest, "MaxMessageLengthExceeded", "Your request was too big."}
)

func invalidArgument(text string) error {
	return &refusal{http.StatusBadRequest, "InvalidArgument", text}
}

// What the peer reads of what is not its business, and the log hears of.
var (
	internal    = refusal{http.StatusInternalServerError, "InternalError", "We encountered an internal error. Please try again."}
	unavailable = refusal{http.StatusServiceUnavailable, "ServiceUnavailable", "Service is unable to handle request."}
)

// refusalOf finds what an error is on the wire. presigned tells where the signature is.
func refusalOf(err error, presigned bool) refusal {
	var own *refusal
	if errors.As(err, &own) {
		return *own
	}
	var signature *sigv4.Error
	if errors.As(err, &signature) {
		return unproven(signature, presigned)
	}
	if r, ok := ofStore(err); ok {
		return r
	}
	if errors.Is(err, io.ErrUnexpectedEOF) {
		return refusal{http.StatusBadRequest, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"}
	}
	switch fault.KindOf(err) {
	case fault.AccessDenied:
		return refusal{http.StatusForbidden, "AccessDenied", fault.PeerText(err)}
	case fault.Throttled:
		return refusal{http.StatusServiceUnavailable, "SlowDown", fault.PeerText(err)}
	case fault.Unavailable:
		return unavailable
	}
	return ofLibrary(err)
}

// unproven is a refusal of a signature.
func unproven(err *sigv4.Error, presigned bool) refusal {
	switch err.Kind {
	case sigv4.MissingToken, sigv4.Expired:
		return refusal{http.StatusForbidden, "AccessDenied", err.Text}
	case sigv4.Incomplete:
		if presigned {
			return refusal{http.StatusBadRequest, "AuthorizationQueryParametersError", err.Text}
		}
		return refusal{http.StatusBadRequest, "AuthorizationHeaderMalformed", err.Text}
	case sigv4.MalformedQuery:
		return refusal{http.StatusBadRequest, "InvalidURI", err.Text}
	case sigv4.UnknownKey:
		return refusal{http.StatusForbidden, "InvalidAccessKeyId", "The AWS Access Key Id you provided does not exist in our records."}
	case sigv4.Skewed:
		return refusal{http.StatusForbidden, "RequestTimeTooSkewed", "The difference between the request time and the current time is too large."}
	case sigv4.TokenExpired:
		return refusal{http.StatusBadRequest, "ExpiredToken", "The provided token has expired."}
	case sigv4.TokenInvalid:
		return refusal{http.StatusBadRequest, "InvalidToken", "The provided token is malformed or otherwise invalid."}
	case sigv4.BodyMismatch, sigv4.BodyMalformed:
		w := err.Kind.Wire()
		return refusal{w.Status, w.V1, err.Text}
	}
	return refusal{http.StatusForbidden, "SignatureDoesNotMatch", err.Text}
}

// ofStore is a refusal of core/bucket.
func ofStore(err error) (refusal, bool) {
	const bad, conflict, missing = http.StatusBadRequest, http.StatusConflict, http.StatusNotFound
	for _, e := range []struct {
		is error
		refusal
	}{
		{bucket.ErrNoBucket, refusal{missing, "NoSuchBucket", "The specified bucket does not exist"}},
		{bucket.ErrNoObject, refusal{missing, "NoSuchKey", "The specified key does not exist."}},
		{bucket.ErrNoUpload, refusal{missing, "NoSuchUpload", "The specified multipart upload does not exist. The upload ID may be invalid, or the upload may have been aborted or completed."}},
		{bucket.ErrExists, refusal{conflict, "BucketAlreadyOwnedByYou", "Your previous request to create the named bucket succeeded and you already own it."}},
		{bucket.ErrNotEmpty, refusal{conflict, "BucketNotEmpty", "The bucket you tried to delete is not empty"}},
		{bucket.ErrName, refusal{bad, "InvalidBucketName", "The specified bucket is not valid."}},
		{bucket.ErrKey, refusal{bad, "KeyTooLongError", "Your key is too long, or not UTF-8"}},
		{bucket.ErrMeta, refusal{bad, "MetadataTooLarge", "Your metadata headers exceed the maximum allowed metadata size"}},
		{bucket.ErrTooLarge, refusal{bad, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed size"}},
		{bucket.ErrTooMany, refusal{bad, "TooManyBuckets", "You have attempted to create more buckets than allowed"}},
		{bucket.ErrFull, refusal{http.StatusInsufficientStorage, "InsufficientStorage", "The server has no room for the object."}},
		{bucket.ErrIncomplete, refusal{bad, "IncompleteBody", "You did not provide the number of bytes specified by the Content-Length HTTP header"}},
		{bucket.ErrPart, refusal{bad, "InvalidPart", "One or more of the specified parts could not be found. The part may not have been uploaded, or the specified entity tag may not match the part's entity tag."}},
		{bucket.ErrPartOrder, refusal{bad, "InvalidPartOrder", "The list of parts was not in ascending order. Parts must be ordered by part number."}},
		{bucket.ErrSmallPart, refusal{bad, "EntityTooSmall", "Your proposed upload is smaller than the minimum allowed size"}},
	} {
		if errors.Is(err, e.is) {
			return e.refusal, true
		}
	}
	return refusal{}, false
}

// ofLibrary is a refusal that the library made while the store was at work: of a digest, or
// of a condition.
func ofLibrary(err error) refusal {
	for code, r := range map[gofakes3.ErrorCode]*refusal{
		gofakes3.ErrBadDigest: errBadDigest, gofakes3.ErrPreconditionFailed: errPrecondition, gofakes3.ErrInvalidRange: errRange,
	} {
		var e gofakes3.Error
		if errors.As(err, &e) && e.ErrorCode() == code {
			return *r
		}
	}
	if gofakes3.HasErrorCode(err, gofakes3.ErrNoSuchKey) {
		r, _ := ofStore(bucket.ErrNoObject)
		return r
	}
	return internal
}
