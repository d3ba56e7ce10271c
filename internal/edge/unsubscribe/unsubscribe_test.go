// SPDX-License-Identifier: Apache-2.0

package unsubscribe_test

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"sesame/internal/base/scope"
	"sesame/internal/core/contact"
	"sesame/internal/edge/unsubscribe"
)

// lists is a list with one contact, whose token is "good".
type lists struct {
	contact.Subscription
	err   error
	asked []string        // what was done
	last  *contact.Choice // of Choose
	came  []string        // what came of the requests
	wait  chan struct{}   // Look waits for its end
	there chan struct{}   // and tells that it does
}

func (l *lists) find(token string) (contact.Subscription, error) {
	switch {
	case l.err != nil:
		return contact.Subscription{}, l.err
	case token == "gone":
		return contact.Subscription{}, contact.ErrGone
	case token != "good":
		return contact.Subscription{}, contact.ErrBroken
	}
	return l.Subscription, nil
}

func (l *lists) count(result string) { l.came = append(l.came, result) }

func (l *lists) Look(_ context.Context, token string) (contact.Subscription, error) {
	if l.wait != nil {
		l.there <- struct{}{}
		<-l.wait
	}
	return l.find(token)
}

func (l *lists) Unsubscribe(_ context.Context, token string) (contact.Subscription, error) {
	s, err := l.find(token)
	if err == nil {
		l.asked = append(l.asked, "unsubscribe")
		s.UnsubscribeAll = true
	}
	return s, err
}

func (l *lists) Choose(_ context.Context, token string, c contact.Choice) (contact.Subscription, error) {
	s, err := l.find(token)
	if err == nil {
		l.asked, l.last = append(l.asked, "choose"), &c
		s.UnsubscribeAll, s.Preferences = c.UnsubscribeAll, c.Topics
	}
	return s, err
}

func newLists() *lists {
	return &lists{Subscription: contact.Subscription{
		Contact: contact.Contact{Address: "you@example.net"},
		List: contact.List{Scope: scope.Scope{Account: "123456789012", Region: "us-east-1"}, Name: "News", Description: "not for readers", Topics: []contact.Topic{
			{Name: "Sports", DisplayName: "Sports <Newsletter>", Description: "All about it", Default: contact.OptIn}, {Name: "Cycling", Default: contact.OptOut},
		}},
	}}
}

const (
	formType = "application/x-www-form-urlencoded"
	partType = `multipart/form-data; boundary="b"`
	oneClick = "List-Unsubscribe=One-Click"
)

// ask makes a request for what is behind the path.
func ask(t *testing.T, l *lists, method, path, kind, body string) (*http.Response, string) {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	if kind != "" {
		r.Header.Set("Content-Type", kind)
	}
	rec := httptest.NewRecorder()
	unsubscribe.New(l, slog.New(slog.DiscardHandler), l.count).ServeHTTP(rec, r)
	return rec.Result(), rec.Body.String()
}

