// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

func withSets(s *settings) { s.sets = []string{"one", "two"} }

// must ends the test at an error.
func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// getIdentity is GetEmailIdentity.
func getIdentity(t testing.TB, c *sesv2.Client, name string) *sesv2.GetEmailIdentityOutput {
	t.Helper()
	out, err := c.GetEmailIdentity(t.Context(), &sesv2.GetEmailIdentityInput{EmailIdentity: &name})
	must(t, err)
	return out
}

func createIdentity(t testing.TB, c *sesv2.Client, name string) {
	t.Helper()
	_, err := c.CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: &name})
	must(t, err)
}

func TestTheDefaultConfigurationSetOfAnIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	c, ctx, name := w.sesv2Client(tester()), t.Context(), aws.String("a@example.org")
	_, err := c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: name, ConfigurationSetName: aws.String("one")})
	must(t, err)
	put := func(set *string) error {
		_, err := c.PutEmailIdentityConfigurationSetAttributes(ctx,
			&sesv2.PutEmailIdentityConfigurationSetAttributesInput{EmailIdentity: name, ConfigurationSetName: set})
		return err
	}
	want := aws.String("one")
	for _, step := range []struct {
		name string
		set  *string
		want *string
	}{
		{"another", aws.String("two"), aws.String("two")},
		{"the same again", aws.String("two"), aws.String("two")},
		{"none: the name is left out", nil, nil},
		{"one", aws.String("one"), aws.String("one")},
		{"none: the name is empty", aws.String(""), nil},
	} {
		if got := getIdentity(t, c, *name).ConfigurationSetName; aws.ToString(got) != aws.ToString(want) {
			t.Errorf("before %q: %q", step.name, aws.ToString(got))
		}
		must(t, put(step.set))
		want = step.want
		if got := getIdentity(t, c, *name).ConfigurationSetName; !reflect.DeepEqual(got, want) {
			t.Errorf("after %q: %q", step.name, aws.ToString(got))
		}
	}
	must(t, put(aws.String("two")))
	err = put(aws.String("missing"))
	wantRefusal(t, err, refusal{404, "NotFoundException", "Configuration set <missing> does not exist."})
	isA[*types.NotFoundException](t, err)
	if got := getIdentity(t, c, *name).ConfigurationSetName; aws.ToString(got) != "two" {
		t.Errorf("after a refusal: %q", aws.ToString(got))
	}
	// Another region has sets of its own, here none.
	irish := w.sesv2Client(in("eu-west-1"))
	createIdentity(t, irish, *name)
	_, err = irish.PutEmailIdentityConfigurationSetAttributes(ctx,
		&sesv2.PutEmailIdentityConfigurationSetAttributesInput{EmailIdentity: name, ConfigurationSetName: aws.String("one")})
	wantRefusal(t, err, refusal{404, "NotFoundException", "Configuration set <one> does not exist."})
}

