// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/scope"
	"sesame/internal/core/account"
	"sesame/internal/core/quota"
)

// tenant is an account in a region, with resources whose names have its mark and nobody
// else's.
type tenant struct {
	scope scope.Scope
	mark  string
	sent  int // recipients that it has written to
	job   string

	one *ses.Client
	two *sesv2.Client
}

func (n tenant) domain() string  { return n.mark + ".example.com" }
func (n tenant) address() string { return "user@" + n.mark + ".example.net" }
func (n tenant) topic() string {
	return "arn:aws:sns:" + n.scope.Region + ":" + n.scope.Account + ":" + n.mark
}
func (n tenant) arn() string { return n.scope.ARN("identity/" + n.address()) }

// look is what a tenant sees of an operation that lists or gets, when it asks for the
// resources of another (or its own).
type look func(ctx context.Context, n, of tenant) (any, error)

// names asks an operation of version 1 about identities.
func names(of tenant) []string { return []string{of.domain(), of.address()} }

// looks has every operation that lists or gets. One that shows resources by name is asked
// for those of the others, and must not show anything with their mark.
func looks() map[string]look {
	return map[string]look{
		"ses.GetTemplate": func(ctx context.Context, n, of tenant) (any, error) {
			return n.one.GetTemplate(ctx, &ses.GetTemplateInput{TemplateName: &of.mark})
		},
		"ses.ListTemplates": func(ctx context.Context, n, _ tenant) (any, error) { return n.one.ListTemplates(ctx, nil) },
		"sesv2.GetEmailTemplate": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetEmailTemplate(ctx, &sesv2.GetEmailTemplateInput{TemplateName: &of.mark})
		},
		"sesv2.ListEmailTemplates": func(ctx context.Context, n, _ tenant) (any, error) { return n.two.ListEmailTemplates(ctx, nil) },
		"ses.DescribeConfigurationSet": func(ctx context.Context, n, of tenant) (any, error) {
			return n.one.DescribeConfigurationSet(ctx, &ses.DescribeConfigurationSetInput{ConfigurationSetName: &of.mark})
		},
		"ses.ListConfigurationSets": func(ctx context.Context, n, _ tenant) (any, error) { return n.one.ListConfigurationSets(ctx, nil) },
		"sesv2.GetConfigurationSet": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetConfigurationSet(ctx, &sesv2.GetConfigurationSetInput{ConfigurationSetName: &of.mark})
		},
		"sesv2.GetConfigurationSetEventDestinations": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetConfigurationSetEventDestinations(ctx, &sesv2.GetConfigurationSetEventDestinationsInput{ConfigurationSetName: &of.mark})
		},
		"sesv2.ListConfigurationSets":  func(ctx context.Context, n, _ tenant) (any, error) { return n.two.ListConfigurationSets(ctx, nil) },
		"ses.GetAccountSendingEnabled": func(ctx context.Context, n, _ tenant) (any, error) { return n.one.GetAccountSendingEnabled(ctx, nil) },
		"ses.GetCustomVerificationEmailTemplate": func(ctx context.Context, n, of tenant) (any, error) {
			return n.one.GetCustomVerificationEmailTemplate(ctx, &ses.GetCustomVerificationEmailTemplateInput{TemplateName: &of.mark})
		},
		"ses.GetIdentityDkimAttributes": func(ctx context.Context, n, of tenant) (any, error) {
			return ask(ctx, n.one.GetIdentityDkimAttributes, &ses.GetIdentityDkimAttributesInput{Identities: names(of)},
				func(out *ses.GetIdentityDkimAttributesOutput) any { return keysOf(out.DkimAttributes) })
		},
		"ses.GetIdentityMailFromDomainAttributes": func(ctx context.Context, n, of tenant) (any, error) {
			return ask(ctx, n.one.GetIdentityMailFromDomainAttributes, &ses.GetIdentityMailFromDomainAttributesInput{Identities: names(of)},
				func(out *ses.GetIdentityMailFromDomainAttributesOutput) any {
					return keysOf(out.MailFromDomainAttributes)
				})
		},
		"ses.GetIdentityNotificationAttributes": func(ctx context.Context, n, of tenant) (any, error) {
			return ask(ctx, n.one.GetIdentityNotificationAttributes, &ses.GetIdentityNotificationAttributesInput{Identities: names(of)},
				func(out *ses.GetIdentityNotificationAttributesOutput) any { return keysOf(out.NotificationAttributes) })
		},
		"ses.GetIdentityPolicies": func(ctx context.Context, n, of tenant) (any, error) {
			return n.one.GetIdentityPolicies(ctx, &ses.GetIdentityPoliciesInput{Identity: aws.String(of.address()), PolicyNames: []string{of.mark}})
		},
		"ses.GetIdentityVerificationAttributes": func(ctx context.Context, n, of tenant) (any, error) {
			return ask(ctx, n.one.GetIdentityVerificationAttributes, &ses.GetIdentityVerificationAttributesInput{Identities: names(of)},
				func(out *ses.GetIdentityVerificationAttributesOutput) any { return keysOf(out.VerificationAttributes) })
		},
		"ses.GetSendQuota": func(ctx context.Context, n, _ tenant) (any, error) {
			return ask(ctx, n.one.GetSendQuota, nil, func(out *ses.GetSendQuotaOutput) any { return n.count(out.SentLast24Hours) })
		},
		"ses.GetSendStatistics": func(ctx context.Context, n, _ tenant) (any, error) { return n.one.GetSendStatistics(ctx, nil) },
		"ses.ListCustomVerificationEmailTemplates": func(ctx context.Context, n, _ tenant) (any, error) {
			return n.one.ListCustomVerificationEmailTemplates(ctx, nil)
		},
		"ses.ListIdentities": func(ctx context.Context, n, _ tenant) (any, error) { return n.one.ListIdentities(ctx, nil) },
		"ses.ListIdentityPolicies": func(ctx context.Context, n, of tenant) (any, error) {
			return n.one.ListIdentityPolicies(ctx, &ses.ListIdentityPoliciesInput{Identity: aws.String(of.address())})
		},
		"ses.ListVerifiedEmailAddresses": func(ctx context.Context, n, _ tenant) (any, error) { return n.one.ListVerifiedEmailAddresses(ctx, nil) },
		"sesv2.GetAccount": func(ctx context.Context, n, _ tenant) (any, error) {
			return ask(ctx, n.two.GetAccount, nil, func(out *sesv2.GetAccountOutput) any { return n.count(out.SendQuota.SentLast24Hours) })
		},
		"sesv2.GetCustomVerificationEmailTemplate": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetCustomVerificationEmailTemplate(ctx, &sesv2.GetCustomVerificationEmailTemplateInput{TemplateName: &of.mark})
		},
		"sesv2.GetSuppressedDestination": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetSuppressedDestination(ctx, &sesv2.GetSuppressedDestinationInput{EmailAddress: aws.String(of.address())})
		},
		"sesv2.ListSuppressedDestinations": func(ctx context.Context, n, _ tenant) (any, error) { return n.two.ListSuppressedDestinations(ctx, nil) },
		"sesv2.GetEmailIdentity": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String(of.address())})
		},
		"sesv2.GetEmailIdentityPolicies": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetEmailIdentityPolicies(ctx, &sesv2.GetEmailIdentityPoliciesInput{EmailIdentity: aws.String(of.address())})
		},
		"sesv2.ListCustomVerificationEmailTemplates": func(ctx context.Context, n, _ tenant) (any, error) {
			return n.two.ListCustomVerificationEmailTemplates(ctx, nil)
		},
		"sesv2.ListEmailIdentities": func(ctx context.Context, n, _ tenant) (any, error) { return n.two.ListEmailIdentities(ctx, nil) },
		"sesv2.GetContact": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetContact(ctx, &sesv2.GetContactInput{ContactListName: aws.String("news"), EmailAddress: aws.String(of.address())})
		},
		"sesv2.GetContactList": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetContactList(ctx, &sesv2.GetContactListInput{ContactListName: aws.String("news")})
		},
		"sesv2.ListContactLists": func(ctx context.Context, n, _ tenant) (any, error) {
			return ask(ctx, n.two.ListContactLists, nil, func(out *sesv2.ListContactListsOutput) any {
				return n.count(float64(len(out.ContactLists) - 1 + n.sent))
			})
		},
		"sesv2.ListContacts": func(ctx context.Context, n, _ tenant) (any, error) {
			return n.two.ListContacts(ctx, &sesv2.ListContactsInput{ContactListName: aws.String("news")})
		},
		"sesv2.GetImportJob": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.GetImportJob(ctx, &sesv2.GetImportJobInput{JobId: &of.job})
		},
		"sesv2.ListImportJobs": func(ctx context.Context, n, _ tenant) (any, error) {
			return ask(ctx, n.two.ListImportJobs, nil, func(out *sesv2.ListImportJobsOutput) any {
				if len(out.ImportJobs) == 1 && *out.ImportJobs[0].JobId == n.job {
					return n.mark
				}
				return out
			})
		},
		"sesv2.ListTagsForResource": func(ctx context.Context, n, of tenant) (any, error) {
			return n.two.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: aws.String(of.arn())})
		},
	}
}

