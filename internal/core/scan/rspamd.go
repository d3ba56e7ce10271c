// SPDX-License-Identifier: Apache-2.0

package scan

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"sesame/internal/core/spool"
)

// Rspamd asks a Rspamd for spam. It is safe for concurrent use.
type Rspamd struct {
	URL     string        // of a normal worker: http://host:port
	Timeout time.Duration // on one message
	Client  *http.Client  // nil: one that asks no proxy and follows nothing
}

// How many octets of an answer are read.
const (
	rspamdHeader = 64 << 10
	rspamdReply  = 1 << 20
)

// Opinion is what Rspamd thinks of a message.
type Opinion struct {
	Spam  bool
	Score float64
	Rules []string // the symbols that made the score, sorted
}

// Judge asks about the message (Rspamd: protocol, /checkv2). An error that is an Oversized
// is about this content, any other about the scanner.
func (r *Rspamd) Judge(ctx context.Context, m *spool.Message) (Opinion, error) {
	ctx, cancel := context.WithTimeout(ctx, r.Timeout)
	defer cancel()
	content := newQuestion(m.Content)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, strings.TrimSuffix(r.URL, "/")+"/checkv2", content)
	if err != nil {
		return Opinion{}, fmt.Errorf("rspamd: %w", err)
	}
	req.ContentLength = int64(len(m.Content))
	req.Header.Set("Queue-Id", m.ID)
	req.Header.Set("From", m.ReturnPath.String())
	for _, to := range m.Recipients {
		req.Header.Add("Rcpt", to.String())
	}
	if ip, err := netip.ParseAddr(m.SourceIP); err == nil {
		req.Header.Set("Ip", ip.String())
	}
	resp, err := r.client().Do(req)
	if err != nil {
		return Opinion{}, fmt.Errorf("rspamd: %w", err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
		if content.left.Load() > 0 {
			return Opinion{}, errors.New("rspamd: an answer to a message that it has not read")
		}
	case http.StatusRequestEntityTooLarge:
		return Opinion{}, Oversized{"rspamd"}
	default:
		return Opinion{}, fmt.Errorf("rspamd: status %d", resp.StatusCode)
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, rspamdReply+1))
	if err == nil && len(body) > rspamdReply {
		err = fmt.Errorf("answer of more than %d octets", rspamdReply)
	}
	if err != nil {
		return Opinion{}, fmt.Errorf("rspamd: %w", err)
	}
	return readOpinion(body)
}

// question is the content on its way, with what of it has not been sent yet.
type question struct {
	r    *bytes.Reader
	left atomic.Int64
}

func newQuestion(content []byte) *question {
	q := &question{r: bytes.NewReader(content)}
	q.left.Store(int64(len(content)))
	return q
}

func (q *question) Read(p []byte) (int, error) {
	n, err := q.r.Read(p)
	q.left.Add(int64(-n))
	return n, err
}

func (r *Rspamd) client() *http.Client {
	if r.Client != nil {
		return r.Client
	}
	return &http.Client{
		Transport:     &http.Transport{DisableKeepAlives: true, DisableCompression: true, MaxResponseHeaderBytes: rspamdHeader},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// readOpinion reads the JSON of an answer. What Rspamd would not pass as it is, or with a
// field added, is spam; greylisting is for mail that comes in.
func readOpinion(body []byte) (Opinion, error) {
	var answer struct {
		Action  string                     `json:"action"`
		Score   *float64                   `json:"score"`
		Symbols map[string]json.RawMessage `json:"symbols"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return Opinion{}, fmt.Errorf("rspamd: %w", err)
	}
	if answer.Action == "" || answer.Score == nil {
		return Opinion{}, fmt.Errorf("rspamd: an answer without action and score")
	}
	o := Opinion{Score: *answer.Score, Rules: slices.Sorted(maps.Keys(answer.Symbols))}
	switch answer.Action {
	case "reject", "add header", "rewrite subject":
		o.Spam = true
	}
	return o, nil
}