func TestOnlyPOSTActs(t *testing.T) {
	t.Parallel()
	multipart := "--b\r\nContent-Disposition: form-data; name=\"List-Unsubscribe\"\r\n\r\nOne-Click\r\n--b--\r\n"
	for _, c := range []struct {
		name, method, path, kind, body string
		status                         int
		says                           string
		asked                          []string
		choice                         *contact.Choice
	}{
		{"looking changes nothing", "GET", "good", "", "", 200, "Which mail do you want?", nil, nil},
		{"nor does it with a query", "GET", "good?List-Unsubscribe=One-Click", "", "", 200, "Which mail do you want?", nil, nil},
		{"HEAD learns nothing", "HEAD", "good", "", "", 200, "", nil, nil},
		{"not even of a broken link", "HEAD", "bad", "", "", 200, "", nil, nil},
		{"the button of a mail program", "POST", "good", formType, oneClick, 200, "You are unsubscribed", []string{"unsubscribe"}, nil},
		{"with a character set", "POST", "good", formType + "; charset=UTF-8", oneClick, 200, "You are unsubscribed", []string{"unsubscribe"}, nil},
		{"as multipart/form-data", "POST", "good", partType, multipart, 200, "You are unsubscribed", []string{"unsubscribe"}, nil},
		{"from the query it does not count", "POST", "good?" + oneClick, formType, "", 400, "Nothing was changed", nil, nil},
		{"the page: some topics", "POST", "good", formType, "do=save&shown=Sports&shown=Cycling&topic=Cycling", 200, "You get: Cycling", []string{"choose"},
			&contact.Choice{Topics: []contact.Preference{{Topic: "Sports", Status: contact.OptOut}, {Topic: "Cycling", Status: contact.OptIn}}}},
		{"the page: none of them", "POST", "good", formType, "do=save&shown=Sports&shown=Cycling", 200, "You get none of its topics.", []string{"choose"},
			&contact.Choice{Topics: []contact.Preference{{Topic: "Sports", Status: contact.OptOut}, {Topic: "Cycling", Status: contact.OptOut}}}},
		{"the page: everything", "POST", "good", formType, "do=leave&shown=Sports&topic=Sports", 200, "You get no more mail of this list.", []string{"choose"}, &contact.Choice{UnsubscribeAll: true}},
		{"nothing", "POST", "good", formType, "", 400, "Nothing was changed", nil, nil},
		{"another type", "POST", "good", "application/json", "{}", 400, "Nothing was changed", nil, nil},
		{"no type", "POST", "good", "", oneClick, 400, "Nothing was changed", nil, nil},
		{"too much", "POST", "good", formType, oneClick + "&x=" + strings.Repeat("x", 64<<10), 400, "Nothing was changed", nil, nil},
		{"a forged link", "GET", "bad", "", "", 404, "This link does not work", nil, nil},
		{"a forged link's button", "POST", "bad", formType, oneClick, 404, "This link does not work", nil, nil},
		{"no token", "GET", "", "", "", 404, "This link does not work", nil, nil},
		{"more than a token", "GET", "good/x", "", "", 404, "This link does not work", nil, nil},
		{"another method", "PUT", "good", "", "", 405, "This link does not work", nil, nil},
		{"a contact that is gone", "GET", "gone", "", "", 200, "You are not on this list", nil, nil},
		{"and its button, which is content", "POST", "gone", formType, oneClick, 200, "You are not on this list", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLists()
			res, body := ask(t, l, c.method, contact.Path+c.path, c.kind, c.body)
			if res.StatusCode != c.status || !strings.Contains(body, c.says) || c.method == "HEAD" && body != "" {
				t.Errorf("HTTP %d: %s", res.StatusCode, body)
			}
			if !reflect.DeepEqual(l.asked, c.asked) || !reflect.DeepEqual(l.last, c.choice) {
				t.Errorf("asked %q with %+v", l.asked, l.last)
			}
			if len(res.Cookies()) != 0 || res.Header.Get("Cache-Control") != "no-store" || !strings.Contains(res.Header.Get("Content-Security-Policy"), "default-src 'none'") {
				t.Errorf("%v", res.Header)
			}
		})
	}
}

// TestWhatThePageShows of a contact: what it gets now, and no more of the list than is for
// readers.
func TestWhatThePageShows(t *testing.T) {
	t.Parallel()
	const sports, cycling = `value="Sports" checked`, `value="Cycling" checked`
	for _, c := range []struct {
		name     string
		change   func(l *lists)
		has, not []string
	}{
		{"defaults", func(*lists) {}, []string{sports, "Sports &lt;Newsletter&gt;", "All about it", "you@<wbr>example.<wbr>net", "Unsubscribe from everything"}, []string{cycling, "not for readers"}},
		{"what it said", func(l *lists) { l.Preferences = []contact.Preference{{Topic: "Cycling", Status: contact.OptIn}} }, []string{sports, cycling}, nil},
		{"one that wants nothing", func(l *lists) { l.UnsubscribeAll = true }, []string{"you get nothing of this list", "Save"}, []string{sports, "Unsubscribe from"}},
		{"a list without topics", func(l *lists) { l.List.Topics = nil }, []string{"Unsubscribe?", "Unsubscribe from everything"}, []string{"Save", "fieldset>"}},
		{"and one that wants nothing of it", func(l *lists) { l.List.Topics, l.UnsubscribeAll = nil, true }, []string{"Subscribe again"}, []string{"Unsubscribe from"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			l := newLists()
			c.change(l)
			_, body := ask(t, l, "GET", contact.Path+"good", "", "")
			for _, s := range c.has {
				if !strings.Contains(body, s) {
					t.Errorf("no %s in\n%s", s, body)
				}
			}
			for _, s := range c.not {
				if strings.Contains(body, s) {
					t.Errorf("%s in\n%s", s, body)
				}
			}
		})
	}
}