// ask calls an operation and takes from its answer what is to be looked at.
func ask[I, O, F any](ctx context.Context, call func(context.Context, *I, ...F) (*O, error), in *I, of func(*O) any) (any, error) {
	out, err := call(ctx, in)
	if err != nil {
		return nil, err
	}
	return of(out), nil
}

// common are the operations whose answers have nothing of a tenant's own in them: the
// account's state is the same for all, and nothing has been delivered.
var common = map[string]bool{"ses.GetAccountSendingEnabled": true, "ses.GetSendStatistics": true}

// keysOf are the identities that an answer tells of.
func keysOf[T any](m map[string]T) []string {
	var keys []string
	for k := range m {
		keys = append(keys, k)
	}
	return keys
}

// count shows the tenant's mark where a number is its own.
func (n tenant) count(got float64) string {
	if int(got) == n.sent {
		return n.mark
	}
	return fmt.Sprint(got, " recipients")
}

// tenants makes two accounts in two regions each, all with resources of every kind.
func (w *world) tenants(t *testing.T) []tenant {
	t.Helper()
	const other, otherKey = "210987654321", "AKIAEXAMPLEEXAMPLE02"
	_, err := w.accounts.CreateUser(t.Context(), account.NewUser{Account: other, Name: "tester", KeyID: otherKey, Secret: secretKey, Policies: []string{account.AdministratorAccess}})
	must(t, err)
	var all []tenant
	for n, s := range []scope.Scope{home, {Account: accountID, Region: "eu-west-1"}, {Account: other, Region: region}, {Account: other, Region: "eu-west-1"}} {
		who := in(s.Region)
		if s.Account == other {
			who.key = otherKey
		}
		one := tenant{scope: s, mark: fmt.Sprintf("tenant%d", n), sent: n + 1, one: w.sesClient(who), two: w.sesv2Client(who)}
		one.fill(t)
		w.upload(t, s, "lists", one.mark, "")
		job, err := one.two.CreateImportJob(t.Context(), suppress("lists", one.mark, types.SuppressionListImportActionPut))
		must(t, err)
		one.job = *job.JobId
		all = append(all, one)
	}
	return all
}

