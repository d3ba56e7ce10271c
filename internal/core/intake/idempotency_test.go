// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/fault"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/intake"
)

// recorder notes the keys of a request and has it done.
type recorder struct {
	keys   []idempotency.Key
	answer string // "" has it done
}

func (r *recorder) Once(_ context.Context, keys []idempotency.Key, do func(idempotency.Remember) (string, error)) (string, error) {
	r.keys = keys
	if r.answer != "" {
		return r.answer, nil
	}
	return do(nil)
}

func TestHowASubmissionIsKnownAgain(t *testing.T) {
	t.Parallel()
	hash := strings.Repeat("0123456789abcdef", 4)
	const plain, keyed = "From: a@example.com\nTo: b@example.net\n\nx\n", "X-SES-IDEMPOTENCY-KEY: h\nFrom: a@example.com\nTo: b@example.net\n\nx\n"
	type want struct {
		name string
		keep time.Duration
		new  bool
	}
	for _, c := range []struct {
		name    string
		raw     string
		idem    intake.Idempotency
		want    []want
		refused string // the field
	}{
		{name: "without a key", raw: plain},
		{name: "the client's key", raw: plain, idem: intake.Idempotency{Key: "k", Hash: hash}, want: []want{{"key k", 24 * time.Hour, false}}},
		{name: "the key of the header section", raw: keyed, want: []want{{"key h", 24 * time.Hour, false}}},
		{name: "the request's key before that of the header section", raw: keyed, idem: intake.Idempotency{Key: "k", Hash: hash}, want: []want{{"key k", 24 * time.Hour, false}}},
		{name: "an SDK's first attempt", raw: plain, idem: intake.Idempotency{Retry: "r", First: true, Hash: hash}, want: []want{{"sdk r " + hash[:32], time.Hour, true}}},
		{name: "an SDK's later attempt", raw: plain, idem: intake.Idempotency{Retry: "r", Hash: hash}, want: []want{{"sdk r " + hash[:32], time.Hour, false}}},
		{name: "both, for one message of several", raw: plain, idem: intake.Idempotency{Key: "k", Retry: "r", Hash: hash, Entry: 7},
			want: []want{{"key k#7", 24 * time.Hour, false}, {"sdk r " + hash[:32] + "#7", time.Hour, false}}},
		{name: "what is no SDK's name for a request", raw: plain, idem: intake.Idempotency{Retry: strings.Repeat("r", 129), Hash: hash}},
		{name: "a key that is too long", raw: plain, idem: intake.Idempotency{Key: strings.Repeat("k", 241), Hash: hash}, refused: "Idempotency-Key"},
		{name: "a key that is no text", raw: plain, idem: intake.Idempotency{Key: "a\tb", Hash: hash}, refused: "Idempotency-Key"},
		{name: "a key of the header section that is too long", raw: "X-SES-IDEMPOTENCY-KEY: " + strings.Repeat("k", 241) + "\n" + plain, refused: "X-SES-IDEMPOTENCY-KEY"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := &recorder{}
			w := &world{}
			in := w.intake(func(o *intake.Options) { o.Once = r })
			_, err := in.Accept(ctx, submission(c.raw, func(s *intake.Submission) { s.Idempotency = c.idem }))
			if c.refused != "" {
				var f *fault.Error
				if !errors.As(err, &f) || f.Kind != fault.Invalid || f.Field != c.refused {
					t.Errorf("%v", err)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if len(r.keys) != len(c.want) {
				t.Fatalf("keys %+v", r.keys)
			}
			for n, k := range r.keys {
				if k.Name != c.want[n].name || k.Keep != c.want[n].keep || k.New != c.want[n].new || k.Scope != sc || len(k.Hash) != 64 {
					t.Errorf("key %+v, want %+v", k, c.want[n])
				}
			}
		})
	}
}

func TestTheHashOfAMessageIsThatOfItsEnvelopeToo(t *testing.T) {
	t.Parallel()
	const raw = "X-SES-IDEMPOTENCY-KEY: h\nFrom: a@example.com\nTo: b@example.net\n\nx\n"
	hashes, lists := map[string]string{}, newNewsletters(t).lists
	for name, change := range map[string]func(*intake.Submission){
		"as it is":          func(*intake.Submission) {},
		"another body":      func(s *intake.Submission) { s.Raw = append(s.Raw, 'y') },
		"another recipient": func(s *intake.Submission) { s.Recipients = []address.Address{{Local: "c", Domain: "example.net"}} },
		"another source":    func(s *intake.Submission) { s.Source = address.Address{Local: "b", Domain: "example.com"} },
		"another list":      func(s *intake.Submission) { s.List = intake.List{Name: "News"} },
	} {
		r := &recorder{}
		if _, err := (&world{}).intake(func(o *intake.Options) { o.Once, o.Contacts = r, lists }).Accept(ctx, submission(raw, change)); err != nil {
			t.Fatal(name, err)
		}
		for other, hash := range hashes {
			if hash == r.keys[0].Hash {
				t.Errorf("%s and %s have one hash", name, other)
			}
		}
		hashes[name] = r.keys[0].Hash
	}
}

func TestWhatWasSentBeforeTakesNothingOfTheQuota(t *testing.T) {
	t.Parallel()
	w := &world{}
	in := w.intake(func(o *intake.Options) { o.Once = &recorder{answer: "first"} })
	id, err := in.Accept(ctx, submission("From: a@example.com\nTo: b@example.net\n\nx\n", func(s *intake.Submission) { s.Idempotency.Key = "k" }))
	if err != nil || id != "first" || len(w.kept) != 0 || w.reserved != 0 {
		t.Errorf("%q, %v; %d messages, %d reserved", id, err, len(w.kept), w.reserved)
	}
}
