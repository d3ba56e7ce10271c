// SPDX-License-Identifier: Apache-2.0

package httpx_test

import (
	"bytes"
	"compress/gzip"
	"compress/zlib"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"sesame/internal/edge/httpx"
)

// decode undoes an answer's coding.
func decode(t testing.TB, res *http.Response) []byte {
	t.Helper()
	var r io.Reader = res.Body
	var err error
	switch c := res.Header.Get("Content-Encoding"); c {
	case "":
	case "gzip":
		r, err = gzip.NewReader(r)
	case "deflate": // the zlib format and no other
		r, err = zlib.NewReader(r)
	default:
		t.Fatalf("answer is coded as %q", c)
	}
	if err != nil {
		t.Fatal(err)
	}
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// ask sends a request with the Accept-Encoding headers to a handler behind c.
func ask(t testing.TB, c *httpx.Compressor, h http.HandlerFunc, accept ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequest("GET", "/", nil)
	if accept != nil {
		r.Header["Accept-Encoding"] = accept
	}
	w := httptest.NewRecorder()
	c.Handler(h).ServeHTTP(w, r)
	return w.Result()
}

func says(kind string, body []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		_, _ = w.Write(body)
	}
}

var long = []byte(strings.Repeat(`{"MessageId":"0100"}`, 200))

func TestAcceptEncoding(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	for _, tc := range []struct {
		accept []string
		want   string
	}{
		{nil, ""},
		{[]string{""}, ""},
		{[]string{"deflate,gzip"}, "gzip"},
		{[]string{"*"}, "gzip"},
		{[]string{"deflate;q=0.5,gzip;q=1.0"}, "gzip"},
		{[]string{"gzip;q=1.0,identity;q=0.5,*;q=0"}, "gzip"},
		{[]string{"gzip"}, "gzip"},
		{[]string{"GZIP"}, "gzip"},
		{[]string{"x-gzip"}, "gzip"},
		{[]string{"deflate"}, "deflate"},
		{[]string{"deflate", "gzip;q=0.9"}, "deflate"},
		{[]string{"deflate;q=1.0, gzip;q=0.5"}, "deflate"},
		{[]string{" gzip ; q = 0.5 , deflate ;q=0.6"}, "deflate"},
		{[]string{"br, zstd"}, ""},
		{[]string{"br, zstd, gzip;q=0.001"}, "gzip"},
		{[]string{"identity"}, ""},
		{[]string{"identity;q=1, gzip;q=0.5"}, ""},
		{[]string{"identity;q=0.5, gzip;q=0.5"}, "gzip"},
		{[]string{"gzip;q=0"}, ""},
		{[]string{"gzip;q=0, *"}, "deflate"},
		{[]string{"*;q=0"}, ""},
		{[]string{"identity;q=0"}, ""},
		{[]string{"identity;q=0, *;q=0.1"}, "gzip"},
		{[]string{"identity;q=0, deflate;q=0"}, ""},
		{[]string{"gzip;q=2"}, ""},
		{[]string{"gzip;q=1.001"}, ""},
		{[]string{"gzip;q=-1"}, ""},
		{[]string{"gzip;q=0.12345"}, ""},
		{[]string{"gzip;q=abc, deflate"}, "deflate"},
		{[]string{"gzip;q=1."}, "gzip"},
		{[]string{"gzip;q="}, ""},
		{[]string{"gzip;level=9;q=0.5"}, "gzip"},
		{[]string{",,;;q=,;=,*;"}, "gzip"},
	} {
		res := ask(t, &c, says("application/json", long), tc.accept...)
		if res.StatusCode != 200 || res.Header.Get("Content-Encoding") != tc.want {
			t.Errorf("%q: %d, coding %q, want %q", tc.accept, res.StatusCode, res.Header.Get("Content-Encoding"), tc.want)
		}
		if !bytes.Equal(decode(t, res), long) || res.Header.Get("Vary") != "Accept-Encoding" {
			t.Errorf("%q: the answer is not what was written", tc.accept)
		}
	}
}