func TestFeedbackForwarding(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two, ctx := w.sesClient(tester()), w.sesv2Client(tester()), t.Context()
	forwarding := func(want bool) {
		t.Helper()
		if got := getIdentity(t, two, verified).FeedbackForwardingStatus; got != want {
			t.Errorf("v2: %v", got)
		}
		out, err := one.GetIdentityNotificationAttributes(ctx, &ses.GetIdentityNotificationAttributesInput{Identities: []string{verified}})
		must(t, err)
		if got := out.NotificationAttributes[verified].ForwardingEnabled; got != want {
			t.Errorf("v1: %v", got)
		}
	}
	set1 := func(on bool) error {
		_, err := one.SetIdentityFeedbackForwardingEnabled(ctx, &ses.SetIdentityFeedbackForwardingEnabledInput{Identity: aws.String(verified), ForwardingEnabled: on})
		return err
	}
	set2 := func(on bool) error {
		_, err := two.PutEmailIdentityFeedbackAttributes(ctx, &sesv2.PutEmailIdentityFeedbackAttributesInput{EmailIdentity: aws.String(verified), EmailForwardingEnabled: on})
		return err
	}
	topic := func(kind sestypes.NotificationType, arn string) {
		t.Helper()
		_, err := one.SetIdentityNotificationTopic(ctx, &ses.SetIdentityNotificationTopicInput{Identity: aws.String(verified), NotificationType: kind, SnsTopic: &arn})
		must(t, err)
	}
	forwarding(true) // by default

	// Version 2 switches it off whatever else there is.
	must(t, set2(false))
	forwarding(false)
	must(t, set1(true))
	forwarding(true)

	// Version 1 wants topics for what is no longer forwarded.
	const text = "Identity " + verified + " is invalid. Feedback forwarding can only be disabled when Amazon SNS topics are set for both bounces and complaints."
	wantRefusal(t, set1(false), refusal{400, "InvalidParameterValue", text})
	topic(sestypes.NotificationTypeBounce, bounceTopic)
	wantRefusal(t, set1(false), refusal{400, "InvalidParameterValue", text})
	forwarding(true)
	topic(sestypes.NotificationTypeComplaint, complaintTopic)
	must(t, set1(false))
	forwarding(false)
}

const (
	bounceTopic    = "arn:aws:sns:us-east-1:123456789012:bounces"
	complaintTopic = "arn:aws:sns:us-east-1:123456789012:complaints"
	foreignTopic   = "arn:aws:sns:us-east-1:210987654321:theirs"
)

func TestNotificationTopics(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified) // settings do not wait for the verification
	c, ctx := w.sesClient(tester()), t.Context()
	attributes := func(names ...string) map[string]sestypes.IdentityNotificationAttributes {
		t.Helper()
		out, err := c.GetIdentityNotificationAttributes(ctx, &ses.GetIdentityNotificationAttributesInput{Identities: names})
		must(t, err)
		return out.NotificationAttributes
	}
	topic := func(kind sestypes.NotificationType, arn *string) {
		t.Helper()
		_, err := c.SetIdentityNotificationTopic(ctx, &ses.SetIdentityNotificationTopicInput{Identity: aws.String(verified), NotificationType: kind, SnsTopic: arn})
		must(t, err)
	}
	headers := func(kind sestypes.NotificationType, on bool) {
		t.Helper()
		_, err := c.SetIdentityHeadersInNotificationsEnabled(ctx,
			&ses.SetIdentityHeadersInNotificationsEnabledInput{Identity: aws.String(verified), NotificationType: kind, Enabled: on})
		must(t, err)
	}
	if got := attributes(verified, "gone@example.com", "no name"); !reflect.DeepEqual(got, map[string]sestypes.IdentityNotificationAttributes{
		verified: {ForwardingEnabled: true},
	}) {
		t.Errorf("at first, and without what is not there: %v", got)
	}
	topic(sestypes.NotificationTypeBounce, aws.String(bounceTopic))
	topic(sestypes.NotificationTypeComplaint, aws.String(complaintTopic))
	topic(sestypes.NotificationTypeDelivery, aws.String(foreignTopic))
	headers(sestypes.NotificationTypeBounce, true)
	headers(sestypes.NotificationTypeDelivery, true)
	want := sestypes.IdentityNotificationAttributes{
		ForwardingEnabled: true, BounceTopic: aws.String(bounceTopic), ComplaintTopic: aws.String(complaintTopic), DeliveryTopic: aws.String(foreignTopic),
		HeadersInBounceNotificationsEnabled: true, HeadersInDeliveryNotificationsEnabled: true,
	}
	for range 2 {
		if got := attributes(verified)[verified]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s", show(got))
		}
	}
	topic(sestypes.NotificationTypeBounce, nil)
	topic(sestypes.NotificationTypeDelivery, aws.String(""))
	headers(sestypes.NotificationTypeBounce, false)
	headers(sestypes.NotificationTypeComplaint, true)
	want.BounceTopic, want.DeliveryTopic, want.HeadersInBounceNotificationsEnabled, want.HeadersInComplaintNotificationsEnabled = nil, nil, false, true
	if got := attributes(verified)[verified]; !reflect.DeepEqual(got, want) {
		t.Errorf("%s", show(got))
	}
}

func TestTopicsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesClient(tester())
	const text = "Invalid SNS topic: it must be the ARN of a standard topic in the region us-east-1."
	for name, arn := range map[string]string{
		"a name":                   "bounces",
		"another service's ARN":    "arn:aws:sqs:us-east-1:123456789012:bounces",
		"another partition":        "arn:aws-cn:sns:us-east-1:123456789012:bounces",
		"another region":           "arn:aws:sns:eu-west-1:123456789012:bounces",
		"no account":               "arn:aws:sns:us-east-1::bounces",
		"no name":                  "arn:aws:sns:us-east-1:123456789012:",
		"a subscription":           bounceTopic + ":c7fe3a54-ab0e-4ec2-88e0-db410a0f2bee",
		"a FIFO topic":             bounceTopic + ".fifo",
		"a name that is too long":  bounceTopic + strings.Repeat("x", 256),
		"a character of no topics": bounceTopic + "\n",
	} {
		_, err := c.SetIdentityNotificationTopic(t.Context(), &ses.SetIdentityNotificationTopicInput{
			Identity: aws.String(verified), NotificationType: sestypes.NotificationTypeBounce, SnsTopic: &arn,
		})
		if got := refused(t, err); got != (refusal{400, "InvalidParameterValue", text}) {
			t.Errorf("%s: %+v", name, got)
		}
	}
	_, err := c.SetIdentityNotificationTopic(t.Context(), &ses.SetIdentityNotificationTopicInput{Identity: aws.String(verified), NotificationType: "Open"})
	wantRefusal(t, err, refusal{400, "ValidationError",
		"1 validation error detected: Value at 'notificationType' failed to satisfy constraint: Member must satisfy enum value set: [Bounce, Complaint, Delivery]"})
}

// TestIdentitiesThatAreNotThere has every operation on an identity refuse one that does not
// exist, by the error that the model has for it. What is another account's or region's
// does not exist either: TestNobodySeesWhatIsAnothers.
func TestIdentitiesThatAreNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, withSets)
	ctx, name, gone := t.Context(), "gone@example.com", aws.String("gone@example.com")
	c := w.sesv2Client(tester())
	const text = "Email identity gone@example.com does not exist."
	arn := home.ARN("identity/" + name)
	for operation, call := range map[string]func() error{
		"GetEmailIdentity": func() error {
			_, err := c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: gone})
			return err
		},
		"DeleteEmailIdentity": func() error {
			_, err := c.DeleteEmailIdentity(ctx, &sesv2.DeleteEmailIdentityInput{EmailIdentity: gone})
			return err
		},
		"PutEmailIdentityConfigurationSetAttributes": func() error {
			_, err := c.PutEmailIdentityConfigurationSetAttributes(ctx, &sesv2.PutEmailIdentityConfigurationSetAttributesInput{EmailIdentity: gone, ConfigurationSetName: aws.String("missing")})
			return err
		},
		"PutEmailIdentityDkimAttributes": func() error {
			_, err := c.PutEmailIdentityDkimAttributes(ctx, &sesv2.PutEmailIdentityDkimAttributesInput{EmailIdentity: gone})
			return err
		},
		"PutEmailIdentityFeedbackAttributes": func() error {
			_, err := c.PutEmailIdentityFeedbackAttributes(ctx, &sesv2.PutEmailIdentityFeedbackAttributesInput{EmailIdentity: gone})
			return err
		},
		"PutEmailIdentityMailFromAttributes": func() error {
			_, err := c.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{EmailIdentity: gone, MailFromDomain: aws.String("bounce.example.com")})
			return err
		},
		"GetEmailIdentityPolicies": func() error {
			_, err := c.GetEmailIdentityPolicies(ctx, &sesv2.GetEmailIdentityPoliciesInput{EmailIdentity: gone})
			return err
		},
		"CreateEmailIdentityPolicy": func() error {
			_, err := c.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{EmailIdentity: gone, PolicyName: aws.String("p"), Policy: aws.String(policyFor(arn))})
			return err
		},
		"UpdateEmailIdentityPolicy": func() error {
			_, err := c.UpdateEmailIdentityPolicy(ctx, &sesv2.UpdateEmailIdentityPolicyInput{EmailIdentity: gone, PolicyName: aws.String("p"), Policy: aws.String("not even JSON")})
			return err
		},
		"DeleteEmailIdentityPolicy": func() error {
			_, err := c.DeleteEmailIdentityPolicy(ctx, &sesv2.DeleteEmailIdentityPolicyInput{EmailIdentity: gone, PolicyName: aws.String("p")})
			return err
		},
	} {
		t.Run(operation, func(t *testing.T) {
			err := call()
			wantRefusal(t, err, refusal{404, "NotFoundException", text})
			isA[*types.NotFoundException](t, err)
		})
	}
	_, err := c.PutEmailIdentityDkimSigningAttributes(ctx, &sesv2.PutEmailIdentityDkimSigningAttributesInput{
		EmailIdentity: aws.String("gone.example.com"), SigningAttributesOrigin: types.DkimSigningAttributesOriginAwsSes,
	})
	wantRefusal(t, err, refusal{404, "NotFoundException", "Email identity gone.example.com does not exist."})
	isA[*types.NotFoundException](t, err)
}

