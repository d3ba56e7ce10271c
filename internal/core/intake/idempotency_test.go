// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/core/configset"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/identity"
	"sesame/internal/core/intake"
	"sesame/internal/core/template"
	"sesame/internal/testkit/storetest"
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

// TestARetryGetsTheFirstAnswer whatever has become of the account since, but not whoever
// may not send.
func TestARetryGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	again, named := intake.Idempotency{Retry: "r"}, func(s *intake.Submission) { s.ConfigSet = "one" }
	denied := fault.New(fault.AccessDenied, "no")
	for name, c := range map[string]struct { // a world is one case's
		w      *world
		idem   intake.Idempotency
		change func(*intake.Submission)
		raw    string
		want   fault.Kind // 0 is the first answer
	}{
		"nothing happened":                            {w: &world{}, idem: again},
		"the account's switch is off":                 {w: &world{switchedOff: true}, idem: again},
		"the operator has paused the account":         {w: &world{details: map[string]account.Details{sc.Account: {Enforcement: account.Shutdown}}}, idem: again},
		"the default set is gone":                     {w: &world{identities: []identity.Identity{{Scope: sc, Name: "example.com", ConfigSet: "gone"}}}, idem: again},
		"the named set is gone":                       {w: &world{}, idem: again, change: named},
		"the named set is paused":                     {w: &world{sets: map[string]configset.Set{"one": {}}}, idem: again, change: named},
		"the MAIL FROM domain fails":                  {w: &world{mailFrom: identity.MailFrom{Domain: "bounce.example.com", Behavior: identity.RejectMessage}}, idem: again},
		"by the client's own key":                     {w: &world{switchedOff: true}, idem: intake.Idempotency{Key: "k"}},
		"by the key of the message":                   {w: &world{switchedOff: true}, raw: "X-SES-IDEMPOTENCY-KEY: k\n"},
		"the first attempt of an SDK has none":        {w: &world{switchedOff: true}, idem: intake.Idempotency{Retry: "r", First: true}, want: fault.AccountPaused},
		"without a key":                               {w: &world{switchedOff: true}, want: fault.AccountPaused},
		"who may not send":                            {w: &world{accessErr: denied}, idem: again, want: fault.AccessDenied},
		"who may not send, from a paused account":     {w: &world{accessErr: denied, switchedOff: true}, idem: again, want: fault.AccountPaused},
		"an identity that is not the account's":       {w: &world{}, idem: again, raw: "Sender: x@example.org\n", want: fault.Rejected},
		"the same from a paused account":              {w: &world{switchedOff: true}, idem: again, raw: "Sender: x@example.org\n", want: fault.AccountPaused},
		"who may not send, where the set is gone too": {w: &world{accessErr: denied}, idem: again, change: named, want: fault.ConfigSetNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := c.w.intake(func(o *intake.Options) { o.Once = &recorder{answer: "first"} })
			id, err := in.Accept(ctx, submission(c.raw+simple, func(s *intake.Submission) {
				s.Idempotency = c.idem
				if c.change != nil {
					c.change(s)
				}
			}))
			if c.want == 0 && (id != "first" || err != nil) || c.want != 0 && !fault.Is(err, c.want) {
				t.Errorf("%q, %v", id, err)
			}
		})
	}
}

// TestTheHashOfAMessageIsNoneOfWhatHoldsAtTheMoment: by SMTP the second message is told from the
// first by it, and the default set is not the client's.
func TestTheHashOfAMessageIsNoneOfWhatHoldsAtTheMoment(t *testing.T) {
	t.Parallel()
	withDefault := world{
		identities: []identity.Identity{{Scope: sc, Name: "example.com", ConfigSet: "one"}},
		sets:       map[string]configset.Set{"one": {Options: configset.Options{SendingEnabled: true}}},
	}
	paused := withDefault
	paused.switchedOff = true
	hashes := map[string]string{}
	for name, w := range map[string]*world{"sent": &withDefault, "without a default set": {}, "from a paused account": &paused} {
		r := &recorder{answer: "first"}
		id, err := w.intake(func(o *intake.Options) { o.Once = r }).Accept(ctx, submission("X-SES-IDEMPOTENCY-KEY: k\n"+simple))
		if id != "first" || err != nil {
			t.Fatalf("%s: %q, %v", name, id, err)
		}
		hashes[r.keys[0].Hash] = name
	}
	if len(hashes) != 1 {
		t.Errorf("the hashes differ: %v", hashes)
	}
}

