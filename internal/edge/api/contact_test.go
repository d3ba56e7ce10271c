// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/spool"
)

// news is the guide's contact list.
func news() *sesv2.CreateContactListInput {
	return &sesv2.CreateContactListInput{
		ContactListName: aws.String("News"), Description: aws.String("Creating a contact list example"), Tags: []types.Tag{tag("team", "a")},
		Topics: []types.Topic{
			{TopicName: aws.String("Sports"), DisplayName: aws.String("Sports Newsletter"), Description: aws.String("Sports"), DefaultSubscriptionStatus: "OPT_OUT"},
			{TopicName: aws.String("Cycling"), DisplayName: aws.String("Cycling newsletter"), DefaultSubscriptionStatus: "OPT_IN"},
		},
	}
}

func preference(topic string, status types.SubscriptionStatus) types.TopicPreference {
	return types.TopicPreference{TopicName: &topic, SubscriptionStatus: status}
}

// said shows what a contact wants: "Sports+ Cycling-", with the defaults in parentheses.
func said(all bool, prefs, defaults []types.TopicPreference) string {
	var words []string
	if all {
		words = append(words, "none")
	}
	mark := map[types.SubscriptionStatus]string{"OPT_IN": "+", "OPT_OUT": "-"}
	for _, p := range prefs {
		words = append(words, *p.TopicName+mark[p.SubscriptionStatus])
	}
	for _, p := range defaults {
		words = append(words, "("+*p.TopicName+mark[p.SubscriptionStatus]+")")
	}
	return strings.Join(words, " ")
}

// TestTheGuidesContactList is the guide's way from an empty account to the mail that
// leaves.
func TestTheGuidesContactList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	_, err := c.CreateContactList(ctx, news())
	must(t, err)
	_, err = c.CreateContactList(ctx, news())
	wantRefusal(t, err, refusal{400, "BadRequestException", "A maximum of 1 Lists allowed per account."})

	data := `{"Name": "John", "Location": "Seattle"}`
	_, err = c.CreateContact(ctx, &sesv2.CreateContactInput{
		ContactListName: aws.String("News"), EmailAddress: aws.String("john+a@EXAMPLE.net"), AttributesData: &data,
		TopicPreferences: []types.TopicPreference{preference("Cycling", "OPT_OUT"), preference("Sports", "OPT_IN")},
	})
	must(t, err)
	w.clock.Advance(time.Minute)
	got, err := c.GetContact(ctx, &sesv2.GetContactInput{ContactListName: aws.String("News"), EmailAddress: aws.String("john+a@example.net")})
	must(t, err)
	if *got.ContactListName != "News" || *got.EmailAddress != "john+a@example.net" || *got.AttributesData != data ||
		said(got.UnsubscribeAll, got.TopicPreferences, got.TopicDefaultPreferences) != "Sports+ Cycling-" || got.CreatedTimestamp == nil || got.LastUpdatedTimestamp == nil {
		t.Errorf("%+v", got)
	}
	_, err = c.UpdateContact(ctx, &sesv2.UpdateContactInput{ContactListName: aws.String("News"), EmailAddress: aws.String("john+a@example.net"), UnsubscribeAll: true})
	must(t, err)
	got, err = c.GetContact(ctx, &sesv2.GetContactInput{ContactListName: aws.String("News"), EmailAddress: aws.String("john+a@example.net")})
	must(t, err)
	if got.AttributesData != nil || said(got.UnsubscribeAll, got.TopicPreferences, got.TopicDefaultPreferences) != "none Sports+ Cycling-" ||
		got.LastUpdatedTimestamp.Sub(*got.CreatedTimestamp) != time.Minute {
		t.Errorf("after the update: %+v", got)
	}

	// A message goes to who is new, who then is on the list, and bounces at who has left it.
	mail := plain(sender, "john+a@example.net", reader)
	mail.ListManagementOptions = &types.ListManagementOptions{ContactListName: aws.String("News"), TopicName: aws.String("Cycling")}
	sent, err := c.SendEmail(ctx, mail)
	must(t, err)
	if m := w.stored(t, *sent.MessageId); len(m.Fates) != 1 || m.Fates[0].Recipients[0] != 0 || m.Fates[0].State != spool.Suppressed || m.header.Get("List-Unsubscribe") != "" {
		t.Errorf("%+v", m.Fates)
	}
	mail.Destination.ToAddresses = []string{reader}
	sent, err = c.SendEmail(ctx, mail)
	must(t, err)
	if m := w.stored(t, *sent.MessageId); len(m.Fates) != 0 || m.header.Get("List-Unsubscribe-Post") != "List-Unsubscribe=One-Click" ||
		!strings.HasPrefix(m.header.Get("List-Unsubscribe"), "<https://"+serviceZone+"/unsubscribe/") {
		t.Errorf("%+v\n%s", m.Fates, m.Content)
	}
	mail.ListManagementOptions.TopicName = aws.String("None")
	_, err = c.SendEmail(ctx, mail)
	wantRefusal(t, err, refusal{400, "BadRequestException", "List: News doesn't contain Topic: None"})

	list, err := c.ListContacts(ctx, &sesv2.ListContactsInput{ContactListName: aws.String("News"), PageSize: aws.Int32(50), Filter: &types.ListContactsFilter{
		FilteredStatus: "OPT_IN", TopicFilter: &types.TopicFilter{TopicName: aws.String("Cycling"), UseDefaultIfPreferenceUnavailable: true},
	}})
	must(t, err)
	if len(list.Contacts) != 1 || *list.Contacts[0].EmailAddress != reader || list.NextToken != nil ||
		said(list.Contacts[0].UnsubscribeAll, list.Contacts[0].TopicPreferences, list.Contacts[0].TopicDefaultPreferences) != "(Sports-) (Cycling+)" {
		t.Errorf("%+v", list)
	}
	_, err = c.DeleteContact(ctx, &sesv2.DeleteContactInput{ContactListName: aws.String("News"), EmailAddress: aws.String(reader)})
	must(t, err)
	_, err = c.DeleteContactList(ctx, &sesv2.DeleteContactListInput{ContactListName: aws.String("News")})
	must(t, err)
	_, err = c.GetContactList(ctx, &sesv2.GetContactListInput{ContactListName: aws.String("News")})
	wantRefusal(t, err, refusal{404, "NotFoundException", "List with name: News doesn't exist."})
}

