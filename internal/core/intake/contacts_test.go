// SPDX-License-Identifier: Apache-2.0

package intake_test

import (
	"reflect"
	"regexp"
	"strings"
	"testing"

	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/event"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/testkit/storetest"
)

// newsletters is an account with a contact list that has a topic; out@example.net does not
// want that, and none@example.net nothing of the list.
type newsletters struct {
	*world
	db    *store.DB
	lists *contact.Lists
	hits  *listed
}

func newNewsletters(t *testing.T) *newsletters {
	t.Helper()
	n := &newsletters{world: &world{}, db: storetest.SQLite(t), hits: &listed{on: map[string]suppression.List{}}}
	n.lists = contact.New(contact.Options{
		DB: n.db, Clock: clock.NewFake(now).Now, Sign: keyring.Ephemeral(), MailDomain: "ses.example.net",
		Base: func(region string, _ configset.Set) string { return "https://r." + region + ".ses.example.net" },
	})
	must(t, n.lists.CreateList(ctx, contact.List{Scope: sc, Name: "News", Topics: []contact.Topic{{Name: "Sports", Default: contact.OptIn}}}))
	must(t, n.lists.Create(ctx, sc, "News", contact.Contact{Address: "out@example.net", Preferences: []contact.Preference{{Topic: "Sports", Status: contact.OptOut}}}))
	must(t, n.lists.Create(ctx, sc, "News", contact.Contact{Address: "none@example.net", UnsubscribeAll: true}))
	return n
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// accept sends and returns what was kept.
func (n *newsletters) accept(t testing.TB, s intake.Submission) *spool.Message {
	t.Helper()
	i := intake.New(intake.Options{
		Spool: n, Identities: n, Access: n, Quotas: n, Accounts: n, Settings: n, Suppressed: n.hits, Contacts: n.lists, ConfigSets: configSets{n.world},
		Clock: clock.NewFake(now).Now, Random: zeros{}, MAC: func(purpose string, data []byte) []byte { return []byte(purpose) },
	})
	if _, err := i.Accept(ctx, s); err != nil {
		t.Fatal(err)
	}
	return n.kept[len(n.kept)-1]
}

// toList sends to the list, by the parameter.
func toList(topic string) func(*intake.Submission) {
	return func(s *intake.Submission) { s.List = intake.List{Name: "News", Topic: topic} }
}

func TestUnsubscribedRecipientsAreFinalFromTheStart(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, header, topic string
		unwanted            []int
		reason              string
	}{
		{"a topic, by the parameter", "", "Sports", []int{1, 2}, "not subscribed to the topic Sports of the contact list News"},
		{"a topic, by the header", "X-SES-LIST-MANAGEMENT-OPTIONS: News; topic=Sports\n", "", []int{1, 2}, "not subscribed to the topic Sports of the contact list News"},
		{"the list in general", "X-SES-LIST-MANAGEMENT-OPTIONS: News\n", "", []int{2}, "not subscribed to the contact list News"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNewsletters(t)
			n.hits.on["none@example.net"] = suppression.AccountList // one fate is enough
			s := submission(c.header + "From: a@example.com\nTo: new@example.net, out@example.net, none@example.net\n\nhello\n")
			if c.topic != "" {
				toList(c.topic)(&s)
			}
			m := n.accept(t, s)
			want := []spool.Fate{{
				Recipients: c.unwanted, State: spool.Suppressed, Cause: "unsubscribed", Reason: c.reason, Event: event.Bounce,
				Detail: event.Detail{BounceType: "Permanent", BounceSubType: "UnsubscribedRecipient", Cause: "unsubscribed", Enhanced: "5.7.1",
					Reply: "Amazon SES did not send the message to this address because it has unsubscribed from the contact list."},
			}}
			if !reflect.DeepEqual(m.Fates, want) {
				t.Errorf("got  %+v\nwant %+v", m.Fates, want)
			}
			if len(m.Also) != 1 || strings.Contains(string(m.Content), "X-SES-") {
				t.Errorf("%d writes, and\n%s", len(m.Also), m.Content)
			}
			must(t, n.db.Write(ctx, m.Also[0]))
			if _, _, err := n.lists.Get(ctx, sc, "News", "new@example.net"); err != nil {
				t.Errorf("the new recipient is not on the list: %v", err)
			}
		})
	}
}

