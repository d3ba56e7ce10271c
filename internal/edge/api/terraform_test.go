// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// Terraform's provider reads every attribute after each write, and again before the next
// plan: whatever differs from what was written is a change that never ends. The tests
// below make its calls, one after the other, as the provider's resources do.

// state is a resource's attributes as the provider keeps them.
type state map[string]string

// step is a block of the configuration that is applied.
type step struct {
	name    string
	write   func() error
	changes state // attributes that differ from then on; "" for those that are gone
}

// apply makes the steps, and reads the state twice after each.
func apply(t *testing.T, want state, read func() state, steps ...step) {
	t.Helper()
	for _, s := range steps {
		must(t, s.write())
		for name, value := range s.changes {
			if want[name] = value; value == "" {
				delete(want, name)
			}
		}
		for n := range 2 {
			got := read()
			for name := range maps.Keys(got) {
				if got[name] != want[name] {
					t.Errorf("%s, read %d: %s = %q, want %q", s.name, n+1, name, got[name], want[name])
				}
			}
			for name := range maps.Keys(want) {
				if _, has := got[name]; !has {
					t.Errorf("%s, read %d: %s is gone, want %q", s.name, n+1, name, want[name])
				}
			}
		}
	}
}

func (s state) set(name, value string) {
	if value != "" {
		s[name] = value
	}
}

// terraformKey is a private key as the provider sends it: the whole PEM text in base64.
func terraformKey(t *testing.T) string {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	must(t, err)
	return base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}))
}

// v2State reads what the resources aws_sesv2_email_identity, _policy, _mail_from_attributes
// and _feedback_attributes read.
func v2State(t *testing.T, c *sesv2.Client, name string) state {
	t.Helper()
	out := getIdentity(t, c, name)
	d, m := out.DkimAttributes, out.MailFromAttributes
	s := state{
		"identity_type": string(out.IdentityType), "verification_status": string(out.VerificationStatus),
		"verified_for_sending_status": fmt.Sprint(out.VerifiedForSendingStatus), "email_forwarding_enabled": fmt.Sprint(out.FeedbackForwardingStatus),
		"dkim.signing_attributes_origin": string(d.SigningAttributesOrigin), "dkim.status": string(d.Status), "dkim.tokens": fmt.Sprint(len(d.Tokens)),
		"behavior_on_mx_failure": string(m.BehaviorOnMxFailure),
	}
	s.set("configuration_set_name", aws.ToString(out.ConfigurationSetName))
	s.set("dkim.current_signing_key_length", string(d.CurrentSigningKeyLength))
	s.set("dkim.next_signing_key_length", string(d.NextSigningKeyLength))
	s.set("dkim.signing_hosted_zone", aws.ToString(d.SigningHostedZone))
	if d.LastKeyGenerationTimestamp != nil {
		s["dkim.last_key_generation_timestamp"] = d.LastKeyGenerationTimestamp.Format(time.RFC3339)
	}
	s.set("mail_from_domain", aws.ToString(m.MailFromDomain))
	policies, err := c.GetEmailIdentityPolicies(t.Context(), &sesv2.GetEmailIdentityPoliciesInput{EmailIdentity: &name})
	must(t, err)
	for policy, text := range policies.Policies {
		s["policy."+policy] = text
	}
	tags, err := c.ListTagsForResource(t.Context(), &sesv2.ListTagsForResourceInput{ResourceArn: aws.String(home.ARN("identity/" + name))})
	must(t, err)
	for _, tag := range tags.Tags {
		s["tags."+aws.ToString(tag.Key)] = aws.ToString(tag.Value)
	}
	return s
}

