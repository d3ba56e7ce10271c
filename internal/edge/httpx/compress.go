// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"compress/gzip"
	"compress/zlib"
	"io"
	"mime"
	"net/http"
	"strings"
	"sync"
)

// minCompress is the shortest body that is worth compressing, in bytes: below it the
// answer fits one packet anyhow.
const minCompress = 1024

// Compressor compresses answers. Its zero value is ready, it is safe for concurrent
// use, and it keeps writers for reuse: there is one per door.
type Compressor struct {
	gzips sync.Pool // encoder
	zlibs sync.Pool // encoder
}

// encoder is what gzip.Writer and zlib.Writer have in common.
type encoder interface {
	io.WriteCloser
	Flush() error
	Reset(io.Writer)
}

// Handler returns next with its answers compressed as the request's Accept-Encoding
// asks: gzip or deflate, text of 1 KiB and more. Left alone are answers that are
// encoded already, are partial, carry no-transform, or are flushed before their first
// 1 KiB (streams of events). Which header a client sends never makes an answer fail.
func (c *Compressor) Handler(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", "Accept-Encoding")
		ch := negotiate(r.Header["Accept-Encoding"])
		if ch.coding == identity || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		cw := &compressWriter{ResponseWriter: w, compressor: c, choice: ch}
		next.ServeHTTP(cw, r)
		// Not deferred: an answer that a panic cut short must not look complete.
		cw.finish()
	})
}

func (c *Compressor) get(coding string, w io.Writer) encoder {
	pool := c.pool(coding)
	if e, ok := pool.Get().(encoder); ok {
		e.Reset(w)
		return e
	}
	// The fastest level: answers are read once and not stored. It is a valid level.
	if coding == gzipCoding {
		e, _ := gzip.NewWriterLevel(w, gzip.BestSpeed)
		return e
	}
	e, _ := zlib.NewWriterLevel(w, zlib.BestSpeed)
	return e
}

func (c *Compressor) put(coding string, e encoder) {
	e.Reset(io.Discard) // lets go of the connection
	c.pool(coding).Put(e)
}

func (c *Compressor) pool(coding string) *sync.Pool {
	if coding == gzipCoding {
		return &c.gzips
	}
	return &c.zlibs
}

// compressWriter holds an answer's beginning back until it is known whether to
// compress it.
type compressWriter struct {
	http.ResponseWriter
	compressor *Compressor
	choice     choice

	status  int     // 0 until the handler has said it
	held    []byte  // under minCompress bytes, while undecided
	decided bool    // the head of the answer is out
	enc     encoder // once decided for compressing
}

// WriteHeader keeps the status for later; interim answers (1xx) go out at once.
func (w *compressWriter) WriteHeader(status int) {
	switch {
	case 100 <= status && status < 200 && status != http.StatusSwitchingProtocols:
		w.ResponseWriter.WriteHeader(status)
	case w.status == 0:
		w.status = status
		if status == http.StatusSwitchingProtocols || status == http.StatusNoContent || status == http.StatusNotModified {
			w.start(false)
		}
	}
}

// Write takes a part of the body.
func (w *compressWriter) Write(p []byte) (int, error) {
	if w.status == 0 {
		w.WriteHeader(http.StatusOK)
	}
	if !w.decided {
		if len(w.held)+len(p) < minCompress {
			w.held = append(w.held, p...)
			return len(p), nil
		}
		if err := w.startWith(true, p); err != nil {
			return 0, err
		}
	}
	if w.enc != nil {
		return w.enc.Write(p)
	}
	return w.ResponseWriter.Write(p)
}

// FlushError sends what there is; an answer that is still short goes uncompressed.
func (w *compressWriter) FlushError() error {
	if !w.decided {
		if w.status == 0 {
			w.status = http.StatusOK
		}
		if err := w.start(false); err != nil {
			return err
		}
	}
	if w.enc != nil {
		if err := w.enc.Flush(); err != nil {
			return err
		}
	}
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Flush is FlushError for those who ask for an http.Flusher.
func (w *compressWriter) Flush() { _ = w.FlushError() }

// Unwrap lets http.ResponseController set deadlines.
func (w *compressWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish sends what was held back and ends the compressed stream. Errors of writing
// here are those of a peer that has gone.
func (w *compressWriter) finish() {
	if !w.decided && w.status != 0 {
		_ = w.start(w.choice.required && len(w.held) > 0)
	}
	if w.enc != nil {
		_ = w.enc.Close()
		w.compressor.put(w.choice.coding, w.enc)
		w.enc = nil
	}
}

func (w *compressWriter) start(compress bool) error { return w.startWith(compress, nil) }

// startWith sends the head and what was held back. Next is what comes then, for
// telling the type of content.
func (w *compressWriter) startWith(compress bool, next []byte) error {
	w.decided = true
	h := w.Header()
	if _, set := h["Content-Type"]; compress && !set {
		h.Set("Content-Type", http.DetectContentType(append(w.held, next[:min(len(next), 512)]...)))
	}
	if compress && mayCompress(h) && w.status != http.StatusPartialContent {
		h.Del("Content-Length")
		h.Del("Accept-Ranges")
		h.Set("Content-Encoding", w.choice.coding)
		if tag := h.Get("Etag"); strings.HasPrefix(tag, `"`) {
			h.Set("Etag", "W/"+tag) // RFC 9110 §8.8.1: other bytes, same meaning
		}
		w.enc = w.compressor.get(w.choice.coding, w.ResponseWriter)
	}
	w.ResponseWriter.WriteHeader(w.status)
	held := w.held
	w.held = nil
	if len(held) == 0 {
		return nil
	}
	var err error
	if w.enc != nil {
		_, err = w.enc.Write(held)
	} else {
		_, err = w.ResponseWriter.Write(held)
	}
	return err
}

// mayCompress reports whether an answer with the header h is text and may be changed.
func mayCompress(h http.Header) bool {
	if h.Get("Content-Encoding") != "" || h.Get("Content-Range") != "" ||
		strings.Contains(strings.ToLower(h.Get("Cache-Control")), "no-transform") {
		return false
	}
	kind, _, err := mime.ParseMediaType(h.Get("Content-Type"))
	if err != nil {
		return false
	}
	switch kind {
	case "text/event-stream":
		return false
	case "application/json", "application/xml", "application/javascript", "application/wasm",
		"application/x-amz-json-1.0", "application/x-amz-json-1.1", "message/rfc822":
		return true
	}
	return strings.HasPrefix(kind, "text/") || strings.HasSuffix(kind, "+json") || strings.HasSuffix(kind, "+xml")
}
