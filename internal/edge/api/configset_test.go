// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/identity"
	"sesame/internal/core/setting"
)

const (
	eventTopic  = "arn:aws:sns:us-east-1:123456789012:events"
	eventStream = "arn:aws:firehose:us-east-1:123456789012:deliverystream/events"
	eventRole   = "arn:aws:iam::123456789012:role/events"
	eventBus    = "arn:aws:events:us-east-1:123456789012:event-bus/default"
	eventApp    = "arn:aws:mobiletargeting:us-east-1:123456789012:apps/0123456789abcdef"
)

// getSet is GetConfigurationSet.
func getSet(t testing.TB, c *sesv2.Client, name string) *sesv2.GetConfigurationSetOutput {
	t.Helper()
	out, err := c.GetConfigurationSet(t.Context(), &sesv2.GetConfigurationSetInput{ConfigurationSetName: &name})
	must(t, err)
	return out
}

// bodyOf makes a call by hand and gives its JSON.
func (w *world) bodyOf(t *testing.T, method, target, body string) string {
	t.Helper()
	a := w.do(t, call{method: method, target: target, body: body, header: http.Header{"Content-Type": {"application/json"}}})
	if a.status != http.StatusOK {
		t.Fatalf("%s %s: %d %s", method, target, a.status, a.body)
	}
	return a.body
}

// sorted is a JSON text with the members of its objects in the order of their names.
func sorted(t *testing.T, text string) string {
	t.Helper()
	var v any
	must(t, json.Unmarshal([]byte(text), &v))
	return asJSON(t, v)
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}

// set sets a member of an input, if it has it.
func set(in any, member string, value any) {
	if f := reflect.ValueOf(in).Elem().FieldByName(member); f.IsValid() && reflect.TypeOf(value).AssignableTo(f.Type()) {
		f.Set(reflect.ValueOf(value))
	}
}

