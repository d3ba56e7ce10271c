// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/core/identity"
	"sesame/internal/core/store"
)

// write runs a statement, for states that only time brings.
func (w *world) write(t *testing.T, query string, args ...any) {
	t.Helper()
	must(t, w.db.Write(t.Context(), func(tx *store.Tx) error {
		_, err := tx.Exec(query, args...)
		return err
	}))
}

// TestStatusesInBothVersions has each status in either version's spelling.
func TestStatusesInBothVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	one, two, ctx := w.sesClient(tester()), w.sesv2Client(tester()), t.Context()
	createIdentity(t, two, "example.org")
	_, err := two.PutEmailIdentityMailFromAttributes(ctx, &sesv2.PutEmailIdentityMailFromAttributesInput{
		EmailIdentity: aws.String("example.org"), MailFromDomain: aws.String("bounce.example.org"),
	})
	must(t, err)
	names := []string{"example.org"}
	for status, in1 := range map[types.VerificationStatus]sestypes.VerificationStatus{
		"PENDING": "Pending", "SUCCESS": "Success", "FAILED": "Failed", "TEMPORARY_FAILURE": "TemporaryFailure", "NOT_STARTED": "NotStarted",
	} {
		w.write(t, `UPDATE identities SET verification = ?, dkim_status = ?, mail_from_status = ? WHERE name = 'example.org'`, string(status), string(status), string(status))
		got := getIdentity(t, two, "example.org")
		if got.VerificationStatus != status || got.DkimAttributes.Status != types.DkimStatus(status) || got.MailFromAttributes.MailFromDomainStatus != types.MailFromDomainStatus(status) {
			t.Errorf("v2, %s: %s", status, show(got))
		}
		if sends := status == "SUCCESS" || status == "TEMPORARY_FAILURE"; got.VerifiedForSendingStatus != sends {
			t.Errorf("%s: VerifiedForSendingStatus is %v", status, got.VerifiedForSendingStatus)
		}
		list, err := two.ListEmailIdentities(ctx, nil)
		must(t, err)
		if info := list.EmailIdentities[0]; info.VerificationStatus != status || info.SendingEnabled != got.VerifiedForSendingStatus {
			t.Errorf("listed, %s: %s", status, show(info))
		}
		verification, err := one.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: names})
		must(t, err)
		dkim, err := one.GetIdentityDkimAttributes(ctx, &ses.GetIdentityDkimAttributesInput{Identities: names})
		must(t, err)
		mailFrom, err := one.GetIdentityMailFromDomainAttributes(ctx, &ses.GetIdentityMailFromDomainAttributesInput{Identities: names})
		must(t, err)
		for what, got := range map[string]string{
			"verification": string(verification.VerificationAttributes["example.org"].VerificationStatus),
			"DKIM":         string(dkim.DkimAttributes["example.org"].DkimVerificationStatus),
			"MAIL FROM":    string(mailFrom.MailFromDomainAttributes["example.org"].MailFromDomainStatus),
		} {
			if got != string(in1) {
				t.Errorf("v1, %s, %s: %q", what, status, got)
			}
		}
	}
}

// TestWhatTheLastCheckFound is VerificationInfo.
func TestWhatTheLastCheckFound(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c := w.sesv2Client(tester())
	if got := getIdentity(t, c, verified).VerificationInfo; got != nil {
		t.Errorf("before a check: %s", show(got))
	}
	checked, found := time.UnixMilli(1_800_000_000_000).UTC(), time.UnixMilli(1_700_000_000_500).UTC()
	w.write(t, `UPDATE identities SET checked_at = ?, succeeded_at = ?, check_error = 'HOST_NOT_FOUND'`, store.Millis(checked), store.Millis(found))
	want := &types.VerificationInfo{ErrorType: types.VerificationErrorHostNotFound, LastCheckedTimestamp: &checked, LastSuccessTimestamp: &found}
	if got := getIdentity(t, c, verified).VerificationInfo; !reflect.DeepEqual(got, want) {
		t.Errorf("%s", show(got))
	}
	w.write(t, `UPDATE identities SET checked_at = ?, succeeded_at = 0, check_error = 'TYPE_NOT_FOUND'`, store.Millis(checked))
	want = &types.VerificationInfo{ErrorType: types.VerificationErrorTypeNotFound, LastCheckedTimestamp: &checked}
	if got := getIdentity(t, c, verified).VerificationInfo; !reflect.DeepEqual(got, want) {
		t.Errorf("it never succeeded: %s", show(got))
	}
	w.write(t, `UPDATE identities SET checked_at = ?, soa_primary = 'ns1.example.net', soa_admin = 'hostmaster.example.net', soa_serial = 4000000000`, store.Millis(checked))
	want.SOARecord = &types.SOARecord{PrimaryNameServer: aws.String("ns1.example.net"), AdminEmail: aws.String("hostmaster.example.net"), SerialNumber: 4_000_000_000}
	if got := getIdentity(t, c, verified).VerificationInfo; !reflect.DeepEqual(got, want) {
		t.Errorf("with the start of the zone: %s", show(got))
	}
}