func TestWhatIsCompressed(t *testing.T) {
	t.Parallel()
	short := long[:1023]
	set := func(name, value string, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set(name, value)
			next(w, r)
		}
	}
	status := func(code int, next http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "text/xml")
			w.WriteHeader(code)
			next(w, r)
		}
	}
	var c httpx.Compressor
	for _, tc := range []struct {
		name   string
		h      http.HandlerFunc
		accept string
		status int
		coded  bool
		body   []byte
	}{
		{"long JSON", says("application/json", long), "gzip", 200, true, long},
		{"long XML with a charset", says("text/xml; charset=utf-8", long), "gzip", 200, true, long},
		{"exactly 1 KiB", says("text/html", long[:1024]), "gzip", 200, true, long[:1024]},
		{"under 1 KiB", says("application/json", short), "gzip", 200, false, short},
		{"under 1 KiB, identity refused", says("application/json", short), "gzip, identity;q=0", 200, true, short},
		{"under 1 KiB, all else refused", says("application/json", short), "gzip;q=1.0,*;q=0", 200, true, short},
		{"empty, identity refused", says("application/json", nil), "gzip, identity;q=0", 200, false, nil},
		{"an image", says("image/png", long), "gzip", 200, false, long},
		{"an SVG", says("image/svg+xml", long), "gzip", 200, true, long},
		{"no type, text", set("X-A", "b", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(long) }), "gzip", 200, true, long},
		{"no type, bytes", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 2000)) }, "gzip", 200, false, make([]byte, 2000)},
		{"a stream of events", says("text/event-stream", long), "gzip", 200, false, long},
		{"no-transform", set("Cache-Control", "private, No-Transform", says("text/css", long)), "gzip", 200, false, long},
		{"a part", set("Content-Range", "bytes 0-1/2", says("text/css", long)), "gzip", 200, false, long},
		{"an error", status(400, says("text/xml", long)), "gzip", 400, true, long},
		{"no content", status(204, func(http.ResponseWriter, *http.Request) {}), "gzip", 204, false, nil},
		{"not modified", status(304, func(http.ResponseWriter, *http.Request) {}), "gzip", 304, false, nil},
		{"nothing written", func(http.ResponseWriter, *http.Request) {}, "gzip", 200, false, nil},
		{"two statuses", status(400, status(500, says("text/xml", long))), "gzip", 400, true, long},
	} {
		res := ask(t, &c, tc.h, tc.accept)
		if coded := res.Header.Get("Content-Encoding") == "gzip"; coded != tc.coded || res.StatusCode != tc.status {
			t.Errorf("%s: status %d, coded %v", tc.name, res.StatusCode, coded)
		}
		if got := decode(t, res); !bytes.Equal(got, tc.body) {
			t.Errorf("%s: %d bytes, want %d", tc.name, len(got), len(tc.body))
		}
	}
}

func TestHeadersOfCompressedAnswers(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	res := ask(t, &c, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(long)))
		w.Header().Set("Etag", `"abc"`)
		w.Header().Set("Accept-Ranges", "bytes")
		_, _ = w.Write(long)
	}, "gzip")
	h := res.Header
	if h.Get("Content-Length") != "" || h.Get("Etag") != `W/"abc"` || h.Get("Accept-Ranges") != "" ||
		h.Get("Content-Type") != "text/plain; charset=utf-8" {
		t.Errorf("headers are %v", h)
	}
	res = ask(t, &c, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "br")
		_, _ = w.Write(long)
	}, "gzip")
	if b, err := io.ReadAll(res.Body); err != nil || !bytes.Equal(b, long) || res.Header.Get("Content-Encoding") != "br" {
		t.Error("an answer that was encoded already is changed")
	}
}

func TestAnswersInPieces(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	for _, size := range []int{1, 7, 500, 1023, 1024, 3000} {
		res := ask(t, &c, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			for rest := long; len(rest) > 0; {
				n := min(size, len(rest))
				if m, err := w.Write(rest[:n]); m != n || err != nil {
					t.Errorf("wrote %d of %d: %v", m, n, err)
				}
				rest = rest[n:]
			}
		}, "deflate")
		if res.Header.Get("Content-Encoding") != "deflate" || !bytes.Equal(decode(t, res), long) {
			t.Errorf("pieces of %d bytes: a wrong answer", size)
		}
	}
}