// fill makes a resource of every kind.
func (n tenant) fill(t *testing.T) {
	t.Helper()
	ctx, address := t.Context(), aws.String(n.address())
	_, err := n.two.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: address, Tags: []types.Tag{tag(n.mark, n.mark)}})
	must(t, err)
	_, err = n.one.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: aws.String(n.domain())})
	must(t, err)
	_, err = n.one.PutIdentityPolicy(ctx, &ses.PutIdentityPolicyInput{Identity: address, PolicyName: &n.mark, Policy: aws.String(policyFor(n.arn()))})
	must(t, err)
	_, err = n.one.SetIdentityNotificationTopic(ctx, &ses.SetIdentityNotificationTopicInput{
		Identity: address, NotificationType: sestypes.NotificationTypeBounce, SnsTopic: aws.String(n.topic()),
	})
	must(t, err)
	_, err = n.one.SetIdentityMailFromDomain(ctx, &ses.SetIdentityMailFromDomainInput{Identity: address, MailFromDomain: aws.String("bounce." + n.mark + ".example.net")})
	must(t, err)
	_, err = n.two.CreateCustomVerificationEmailTemplate(ctx, &sesv2.CreateCustomVerificationEmailTemplateInput{
		TemplateName: &n.mark, FromEmailAddress: address, TemplateSubject: &n.mark, TemplateContent: aws.String("<p>Welcome</p>"),
		SuccessRedirectionURL: aws.String("https://www.example.com/yes"), FailureRedirectionURL: aws.String("https://www.example.com/no"),
	})
	must(t, err)
	_, err = n.two.CreateEmailTemplate(ctx, &sesv2.CreateEmailTemplateInput{
		TemplateName: &n.mark, TemplateContent: &types.EmailTemplateContent{Subject: &n.mark, Text: &n.mark}, Tags: []types.Tag{tag(n.mark, n.mark)},
	})
	must(t, err)
	_, err = n.two.PutSuppressedDestination(ctx, &sesv2.PutSuppressedDestinationInput{EmailAddress: address, Reason: types.SuppressionListReasonBounce})
	must(t, err)
	_, err = n.two.CreateContactList(ctx, &sesv2.CreateContactListInput{ContactListName: aws.String("news"), Description: &n.mark})
	must(t, err)
	_, err = n.two.CreateContact(ctx, &sesv2.CreateContactInput{ContactListName: aws.String("news"), EmailAddress: address})
	must(t, err)
	_, err = n.two.CreateConfigurationSet(ctx, &sesv2.CreateConfigurationSetInput{ConfigurationSetName: &n.mark, Tags: []types.Tag{tag(n.mark, n.mark)}})
	must(t, err)
	_, err = n.two.CreateConfigurationSetEventDestination(ctx, &sesv2.CreateConfigurationSetEventDestinationInput{
		ConfigurationSetName: &n.mark, EventDestinationName: &n.mark, EventDestination: &types.EventDestinationDefinition{
			MatchingEventTypes: []types.EventType{types.EventTypeBounce}, SnsDestination: &types.SnsDestination{TopicArn: aws.String(n.topic())},
		},
	})
	must(t, err)
	to := make([]string, n.sent)
	for i := range to {
		to[i] = fmt.Sprintf("reader%d@example.net", i)
	}
	_, err = n.two.SendEmail(ctx, plain(*address, to...))
	must(t, err)
}

func TestNobodySeesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) { s.limits = quota.Limits{Daily: 1000, Rate: 1000} })
	tenants := w.tenants(t)
	all, err := services()
	must(t, err)
	walked := looks()
	for _, svc := range all[:2] {
		for _, op := range svc.Operations() {
			name := svc.Name() + "." + op.Name
			reads := strings.HasPrefix(op.Name, "Get") || strings.HasPrefix(op.Name, "List") || strings.HasPrefix(op.Name, "Describe")
			if !reads || !contains(built[svc.Name()], op.Name) {
				continue
			}
			t.Run(name, func(t *testing.T) {
				see := walked[name]
				if see == nil {
					t.Fatal("it is not in looks: this test has to walk every operation that lists or gets")
				}
				for _, n := range tenants {
					for _, of := range tenants {
						n.sees(t, see, of, common[name])
					}
				}
			})
		}
	}
}

// absent are the codes that say of a resource that it is not there.
var absent = map[string]bool{"NotFoundException": true, "CustomVerificationEmailTemplateDoesNotExist": true, "ConfigurationSetDoesNotExist": true, "TemplateDoesNotExist": true}

// sees checks what n sees when it asks for what is of's.
func (n tenant) sees(t *testing.T, see look, of tenant, common bool) {
	t.Helper()
	out, err := see(t.Context(), n, of)
	text := ""
	if err == nil {
		text = show(out) + fmt.Sprintf(" %+v", out)
	} else if got := refused(t, err); n.mark == of.mark || !absent[got.code] {
		t.Errorf("%s of %s: %v", n.mark, of.mark, err)
	}
	if n.mark == of.mark && !common && !strings.Contains(text, n.mark) {
		t.Errorf("%s does not see its own: %s", n.mark, text)
	}
	for _, other := range []string{"tenant0", "tenant1", "tenant2", "tenant3"} {
		if other != n.mark && strings.Contains(text, other) {
			t.Errorf("%s sees something of %s: %s", n.mark, other, text)
		}
	}
}