func TestListsThatAreNotThere(t *testing.T) {
	t.Parallel()
	n := newNewsletters(t)
	i := intake.New(intake.Options{Identities: n, Access: n, Accounts: n, Settings: n, Contacts: n.lists, ConfigSets: configSets{n.world}, Clock: clock.NewFake(now).Now})
	for header, want := range map[string]string{
		"Other":         "List with name: Other doesn't exist.",
		"News; topic=X": "List: News doesn't contain Topic: X",
		"; topic=X":     "ContactListName can't be blank.",
	} {
		_, err := i.Accept(ctx, submission("X-SES-LIST-MANAGEMENT-OPTIONS: "+header+"\n"+simple))
		if fault.PeerText(err) != want || n.reserved != 0 {
			t.Errorf("%s: %v", header, err)
		}
	}
}

const (
	ways = "List-Unsubscribe: <https://r.us-east-1.ses.example.net/unsubscribe/TOKEN>,\r\n <mailto:unsubscribe-TOKEN@ses.example.net?subject=unsubscribe>\r\n" +
		"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"
	own = "List-Unsubscribe: <https://example.com/mine>\r\nlist-unsubscribe-post: x\r\n"
)

var linkToken = regexp.MustCompile(`[a-z2-7]{52}`)

// TestTheWayOutOfAList is in the header section and in the text of mail to one recipient.
func TestTheWayOutOfAList(t *testing.T) {
	t.Parallel()
	const url, holder = "https://r.us-east-1.ses.example.net/unsubscribe/TOKEN", "{{amazonSESUnsubscribeUrl}}"
	for _, c := range []struct {
		name, header, body string
		toNoList           bool
		has, text          string
	}{
		{name: "the header fields take the place of the caller's, in any case", header: own, body: "hello", has: ways, text: "hello"},
		{name: "a link in the text, twice", body: holder + " " + holder, has: ways, text: url + " " + url},
		{name: "a third one stays", body: holder + " " + holder + " " + holder, has: ways, text: url + " " + url + " " + holder},
		{name: "several recipients", header: "Cc: c@example.net\r\n" + own, body: holder, has: own, text: holder},
		{name: "mail of no list", header: own, body: holder, toNoList: true, has: own, text: holder},
		{name: "mail that its sender has signed", header: own + "DKIM-Signature: v=1\r\n", body: holder, has: own, text: holder},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n := newNewsletters(t)
			s := submission(strings.ReplaceAll(c.header, "\r", "") + simple + c.body + "\n")
			if !c.toNoList {
				toList("Sports")(&s)
			}
			got := linkToken.ReplaceAllString(string(n.accept(t, s).Content), "TOKEN")
			if !strings.Contains(got, c.has) || !strings.HasSuffix(got, "\r\n"+c.text+"\r\n") || strings.Count(strings.ToLower(got), "list-unsubscribe:") != 1 {
				t.Errorf("%s", got)
			}
		})
	}
}

// TestEachTextHasItsOwnLinks: two in the text, and two in the HTML.
func TestEachTextHasItsOwnLinks(t *testing.T) {
	t.Parallel()
	n := newNewsletters(t)
	s := submission("From: a@example.com\nTo: b@example.net\nContent-Type: multipart/alternative; boundary=b\n\n" +
		"--b\n\n{{amazonSESUnsubscribeUrl}} {{amazonSESUnsubscribeUrl}}\n--b\nContent-Type: text/html\n\n" +
		"<a href=\"{{amazonSESUnsubscribeUrl}}\">Leave</a> <a href='{{amazonSESUnsubscribeUrl}}'>us</a>\n--b\nContent-Disposition: attachment\n\n{{amazonSESUnsubscribeUrl}}\n--b--\n")
	toList("")(&s)
	got := string(n.accept(t, s).Content)
	if strings.Count(got, "https://r.us-east-1.ses.example.net/unsubscribe/") != 5 || strings.Count(got, "{{amazonSESUnsubscribeUrl}}") != 1 {
		t.Errorf("%s", got)
	}
}