func TestTerraformsSESv2EmailIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified, withSets)
	c, ctx, name := w.sesv2Client(tester()), t.Context(), aws.String("tf.example.org")
	arn := aws.String(home.ARN("identity/" + *name))
	key := terraformKey(t)
	own := compact(policyFor(*arn, "ses:GetEmailIdentity", "ses:DeleteEmailIdentity"))
	other := compact(strings.Replace(own, "210987654321", accountID, 1))
	ignore := func(_ any, err error) error { return err }
	sign := func(origin types.DkimSigningAttributesOrigin, a *types.DkimSigningAttributes) func() error {
		return func() error {
			return ignore(c.PutEmailIdentityDkimSigningAttributes(ctx, &sesv2.PutEmailIdentityDkimSigningAttributesInput{
				EmailIdentity: name, SigningAttributesOrigin: origin, SigningAttributes: a,
			}))
		}
	}
	set := func(set *string) func() error {
		return func() error {
			return ignore(c.PutEmailIdentityConfigurationSetAttributes(ctx, &sesv2.PutEmailIdentityConfigurationSetAttributesInput{EmailIdentity: name, ConfigurationSetName: set}))
		}
	}
	mailFrom := func(domain *string, b types.BehaviorOnMxFailure) func() error {
		return func() error {
			return ignore(c.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{EmailIdentity: name, MailFromDomain: domain, BehaviorOnMxFailure: b}))
		}
	}
	forward := func(on bool) func() error {
		return func() error {
			return ignore(c.PutEmailIdentityFeedbackAttributes(ctx, &sesv2.PutEmailIdentityFeedbackAttributesInput{EmailIdentity: name, EmailForwardingEnabled: on}))
		}
	}
	easy := state{
		"dkim.signing_attributes_origin": "AWS_SES", "dkim.status": "PENDING", "dkim.tokens": "3", "dkim.current_signing_key_length": "RSA_2048_BIT",
		"dkim.next_signing_key_length": "RSA_2048_BIT", "dkim.signing_hosted_zone": hostedZone,
	}
	external := state{
		"dkim.signing_attributes_origin": "EXTERNAL", "dkim.tokens": "0", "dkim.current_signing_key_length": "",
		"dkim.next_signing_key_length": "", "dkim.signing_hosted_zone": "", "dkim.last_key_generation_timestamp": "",
	}
	for n := range 2 { // the second time there must be nothing left of the first
		w.clock.Advance(time.Minute)
		made := w.clock.Now().UTC().Format(time.RFC3339)
		created := maps.Clone(easy)
		maps.Copy(created, state{
			"identity_type": "DOMAIN", "verification_status": "PENDING", "verified_for_sending_status": "false", "email_forwarding_enabled": "true",
			"behavior_on_mx_failure": "USE_DEFAULT_VALUE", "configuration_set_name": "one", "tags.key1": "value1", "dkim.last_key_generation_timestamp": made,
		})
		back := maps.Clone(easy)
		back["dkim.last_key_generation_timestamp"] = made
		apply(t, state{}, func() state { return v2State(t, c, *name) },
			step{"create", func() error {
				return ignore(c.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{
					EmailIdentity: name, ConfigurationSetName: aws.String("one"), Tags: []types.Tag{tag("key1", "value1")},
					DkimSigningAttributes: &types.DkimSigningAttributes{NextSigningKeyLength: types.DkimSigningKeyLengthRsa2048Bit},
				}))
			}, created},
			step{"another configuration set", set(aws.String("two")), state{"configuration_set_name": "two"}},
			step{"no configuration set", set(nil), state{"configuration_set_name": ""}},
			step{"a shorter key", sign("AWS_SES", &types.DkimSigningAttributes{NextSigningKeyLength: types.DkimSigningKeyLengthRsa1024Bit}),
				state{"dkim.next_signing_key_length": "RSA_1024_BIT"}},
			step{"a key of one's own", sign("EXTERNAL", &types.DkimSigningAttributes{DomainSigningPrivateKey: &key, DomainSigningSelector: aws.String("tf-acc-test-1")}), external},
			step{"another one", sign("EXTERNAL", &types.DkimSigningAttributes{DomainSigningPrivateKey: aws.String(terraformKey(t)), DomainSigningSelector: aws.String("tf-acc-test-2")}), nil},
			step{"Easy DKIM again", sign("AWS_SES", nil), func() state { back["dkim.next_signing_key_length"] = "RSA_1024_BIT"; return back }()},
			step{"a MAIL FROM domain", mailFrom(aws.String("bounce.tf.example.org"), types.BehaviorOnMxFailureRejectMessage),
				state{"mail_from_domain": "bounce.tf.example.org", "behavior_on_mx_failure": "REJECT_MESSAGE"}},
			step{"another behaviour", mailFrom(aws.String("bounce.tf.example.org"), types.BehaviorOnMxFailureUseDefaultValue), state{"behavior_on_mx_failure": "USE_DEFAULT_VALUE"}},
			step{"no MAIL FROM domain", mailFrom(nil, ""), state{"mail_from_domain": ""}},
			step{"no forwarding", forward(false), state{"email_forwarding_enabled": "false"}},
			step{"a policy", func() error {
				return ignore(c.CreateEmailIdentityPolicy(ctx, &sesv2.CreateEmailIdentityPolicyInput{EmailIdentity: name, PolicyName: aws.String("p"), Policy: &own}))
			}, state{"policy.p": own}},
			step{"another policy", func() error {
				return ignore(c.UpdateEmailIdentityPolicy(ctx, &sesv2.UpdateEmailIdentityPolicyInput{EmailIdentity: name, PolicyName: aws.String("p"), Policy: &other}))
			}, state{"policy.p": other}},
			step{"no policy", func() error {
				return ignore(c.DeleteEmailIdentityPolicy(ctx, &sesv2.DeleteEmailIdentityPolicyInput{EmailIdentity: name, PolicyName: aws.String("p")}))
			}, state{"policy.p": ""}},
			step{"more tags", func() error {
				return ignore(c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("key1", "updated"), tag("key2", "value2")}}))
			}, state{"tags.key1": "updated", "tags.key2": "value2"}},
			step{"fewer tags", func() error {
				return ignore(c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"key1"}}))
			}, state{"tags.key1": ""}},
		)
		_, err := c.DeleteEmailIdentity(ctx, &sesv2.DeleteEmailIdentityInput{EmailIdentity: name})
		must(t, err)
		_, err = c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: name})
		isA[*types.NotFoundException](t, err)
		_, err = c.GetEmailIdentityPolicies(ctx, &sesv2.GetEmailIdentityPoliciesInput{EmailIdentity: name})
		isA[*types.NotFoundException](t, err)
		if t.Failed() {
			t.Fatalf("round %d", n+1)
		}
	}
}

