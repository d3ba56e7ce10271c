// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/track"
	"sesame/internal/proto/message"
)

// tracked tracks everything, or nothing.
type tracked struct {
	*track.Tracker
	options track.Options
	asked   []string
}

func (t *tracked) Options(_ context.Context, _ scope.Scope, identity string, set configset.Set) (track.Options, error) {
	t.asked = append(t.asked, identity)
	return t.options, nil
}

func newTracked(o track.Options) *tracked {
	return &tracked{Tracker: &track.Tracker{Wrap: keyring.Ephemeral(), Host: func(string) string { return "r.example.com" }, HTTPS: true}, options: o}
}

const (
	tracker = track.Placeholder
	page    = "From: a@example.com\nTo: b@example.net\nContent-Type: multipart/alternative; boundary=b\n\n" +
		"--b\nContent-Type: text/plain\n\nhttps://x.test/" + tracker + "\n--b\nContent-Type: text/html\n\n<a href=\"https://x.test/\">x</a>" + tracker + "\n--b--\n"
)

func TestWhatOfAMessageIsTracked(t *testing.T) {
	t.Parallel()
	everything := track.Options{Opens: true, Clicks: true}
	for name, c := range map[string]struct {
		options track.Options
		change  func(*intake.Submission)
		tracked bool
		removed bool // the placeholders
	}{
		"with tracking":       {everything, func(*intake.Submission) {}, true, true},
		"without":             {track.Options{}, func(*intake.Submission) {}, false, true},
		"a verification mail": {everything, func(s *intake.Submission) { s.Untracked = true }, false, false},
		"the service's own":   {everything, func(s *intake.Submission) { s.System = true }, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := &world{}
			w.tracking = newTracked(c.options)
			if _, err := w.intake().Accept(ctx, submission(page, c.change)); err != nil {
				t.Fatal(err)
			}
			text := string(w.kept[0].Content)
			if n := strings.Count(text, "https://r.example.com/L0/") + strings.Count(text, "https://r.example.com/I0/"); n != map[bool]int{true: 2}[c.tracked] {
				t.Errorf("%d links and pictures in\n%s", n, text)
			}
			if strings.Contains(text, tracker) == c.removed || !strings.Contains(text, "\r\n\r\nhttps://x.test/") {
				t.Errorf("the placeholders or the text part are wrong:\n%s", text)
			}
		})
	}
}

// TestWithoutTrackingNoOctetOfTheBodyChanges: whatever is in it.
func TestWithoutTrackingNoOctetOfTheBodyChanges(t *testing.T) {
	t.Parallel()
	for _, body := range []string{
		"Content-Type: text/html\r\n\r\n<a ses:no-track href=\"https://x.test/\" >x\r\n</a>",
		"Content-Type: text/html; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n=c3=a4 =\r\n=zz \r\n",
		"Content-Type: text/html\r\nContent-Transfer-Encoding: base64\r\n\r\nPGEg\r\naHJl\r\nZj0i\r\n",
	} {
		w := &world{}
		w.tracking = newTracked(track.Options{})
		raw := "From: a@example.com\r\nTo: b@example.net\r\n" + body
		if _, err := w.intake().Accept(ctx, submission("", func(s *intake.Submission) { s.Raw = []byte(raw) })); err != nil {
			t.Fatal(err)
		}
		_, want, err := message.Split([]byte(raw))
		if m := w.kept[0]; err != nil || !bytes.Equal(m.Content[m.HeaderSize:], want) {
			t.Errorf("%v: %q became %q", err, want, m.Content[m.HeaderSize:])
		}
	}
}

func TestTwoPlaceholdersAreRefused(t *testing.T) {
	t.Parallel()
	for _, o := range []track.Options{{}, {Opens: true}} {
		w := &world{}
		w.tracking = newTracked(o)
		_, err := w.intake().Accept(ctx, submission(strings.Replace(page, "</a>"+tracker, tracker+"</a>"+tracker, 1)))
		if !fault.Is(err, fault.Invalid) || len(w.kept) != 0 || w.reserved != 0 {
			t.Errorf("%+v: %v, %d messages, %d of the quota", o, err, len(w.kept), w.reserved)
		}
	}
}
