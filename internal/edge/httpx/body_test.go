// SPDX-License-Identifier: Apache-2.0

package httpx_test

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	"sesame/internal/edge/httpx"
)

func gzipped(b []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func zlibbed(b []byte) []byte {
	var out bytes.Buffer
	w := zlib.NewWriter(&out)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func deflated(b []byte) []byte {
	var out bytes.Buffer
	w, _ := flate.NewWriter(&out, flate.DefaultCompression)
	_, _ = w.Write(b)
	_ = w.Close()
	return out.Bytes()
}

func noise(n int) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{1})
	_, _ = r.Read(b)
	return b
}

// statusOf is the status of an httpx.Error, 0 for nil.
func statusOf(t testing.TB, err error) int {
	t.Helper()
	if err == nil {
		return 0
	}
	var e *httpx.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v (%T) is not an *httpx.Error", err, err)
	}
	if e.Text == "" {
		t.Error("an error without a text for the peer")
	}
	return e.Status
}

// slowly hides a body's length.
type slowly struct{ r io.Reader }

func (s slowly) Read(p []byte) (int, error) { return s.r.Read(p[:min(len(p), 7)]) }

// fails is a body that ends in an error.
type fails struct{ err error }

func (f fails) Read([]byte) (int, error) { return 0, f.err }

func TestReadBody(t *testing.T) {
	t.Parallel()
	big := noise(300 << 10)
	for _, tc := range []struct {
		name   string
		body   io.Reader
		length int64
		limit  int64
		want   []byte
		status int
	}{
		{"no body", http.NoBody, 0, 10, nil, 0},
		{"a body of the limit's size", strings.NewReader("0123456789"), 10, 10, []byte("0123456789"), 0},
		{"a body over the limit by its length", strings.NewReader("0123456789x"), 11, 10, nil, 413},
		{"a body over the limit, length unknown", slowly{strings.NewReader("0123456789x")}, -1, 10, nil, 413},
		{"a body of the limit's size, length unknown", slowly{strings.NewReader("0123456789")}, -1, 10, []byte("0123456789"), 0},
		{"a long body", bytes.NewReader(big), int64(len(big)), 1 << 20, big, 0},
		{"a long body, length unknown", slowly{bytes.NewReader(big)}, -1, 1 << 20, big, 0},
		{"an endless body", slowly{zeros{}}, -1, 1 << 20, nil, 413},
		{"a body that is cut short", fails{io.ErrUnexpectedEOF}, 100, 1000, nil, 400},
		{"a body that comes too late", fails{os.ErrDeadlineExceeded}, 100, 1000, nil, 408},
	} {
		r := httptest.NewRequest("POST", "/", tc.body)
		r.ContentLength = tc.length
		got, err := httpx.ReadBody(r, tc.limit)
		if !bytes.Equal(got, tc.want) || statusOf(t, err) != tc.status {
			t.Errorf("%s: %d bytes, %v", tc.name, len(got), err)
		}
	}
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	clear(p)
	return len(p), nil
}

func TestReadBodyAtTheServersDeadline(t *testing.T) {
	t.Parallel()
	status := make(chan int, 1)
	srv := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) // the deadline is over
		_, err := httpx.ReadBody(r, 1000)
		status <- statusOf(t, err)
	}))
	srv.Start()
	defer srv.Close()
	conn, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", srv.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nonly this"); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != http.StatusRequestTimeout {
		t.Errorf("status %d, want 408", got)
	}
}