func TestTerraformsSESv2EmailAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, name := w.sesv2Client(tester()), aws.String("Somebody@tf.Example.org")
	for range 2 {
		apply(t, state{}, func() state { return v2State(t, c, *name) }, step{"create", func() error {
			_, err := c.CreateEmailIdentity(t.Context(), &sesv2.CreateEmailIdentityInput{EmailIdentity: name})
			return err
		}, state{
			"identity_type": "EMAIL_ADDRESS", "verification_status": "PENDING", "verified_for_sending_status": "false", "email_forwarding_enabled": "true",
			"dkim.signing_attributes_origin": "AWS_SES", "dkim.status": "NOT_STARTED", "dkim.tokens": "0", "dkim.next_signing_key_length": "RSA_1024_BIT",
			"behavior_on_mx_failure": "USE_DEFAULT_VALUE",
		}})
		_, err := c.DeleteEmailIdentity(t.Context(), &sesv2.DeleteEmailIdentityInput{EmailIdentity: name})
		must(t, err)
		_, err = c.GetEmailIdentity(t.Context(), &sesv2.GetEmailIdentityInput{EmailIdentity: name})
		isA[*types.NotFoundException](t, err)
	}
}

// v1State reads what the resources aws_ses_domain_identity, _domain_dkim, _domain_mail_from,
// _identity_policy, _identity_notification_topic and _email_identity read.
func v1State(t *testing.T, c *ses.Client, name string) state {
	t.Helper()
	ctx, s, names := t.Context(), state{}, []string{name}
	verification, err := c.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: names})
	must(t, err)
	v, has := verification.VerificationAttributes[name]
	if !has {
		return s // the provider takes the resource for gone
	}
	s.set("verification_status", string(v.VerificationStatus))
	s.set("verification_token", aws.ToString(v.VerificationToken))
	dkim, err := c.GetIdentityDkimAttributes(ctx, &ses.GetIdentityDkimAttributesInput{Identities: names})
	must(t, err)
	s.set("dkim_tokens", strings.Join(dkim.DkimAttributes[name].DkimTokens, " "))
	mailFrom, err := c.GetIdentityMailFromDomainAttributes(ctx, &ses.GetIdentityMailFromDomainAttributesInput{Identities: names})
	must(t, err)
	m := mailFrom.MailFromDomainAttributes[name]
	s.set("mail_from_domain", aws.ToString(m.MailFromDomain))
	s.set("behavior_on_mx_failure", string(m.BehaviorOnMXFailure))
	policies, err := c.GetIdentityPolicies(ctx, &ses.GetIdentityPoliciesInput{Identity: &name, PolicyNames: []string{"p"}})
	must(t, err)
	s.set("policy", policies.Policies["p"])
	notifications, err := c.GetIdentityNotificationAttributes(ctx, &ses.GetIdentityNotificationAttributesInput{Identities: names})
	must(t, err)
	n := notifications.NotificationAttributes[name]
	s.set("bounce_topic", aws.ToString(n.BounceTopic))
	s.set("complaint_topic", aws.ToString(n.ComplaintTopic))
	s.set("delivery_topic", aws.ToString(n.DeliveryTopic))
	s["include_original_headers"] = fmt.Sprint(n.HeadersInBounceNotificationsEnabled, n.HeadersInComplaintNotificationsEnabled, n.HeadersInDeliveryNotificationsEnabled)
	return s
}

