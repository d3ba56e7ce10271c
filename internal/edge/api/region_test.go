// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/edge/api"
)

func in(region string) who {
	i := tester()
	i.region = region
	return i
}

// plain is the smallest message of API v2.
func plain(from string, to ...string) *sesv2.SendEmailInput {
	return &sesv2.SendEmailInput{
		FromEmailAddress: &from, Destination: &types.Destination{ToAddresses: to},
		Content: &types.EmailContent{Simple: &types.Message{
			Subject: &types.Content{Data: aws.String("Hi")}, Body: &types.Body{Text: &types.Content{Data: aws.String("Ho")}},
		}},
	}
}

func TestTheRegionOfTheSignatureSelectsTheRegion(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := t.Context()
	irish := w.sesv2Client(in("eu-west-1"))
	if _, err := irish.CreateEmailIdentity(ctx, &sesv2.CreateEmailIdentityInput{EmailIdentity: aws.String("ire@example.ie")}); err != nil {
		t.Fatal(err)
	}
	out, err := irish.SendEmail(ctx, plain("ire@example.ie", reader))
	if err != nil {
		t.Fatal(err)
	}
	id := aws.ToString(out.MessageId)
	m := w.stored(t, id)
	if !strings.HasPrefix(id, "0102") || m.header.Get("Message-ID") != "<"+id+"@eu-west-1.amazonses.com>" {
		t.Errorf("id %s, Message-ID %s", id, m.header.Get("Message-ID"))
	}
	if out, err = w.sesv2Client(tester()).SendEmail(ctx, plain(sender, reader)); err != nil {
		t.Fatal(err)
	}
	id = aws.ToString(out.MessageId)
	m = w.stored(t, id)
	if !strings.HasPrefix(id, "0100") || m.header.Get("Message-ID") != "<"+id+"@email.amazonses.com>" {
		t.Errorf("id %s, Message-ID %s", id, m.header.Get("Message-ID"))
	}

	// What is in one region is not in another, whichever API asks.
	_, err = w.sesv2Client(tester()).GetEmailIdentity(ctx, &sesv2.GetEmailIdentityInput{EmailIdentity: aws.String("ire@example.ie")})
	wantRefusal(t, err, refusal{404, "NotFoundException", "Email identity ire@example.ie does not exist."})
	isA[*types.NotFoundException](t, err)
	_, err = irish.SendEmail(ctx, plain(sender, reader))
	wantRefusal(t, err, refusal{400, "MessageRejected",
		"Email address is not verified. The following identities failed the check in region EU-WEST-1: " + sender})
	isA[*types.MessageRejected](t, err)
	for region, want := range map[string]string{"us-east-1": verified, "eu-west-1": "ire@example.ie", "ap-south-1": ""} {
		list, err := w.sesClient(in(region)).ListIdentities(ctx, &ses.ListIdentitiesInput{})
		if err != nil || strings.Join(list.Identities, " ") != want {
			t.Errorf("%s: %v, %v, want %s", region, list, err, want)
		}
		quota, err := w.sesClient(in(region)).GetSendQuota(ctx, nil)
		if sent := map[bool]float64{true: 0, false: 1}[want == ""]; err != nil || quota.SentLast24Hours != sent {
			t.Errorf("%s: quota %+v, %v, want %v sent", region, quota, err, sent)
		}
	}
}

func TestOtherRegionsAreRefusedWhereTheyAreNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(s *settings) {
		s.change = func(o *api.Options) { o.Regions = []string{"us-east-1", "eu-west-1"} }
	})
	ctx := t.Context()
	for region, served := range map[string]bool{"us-east-1": true, "eu-west-1": true, "us-west-2": false, "us-east-11": false} {
		_, err1 := w.sesClient(in(region)).GetSendQuota(ctx, nil)
		_, err2 := w.sesv2Client(in(region)).GetAccount(ctx, nil)
		if served {
			if err1 != nil || err2 != nil {
				t.Errorf("%s: %v, %v", region, err1, err2)
			}
			continue
		}
		const text = "Credential should be scoped to a valid region."
		wantRefusal(t, err1, refusal{403, "SignatureDoesNotMatch", text})
		wantRefusal(t, err2, refusal{403, "InvalidSignatureException", text})
	}
}