// TestVerifyingAnAddressAgain has it mailed again until it is verified.
func TestVerifyingAnAddressAgain(t *testing.T) {
	t.Parallel()
	w := newWorld(t, unverified)
	c, ctx := w.sesClient(tester()), t.Context()
	mails := func() (n int) {
		t.Helper()
		must(t, w.db.QueryRow(ctx, `SELECT count(*) FROM notices WHERE kind = 'VerifyAddress' AND identity = 'new@example.org'`).Scan(&n))
		return n
	}
	verify := func() {
		t.Helper()
		_, err := c.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String("new@example.org")})
		must(t, err)
	}
	status := func() sestypes.VerificationStatus {
		t.Helper()
		out, err := c.GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: []string{"new@example.org"}})
		must(t, err)
		return out.VerificationAttributes["new@example.org"].VerificationStatus
	}
	verify()
	verify()
	if mails() != 1 {
		t.Errorf("%d mails within a minute", mails())
	}
	w.clock.Advance(time.Minute)
	verify()
	if mails() != 2 || status() != sestypes.VerificationStatusPending {
		t.Errorf("%d mails, %s", mails(), status())
	}
	w.clock.Advance(time.Minute)
	w.write(t, `UPDATE identities SET verification = 'FAILED' WHERE name = 'new@example.org'`)
	verify()
	if mails() != 3 || status() != sestypes.VerificationStatusPending {
		t.Errorf("after it failed: %d mails, %s", mails(), status())
	}
	_, err := w.identities.MarkVerified(ctx, home, "new@example.org")
	must(t, err)
	verify()
	if mails() != 3 || status() != sestypes.VerificationStatusSuccess {
		t.Errorf("once it is verified: %d mails, %s", mails(), status())
	}
}

// TestAddressesAreToldApartByEveryLetter is SES's rule for them; that for domains is
// another.
func TestAddressesAreToldApartByEveryLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.sesv2Client(tester()), t.Context()
	createIdentity(t, c, "Sender@EXAMPLE.org")
	for from, ok := range map[string]bool{
		"Sender@EXAMPLE.org":           true,
		"A Name <Sender@EXAMPLE.org>":  true,
		"Sender+label@EXAMPLE.org":     true,
		"Sender@example.org":           false,
		"sender@EXAMPLE.org":           false,
		"Sender+label@example.org":     false,
		"sender+label@EXAMPLE.ORG":     false,
		"Sender@xn--exmple-cua.org":    false,
		"Sender@EXAMPLE.org.example":   false,
		"Sender@sub.EXAMPLE.org":       false,
		"Sender+label@sub.EXAMPLE.org": false,
	} {
		_, err := c.SendEmail(ctx, plain(from, reader))
		if ok {
			if err != nil {
				t.Errorf("%s: %v", from, err)
			}
			continue
		}
		isA[*types.MessageRejected](t, err)
	}
	// The Return-Path may have a label, too.
	in := plain("Sender@EXAMPLE.org", reader)
	in.FeedbackForwardingEmailAddress = aws.String("Sender+bounces@EXAMPLE.org")
	_, err := c.SendEmail(ctx, in)
	must(t, err)
	_, err = c.GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("Sender@example.org")})
	wantRefusal(t, err, refusal{404, "NotFoundException", "Email identity Sender@example.org does not exist."})

	createIdentity(t, c, "Example.ORG")
	for _, from := range []string{"x@EXAMPLE.org", "x@example.org", "x@Sub.Example.Org", "Sender@example.org"} {
		_, err := c.SendEmail(ctx, plain(from, reader))
		must(t, err)
	}
	// Answers of version 1 have the name as it was asked for.
	asked := []string{"EXAMPLE.ORG", "example.org", "Sender@EXAMPLE.org", "Sender@example.org"}
	out, err := w.sesClient(tester()).GetIdentityVerificationAttributes(ctx, &ses.GetIdentityVerificationAttributesInput{Identities: asked})
	must(t, err)
	if got := out.VerificationAttributes; len(got) != 3 || got["EXAMPLE.ORG"].VerificationStatus != "Success" || got["Sender@EXAMPLE.org"].VerificationStatus != "Success" {
		t.Errorf("%v", got)
	}
}

func TestTenThousandIdentitiesAreEnough(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	one, two, ctx := w.sesClient(tester()), w.sesv2Client(tester()), t.Context()
	must(t, w.db.Write(ctx, func(tx *store.Tx) error {
		for n := range identity.MaxPerRegion - 2 { // one is there
			if _, err := tx.Exec(`INSERT INTO identities (account, region, name, kind, verification, token, dkim_status, signing, config_set, tags, created_at, verified_at)
				VALUES (?, ?, ?, 'EMAIL_ADDRESS', 'SUCCESS', '', 'NOT_STARTED', 0, '', 'null', 0, 0)`, accountID, region, fmt.Sprintf("user%d@example.org", n)); err != nil {
				return err
			}
		}
		return nil
	}))
	createIdentity(t, two, "last@example.org")
	_, err := two.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("one-more.example.org")})
	wantRefusal(t, err, refusal{400, "LimitExceededException", "You have reached the maximum of 10000 identities."})
	isA[*types.LimitExceededException](t, err)
	_, err = one.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String("one-more@example.org")})
	wantRefusal(t, err, refusal{400, "LimitExceeded", "You have reached the maximum of 10000 identities."})
	_, err = one.VerifyEmailIdentity(ctx, &ses.VerifyEmailIdentityInput{EmailAddress: aws.String("last@example.org")}) // it is there
	must(t, err)
	createIdentity(t, w.sesv2Client(in("eu-west-1")), "one-more@example.org") // a region of its own
	// Without MaxItems there are a thousand on a page.
	list, err := one.ListIdentities(ctx, nil)
	must(t, err)
	if len(list.Identities) != 1000 || list.NextToken == nil {
		t.Errorf("%d identities, %v", len(list.Identities), list.NextToken)
	}
}