// TestContactsComeInPages, by the path of today's clients and by that of older ones.
func TestContactsComeInPages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c := t.Context(), w.sesv2Client(tester())
	_, err := c.CreateContactList(ctx, news())
	must(t, err)
	var want []string
	for n := range 5 {
		want = append(want, fmt.Sprintf("a%d@example.net", n))
		_, err := c.CreateContact(ctx, &sesv2.CreateContactInput{ContactListName: aws.String("News"), EmailAddress: aws.String(want[n])})
		must(t, err)
	}
	var got []string
	for p := sesv2.NewListContactsPaginator(c, &sesv2.ListContactsInput{ContactListName: aws.String("News"), PageSize: aws.Int32(2)}); p.HasMorePages(); {
		out, err := p.NextPage(ctx)
		must(t, err)
		for _, x := range out.Contacts {
			got = append(got, *x.EmailAddress)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s", got)
	}

	var page struct {
		Contacts  []struct{ EmailAddress string }
		NextToken string
	}
	old := w.do(t, call{method: http.MethodGet, target: "/v2/email/contact-lists/News/contacts?PageSize=2"})
	if err := json.Unmarshal([]byte(old.body), &page); err != nil || len(page.Contacts) != 2 || page.NextToken == "" {
		t.Errorf("HTTP %d: %s", old.status, old.body)
	}
	if bare := w.do(t, call{method: http.MethodPost, target: "/v2/email/contact-lists/News/contacts/list"}); bare.status != 200 || strings.Count(bare.body, "EmailAddress") != 5 {
		t.Errorf("without a body: HTTP %d: %s", bare.status, bare.body)
	}
	_, err = c.ListContacts(ctx, &sesv2.ListContactsInput{ContactListName: aws.String("News"), PageSize: aws.Int32(1001)})
	wantRefusal(t, err, refusal{400, "BadRequestException", "Value 1001 for parameter PageSize is invalid. PageSize must be between 1 and 1000."})
	_, err = c.ListContacts(ctx, &sesv2.ListContactsInput{ContactListName: aws.String("News"), NextToken: aws.String("x")})
	wantRefusal(t, err, refusal{400, "BadRequestException", "Invalid NextToken <x>."})
}