// TestNobodyChangesWhatIsAnothers has each tenant change and delete what the others have.
func TestNobodyChangesWhatIsAnothers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	tenants := w.tenants(t)
	before := map[string]string{}
	describe := func(n tenant) string {
		out := getIdentity(t, n.two, n.address())
		set, err := n.two.GetConfigurationSet(t.Context(), &sesv2.GetConfigurationSetInput{ConfigurationSetName: &n.mark})
		must(t, err)
		template, err := n.two.GetEmailTemplate(t.Context(), &sesv2.GetEmailTemplateInput{TemplateName: &n.mark})
		must(t, err)
		return show(template) + show(out.Tags) + fmt.Sprint(out.Policies, out.FeedbackForwardingStatus, show(out.MailFromAttributes), show(set))
	}
	for _, n := range tenants {
		before[n.mark] = describe(n)
	}
	for _, n := range tenants {
		for _, of := range tenants {
			if n.mark == of.mark {
				continue
			}
			ctx, address := t.Context(), aws.String(of.address())
			_, err1 := n.two.DeleteEmailIdentity(ctx, &sesv2.DeleteEmailIdentityInput{EmailIdentity: address})
			_, err2 := n.two.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: aws.String(of.arn()), Tags: []types.Tag{tag("a", "b")}})
			_, err3 := n.two.PutEmailIdentityFeedbackAttributes(ctx, &sesv2.PutEmailIdentityFeedbackAttributesInput{EmailIdentity: address})
			_, err4 := n.two.DeleteEmailIdentityPolicy(ctx, &sesv2.DeleteEmailIdentityPolicyInput{EmailIdentity: address, PolicyName: &of.mark})
			_, err5 := n.two.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{EmailIdentity: address})
			_, err10 := n.two.DeleteSuppressedDestination(ctx, &sesv2.DeleteSuppressedDestinationInput{EmailAddress: address})
			_, err6 := n.two.DeleteConfigurationSet(ctx, &sesv2.DeleteConfigurationSetInput{ConfigurationSetName: &of.mark})
			_, err7 := n.two.PutConfigurationSetSendingOptions(ctx, &sesv2.PutConfigurationSetSendingOptionsInput{ConfigurationSetName: &of.mark})
			_, err8 := n.two.DeleteConfigurationSetEventDestination(ctx, &sesv2.DeleteConfigurationSetEventDestinationInput{ConfigurationSetName: &of.mark, EventDestinationName: &of.mark})
			_, err9 := n.two.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: aws.String(of.scope.ARN("configuration-set/" + of.mark)), Tags: []types.Tag{tag("a", "b")}})
			_, err11 := n.two.DeleteEmailTemplate(ctx, &sesv2.DeleteEmailTemplateInput{TemplateName: &of.mark})
			_, err12 := n.two.UpdateEmailTemplate(ctx, &sesv2.UpdateEmailTemplateInput{
				TemplateName: &of.mark, TemplateContent: &types.EmailTemplateContent{Subject: aws.String("x"), Text: aws.String("x")},
			})
			_, err13 := n.two.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: aws.String(of.scope.ARN("template/" + of.mark)), Tags: []types.Tag{tag("a", "b")}})
			_, err14 := n.two.SendEmail(ctx, withTemplate2(n.address(), types.Template{TemplateArn: aws.String(of.scope.ARN("template/" + of.mark))}))
			_, err15 := n.two.UpdateContact(ctx, &sesv2.UpdateContactInput{ContactListName: aws.String("news"), EmailAddress: address})
			_, err16 := n.two.DeleteContact(ctx, &sesv2.DeleteContactInput{ContactListName: aws.String("news"), EmailAddress: address})
			_, err17 := n.two.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: aws.String(of.scope.ARN("contact-list/news")), Tags: []types.Tag{tag("a", "b")}})
			for _, err := range []error{err1, err2, err3, err4, err5, err6, err7, err8, err9, err10, err11, err12, err13, err14, err15, err16, err17} {
				isA[*types.NotFoundException](t, err)
			}
			_, err := n.two.CreateImportJob(ctx, suppress("lists", of.mark, types.SuppressionListImportActionPut))
			isA[*types.BadRequestException](t, err)
			// These are no errors in version 1, and do nothing.
			_, err = n.one.DeleteIdentity(ctx, &ses.DeleteIdentityInput{Identity: address})
			must(t, err)
			_, err = n.one.DeleteIdentityPolicy(ctx, &ses.DeleteIdentityPolicyInput{Identity: address, PolicyName: &of.mark})
			must(t, err)
			_, err = n.two.SendEmail(ctx, plain(of.address(), reader))
			isA[*types.MessageRejected](t, err)
			with := plain(n.address(), reader)
			with.ConfigurationSetName = &of.mark
			_, err = n.two.SendEmail(ctx, with)
			isA[*types.NotFoundException](t, err)
		}
	}
	for _, n := range tenants {
		if got := describe(n); got != before[n.mark] {
			t.Errorf("%s was changed\nfrom %s\nto   %s", n.mark, before[n.mark], got)
		}
	}
}