func TestFlush(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/early", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, "first")
		w.(http.Flusher).Flush()
		<-release
		_, _ = w.Write(long)
	})
	mux.HandleFunc("/late", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(long)
		if err := http.NewResponseController(w).Flush(); err != nil {
			t.Error(err)
		}
		<-release
	})
	mux.HandleFunc("/none", func(w http.ResponseWriter, _ *http.Request) {
		_ = http.NewResponseController(w).Flush()
	})
	srv := httptest.NewServer(c.Handler(mux))
	defer srv.Close()
	get := func(path string) *http.Response {
		req, err := http.NewRequest("GET", srv.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Accept-Encoding", "gzip")
		res, err := http.DefaultTransport.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		return res
	}
	early, late := get("/early"), get("/late") // both heads come before the answers end
	defer early.Body.Close()
	defer late.Body.Close()
	part := make([]byte, 5)
	if _, err := io.ReadFull(early.Body, part); err != nil || string(part) != "first" {
		t.Errorf("flushed %q, %v", part, err)
	}
	z, err := gzip.NewReader(late.Body)
	if err != nil {
		t.Fatal(err)
	}
	all := make([]byte, len(long))
	if _, err := io.ReadFull(z, all); err != nil || !bytes.Equal(all, long) {
		t.Errorf("flushed %d bytes, %v", len(all), err)
	}
	close(release)
	if rest, err := io.ReadAll(early.Body); err != nil || !bytes.Equal(rest, long) {
		t.Errorf("the rest is %d bytes, %v", len(rest), err)
	}
	if _, err := z.Read(part); err != io.EOF {
		t.Errorf("the end is %v", err)
	}
	none := get("/none")
	defer none.Body.Close()
	if b, err := io.ReadAll(none.Body); err != nil || len(b) != 0 {
		t.Errorf("nothing is %q, %v", b, err)
	}
}

func TestAnAnswerCutByAPanicLooksCut(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	srv := httptest.NewServer(c.Handler(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		_, _ = w.Write(long)
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	})))
	defer srv.Close()
	req, err := http.NewRequest("GET", srv.URL, nil)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Accept-Encoding", "gzip")
	res, err := http.DefaultTransport.RoundTrip(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if b, err := io.ReadAll(res.Body); err == nil {
		t.Errorf("%d bytes look like a whole answer", len(b))
	}
}

func TestHeadIsNotCompressed(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	r := httptest.NewRequest("HEAD", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	w := httptest.NewRecorder()
	c.Handler(says("text/plain", long)).ServeHTTP(w, r)
	if w.Result().Header.Get("Content-Encoding") != "" {
		t.Error("HEAD is answered as if it had a body")
	}
}

func TestCompressorIsShared(t *testing.T) {
	t.Parallel()
	var c httpx.Compressor
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			body := bytes.Repeat([]byte{byte('a' + g)}, 5000)
			for i := range 20 {
				if got := decode(t, ask(t, &c, says("text/plain", body), []string{"gzip", "deflate"}[i%2])); !bytes.Equal(got, body) {
					t.Error("an answer has another's bytes")
				}
			}
		})
	}
	wg.Wait()
}

func FuzzAcceptEncoding(f *testing.F) {
	for _, s := range []string{"", "*", "deflate,gzip", "deflate;q=0.5,gzip;q=1.0", "gzip;q=1.0,identity;q=0.5,*;q=0", ";;q=,=", "gzip;q=0.0001"} {
		f.Add(s)
	}
	var c httpx.Compressor
	f.Fuzz(func(t *testing.T, accept string) {
		res := ask(t, &c, says("application/json", long), accept)
		if res.StatusCode != 200 || !bytes.Equal(decode(t, res), long) {
			t.Fatalf("%q: status %d", accept, res.StatusCode)
		}
		if coding := res.Header.Get("Content-Encoding"); coding != "" &&
			!strings.Contains(strings.ToLower(accept), coding) && !strings.Contains(accept, "*") {
			t.Fatalf("%q: %s was not asked for", accept, coding)
		}
	})
}

func BenchmarkCompress(b *testing.B) {
	var c httpx.Compressor
	h := c.Handler(says("application/json", long))
	r := httptest.NewRequest("GET", "/", nil)
	r.Header.Set("Accept-Encoding", "gzip")
	b.ReportAllocs()
	for b.Loop() {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
}