func TestIdentitiesThatAreNotThereInV1(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx, gone := w.sesClient(tester()), t.Context(), aws.String("gone@example.com")
	_, err := c.SetIdentityNotificationTopic(ctx, &ses.SetIdentityNotificationTopicInput{Identity: gone, NotificationType: "Bounce", SnsTopic: aws.String(bounceTopic)})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Identity gone@example.com is invalid. Must be a verified email address or domain."})
	_, err = c.SetIdentityFeedbackForwardingEnabled(ctx, &ses.SetIdentityFeedbackForwardingEnabledInput{Identity: gone})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Identity gone@example.com is invalid. Must be a verified email address or domain."})
	_, err = c.SetIdentityHeadersInNotificationsEnabled(ctx, &ses.SetIdentityHeadersInNotificationsEnabledInput{Identity: gone, NotificationType: "Bounce"})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Identity gone@example.com is invalid. It must be a verified email address or domain."})
	_, err = c.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: gone})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Identity <gone@example.com> does not exist."})
	_, err = c.SetIdentityDkimEnabled(ctx, &ses.SetIdentityDkimEnabledInput{Identity: gone})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Domain example.com is not verified for DKIM signing."})
	_, err = c.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: gone, PolicyName: aws.String("p"), Policy: aws.String("{}")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "Identity <gone@example.com> does not exist."})

	// What asks leaves them out, and deleting is no error.
	names := make([]string, 100)
	for n := range names {
		names[n] = *gone
	}
	mailFrom, err := c.GetIdentityMailFromDomainAttributes(ctx, &ses.GetIdentityMailFromDomainAttributesInput{Identities: names})
	must(t, err)
	policies, err := c.GetIdentityPolicies(ctx, &ses.GetIdentityPoliciesInput{Identity: gone, PolicyNames: []string{"p"}})
	must(t, err)
	list, err := c.ListIdentityPolicies(ctx, &ses.ListIdentityPoliciesInput{Identity: gone})
	must(t, err)
	if len(mailFrom.MailFromDomainAttributes)+len(policies.Policies)+len(list.PolicyNames) != 0 {
		t.Errorf("%v %v %v", mailFrom, policies, list)
	}
	_, err = c.DeleteIdentityPolicy(ctx, &ses.DeleteIdentityPolicyInput{Identity: gone, PolicyName: aws.String("p")})
	must(t, err)

	_, err = c.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: append(names, "one more")})
	wantRefusal(t, err, refusal{400, "InvalidParameterValue", "At most 100 identities can be retrieved at a time."})
}