// TestARetryOfATemplatedMessageGetsTheFirstAnswer of a template that was deleted since.
func TestARetryOfATemplatedMessageGetsTheFirstAnswer(t *testing.T) {
	t.Parallel()
	in := (&world{}).intake(func(o *intake.Options) {
		o.Once = &recorder{answer: "first"}
		o.Templates = template.New(storetest.SQLite(t), clock.NewFake(now).Now)
	})
	s := submission("", func(s *intake.Submission) {
		s.Idempotency = intake.Idempotency{Key: "k", Hash: strings.Repeat("0", 64)}
	})
	m := bulk(2, "").Templated
	m.Template, m.To = intake.TemplateRef{Name: "gone"}, []string{"b@example.net"}
	if id, err := in.AcceptTemplated(ctx, s, m); id != "first" || err != nil {
		t.Errorf("%q, %v", id, err)
	}
}

// some are the answers of requests whose keys end as these do.
type some map[string]string

func (a some) Once(_ context.Context, keys []idempotency.Key, do func(idempotency.Remember) (string, error)) (string, error) {
	for end, answer := range a {
		if strings.HasSuffix(keys[0].Name, end) {
			return answer, nil
		}
	}
	return do(nil)
}

// TestARetryOfABulkCall after the account was paused, where the first of two messages was
// sent before.
func TestARetryOfABulkCall(t *testing.T) {
	t.Parallel()
	deleted := intake.TemplateRef{Name: "gone"}
	for name, c := range map[string]struct {
		w     *world
		idem  intake.Idempotency
		sent  some
		ref   intake.TemplateRef
		whole fault.Kind // of the refusal of the call
		other fault.Kind // of the second message, where the first has its id
	}{
		"one was sent":                      {w: &world{switchedOff: true}, idem: intake.Idempotency{Retry: "r"}, sent: some{"#1": "first"}, other: fault.AccountPaused},
		"none was":                          {w: &world{switchedOff: true}, idem: intake.Idempotency{Retry: "r"}, whole: fault.AccountPaused},
		"it is no retry":                    {w: &world{switchedOff: true}, idem: intake.Idempotency{Retry: "r", First: true}, sent: some{"#1": "first"}, whole: fault.AccountPaused},
		"the template is gone":              {w: &world{}, idem: intake.Idempotency{Key: "k"}, sent: some{"#1": "first"}, ref: deleted, other: fault.TemplateNotFound},
		"the template is gone, none was":    {w: &world{}, idem: intake.Idempotency{Key: "k"}, ref: deleted, whole: fault.TemplateNotFound},
		"the template is gone, who may not": {w: &world{accessErr: fault.New(fault.AccessDenied, "no")}, idem: intake.Idempotency{Key: "k"}, sent: some{"#1": "first"}, ref: deleted, whole: fault.AccessDenied},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			in := c.w.intake(func(o *intake.Options) {
				o.Once, o.Templates = c.sent, template.New(storetest.SQLite(t), clock.NewFake(now).Now)
			})
			b := bulk(2, "hi")
			if c.ref != (intake.TemplateRef{}) {
				b.Template = c.ref
			}
			results, err := in.AcceptBulk(ctx, submission("", func(s *intake.Submission) {
				s.Idempotency = c.idem
				s.Idempotency.Hash = strings.Repeat("0", 64)
			}), b)
			switch {
			case c.whole != 0 && !fault.Is(err, c.whole):
				t.Errorf("%v, %v", results, err)
			case c.whole == 0 && (err != nil || results[0].ID != "first" || results[0].Err != nil || !fault.Is(results[1].Err, c.other)):
				t.Errorf("%+v, %v", results, err)
			}
		})
	}
}