// TestTheJSONOfASet has what is in an answer, and what is not: a block that was never
// given is left out, and one that was given empty is there.
func TestTheJSONOfASet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, err := w.identities.Create(t.Context(), home, "example.org", identity.Settings{})
	must(t, err)
	for name, c := range map[string]struct{ body, want string }{
		"a bare one": {`{"ConfigurationSetName":"NAME"}`,
			`{"ConfigurationSetName":"NAME","ReputationOptions":{"ReputationMetricsEnabled":true},"SendingOptions":{"SendingEnabled":true},"Tags":[]}`},
		"blocks without their only member say no": {`{"ConfigurationSetName":"NAME","ReputationOptions":{},"SendingOptions":{}}`,
			`{"ConfigurationSetName":"NAME","ReputationOptions":{"ReputationMetricsEnabled":false},"SendingOptions":{"SendingEnabled":false},"Tags":[]}`},
		"no suppression, which is not the account's": {`{"ConfigurationSetName":"NAME","SuppressionOptions":{"SuppressedReasons":[]}}`,
			`{"ConfigurationSetName":"NAME","ReputationOptions":{"ReputationMetricsEnabled":true},"SendingOptions":{"SendingEnabled":true},` +
				`"SuppressionOptions":{"SuppressedReasons":[]},"Tags":[]}`},
		"the account's suppression": {`{"ConfigurationSetName":"NAME","SuppressionOptions":{"SuppressionScope":"ACCOUNT"}}`,
			`{"ConfigurationSetName":"NAME","ReputationOptions":{"ReputationMetricsEnabled":true},"SendingOptions":{"SendingEnabled":true},"Tags":[]}`},
		"everything": {`{"ConfigurationSetName":"NAME","TrackingOptions":{"CustomRedirectDomain":"click.example.org","HttpsPolicy":"REQUIRE"},` +
			`"DeliveryOptions":{"TlsPolicy":"REQUIRE","SendingPoolName":"ses-shared-pool","MaxDeliverySeconds":300},` +
			`"ReputationOptions":{"ReputationMetricsEnabled":false,"LastFreshStart":1700000000},"SendingOptions":{"SendingEnabled":true},` +
			`"Tags":[{"Key":"k","Value":"v"}],"SuppressionOptions":{"SuppressedReasons":["COMPLAINT","BOUNCE"]},` +
			`"VdmOptions":{"DashboardOptions":{"EngagementMetrics":"ENABLED"},"GuardianOptions":{"OptimizedSharedDelivery":"DISABLED"}},` +
			`"ArchivingOptions":{"ArchiveArn":"arn:aws:ses:us-east-1:123456789012:mailmanager-archive/a-0123456789abcdefghijklmn"}}`,
			`{"ArchivingOptions":{"ArchiveArn":"arn:aws:ses:us-east-1:123456789012:mailmanager-archive/a-0123456789abcdefghijklmn"},"ConfigurationSetName":"NAME",` +
				`"DeliveryOptions":{"MaxDeliverySeconds":300,"SendingPoolName":"ses-shared-pool","TlsPolicy":"REQUIRE"},` +
				`"ReputationOptions":{"LastFreshStart":1700000000,"ReputationMetricsEnabled":false},"SendingOptions":{"SendingEnabled":true},` +
				`"SuppressionOptions":{"SuppressedReasons":["COMPLAINT","BOUNCE"]},"Tags":[{"Key":"k","Value":"v"}],` +
				`"TrackingOptions":{"CustomRedirectDomain":"click.example.org","HttpsPolicy":"REQUIRE"},` +
				`"VdmOptions":{"DashboardOptions":{"EngagementMetrics":"ENABLED"},"GuardianOptions":{"OptimizedSharedDelivery":"DISABLED"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			name := strings.Map(func(r rune) rune {
				if r == ' ' || r == ',' || r == '\'' {
					return '_'
				}
				return r
			}, name)
			w.bodyOf(t, "POST", "/v2/email/configuration-sets", strings.Replace(c.body, "NAME", name, 1))
			if got, want := sorted(t, w.bodyOf(t, "GET", "/v2/email/configuration-sets/"+name, "")), strings.Replace(c.want, "NAME", name, 1); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

// TestWhatASetCantBe has the refusals of version 2, none of which makes or changes a set.
func TestWhatASetCantBe(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	bad := func(text string) refusal { return refusal{400, "BadRequestException", text} }
	unbuilt := func(text string) refusal { return refusal{501, "NotImplementedException", text} }
	enum := func(member, values string) refusal {
		return bad("1 validation error detected: Value at '" + member + "' failed to satisfy constraint: Member must satisfy enum value set: [" + values + "]")
	}
	for name, c := range map[string]struct {
		method, target, body string
		want                 refusal
	}{
		"no name":                          {"POST", "", `{"ConfigurationSetName":""}`, bad("The configuration set name must be specified.")},
		"an odd name":                      {"POST", "", `{"ConfigurationSetName":"a b"}`, bad("Invalid configuration set name <a b>: only alphanumeric ASCII characters, '_', and '-' are allowed.")},
		"a long name":                      {"GET", "/" + strings.Repeat("n", 65), "", bad("Configuration set name cannot exceed 64 characters.")},
		"a name that is taken":             {"POST", "", `{"ConfigurationSetName":"one"}`, refusal{400, "AlreadyExistsException", "Configuration set <one> already exists."}},
		"a tag that is none":               {"POST", "", `{"ConfigurationSetName":"x","Tags":[{"Key":"a;b","Value":""}]}`, bad("Tags can only contain letters, numbers, spaces, and the following special characters: _ . : / = + - @")},
		"a reason that is none":            {"PUT", "/one/suppression-options", `{"SuppressedReasons":["SPAM"]}`, bad("Reason SPAM is invalid, must be one of [BOUNCE, COMPLAINT].")},
		"a reason, of a new set":           {"POST", "", `{"ConfigurationSetName":"x","SuppressionOptions":{"SuppressedReasons":["SPAM"]}}`, bad("1 validation error detected: Value at 'suppressionOptions.suppressedReasons' failed to satisfy constraint: Member must satisfy constraint: [Member must satisfy enum value set: [BOUNCE, COMPLAINT]]")},
		"a tenant's suppression":           {"PUT", "/one/suppression-options", `{"SuppressionScope":"TENANT"}`, unbuilt("The suppression scope TENANT is not implemented by this server.")},
		"address validation":               {"PUT", "/one/suppression-options", `{"ValidationOptions":{"ConditionThreshold":{"ConditionThresholdEnabled":"ENABLED"}}}`, unbuilt("The validation of addresses is not implemented by this server.")},
		"S/MIME":                           {"POST", "/../update-configuration-sets", `{"ConfigurationSetName":"one","MessageSecurityOptions":{"SigningScheme":{"SmimeScheme":{"SignatureFormat":"DETACHED"}}}}`, unbuilt("The S/MIME signing scheme is not implemented by this server.")},
		"a domain of others":               {"PUT", "/one/tracking-options", `{"CustomRedirectDomain":"example.net"}`, bad("Domain <example.net> is not verified under this account.")},
		"an empty domain":                  {"PUT", "/one/tracking-options", `{"CustomRedirectDomain":" "}`, bad("CustomRedirectDomain must be specified.")},
		"a policy and no domain":           {"PUT", "/one/tracking-options", `{"HttpsPolicy":"REQUIRE"}`, bad("CustomRedirectDomain must be specified.")},
		"a policy that is none":            {"PUT", "/one/tracking-options", `{"CustomRedirectDomain":"example.net","HttpsPolicy":"always"}`, enum("httpsPolicy", "OPTIONAL, REQUIRE, REQUIRE_OPEN_ONLY")},
		"version 1's TLS policy":           {"PUT", "/one/delivery-options", `{"TlsPolicy":"Require"}`, enum("tlsPolicy", "OPTIONAL, REQUIRE")},
		"an empty pool":                    {"PUT", "/one/delivery-options", `{"SendingPoolName":""}`, bad("sendingPoolName can't be blank.")},
		"a pool that is none":              {"PUT", "/one/delivery-options", `{"SendingPoolName":"mine"}`, bad("SendingPool <mine> doesn't exist")},
		"too little time":                  {"PUT", "/one/delivery-options", `{"MaxDeliverySeconds":299}`, bad("1 validation error detected: Value at 'maxDeliverySeconds' failed to satisfy constraint: Member must have value greater than or equal to 300")},
		"too much time":                    {"PUT", "/one/delivery-options", `{"MaxDeliverySeconds":50401}`, bad("1 validation error detected: Value at 'maxDeliverySeconds' failed to satisfy constraint: Member must have value less than or equal to 50400")},
		"a status that is none":            {"PUT", "/one/vdm-options", `{"VdmOptions":{"DashboardOptions":{"EngagementMetrics":"ON"}}}`, enum("vdmOptions.dashboardOptions.engagementMetrics", "ENABLED, DISABLED")},
		"no events":                        {"POST", "/one/event-destinations", `{"EventDestinationName":"d","EventDestination":{"MatchingEventTypes":[],"SnsDestination":{"TopicArn":"` + eventTopic + `"}}}`, bad("At least one event type must be specified.")},
		"an event that is none":            {"POST", "/one/event-destinations", `{"EventDestinationName":"d","EventDestination":{"MatchingEventTypes":["sent"],"SnsDestination":{"TopicArn":"` + eventTopic + `"}}}`, refusal{400, "BadRequestException", ""}},
		"no destination":                   {"POST", "/one/event-destinations", `{"EventDestinationName":"d","EventDestination":{"MatchingEventTypes":["SEND"]}}`, bad("Event destination is not provided.")},
		"an application that is none":      {"POST", "/one/event-destinations", `{"EventDestinationName":"d","EventDestination":{"MatchingEventTypes":["SEND"],"PinpointDestination":{}}}`, bad("Invalid Pinpoint application ARN provided: null.")},
		"an account's status that is none": {"PUT", "/../account/vdm", `{"VdmAttributes":{"VdmEnabled":"MAYBE"}}`, refusal{400, "BadRequestException", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			target := strings.Replace("/v2/email/configuration-sets"+c.target, "/configuration-sets/..", "", 1)
			a := w.do(t, call{method: c.method, target: target, body: c.body, header: http.Header{"Content-Type": {"application/json"}}})
			if got := (refusal{a.status, a.code(), a.text()}); got != c.want && (c.want.text != "" || got.status != c.want.status || got.code != c.want.code || got.text == "") {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
		})
	}
	list, err := w.sesv2Client(tester()).ListConfigurationSets(t.Context(), nil)
	must(t, err)
	if got := show(getSet(t, w.sesv2Client(tester()), "one")); len(list.ConfigurationSets) != 2 || strings.Contains(got, "example") {
		t.Errorf("something was made or changed: %v, %s", list.ConfigurationSets, got)
	}
}

// TestSetsThatAreNotThere has every operation of version 2 refuse a set that does not
// exist, by the SDK's type.
func TestSetsThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	all, err := services()
	must(t, err)
	c := w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked))
	gone, d := aws.String("gone"), aws.String("d")
	definition := &types.EventDestinationDefinition{MatchingEventTypes: []types.EventType{"SEND"}, SnsDestination: &types.SnsDestination{TopicArn: aws.String(eventTopic)}}
	for _, op := range all[1].Operations() {
		if op.Name == "CreateConfigurationSet" || op.Name == "ListConfigurationSets" || !strings.Contains(op.Name, "ConfigurationSet") || strings.Contains(op.Name, "Identity") {
			continue
		}
		t.Run(op.Name, func(t *testing.T) {
			in := op.NewInput()
			set(in, "ConfigurationSetName", gone)
			set(in, "EventDestinationName", d)
			set(in, "EventDestination", definition)
			err := invoke(t.Context(), c, op.Name, in)
			wantRefusal(t, err, refusal{404, "NotFoundException", "Configuration set <gone> does not exist."})
			isA[*types.NotFoundException](t, err)
		})
	}
	_, err = c.ListTagsForResource(t.Context(), &sesv2.ListTagsForResourceInput{ResourceArn: aws.String(home.ARN("configuration-set/gone"))})
	isA[*types.NotFoundException](t, err)
}

// TestErrorsOfSetsInVersion1 has each error that the operations of version 1 declare, by
// the SDK's type and with its members.
func TestErrorsOfSetsInVersion1(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, c := t.Context(), w.sesClient(tester())
	_, err := w.identities.Create(ctx, home, "example.org", identity.Settings{})
	must(t, err)
	one, gone, name := aws.String("one"), aws.String("gone"), aws.String("d")
	destination := func(change func(*sestypes.EventDestination)) *sestypes.EventDestination {
		d := &sestypes.EventDestination{Name: name, MatchingEventTypes: []sestypes.EventType{"send"}}
		change(d)
		return d
	}
	topic := func(arn string) *sestypes.EventDestination {
		return destination(func(d *sestypes.EventDestination) { d.SNSDestination = &sestypes.SNSDestination{TopicARN: &arn} })
	}
	create := func(set *string, d *sestypes.EventDestination) error {
		_, err := c.CreateConfigurationSetEventDestination(ctx, &ses.CreateConfigurationSetEventDestinationInput{ConfigurationSetName: set, EventDestination: d})
		return err
	}
	track := func(set *string, domain string) error {
		_, err := c.CreateConfigurationSetTrackingOptions(ctx, &ses.CreateConfigurationSetTrackingOptionsInput{ConfigurationSetName: set, TrackingOptions: &sestypes.TrackingOptions{CustomRedirectDomain: &domain}})
		return err
	}

	_, err = c.CreateConfigurationSet(ctx, &ses.CreateConfigurationSetInput{ConfigurationSet: &sestypes.ConfigurationSet{Name: one}})
	wantRefusal(t, err, refusal{400, "ConfigurationSetAlreadyExists", "Configuration set <one> already exists."})
	isA[*sestypes.ConfigurationSetAlreadyExistsException](t, err)
	_, err = c.CreateConfigurationSet(ctx, &ses.CreateConfigurationSetInput{ConfigurationSet: &sestypes.ConfigurationSet{Name: aws.String("a.b")}})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Invalid configuration set name <a.b>: only alphanumeric ASCII characters, '_', and '-' are allowed."})

	must(t, create(one, topic(eventTopic)))
	err = create(one, topic(eventTopic))
	wantRefusal(t, err, refusal{400, "EventDestinationAlreadyExists", "An event destination with name <d> already exists for configuration set <one>."})
	isA[*sestypes.EventDestinationAlreadyExistsException](t, err)
	err = create(one, topic("x"))
	wantRefusal(t, err, refusal{400, "InvalidSNSDestination", ""})
	isA[*sestypes.InvalidSNSDestinationException](t, err)
	err = create(one, destination(func(d *sestypes.EventDestination) {
		d.KinesisFirehoseDestination = &sestypes.KinesisFirehoseDestination{DeliveryStreamARN: aws.String("x"), IAMRoleARN: aws.String("y")}
	}))
	wantRefusal(t, err, refusal{400, "InvalidFirehoseDestination", ""})
	isA[*sestypes.InvalidFirehoseDestinationException](t, err)
	err = create(one, destination(func(d *sestypes.EventDestination) {
		d.CloudWatchDestination = &sestypes.CloudWatchDestination{DimensionConfigurations: []sestypes.CloudWatchDimensionConfiguration{
			{DimensionName: aws.String("a b"), DimensionValueSource: "messageTag", DefaultDimensionValue: aws.String("x")},
		}}
	}))
	wantRefusal(t, err, refusal{400, "InvalidCloudWatchDestination", ""})
	isA[*sestypes.InvalidCloudWatchDestinationException](t, err)
	_, err = c.DeleteConfigurationSetEventDestination(ctx, &ses.DeleteConfigurationSetEventDestinationInput{ConfigurationSetName: one, EventDestinationName: gone})
	wantRefusal(t, err, refusal{400, "EventDestinationDoesNotExist", "An event destination with name <gone> does not exist for configuration set <one>."})
	isA[*sestypes.EventDestinationDoesNotExistException](t, err)

	err = track(gone, "example.net") // the domain is looked at first
	wantRefusal(t, err, refusal{400, "InvalidTrackingOptions", "Domain <example.net> is not verified under this account."})
	isA[*sestypes.InvalidTrackingOptionsException](t, err)
	wantRefusal(t, track(one, ""), refusal{400, "InvalidTrackingOptions", "At least one field of TrackingOptions must contain a value."})
	_, err = c.DeleteConfigurationSetTrackingOptions(ctx, &ses.DeleteConfigurationSetTrackingOptionsInput{ConfigurationSetName: one})
	wantRefusal(t, err, refusal{400, "TrackingOptionsDoesNotExistException", "There are no tracking options for configuration set <one>"})
	isA[*sestypes.TrackingOptionsDoesNotExistException](t, err)
	must(t, track(one, "example.org"))
	err = track(one, "example.org")
	wantRefusal(t, err, refusal{400, "TrackingOptionsAlreadyExistsException", "Configuration set <one> already has tracking options."})
	isA[*sestypes.TrackingOptionsAlreadyExistsException](t, err)

	_, err = c.PutConfigurationSetDeliveryOptions(ctx, &ses.PutConfigurationSetDeliveryOptionsInput{ConfigurationSetName: one, DeliveryOptions: &sestypes.DeliveryOptions{TlsPolicy: "REQUIRE"}})
	wantRefusal(t, err, refusal{400, "ValidationError",
		"1 validation error detected: Value at 'deliveryOptions.tlsPolicy' failed to satisfy constraint: Member must satisfy enum value set: [Optional, Require]"})

	all, err := services()
	must(t, err)
	for _, op := range all[0].Operations() { // a set that does not exist
		if op.Name == "CreateConfigurationSet" || op.Name == "ListConfigurationSets" || !strings.Contains(op.Name, "ConfigurationSet") {
			continue
		}
		in := op.NewInput()
		set(in, "ConfigurationSetName", gone)
		set(in, "EventDestinationName", name)
		set(in, "EventDestination", topic(eventTopic))
		set(in, "TrackingOptions", &sestypes.TrackingOptions{CustomRedirectDomain: aws.String("example.org")})
		set(in, "DeliveryOptions", &sestypes.DeliveryOptions{})
		err := invoke(ctx, c, op.Name, in)
		wantRefusal(t, err, refusal{400, "ConfigurationSetDoesNotExist", "Configuration set <gone> does not exist."})
		isA[*sestypes.ConfigurationSetDoesNotExistException](t, err)
	}
}

// TestBothVersionsHaveTheSameSets describes in one what the other has made.
func TestBothVersionsHaveTheSameSets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx, one, two, name := t.Context(), w.sesClient(tester()), w.sesv2Client(tester()), aws.String("s")
	_, err := one.CreateConfigurationSet(ctx, &ses.CreateConfigurationSetInput{ConfigurationSet: &sestypes.ConfigurationSet{Name: name}})
	must(t, err)
	if got := getSet(t, two, "s"); got.ReputationOptions.ReputationMetricsEnabled || !got.SendingOptions.SendingEnabled || got.DeliveryOptions != nil {
		t.Errorf("a set of version 1: %s", show(got))
	}
	describe := func(attributes ...sestypes.ConfigurationSetAttribute) string {
		t.Helper()
		out, err := one.DescribeConfigurationSet(ctx, &ses.DescribeConfigurationSetInput{ConfigurationSetName: name, ConfigurationSetAttributeNames: attributes})
		must(t, err)
		return asJSON(t, out.ReputationOptions) + asJSON(t, out.TrackingOptions) + asJSON(t, out.DeliveryOptions) + asJSON(t, out.EventDestinations)
	}
	const none = "null"
	if got, want := describe(), `{"LastFreshStart":null,"ReputationMetricsEnabled":false,"SendingEnabled":true}`+none+none+none; got != want {
		t.Errorf("asked for nothing: %s", got)
	}
	if got, want := describe("deliveryOptions", "trackingOptions"), none+none+none+none; got != want {
		t.Errorf("nothing to tell: %s", got)
	}
	_, err = two.PutConfigurationSetDeliveryOptions(ctx, &sesv2.PutConfigurationSetDeliveryOptionsInput{ConfigurationSetName: name, TlsPolicy: types.TlsPolicyRequire, MaxDeliverySeconds: aws.Int64(600)})
	must(t, err)
	if got, want := describe("deliveryOptions"), none+none+`{"TlsPolicy":"Require"}`+none; got != want {
		t.Errorf("TLS of version 2: %s", got)
	}
	_, err = one.PutConfigurationSetDeliveryOptions(ctx, &ses.PutConfigurationSetDeliveryOptionsInput{ConfigurationSetName: name, DeliveryOptions: &sestypes.DeliveryOptions{TlsPolicy: sestypes.TlsPolicyOptional}})
	must(t, err)
	if got := getSet(t, two, "s").DeliveryOptions; got.TlsPolicy != types.TlsPolicyOptional || aws.ToInt64(got.MaxDeliverySeconds) != 600 {
		t.Errorf("TLS of version 1: %s", show(got))
	}
	_, err = two.CreateConfigurationSetEventDestination(ctx, &sesv2.CreateConfigurationSetEventDestinationInput{
		ConfigurationSetName: name, EventDestinationName: aws.String("d"), EventDestination: &types.EventDestinationDefinition{
			Enabled: true, MatchingEventTypes: []types.EventType{"RENDERING_FAILURE", "DELIVERY_DELAY"}, EventBridgeDestination: &types.EventBridgeDestination{EventBusArn: aws.String(eventBus)},
		},
	})
	must(t, err)
	if got, want := describe("eventDestinations"), none+none+none+
		`[{"MatchingEventTypes":["renderingFailure","deliveryDelay"],"Name":"d","CloudWatchDestination":null,"Enabled":true,"KinesisFirehoseDestination":null,"SNSDestination":null}]`; got != want {
		t.Errorf("a destination that version 1 does not know: %s", got)
	}
	// Going on after a pause is a fresh start, in either.
	for _, on := range []bool{false, true} {
		_, err = one.UpdateConfigurationSetSendingEnabled(ctx, &ses.UpdateConfigurationSetSendingEnabledInput{ConfigurationSetName: name, Enabled: on})
		must(t, err)
	}
	if got := getSet(t, two, "s").ReputationOptions.LastFreshStart; got == nil || got.Sub(w.clock.Now()).Abs() > time.Second {
		t.Errorf("a fresh start at %v", got)
	}
}

func TestListsOfSets(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.sets = []string{"mail-c", "news", "mail-a", "mail-b"} })
	ctx, one, two := t.Context(), w.sesClient(tester()), w.sesv2Client(tester())
	var got []string
	pages := sesv2.NewListConfigurationSetsPaginator(two, &sesv2.ListConfigurationSetsInput{PageSize: aws.Int32(3)})
	var token *string
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		must(t, err)
		got = append(got, page.ConfigurationSets...)
		if page.NextToken != nil {
			token = page.NextToken
		}
	}
	if strings.Join(got, " ") != "mail-a mail-b mail-c news" {
		t.Errorf("pages of version 2: %v", got)
	}
	rest, err := one.ListConfigurationSets(ctx, &ses.ListConfigurationSetsInput{NextToken: token})
	must(t, err)
	if len(rest.ConfigurationSets) != 1 || *rest.ConfigurationSets[0].Name != "news" || rest.NextToken != nil {
		t.Errorf("the other version's token: %s", show(rest.ConfigurationSets))
	}
	some, err := two.ListConfigurationSets(ctx, &sesv2.ListConfigurationSetsInput{Filter: map[string]string{"CONFIGURATION_SET_NAME_CONTAINS": "ail-"}, PageSize: aws.Int32(2)})
	must(t, err)
	if strings.Join(some.ConfigurationSets, " ") != "mail-a mail-b" || some.NextToken == nil {
		t.Errorf("a filter: %v", some.ConfigurationSets)
	}
	for _, size := range []int32{0, 1001} {
		_, err = two.ListConfigurationSets(ctx, &sesv2.ListConfigurationSetsInput{PageSize: aws.Int32(size)})
		wantRefusal(t, err, refusal{400, "BadRequestException", "The page size must be between 1 and 1000"})
		whole, err := one.ListConfigurationSets(ctx, &ses.ListConfigurationSetsInput{MaxItems: aws.Int32(size)})
		must(t, err)
		if len(whole.ConfigurationSets) != 4 {
			t.Errorf("%d of version 1: %s", size, show(whole.ConfigurationSets))
		}
	}
	for filter, want := range map[string]string{"MAIL-A": "mail-a", "": "mail-a mail-b mail-c news", " mail": ""} {
		some, err := two.ListConfigurationSets(ctx, &sesv2.ListConfigurationSetsInput{Filter: map[string]string{"CONFIGURATION_SET_NAME_CONTAINS": filter}})
		must(t, err)
		if got := strings.Join(some.ConfigurationSets, " "); got != want {
			t.Errorf("with %q in their names: %s", filter, got)
		}
	}
	for _, filter := range []string{"ai", strings.Repeat("a", 65)} {
		_, err = two.ListConfigurationSets(ctx, &sesv2.ListConfigurationSetsInput{Filter: map[string]string{"CONFIGURATION_SET_NAME_CONTAINS": filter}})
		wantRefusal(t, err, refusal{400, "BadRequestException", "CONFIGURATION_SET_NAME_CONTAINS must be between 3 and 64 characters"})
	}
	_, err = two.ListConfigurationSets(ctx, &sesv2.ListConfigurationSetsInput{NextToken: aws.String("x")})
	wantRefusal(t, err, refusal{400, "BadRequestException", "invalid nextToken x"})
}

// TestMailOfASet sends with sets in every way there is.
func TestMailOfASet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, one, two := t.Context(), w.sesClient(tester()), w.sesv2Client(tester())
	send := func(set string) (*sesv2.SendEmailOutput, error) {
		in := plain(sender, reader)
		if set != "" {
			in.ConfigurationSetName = &set
		}
		return two.SendEmail(ctx, in)
	}
	sent := func(id *string, err error, want string) {
		t.Helper()
		must(t, err)
		if m := w.stored(t, *id); m.ConfigSet != want {
			t.Errorf("sent with %q, want %q", m.ConfigSet, want)
		}
	}
	out, err := send("one")
	sent(out.MessageId, err, "one")
	out, err = send("")
	sent(out.MessageId, err, "")
	raw, err := one.SendRawEmail(ctx, &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: []byte("From: " + sender + "\r\nTo: " + reader + "\r\nX-SES-CONFIGURATION-SET: two\r\n\r\nx")}})
	must(t, err)
	sent(raw.MessageId, nil, "two")

	_, err = two.PutEmailIdentityConfigurationSetAttributes(ctx, &sesv2.PutEmailIdentityConfigurationSetAttributesInput{EmailIdentity: aws.String(sender), ConfigurationSetName: aws.String("two")})
	must(t, err)
	out, err = send("")
	sent(out.MessageId, err, "two")
	_, err = two.PutConfigurationSetSendingOptions(ctx, &sesv2.PutConfigurationSetSendingOptionsInput{ConfigurationSetName: aws.String("two")})
	must(t, err)
	for _, set := range []string{"", "two"} { // by name or as the default
		_, err = send(set)
		wantRefusal(t, err, refusal{400, "SendingPausedException", "Sending is paused for configuration set two"})
		isA[*types.SendingPausedException](t, err)
	}
	_, err = one.SendRawEmail(ctx, &ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{Data: []byte("From: " + sender + "\r\nTo: " + reader + "\r\n\r\nx")}})
	wantRefusal(t, err, refusal{400, "ConfigurationSetSendingPausedException", "Sending is paused for configuration set two"})
	isA[*sestypes.ConfigurationSetSendingPausedException](t, err)

	_, err = two.DeleteConfigurationSet(ctx, &sesv2.DeleteConfigurationSetInput{ConfigurationSetName: aws.String("two")})
	must(t, err)
	_, err = send("")
	wantRefusal(t, err, refusal{400, "BadRequestException", "Configuration set <two>, the default of the identity <" + sender + ">, does not exist."})
	isA[*types.BadRequestException](t, err)
	out, err = send("one")
	sent(out.MessageId, err, "one")
	if got := getIdentity(t, two, sender).ConfigurationSetName; aws.ToString(got) != "two" {
		t.Errorf("the identity forgot its default: %v", got)
	}
}

// TestADomainsDefaultSetIsForItsAddresses, but not for one that is verified itself.
func TestADomainsDefaultSetIsForItsAddresses(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, c := t.Context(), w.sesv2Client(tester())
	for name, set := range map[string]string{"example.org": "one", "own@example.org": "two", "bare@example.org": ""} {
		_, err := w.identities.Create(ctx, home, name, identity.Settings{ConfigSet: set})
		must(t, err)
	}
	for from, want := range map[string]string{"any@example.org": "one", "a@sub.example.org": "one", "own@example.org": "two", "own+label@example.org": "two", "bare@example.org": ""} {
		out, err := c.SendEmail(ctx, plain(from, reader))
		must(t, err)
		if got := w.stored(t, *out.MessageId).ConfigSet; got != want {
			t.Errorf("from %s: %q, want %q", from, got, want)
		}
	}
}

// TestAVerificationMailOfASet names one.
func TestAVerificationMailOfASet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, c := t.Context(), w.sesv2Client(tester())
	_, err := c.CreateCustomVerificationEmailTemplate(ctx, &sesv2.CreateCustomVerificationEmailTemplateInput{
		TemplateName: aws.String("welcome"), FromEmailAddress: aws.String(sender), TemplateSubject: aws.String("Welcome"), TemplateContent: aws.String("<p>Welcome</p>"),
		SuccessRedirectionURL: aws.String("https://www.example.com/yes"), FailureRedirectionURL: aws.String("https://www.example.com/no"),
	})
	must(t, err)
	out, err := c.SendCustomVerificationEmail(ctx, &sesv2.SendCustomVerificationEmailInput{EmailAddress: aws.String(reader), TemplateName: aws.String("welcome"), ConfigurationSetName: aws.String("one")})
	must(t, err)
	if got := w.stored(t, *out.MessageId).ConfigSet; got != "one" {
		t.Errorf("sent with %q", got)
	}
}

// TestTagsOfASet go by its ARN.
func TestTagsOfASet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, c, arn := t.Context(), w.sesv2Client(tester()), aws.String(home.ARN("configuration-set/one"))
	_, err := c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("a", "1"), tag("b", "2")}})
	must(t, err)
	_, err = c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"a"}})
	must(t, err)
	list, err := c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: arn})
	must(t, err)
	if got := show(list.Tags); got != show([]types.Tag{tag("b", "2")}) || show(getSet(t, c, "one").Tags) != got {
		t.Error(got)
	}
}

// TestDeliverabilityOfTheAccount is told by GetAccount from when it was put.
func TestDeliverabilityOfTheAccount(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	for _, step := range []struct{ body, want string }{
		{"", ""},
		{`{"VdmAttributes":{"VdmEnabled":"ENABLED"}}`,
			`"VdmAttributes":{"DashboardAttributes":{"EngagementMetrics":"DISABLED"},"GuardianAttributes":{"OptimizedSharedDelivery":"DISABLED"},"VdmEnabled":"ENABLED"}`},
		{`{"VdmAttributes":{"VdmEnabled":"ENABLED","DashboardAttributes":{"EngagementMetrics":"ENABLED"},"GuardianAttributes":{"OptimizedSharedDelivery":"DISABLED"}}}`,
			`"VdmAttributes":{"DashboardAttributes":{"EngagementMetrics":"ENABLED"},"GuardianAttributes":{"OptimizedSharedDelivery":"DISABLED"},"VdmEnabled":"ENABLED"}`},
		{`{"VdmAttributes":{"VdmEnabled":"DISABLED"}}`, `"VdmAttributes":{"VdmEnabled":"DISABLED"}`},
	} {
		if step.body != "" {
			w.bodyOf(t, "PUT", "/v2/email/account/vdm", step.body)
		}
		if got := sorted(t, w.bodyOf(t, "GET", "/v2/email/account", "")); !strings.Contains(got, step.want) || step.want == "" && strings.Contains(got, "Vdm") {
			t.Errorf("after %s: %s", step.body, got)
		}
	}
	irish, err := w.sesv2Client(in("eu-west-1")).GetAccount(ctx, nil)
	must(t, err)
	if irish.VdmAttributes != nil {
		t.Errorf("another region has %s", show(irish.VdmAttributes))
	}
	changes, err := w.accounts.Changes(ctx, accountID, 10)
	must(t, err)
	if len(changes) != 3 || !strings.Contains(fmt.Sprint(changes[0]), "virtual deliverability manager") {
		t.Errorf("the record: %v", changes)
	}
}

// TestSettingsOfASet are those that SES does not have: they hold for its mail, and go with
// the set.
func TestSettingsOfASet(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, delay := t.Context(), setting.Delay
	of := func(name string) setting.Resource {
		return setting.Resource{Scope: home, Kind: setting.ConfigurationSet, Name: name}
	}
	must(t, w.settings.Put(ctx, of("one"), setting.Own{QuotaMode: &delay}))
	if v, err := w.settings.Effective(ctx, home, verified, "one"); err != nil || v.QuotaMode != setting.Delay {
		t.Errorf("%+v, %v", v, err)
	}
	if err := w.settings.Put(ctx, of("gone"), setting.Own{QuotaMode: &delay}); !fault.Is(err, fault.ConfigSetNotFound) {
		t.Errorf("of a set that does not exist: %v", err)
	}
	_, err := w.sesv2Client(tester()).DeleteConfigurationSet(ctx, &sesv2.DeleteConfigurationSetInput{ConfigurationSetName: aws.String("one")})
	must(t, err)
	w.clock.Advance(time.Second)
	if v, err := w.settings.Effective(ctx, home, verified, "one"); err != nil || v.QuotaMode != setting.Reject {
		t.Errorf("after it was deleted: %+v, %v", v, err)
	}
}