func TestTerraformsSESDomain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx, name := w.sesClient(tester()), t.Context(), aws.String("tf1.example.org")
	policy := compact(policyFor(home.ARN("identity/" + *name)))
	ignore := func(_ any, err error) error { return err }
	topic := func(kind sestypes.NotificationType, arn *string, headers bool) func() error {
		return func() error {
			if _, err := c.SetIdentityNotificationTopic(ctx, &ses.SetIdentityNotificationTopicInput{Identity: name, NotificationType: kind, SnsTopic: arn}); err != nil {
				return err
			}
			return ignore(c.SetIdentityHeadersInNotificationsEnabled(ctx, &ses.SetIdentityHeadersInNotificationsEnabledInput{Identity: name, NotificationType: kind, Enabled: headers}))
		}
	}
	for range 2 {
		created := state{"verification_status": "Pending", "behavior_on_mx_failure": "UseDefaultValue", "include_original_headers": "false false false"}
		tokens := state{}
		apply(t, state{}, func() state { return v1State(t, c, *name) },
			step{"aws_ses_domain_identity", func() error {
				out, err := c.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: name})
				if err == nil {
					created["verification_token"] = *out.VerificationToken
				}
				return err
			}, created},
			step{"aws_ses_domain_dkim", func() error {
				out, err := c.VerifyDomainDkim(ctx, &ses.VerifyDomainDkimInput{Domain: name})
				if err == nil {
					tokens["dkim_tokens"] = strings.Join(out.DkimTokens, " ")
				}
				return err
			}, tokens},
			step{"aws_ses_domain_dkim again", func() error { return ignore(c.VerifyDomainDkim(ctx, &ses.VerifyDomainDkimInput{Domain: name})) }, nil},
			step{"aws_ses_domain_mail_from", func() error {
				return ignore(c.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{
					Identity: name, MailFromDomain: aws.String("bounce." + *name), BehaviorOnMXFailure: sestypes.BehaviorOnMXFailureRejectMessage,
				}))
			}, state{"mail_from_domain": "bounce." + *name, "behavior_on_mx_failure": "RejectMessage"}},
			step{"aws_ses_domain_mail_from, deleted", func() error {
				return ignore(c.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: name}))
			}, state{"mail_from_domain": "", "behavior_on_mx_failure": "UseDefaultValue"}},
			step{"aws_ses_identity_policy", func() error {
				return ignore(c.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: name, PolicyName: aws.String("p"), Policy: &policy}))
			}, state{"policy": policy}},
			step{"aws_ses_identity_policy, deleted", func() error {
				return ignore(c.DeleteIdentityPolicy(ctx, &ses.DeleteIdentityPolicyInput{Identity: name, PolicyName: aws.String("p")}))
			}, state{"policy": ""}},
			step{"aws_ses_identity_notification_topic", topic(sestypes.NotificationTypeComplaint, aws.String(complaintTopic), true),
				state{"complaint_topic": complaintTopic, "include_original_headers": "false true false"}},
			step{"aws_ses_identity_notification_topic, deleted", topic(sestypes.NotificationTypeComplaint, nil, false),
				state{"complaint_topic": "", "include_original_headers": "false false false"}},
			step{"aws_ses_domain_identity_verification", func() error { return w.waitFor(t, c, *name) }, state{"verification_status": "Success"}},
		)
		_, err := c.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: name})
		must(t, err)
		if got := v1State(t, c, *name); !reflect.DeepEqual(got, state{}) {
			t.Errorf("after it was deleted: %v", got)
		}
	}
}

func TestTerraformsSESEmailIdentity(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx, name := w.sesClient(tester()), t.Context(), aws.String("Somebody@tf1.Example.org")
	for range 2 {
		apply(t, state{}, func() state { return v1State(t, c, *name) },
			step{"aws_ses_email_identity", func() error {
				_, err := c.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: name})
				return err
			}, state{"verification_status": "Pending", "behavior_on_mx_failure": "UseDefaultValue", "include_original_headers": "false false false"}},
			step{"somebody follows the link", func() error { return w.waitFor(t, c, *name) }, state{"verification_status": "Success"}},
		)
		_, err := c.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: name})
		must(t, err)
		if got := v1State(t, c, *name); !reflect.DeepEqual(got, state{}) {
			t.Errorf("after it was deleted: %v", got)
		}
	}
}

// waitFor waits as `aws ses wait identity-exists` does until the identity is verified,
// which happens meanwhile.
func (w *world) waitFor(t *testing.T, c *ses.Client, name string) error {
	t.Helper()
	waiter := ses.NewIdentityExistsWaiter(c, func(o *ses.IdentityExistsWaiterOptions) {
		o.MinDelay, o.MaxDelay = time.Millisecond, 10*time.Millisecond
	})
	done := make(chan error, 1)
	go func() {
		done <- waiter.Wait(t.Context(), &ses.GetIdentityVerificationAttributesInput{Identities: []string{name, verified}}, time.Minute)
	}()
	for _, one := range []string{verified, name} { // the waiter wants all of them
		select {
		case err := <-done:
			return fmt.Errorf("the waiter ended before %s was verified: %w", one, err)
		default:
		}
		if _, err := w.identities.MarkVerified(t.Context(), home, one); err != nil {
			return err
		}
	}
	return <-done
}
