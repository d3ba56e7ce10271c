// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"bytes"
	"context"
	"math/rand/v2"
	"net/netip"
	"regexp"
	"strings"
	"sync"
	"testing"

	msgauth "github.com/emersion/go-msgauth/dkim"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/core/outgoing"
	"sesame/internal/core/track"
	"sesame/internal/proto/dkim"
	"sesame/internal/proto/message"
	"sesame/internal/proto/rsasign"
	"sesame/internal/testkit/mimegen"
	"sesame/internal/testkit/pymail"
)

// modes are what can be tracked.
func modes() []track.Options {
	return []track.Options{{}, {Opens: true}, {Clicks: true}, {Opens: true, Clicks: true}}
}

// TestOfEveryMessageOnlyWhatIsTrackedChanges takes messages of every kind in and has them
// signed as they leave. Without tracking no octet of the body changes, and the header section
// only gets more; with tracking only links and the picture change. All that leaves is signed
// so that two other implementations verify it.
func TestOfEveryMessageOnlyWhatIsTrackedChanges(t *testing.T) {
	t.Parallel()
	const seeds = 60
	s, record := newSigner(t)
	var sent [][]byte
	for seed := range uint64(seeds) {
		m := mimegen.Seeded(seed)
		for i, mode := range modes() {
			left := checkAccepted(t, m, mode, s, record)
			if t.Failed() {
				t.Fatalf("seed %d, %+v:\n%s\nbecame\n%s", seed, mode, m.Raw, left)
			}
			if seed%4 == uint64(i) {
				sent = append(sent, left)
			}
		}
	}
	for i, verdict := range pymail.Verify(t, record, sent) {
		if verdict != "pass" {
			t.Fatalf("dkimpy says %s of\n%s", verdict, sent[i])
		}
	}
}

// FuzzAccept changes single decisions in the making of a message.
func FuzzAccept(f *testing.F) {
	s, record := newSigner(f)
	for seed := range uint64(20) {
		var octets [200]byte
		_, _ = rand.NewChaCha8([32]byte{byte(seed), 2}).Read(octets[:])
		f.Add(octets[:], byte(seed))
	}
	f.Fuzz(func(t *testing.T, octets []byte, which byte) {
		m, mode := mimegen.New(rand.New(mimegen.From(octets))), modes()[which%4]
		if left := checkAccepted(t, m, mode, s, record); t.Failed() {
			t.Fatalf("%+v:\n%s\nbecame\n%s", mode, m.Raw, left)
		}
	})
}

// checkAccepted returns the message as it leaves.
func checkAccepted(t *testing.T, m *mimegen.Message, mode track.Options, s *signer, record string) []byte {
	t.Helper()
	w, tr := &world{}, newTracked(mode)
	w.tracking = tr
	in := submission("")
	in.Raw = bytes.Clone(m.Raw)
	if _, err := w.intake().Accept(ctx, in); err != nil {
		t.Errorf("%v", err)
		return nil
	}
	kept := w.kept[0]
	was, is := takeApart(t, m.Raw), takeApart(t, kept.Content)
	if kept.EightBit != message.Is8Bit(kept.Content) || kept.HeaderSize != len(kept.Content)-len(is.body) {
		t.Errorf("8bit is %v, the header section has %d octets", kept.EightBit, kept.HeaderSize)
	}
	if mode == (track.Options{}) {
		if head := m.Raw[:len(m.Raw)-len(was.body)-2]; !bytes.Equal(was.body, is.body) || !bytes.HasPrefix(kept.Content, head) {
			t.Error("untracked, it has changed")
		}
	} else {
		checkTracked(t, m, mode, tr.Tracker, was, is)
	}
	o := outgoing.Outgoing{Signers: s, MailFroms: s, Clock: clock.NewFake(now).Now, SourceIP: netip.MustParseAddr("192.0.2.7")}
	prefix, err := o.Prepare(ctx, kept)
	if err != nil {
		t.Errorf("%v", err)
		return kept.Content
	}
	left := append(prefix, kept.Content...)
	lookup := func(string) ([]string, error) { return []string{record}, nil }
	found, err := msgauth.VerifyWithOptions(bytes.NewReader(left), &msgauth.VerifyOptions{LookupTXT: lookup})
	if err != nil || len(found) != 1 || found[0].Err != nil {
		t.Errorf("the signature: %v, %+v", err, found)
	}
	return left
}

var (
	trackedLink = regexp.MustCompile(`https://r\.example\.com/L0/([A-Za-z0-9_-]+)`)
	picture     = regexp.MustCompile(`<img alt="" src="https://r\.example\.com/I0/[A-Za-z0-9_-]+" style="display: none; width: 1px; height: 1px;">`)
)

