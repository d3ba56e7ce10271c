// SPDX-License-Identifier: Apache-2.0

package dispatch_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/core/delivery"
	"sesame/internal/core/spool"
	"sesame/internal/proto/smtpclient"
)

// fakeTransport answers as it is told, by domain.
type fakeTransport struct {
	mu       sync.Mutex
	answer   map[string]answer
	other    answer // for the other domains; nil delivers at once
	calls    []call
	under    map[string]int
	most     map[string]int
	underAll int
	mostAll  int
}

// answer is what a peer does. It returns soon after ctx ends.
type answer func(ctx context.Context, d delivery.Delivery) delivery.Attempt

// call is one attempt that was made.
type call struct {
	to    []string
	from  string
	began time.Time
}

func (f *fakeTransport) set(dom string, a answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.answer == nil {
		f.answer = map[string]answer{}
	}
	f.answer[dom] = a
}

// all sets what the domains answer that have no answer of their own.
func (f *fakeTransport) all(a answer) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.other = a
}

func (f *fakeTransport) peakOfAll() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.mostAll
}

func (f *fakeTransport) Deliver(ctx context.Context, d delivery.Delivery) delivery.Attempt {
	dom := string(d.Domain)
	f.mu.Lock()
	a, ok := f.answer[dom]
	if !ok {
		a = f.other
	}
	if f.under == nil {
		f.under, f.most = map[string]int{}, map[string]int{}
	}
	c := call{from: d.From.Local, began: time.Now()}
	for _, to := range d.To {
		c.to = append(c.to, to.String())
	}
	f.calls = append(f.calls, c)
	f.under[dom]++
	f.underAll++
	f.most[dom] = max(f.most[dom], f.under[dom])
	f.mostAll = max(f.mostAll, f.underAll)
	f.mu.Unlock()
	defer func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.under[dom]--
		f.underAll--
	}()
	if a == nil {
		a = says(smtpclient.Delivered, 250)
	}
	out := a(ctx, d)
	for len(out.Outcomes) > 0 && len(out.Outcomes) < len(d.To) { // what it says it says of all
		out.Outcomes = append(out.Outcomes, out.Outcomes[0])
	}
	return out
}

// transactions are the attempts to a domain.
func (f *fakeTransport) transactions(dom string) (all []call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if strings.HasSuffix(c.to[0], "@"+dom) {
			all = append(all, c)
		}
	}
	return all
}

// attempts are the times at which the address was tried.
func (f *fakeTransport) attempts(to string) (at []time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.calls {
		if slices.Contains(c.to, to) {
			at = append(at, c.began)
		}
	}
	return at
}

func (f *fakeTransport) total() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.calls)
}

func (f *fakeTransport) peak(dom string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.most[dom]
}

func attempt(o smtpclient.Outcome) delivery.Attempt {
	return delivery.Attempt{Outcomes: []smtpclient.Outcome{o}, Host: "mx.example", Started: time.Now()}
}

// says is a peer that replies at once.
func says(c smtpclient.Class, code int) answer {
	return func(context.Context, delivery.Delivery) delivery.Attempt {
		return attempt(smtpclient.Outcome{
			Class: c, Code: code, Cause: smtpclient.CauseReply, Command: smtpclient.CommandDot,
			Enhanced: smtpclient.Enhanced{uint16(code / 100), 1, 1}, Lines: []string{fmt.Sprint(code, " text")},
		})
	}
}

// mute is a peer of which nothing is heard, for this cause, at once.
func mute(cause smtpclient.Cause) answer {
	return func(context.Context, delivery.Delivery) delivery.Attempt {
		return attempt(smtpclient.Outcome{Cause: cause, Command: smtpclient.CommandConnect, Enhanced: smtpclient.Enhanced{4, 4, 1}})
	}
}

// after is a peer that takes its time.
func after(wait time.Duration, then answer) answer {
	return func(ctx context.Context, d delivery.Delivery) delivery.Attempt {
		select {
		case <-time.After(wait):
			return then(ctx, d)
		case <-ctx.Done():
			cause := smtpclient.CauseTimeout
			if errors.Is(ctx.Err(), context.Canceled) {
				cause = smtpclient.CauseCanceled
			}
			return mute(cause)(ctx, d)
		}
	}
}

// hangs is a peer that accepts a connection and never says anything.
func hangs() answer { return after(2*time.Minute, mute(smtpclient.CauseTimeout)) }

// fakePreparer counts.
type fakePreparer struct {
	mu     sync.Mutex
	calls  map[string]int
	broken func(m *spool.Message) error // may panic
	takes  time.Duration
}

func (p *fakePreparer) fail(f func(m *spool.Message) error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.broken = f
}

func (p *fakePreparer) count(id string) int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.calls[id]
}

func (p *fakePreparer) Prepare(_ context.Context, m *spool.Message) ([]byte, error) {
	p.mu.Lock()
	if p.calls == nil {
		p.calls = map[string]int{}
	}
	p.calls[m.ID]++
	broken, takes := p.broken, p.takes
	p.mu.Unlock()
	if takes > 0 {
		<-time.After(takes)
	}
	if broken != nil {
		if err := broken(m); err != nil {
			return nil, err
		}
	}
	return []byte("X-Prefix: " + m.ID + "\r\n"), nil
}

func (p *fakePreparer) ReturnPath(_ context.Context, m *spool.Message, n int) (address.Address, error) {
	return address.Address{Local: fmt.Sprintf("%s+%d", m.ID, n), Domain: "return.example"}, nil
}