// TestWhoWantsNothingStaysSo, unless it chooses a topic.
func TestWhoWantsNothingStaysSo(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{"do=save&shown=Sports": true, "do=save&shown=Sports&topic=Sports": false, "do=save": false} {
		l := newLists()
		l.UnsubscribeAll = true
		ask(t, l, "POST", contact.Path+"good", formType, body)
		if l.last == nil || l.last.UnsubscribeAll != want {
			t.Errorf("%s: %+v", body, l.last)
		}
	}
}

func TestADatabaseThatFails(t *testing.T) {
	t.Parallel()
	for method, body := range map[string]string{"GET": "", "POST": oneClick} {
		l := newLists()
		l.err = errors.New("secret")
		res, text := ask(t, l, method, contact.Path+"good", formType, body)
		if res.StatusCode != http.StatusServiceUnavailable || res.Header.Get("Retry-After") == "" || strings.Contains(text, "secret") {
			t.Errorf("%s: HTTP %d: %s", method, res.StatusCode, text)
		}
	}
}

func TestWhatComesOfARequestIsCounted(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		method, token, body string
		err                 error
		want                []string
	}{
		"the page":                 {"GET", "good", "", nil, []string{unsubscribe.Looked}},
		"HEAD, which says nothing": {"HEAD", "good", "", nil, nil},
		"the button":               {"POST", "good", oneClick, nil, []string{unsubscribe.Clicked}},
		"the form":                 {"POST", "good", "do=save", nil, []string{unsubscribe.Chosen}},
		"the form: everything":     {"POST", "good", "do=leave", nil, []string{unsubscribe.Chosen}},
		"an empty form":            {"POST", "good", "", nil, []string{unsubscribe.Unclear}},
		"a forged link":            {"GET", "bad", "", nil, []string{unsubscribe.Broken}},
		"more than a token":        {"GET", "good/x", "", nil, []string{unsubscribe.Broken}},
		"another method":           {"PUT", "good", "", nil, []string{unsubscribe.Broken}},
		"a contact that is gone":   {"POST", "gone", oneClick, nil, []string{unsubscribe.Gone}},
		"a database that fails":    {"POST", "good", oneClick, errors.New("no"), []string{unsubscribe.Failed}},
	} {
		l := newLists()
		l.err = c.err
		ask(t, l, c.method, contact.Path+c.token, formType, c.body)
		if !slices.Equal(l.came, c.want) || len(c.want) > 0 && !slices.Contains(unsubscribe.Results(), c.want[0]) {
			t.Errorf("%s: counted as %q, want %q", name, l.came, c.want)
		}
	}
}

// TestTheRoomForRequestsIsBounded: who finds none is told to come back.
func TestTheRoomForRequestsIsBounded(t *testing.T) {
	t.Parallel()
	const most = 32
	l := newLists()
	l.wait, l.there = make(chan struct{}), make(chan struct{})
	var busy atomic.Int64
	h := unsubscribe.New(l, slog.New(slog.DiscardHandler), func(result string) {
		if result == unsubscribe.Busy {
			busy.Add(1)
		}
	})
	get := func() int {
		rec := httptest.NewRecorder()
		h.ServeHTTP(rec, httptest.NewRequestWithContext(t.Context(), "GET", contact.Path+"good", nil))
		return rec.Code
	}
	var all sync.WaitGroup
	for range most {
		all.Go(func() {
			if code := get(); code != http.StatusOK {
				t.Errorf("HTTP %d", code)
			}
		})
		<-l.there
	}
	if code := get(); code != http.StatusServiceUnavailable || busy.Load() != 1 {
		t.Errorf("one more: HTTP %d, counted %d times", code, busy.Load())
	}
	close(l.wait)
	all.Wait()
}

func FuzzRequest(f *testing.F) {
	f.Add("good", formType, oneClick)
	f.Add("good", partType, "--b\r\nContent-Disposition: form-data; name=\"do\"\r\n\r\nleave\r\n--b--\r\n")
	f.Add("%00", "x", "do=save&shown=%ff&topic=%00")
	f.Fuzz(func(t *testing.T, token, kind, body string) {
		r := httptest.NewRequestWithContext(t.Context(), "POST", contact.Path, strings.NewReader(body))
		r.URL.Path += token
		r.Header.Set("Content-Type", kind)
		rec := httptest.NewRecorder()
		unsubscribe.New(newLists(), slog.New(slog.DiscardHandler), func(string) {}).ServeHTTP(rec, r)
		if rec.Code >= 500 {
			t.Errorf("HTTP %d: %s", rec.Code, rec.Body)
		}
	})
}