// TestContactsAreCheckedInSESsOrder: what is no value of an enumeration, the address, the
// list, its topics.
func TestContactsAreCheckedInSESsOrder(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.sesv2Client(tester()).CreateContactList(t.Context(), news())
	must(t, err)
	for _, c := range []struct{ name, list, body, text string }{
		{"a status that is none", "Gone", `{"EmailAddress":"x","TopicPreferences":[{"TopicName":"None","SubscriptionStatus":"X"}]}`, "Member must satisfy enum value set: [OPT_OUT, OPT_IN]"},
		{"an address that is none", "Gone", `{"EmailAddress":"x","TopicPreferences":[{"TopicName":"None","SubscriptionStatus":"OPT_IN"}]}`, "EmailAddress <x> is invalid"},
		{"a list that is not there", "Gone", `{"EmailAddress":"a@b.example","TopicPreferences":[{"TopicName":"None","SubscriptionStatus":"OPT_IN"}]}`, "List with name: Gone doesn't exist."},
		{"a topic that is not there", "News", `{"EmailAddress":"a@b.example","TopicPreferences":[{"TopicName":"None","SubscriptionStatus":"OPT_IN"}]}`, "List: News doesn't contain Topic: None"},
	} {
		got := w.do(t, call{method: http.MethodPost, target: "/v2/email/contact-lists/" + c.list + "/contacts", body: c.body, header: http.Header{"Content-Type": {"application/json"}}})
		if !strings.HasSuffix(got.text(), c.text) {
			t.Errorf("%s: %s", c.name, got.body)
		}
	}
}

// TestTerraformsContactList makes the calls of aws_sesv2_contact_list.
func TestTerraformsContactList(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, c, name := t.Context(), w.sesv2Client(tester()), aws.String("tf")
	arn := aws.String(home.ARN("contact-list/tf"))
	read := func() state {
		out, err := c.GetContactList(ctx, &sesv2.GetContactListInput{ContactListName: name})
		must(t, err)
		s := state{"contact_list_name": *out.ContactListName}
		s.set("description", aws.ToString(out.Description))
		for i, topic := range out.Topics {
			s[fmt.Sprint("topic.", i)] = *topic.TopicName + " " + *topic.DisplayName + " " + aws.ToString(topic.Description) + " " + string(topic.DefaultSubscriptionStatus)
		}
		tags, err := c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: arn})
		must(t, err)
		for _, tag := range tags.Tags {
			s["tags."+*tag.Key] = *tag.Value
		}
		return s
	}
	ignore := func(_ any, err error) error { return err }
	topic := func(n string, status types.SubscriptionStatus) types.Topic {
		return types.Topic{TopicName: aws.String(n), DisplayName: aws.String("The " + n), Description: aws.String(""), DefaultSubscriptionStatus: status}
	}
	apply(t, state{}, read,
		step{"create", func() error {
			return ignore(c.CreateContactList(ctx, &sesv2.CreateContactListInput{ContactListName: name, Tags: []types.Tag{tag("a", "1")}}))
		}, state{"contact_list_name": "tf", "tags.a": "1"}},
		step{"description and topics", func() error {
			return ignore(c.UpdateContactList(ctx, &sesv2.UpdateContactListInput{ContactListName: name, Description: aws.String("A list"), Topics: []types.Topic{topic("b", "OPT_IN"), topic("a", "OPT_OUT")}}))
		}, state{"description": "A list", "topic.0": "b The b  OPT_IN", "topic.1": "a The a  OPT_OUT"}},
		step{"no description, another topic", func() error {
			return ignore(c.UpdateContactList(ctx, &sesv2.UpdateContactListInput{ContactListName: name, Description: aws.String(""), Topics: []types.Topic{topic("c", "OPT_IN")}}))
		}, state{"description": "", "topic.0": "c The c  OPT_IN", "topic.1": ""}},
		step{"no topics", func() error {
			return ignore(c.UpdateContactList(ctx, &sesv2.UpdateContactListInput{ContactListName: name, Topics: []types.Topic{}}))
		}, state{"topic.0": ""}},
		step{"tags", func() error {
			return ignore(c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("a", "2"), tag("b", "3")}}))
		}, state{"tags.a": "2", "tags.b": "3"}},
		step{"untag", func() error {
			return ignore(c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}}))
		}, state{"tags.a": ""}},
	)
	_, err := c.DeleteContactList(ctx, &sesv2.DeleteContactListInput{ContactListName: name})
	must(t, err)
	_, err = c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: arn})
	isA[*types.NotFoundException](t, err)
}
