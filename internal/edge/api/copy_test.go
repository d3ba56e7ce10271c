// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"encoding/base64"
	"reflect"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
)

// TestCopyingIdentitiesToAnotherRegion is the program of SES's guide that copies an
// account's identities from one region to another: two clients that differ in nothing but
// the region list, submit for verification, start DKIM for all domains (those of the
// addresses, too, which nobody ever submitted), and set topics on what still waits.
func TestCopyingIdentitiesToAnotherRegion(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	ctx := t.Context()
	from, to := w.sesClient(in("us-east-1")), w.sesClient(in("ap-southeast-2"))
	want := []string{"Anna@Mixed.example", "bob+news@example.net", "example.org", verified}
	for _, name := range want {
		var err error
		switch {
		case name == verified: // it is there
		case strings.Contains(name, "@"):
			_, err = from.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: &name})
		default:
			_, err = from.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: &name})
		}
		must(t, err)
	}

	// 1. All identities of the one region, page by page, whatever their kind and status.
	list := func(c *ses.Client) (names []string) {
		t.Helper()
		for p := ses.NewListIdentitiesPaginator(c, &ses.ListIdentitiesInput{MaxItems: aws.Int32(3)}); p.HasMorePages(); {
			page, err := p.NextPage(ctx)
			must(t, err)
			names = append(names, page.Identities...)
		}
		return names
	}
	names := list(from)
	if !reflect.DeepEqual(names, want) {
		t.Fatalf("%v", names)
	}

	// 2. and 3. Submit them in the other one.
	tokens, domains := map[string]string{}, map[string]bool{}
	for _, name := range names {
		if _, domain, isAddress := strings.Cut(name, "@"); isAddress {
			_, err := to.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: &name})
			must(t, err)
			domains[domain] = true
			continue
		}
		out, err := to.VerifyDomainIdentity(ctx, &ses.VerifyDomainIdentityInput{Domain: &name})
		must(t, err)
		tokens[name], domains[name] = aws.ToString(out.VerificationToken), true
	}
	if raw, err := base64.StdEncoding.DecodeString(tokens["example.org"]); err != nil || len(raw) != 32 {
		t.Errorf("the token %q", tokens["example.org"])
	}

	// 6. DKIM for the domains and for those of the addresses. Tokens become names in DNS.
	for domain := range domains {
		out, err := to.VerifyDomainDkim(ctx, &ses.VerifyDomainDkimInput{Domain: &domain})
		must(t, err)
		if len(out.DkimTokens) != 3 || strings.Trim(strings.Join(out.DkimTokens, ""), "abcdefghijklmnopqrstuvwxyz234567") != "" {
			t.Errorf("%s: %v", domain, out.DkimTokens)
		}
	}

	// 7. Topics for identities that wait.
	for _, name := range names {
		for _, kind := range []sestypes.NotificationType{"Bounce", "Delivery", "Complaint"} {
			_, err := to.SetIdentityNotificationTopic(ctx, &ses.SetIdentityNotificationTopicInput{
				Identity: &name, NotificationType: kind, SnsTopic: aws.String("arn:aws:sns:ap-southeast-2:123456789012:feedback"),
			})
			must(t, err)
		}
	}

	// Every identity that is listed is told of, under the name that it is listed by, and
	// waits: the regions verify for themselves.
	copied := list(to)
	if wanted := []string{"Anna@Mixed.example", "bob+news@example.net", "example.com", "example.net", "example.org", "mixed.example", verified}; !reflect.DeepEqual(copied, wanted) {
		t.Errorf("%v", copied)
	}
	status, err := to.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: copied})
	must(t, err)
	for _, name := range copied {
		if got := status.VerificationAttributes[name]; got.VerificationStatus != sestypes.VerificationStatusPending {
			t.Errorf("%s: %q", name, got.VerificationStatus)
		}
	}
	if got := aws.ToString(status.VerificationAttributes["example.org"].VerificationToken); got != tokens["example.org"] {
		t.Errorf("DKIM changed the token from %s to %s", tokens["example.org"], got)
	}
	if again := list(from); !reflect.DeepEqual(again, want) {
		t.Errorf("the source has changed: %v", again)
	}
}