// checkTracked: the pages that people see lead over us and have one picture in all, undone
// they are what they were, and all else is as it was.
func checkTracked(t *testing.T, m *mimegen.Message, mode track.Options, tr *track.Tracker, was, is apart) {
	t.Helper()
	if was.rest != is.rest {
		t.Errorf("the rest was\n%q, is\n%q", was.rest, is.rest)
	}
	pages, pictures, links, want := 0, 0, 0, 0
	for p := range m.Root.All() {
		if mode.Clicks && p.FileName == "" && p.Disposition != "attachment" && editable(p.Charset) {
			want += p.Links
		}
	}
	if len(was.texts) != len(is.texts) {
		t.Errorf("%d texts became %d", len(was.texts), len(is.texts))
		return
	}
	for i, text := range is.texts {
		pictures += len(picture.FindAllString(text.data, -1))
		links += len(trackedLink.FindAllString(text.data, -1))
		if text.html {
			pages++
		}
		undone := trackedLink.ReplaceAllStringFunc(picture.ReplaceAllString(text.data, ""), func(s string) string {
			l, err := tr.ReadLink(trackedLink.FindStringSubmatch(s)[1])
			if err != nil {
				t.Error(err)
			}
			return m.Links[l.URL]
		})
		if undone != was.texts[i].data {
			t.Errorf("%q became\n%q, undone\n%q", was.texts[i].data, text.data, undone)
		}
	}
	if links != want {
		t.Errorf("%d links are tracked, want %d", links, want)
	}
	if mode.Opens && pictures != min(pages, 1) || !mode.Opens && pictures > 0 {
		t.Errorf("%d pictures in %d pages", pictures, pages)
	}
}

// apart is a message with its texts taken out.
type apart struct {
	body  []byte
	texts []shown
	rest  string // all that is not in texts, without how they are encoded, and without what we add
}

type shown struct {
	html bool
	data string
}

// editable reports whether ASCII is octets of ASCII in a character set.
func editable(charset string) bool {
	return !strings.HasPrefix(charset, "utf-16") && charset != "iso-2022-jp"
}

// takeApart takes out the texts that people see and that can be edited.
func takeApart(t *testing.T, raw []byte) apart {
	t.Helper()
	h, body, err := message.Split(raw)
	if err != nil {
		t.Fatal(err)
	}
	o := apart{body: body}
	var rest strings.Builder
	keep := func(h message.Header, text bool) {
		for _, f := range h {
			added := f.Is("Date") || f.Is("Message-ID") || f.Is("Feedback-ID") || f.Is("MIME-Version")
			if !added && !(text && f.Is("Content-Transfer-Encoding")) {
				rest.Write(f.Raw())
			}
		}
	}
	done, closed := 0, 99
	err = message.WalkParts(h, body, message.WalkLimits{}, func(p message.Part) error {
		if p.Depth <= closed {
			closed = 99
		}
		if closed == 99 && (p.Media.Type == "multipart/signed" || p.Media.Type == "multipart/digest") {
			closed = p.Depth
		}
		html := p.Media.Type == "text/html"
		seen := p.Depth <= closed && (html || p.Media.Type == "text/plain") && len(p.FileNames()) == 0 &&
			message.ParseMedia(p.Header.Get("Content-Disposition")).Type != "attachment"
		seen = seen && editable(strings.ToLower(p.Media.Param("charset")))
		if p.Depth == 0 {
			keep(h, seen)
		}
		if !seen {
			return nil
		}
		if p.Depth > 0 {
			rest.Write(body[done:p.Head])
			keep(p.Header, true)
		}
		encoding, err := message.ParseEncoding(p.Header.Get("Content-Transfer-Encoding"))
		if err != nil {
			return err
		}
		data, err := encoding.Decode(p.Body)
		o.texts = append(o.texts, shown{html, string(data)})
		rest.WriteString("[text]")
		done = p.Start + len(p.Body)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	rest.Write(body[done:])
	o.rest = rest.String()
	return o
}

// signer signs for example.com.
type signer struct{ key identity.Signer }

// rsaKey makes one key for all.
var rsaKey = sync.OnceValues(func() ([]byte, error) { return dkim.GenerateRSA(2048) })

func newSigner(t testing.TB) (s *signer, record string) {
	t.Helper()
	der, err := rsaKey()
	if err != nil {
		t.Fatal(err)
	}
	key, err := rsasign.Open(rsasign.Options{}).Load(der)
	if err != nil {
		t.Fatal(err)
	}
	r, err := dkim.RecordOf(der)
	if err != nil {
		t.Fatal(err)
	}
	return &signer{identity.Signer{Domain: "example.com", Selector: "s", Key: key}}, r.String()
}

func (s *signer) For(context.Context, scope.Scope, address.Address, string) ([]identity.Signer, error) {
	return []identity.Signer{s.key}, nil
}

func (s *signer) MailFrom(context.Context, scope.Scope, address.Address) (identity.MailFrom, error) {
	return identity.MailFrom{}, nil
}
