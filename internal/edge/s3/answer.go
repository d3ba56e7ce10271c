// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"encoding/xml"
	"log/slog"
	"net/http"
)

const requestID = "X-Amz-Request-Id"

// answer is what an answer is written to. The library's answers lose what S3 does not say,
// and its refusals become ours where the store has refused.
type answer struct {
	http.ResponseWriter
	head      bool // there is no body
	presigned bool // where the signature of the request is

	call    *call // set for the library's answers
	refused error // what the store answered the library with, or what was refused
	etag    string
	status  int
	begun   bool
	told    bool // the refusal is written: the library's body is not wanted
}

// WriteHeader begins the answer.
func (a *answer) WriteHeader(status int) {
	if a.begun {
		return
	}
	h := a.guarded()
	if a.call != nil {
		if a.call.op.name == "HeadBucket" && status == http.StatusOK {
			h.Set("X-Amz-Bucket-Region", a.call.Scope.Region)
		}
		if a.etag != "" && h.Get("ETag") != "" {
			h.Set("ETag", `"`+a.etag+`"`)
		}
		if a.refused != nil && status >= http.StatusBadRequest {
			a.refuse(a.refused)
			return
		}
	}
	a.begun, a.status = true, status
	a.ResponseWriter.WriteHeader(status)
}

// guarded are the headers, without the origins that the library lets in. An object that a
// browser shows is nobody's page.
func (a *answer) guarded() http.Header {
	h := a.Header()
	for _, name := range []string{"Allow-Origin", "Allow-Methods", "Allow-Headers", "Expose-Headers"} {
		h.Del("Access-Control-" + name)
	}
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "sandbox")
	return h
}

// Write writes a part of the body.
func (a *answer) Write(b []byte) (int, error) {
	if !a.begun {
		a.WriteHeader(http.StatusOK)
	}
	if a.told {
		return len(b), nil
	}
	return a.ResponseWriter.Write(b)
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// refuse writes an error as S3 does, unless the answer has begun.
func (a *answer) refuse(err error) {
	a.refused = err
	if a.begun {
		return
	}
	r := refusalOf(err, a.presigned)
	a.begun, a.told, a.status = true, true, r.status
	h := a.guarded()
	for _, name := range []string{"ETag", "Last-Modified", "Content-Length", "Content-Range", "Content-Encoding"} {
		h.Del(name)
	}
	h.Set("Content-Type", "application/xml")
	a.ResponseWriter.WriteHeader(r.status)
	if a.head {
		return
	}
	body, err := xml.Marshal(struct {
		XMLName   xml.Name `xml:"Error"`
		Code      string
		Message   string
		RequestID string `xml:"RequestId"`
	}{Code: r.code, Message: r.text, RequestID: h.Get(requestID)})
	if err == nil {
		_, _ = a.ResponseWriter.Write(append([]byte(xml.Header), body...)) // who has gone reads no error
	}
}

// log tells the log what was refused; what is our fault, loudly.
func (a *answer) log(log *slog.Logger) {
	if a.refused == nil {
		return
	}
	if r := refusalOf(a.refused, a.presigned); r == internal || r == unavailable {
		log.Error("s3: request failed", "error", a.refused)
		return
	}
	log.Debug("s3: refused", "error", a.refused)
}

// writeXML answers with a document.
func writeXML(w http.ResponseWriter, v any) error {
	body, err := xml.Marshal(v)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(append([]byte(xml.Header), body...)) // who has gone reads no error
	return nil
}