func TestInflate(t *testing.T) {
	t.Parallel()
	var f httpx.Inflater
	text := bytes.Repeat([]byte("Dear reader, this is a mail. "), 100)
	random := noise(100 << 10)
	for _, tc := range []struct {
		name   string
		body   []byte
		coding []string
		limit  int64
		want   []byte
		status int
	}{
		{"no coding", text, nil, 1 << 20, text, 0},
		{"identity", text, []string{"identity"}, 1 << 20, text, 0},
		{"an empty header", text, []string{""}, 1 << 20, text, 0},
		{"gzip", gzipped(text), []string{"gzip"}, 1 << 20, text, 0},
		{"gzip in capitals and spaces", gzipped(text), []string{" GZip "}, 1 << 20, text, 0},
		{"x-gzip", gzipped(text), []string{"x-gzip"}, 1 << 20, text, 0},
		{"gzip of two members", append(gzipped(text), gzipped(text)...), []string{"gzip"}, 1 << 20, append(text[:len(text):len(text)], text...), 0},
		{"deflate in zlib's format", zlibbed(text), []string{"deflate"}, 1 << 20, text, 0},
		{"raw deflate", deflated(text), []string{"deflate"}, 1 << 20, text, 0},
		{"raw deflate, stored", deflated(random), []string{"deflate"}, 1 << 20, random, 0},
		{"zlib, stored", zlibbed(random), []string{"deflate"}, 1 << 20, random, 0},
		{"deflate, then gzip", gzipped(zlibbed(text)), []string{"deflate, gzip"}, 1 << 20, text, 0},
		{"two headers", gzipped(zlibbed(text)), []string{"deflate", "identity", "gzip"}, 1 << 20, text, 0},
		{"an empty body that claims a coding", nil, []string{"gzip"}, 1 << 20, nil, 0},
		{"gzip of nothing", gzipped(nil), []string{"gzip"}, 1 << 20, nil, 0},
		{"an unknown coding", text, []string{"br"}, 1 << 20, nil, 415},
		{"an unknown coding on an empty body", nil, []string{"zstd"}, 1 << 20, nil, 415},
		{"a known and an unknown coding", gzipped(text), []string{"br, gzip"}, 1 << 20, nil, 415},
		{"three codings", text, []string{"gzip, gzip, gzip"}, 1 << 20, nil, 415},
		{"not gzip at all", text, []string{"gzip"}, 1 << 20, nil, 400},
		{"not deflate at all", bytes.Repeat([]byte{0xff}, 100), []string{"deflate"}, 1 << 20, nil, 400},
		{"gzip cut short", gzipped(text)[:40], []string{"gzip"}, 1 << 20, nil, 400},
		{"gzip without its checksum", gzipped(text)[:len(gzipped(text))-8], []string{"gzip"}, 1 << 20, nil, 400},
		{"zlib with a wrong checksum", append(zlibbed(text)[:len(zlibbed(text))-1:len(zlibbed(text))-1], 0x55), []string{"deflate"}, 1 << 20, nil, 400},
		{"gzip with bytes after it", append(gzipped(text), 'x'), []string{"gzip"}, 1 << 20, nil, 400},
		{"raw deflate with bytes after it", append(deflated(text), 'x'), []string{"deflate"}, 1 << 20, nil, 400},
		{"zlib with bytes after it", append(zlibbed(text), 'x'), []string{"deflate"}, 1 << 20, nil, 400},
		{"exactly the limit", gzipped(text), []string{"gzip"}, int64(len(text)), text, 0},
		{"one byte over the limit", gzipped(text), []string{"gzip"}, int64(len(text)) - 1, nil, 413},
		{"over the limit as it came", gzipped(random), []string{"gzip"}, 1000, nil, 413},
		{"a bomb within the limit", gzipped(make([]byte, 5<<20)), []string{"gzip"}, 1 << 30, nil, 413},
		{"a bomb in a bomb", gzipped(gzipped(make([]byte, 50<<20))), []string{"gzip, gzip"}, 1 << 30, nil, 413},
		{"a zlib bomb", zlibbed(make([]byte, 5<<20)), []string{"deflate"}, 1 << 30, nil, 413},
		{"dense text beyond the free expansion", gzipped(bytes.Repeat(random[:4096], 600)), []string{"gzip"}, 1 << 30, bytes.Repeat(random[:4096], 600), 0},
	} {
		for range 2 { // the second time with a reader that was used before
			got, err := f.Inflate(tc.body, tc.coding, tc.limit)
			if statusOf(t, err) != tc.status || tc.status == 0 && !bytes.Equal(got, tc.want) {
				t.Errorf("%s: %d bytes, %v; want %d bytes, %d", tc.name, len(got), err, len(tc.want), tc.status)
			}
		}
	}
}

func TestErrorKeepsItsCause(t *testing.T) {
	t.Parallel()
	var f httpx.Inflater
	_, err := f.Inflate([]byte("no gzip, but long enough"), []string{"gzip"}, 100)
	if !errors.Is(err, gzip.ErrHeader) || !strings.Contains(err.Error(), gzip.ErrHeader.Error()) {
		t.Errorf("got %v", err)
	}
}

func FuzzInflate(f *testing.F) {
	f.Add([]byte("plain"), "gzip")
	f.Add(gzipped([]byte("text")), "gzip")
	f.Add(zlibbed([]byte("text")), "deflate")
	f.Add(deflated([]byte("text")), "deflate")
	f.Add(gzipped(zlibbed([]byte("text"))), "deflate,gzip")
	f.Add(gzipped(make([]byte, 1<<16)), " GZIP ,identity")
	var inflater httpx.Inflater
	f.Fuzz(func(t *testing.T, body []byte, coding string) {
		const limit = 1 << 14
		got, err := inflater.Inflate(body, []string{coding}, limit)
		if statusOf(t, err) == 0 && int64(len(got)) > max(limit, int64(len(body))) {
			t.Fatalf("%d bytes from %d", len(got), len(body))
		}
		for name, pack := range map[string]func([]byte) []byte{"gzip": gzipped, "deflate": zlibbed} {
			if len(body) > limit/2 {
				return
			}
			back, err := inflater.Inflate(pack(body), []string{name}, limit)
			if err != nil || !bytes.Equal(back, body) {
				t.Fatalf("%s there and back: %v", name, err)
			}
		}
	})
}
