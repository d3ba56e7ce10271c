// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

// notVerified is SES's text for senders that are not verified.
func notVerified(who ...string) string {
	return "Email address is not verified. The following identities failed the check in region US-EAST-1: " + strings.Join(who, ", ")
}

// constraint is SES's text for one violated constraint.
func constraint(at, what string) string {
	return "1 validation error detected: Value at '" + at + "' failed to satisfy constraint: " + what
}

// people makes addresses.
func people(n int) []string {
	var list []string
	for i := range n {
		list = append(list, fmt.Sprintf("r%d@example.net", i))
	}
	return list
}

// badAddresses are addresses that no parameter takes, with SES's words.
var badAddresses = []struct{ name, address, text string }{
	{"empty", "", "Illegal address"},
	{"white space", "a b@example.net", "Local address contains control or whitespace"},
	{"no domain", "somebody", "Missing final '@domain'"},
	{"nothing before the at sign", "@example.net", "Missing local name"},
	{"nothing after the at sign", "somebody@", "Missing domain"},
	{"dots at the beginning", ".a@example.net", "Local address starts with dot"},
	{"dots in a row", "a..b@example.net", "Local address contains dot-dot"},
	{"a domain with a dot at its end", "a@example.net.", "Domain ends with dot"},
	{"not ASCII", "jürgen@example.net", "There are non-ASCII characters in the email address"},
	{"two in one", "a@example.net, b@example.net", "Illegal address"},
	{"angle brackets that do not close", "A <a@example.net", "Missing '>'"},
	{"quotes that do not close", `"A <a@example.net>`, `Missing '"'`},
	{"a line break", "a@example.net\r\nBcc: x@example.net", "Local address contains control or whitespace"},
}

func TestMessagesThatV2Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked))
	simple := func(change func(*types.Message)) func(*sesv2.SendEmailInput) {
		return func(in *sesv2.SendEmailInput) { change(in.Content.Simple) }
	}
	file := func(a types.Attachment) func(*sesv2.SendEmailInput) {
		return simple(func(m *types.Message) { m.Attachments = []types.Attachment{a} })
	}
	header := func(name, value string) func(*sesv2.SendEmailInput) {
		return simple(func(m *types.Message) { m.Headers = []types.MessageHeader{{Name: &name, Value: &value}} })
	}
	tags := func(tags ...types.MessageTag) func(*sesv2.SendEmailInput) {
		return func(in *sesv2.SendEmailInput) { in.EmailTags = tags }
	}
	pair := func(name, value string) types.MessageTag { return types.MessageTag{Name: &name, Value: &value} }
	raw := func(lines ...string) func(*sesv2.SendEmailInput) {
		return func(in *sesv2.SendEmailInput) {
			in.FromEmailAddress, in.Destination = nil, nil
			in.Content = &types.EmailContent{Raw: &types.RawMessage{Data: []byte(strings.Join(lines, "\r\n") + "\r\n")}}
		}
	}
	bad := func(text string) refusal { return refusal{400, "BadRequestException", text} }
	notThere := refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: example.com"}
	unbuilt := func(name string) refusal {
		return refusal{501, "NotImplementedException", "The parameter " + name + " of SendEmail is not implemented by this server."}
	}
	cases := []struct {
		name   string
		change func(*sesv2.SendEmailInput)
		want   refusal
	}{
		{"no content", func(in *sesv2.SendEmailInput) { in.Content = nil }, bad(constraint("content", "Member must not be null"))},
		{"empty content", func(in *sesv2.SendEmailInput) { in.Content = &types.EmailContent{} },
			bad("Exactly one of Simple, Raw and Template must be given in Content.")},
		{"two contents", func(in *sesv2.SendEmailInput) { in.Content.Raw = &types.RawMessage{Data: []byte("x")} },
			bad("Exactly one of Simple, Raw and Template must be given in Content.")},
		{"no subject", simple(func(m *types.Message) { m.Subject = nil }), bad(constraint("content.simple.subject", "Member must not be null"))},
		{"no body", simple(func(m *types.Message) { m.Body = nil }), bad(constraint("content.simple.body", "Member must not be null"))},
		{"an empty body", simple(func(m *types.Message) { m.Body = &types.Body{} }), bad("At least one of Text and Html must be given in Body.")},
		{"no text in a body", simple(func(m *types.Message) { m.Body.Html = &types.Content{} }), bad(constraint("content.simple.body.html.data", "Member must not be null"))},
		{"no destination", func(in *sesv2.SendEmailInput) { in.Destination = nil }, bad("There are no recipients specified")},
		{"an empty destination", func(in *sesv2.SendEmailInput) { in.Destination = &types.Destination{} }, bad("There are no recipients specified")},
		{"51 recipients", func(in *sesv2.SendEmailInput) {
			in.Destination = &types.Destination{ToAddresses: people(20), CcAddresses: people(20), BccAddresses: people(11)}
		}, bad("Recipient count exceeds 50.")},
		{"a sender that is not verified", func(in *sesv2.SendEmailInput) { in.FromEmailAddress = aws.String("X <stranger@example.org>") },
			refusal{400, "MessageRejected", notVerified("stranger@example.org")}},
		{"sender and return path that are not verified", func(in *sesv2.SendEmailInput) {
			in.FromEmailAddress, in.FeedbackForwardingEmailAddress = aws.String("stranger@example.org"), aws.String("b@example.org")
		}, refusal{400, "MessageRejected", notVerified("stranger@example.org", "b@example.org")}},
		{"a Sender header that is not verified", header("Sender", "boss@example.org"), refusal{400, "MessageRejected", notVerified("boss@example.org")}},
		{"a configuration set that does not exist", func(in *sesv2.SendEmailInput) { in.ConfigurationSetName = aws.String("none") },
			refusal{404, "NotFoundException", "Configuration set <none> does not exist."}},
		{"a character in a tag's name", tags(pair("a b", "c")), bad("Invalid tag name <a b>: only alphanumeric ASCII characters, '_', and '-' are allowed.")},
		{"a character in a tag's value", tags(pair("a", "ü")), bad("Invalid tag value <?>: only alphanumeric ASCII characters, '_', and '-' are allowed.")},
		{"a tag without a value", tags(pair("a", "")), bad("The tag value must be specified.")},
		{"a tag without a name", tags(pair("", "a")), bad("The tag name must be specified.")},
		{"a long tag", tags(pair(strings.Repeat("n", 256), "a")), bad("Tag name cannot exceed 255 characters.")},
		{"51 tags", tags(func() (list []types.MessageTag) {
			for i := range 51 {
				list = append(list, pair(fmt.Sprint("n", i), "v"))
			}
			return list
		}()...), bad("A message may have at most 50 tags.")},
		{"a header that SES sets", header("Date", "today"), bad("Header 'Date' cannot be set as a custom header.")},
		{"another header that SES sets", header("bcc", "x@example.net"), bad("Header 'Bcc' cannot be set as a custom header.")},
		{"a header without a name", header("", "x"), bad("")},
		{"a header that is not ASCII", header("X-A", "ü"), bad(constraint("content.simple.headers.1.member.value", "Member must satisfy regular expression pattern: [ -~]*"))},
		{"a long header", header("X-A", strings.Repeat("x", 996)), bad(constraint("content.simple.headers.1.member.value", "Member must have length less than or equal to 995"))},
		{"a header that is long in all", header(strings.Repeat("N", 100), strings.Repeat("x", 897)), bad("Header too long: '" + strings.Repeat("N", 100) + "'.")},
		{"a control header that is not built", header("X-SES-TENANT", "t"), refusal{501, "NotImplementedException", "The header X-SES-TENANT is not implemented by this server."}},
		{"16 headers", simple(func(m *types.Message) {
			for i := range 16 {
				m.Headers = append(m.Headers, types.MessageHeader{Name: aws.String(fmt.Sprint("X-", i)), Value: aws.String("x")})
			}
		}), bad(constraint("content.simple.headers", "Member must have length less than or equal to 15"))},
		{"the same header twice that may not be", simple(func(m *types.Message) {
			h := types.MessageHeader{Name: aws.String("References"), Value: aws.String("x")}
			m.Headers = []types.MessageHeader{h, h}
		}), bad("Duplicate header 'References'.")},
		{"a file that is not sent", file(types.Attachment{FileName: aws.String("setup.EXE "), RawContent: []byte("x")}), bad("Illegal filename 'setup.EXE '.")},
		{"a file without a name", file(types.Attachment{RawContent: []byte("x")}), bad(constraint("content.simple.attachments.1.member.fileName", "Member must not be null"))},
		{"a file of no type", file(types.Attachment{FileName: aws.String("a"), ContentType: aws.String("none"), RawContent: []byte("x")}), bad("")},
		{"a file that is not 7 bit", file(types.Attachment{FileName: aws.String("a"), RawContent: []byte{200}, ContentTransferEncoding: "SEVEN_BIT"}), bad("")},
		{"a file of another encoding", file(types.Attachment{FileName: aws.String("a"), RawContent: []byte("x"), ContentTransferEncoding: "UUENCODE"}),
			bad(constraint("content.simple.attachments.1.member.contentTransferEncoding", "Member must satisfy enum value set: [BASE64, QUOTED_PRINTABLE, SEVEN_BIT]"))},
		{"a charset that nobody knows", simple(func(m *types.Message) { m.Subject.Charset = aws.String("klingon") }), bad("")},
		{"a text outside its charset", simple(func(m *types.Message) { m.Body.Text = text("ü", "US-ASCII") }), bad("")},

		{"raw: nothing", raw(""), bad("Missing required header 'From'.")},
		{"raw: no data", func(in *sesv2.SendEmailInput) { in.Content = &types.EmailContent{Raw: &types.RawMessage{}} }, bad(constraint("content.raw.data", "Member must not be null"))},
		{"raw: no From", raw("To: a@example.net", "", "x"), bad("Missing required header 'From'.")},
		{"raw: no recipients", raw("From: "+sender, "", "x"), bad("There are no recipients specified")},
		{"raw: a From that is not verified", raw("From: A <a@example.org>, "+sender, "To: b@example.net", "", "x"), refusal{400, "MessageRejected", notVerified("a@example.org")}},
		{"raw: a Return-Path that is not verified", raw("From: "+sender, "Return-Path: <b@example.org>", "To: b@example.net", "", "x"), refusal{400, "MessageRejected", notVerified("b@example.org")}},
		{"raw: a field twice", raw("From: "+sender, "Subject: 1", "subject: 2", "To: b@example.net", "", "x"), bad("Duplicate header 'Subject'.")},
		{"raw: a line that is too long", raw("From: "+sender, "To: b@example.net", "X-Long: "+strings.Repeat("x", 1000), "", "x"), bad("Header too long: 'X-Long'.")},
		{"raw: an address that is none", raw("From: "+sender, "To: b@example.net, c", "", "x"), bad("Missing final '@domain'")},
		{"raw: a bad tag", raw("From: "+sender, "To: b@example.net", "X-SES-MESSAGE-TAGS: a=b c", "", "x"),
			bad("Invalid tag value <b c>: only alphanumeric ASCII characters, '_', and '-' are allowed.")},
		{"raw: a configuration set that does not exist", raw("From: "+sender, "To: b@example.net", "X-SES-CONFIGURATION-SET: none", "", "x"),
			refusal{404, "NotFoundException", "Configuration set <none> does not exist."}},
		{"raw: list management", raw("From: "+sender, "To: b@example.net", "X-SES-LIST-MANAGEMENT-OPTIONS: list; topic=t", "", "x"),
			refusal{404, "NotFoundException", "List with name: list doesn't exist."}},
		{"raw: a file that is not sent", raw("From: "+sender, "To: b@example.net", "Content-Type: multipart/mixed; boundary=x", "", "--x",
			"Content-Disposition: attachment; filename*=utf-8''%61.vbs", "", "--x--"), bad("Illegal filename 'a.vbs'.")},
		{"raw: 51 recipients", raw("From: "+sender, "To: "+strings.Join(people(26), ",\r\n "), "Cc: "+strings.Join(people(25), ",\r\n "), "", "x"), bad("Recipient count exceeds 50.")},

		{"a contact list without a name", func(in *sesv2.SendEmailInput) {
			in.ListManagementOptions = &types.ListManagementOptions{ContactListName: aws.String("")}
		}, bad("ContactListName can't be blank.")},
		{"a template that is not there", func(in *sesv2.SendEmailInput) {
			in.Content = &types.EmailContent{Template: &types.Template{TemplateName: aws.String("t")}}
		}, refusal{404, "NotFoundException", "Template t does not exist."}},
		{"a template without anything", func(in *sesv2.SendEmailInput) { in.Content = &types.EmailContent{Template: &types.Template{}} },
			bad("Exactly one of a stored template, by name or ARN, and the content of a template must be given.")},
		{"a template beside a message", func(in *sesv2.SendEmailInput) { in.Content.Template = &types.Template{} },
			bad("Exactly one of Simple, Raw and Template must be given in Content.")},
		{"a contact list that is not there", func(in *sesv2.SendEmailInput) {
			in.ListManagementOptions = &types.ListManagementOptions{ContactListName: aws.String("l")}
		}, refusal{404, "NotFoundException", "List with name: l doesn't exist."}},
		{"a tenant", func(in *sesv2.SendEmailInput) { in.TenantName = aws.String("t") }, unbuilt("TenantName")},
		{"overrides", func(in *sesv2.SendEmailInput) { in.ConfigurationOverrides = &types.ConfigurationOverrides{} }, unbuilt("ConfigurationOverrides")},
		{"an identity by its ARN that is not there", func(in *sesv2.SendEmailInput) { in.FromEmailAddressIdentityArn = aws.String(arn) }, notThere},
		{"an identity for feedback that is not there", func(in *sesv2.SendEmailInput) { in.FeedbackForwardingEmailAddressIdentityArn = aws.String(arn) }, notThere},
		{"an ARN that is none", func(in *sesv2.SendEmailInput) { in.FromEmailAddressIdentityArn = aws.String("example.com") },
			refusal{400, "BadRequestException", "Invalid identity ARN <example.com>."}},
		{"an ARN of another region", func(in *sesv2.SendEmailInput) {
			in.FromEmailAddressIdentityArn = aws.String("arn:aws:ses:eu-west-1:123456789012:identity/example.com")
		}, refusal{400, "BadRequestException", "The identity <arn:aws:ses:eu-west-1:123456789012:identity/example.com> is not in the region us-east-1."}},
		{"an ARN of another identity", func(in *sesv2.SendEmailInput) {
			in.FromEmailAddressIdentityArn = aws.String("arn:aws:ses:us-east-1:123456789012:identity/example.org")
		}, refusal{400, "BadRequestException", "The identity <arn:aws:ses:us-east-1:123456789012:identity/example.org> does not cover the address <sender@example.com>."}},
		{"an ARN among the custom headers", func(in *sesv2.SendEmailInput) {
			in.Content.Simple.Headers = []types.MessageHeader{{Name: aws.String("X-SES-Source-Arn"), Value: aws.String(arn)}}
		}, refusal{400, "BadRequestException", "Header 'X-SES-SOURCE-ARN' cannot be set as a custom header."}},
	}
	for _, b := range badAddresses {
		set := map[string]func(*sesv2.SendEmailInput){
			"To":       func(in *sesv2.SendEmailInput) { in.Destination.ToAddresses = []string{reader, b.address} },
			"Cc":       func(in *sesv2.SendEmailInput) { in.Destination.CcAddresses = []string{b.address} },
			"Bcc":      func(in *sesv2.SendEmailInput) { in.Destination.BccAddresses = []string{b.address} },
			"Reply-To": func(in *sesv2.SendEmailInput) { in.ReplyToAddresses = []string{b.address} },
			"From":     func(in *sesv2.SendEmailInput) { in.FromEmailAddress = &b.address },
			"feedback": func(in *sesv2.SendEmailInput) { in.FeedbackForwardingEmailAddress = &b.address },
			"raw's To": func(in *sesv2.SendEmailInput) {
				raw("From: "+sender, "", "x")(in)
				in.Destination = &types.Destination{ToAddresses: []string{b.address}}
			},
		}
		if b.address == "" {
			delete(set, "feedback") // as if it were not there
		}
		for where, change := range set {
			cases = append(cases, struct {
				name   string
				change func(*sesv2.SendEmailInput)
				want   refusal
			}{"an address in " + where + ": " + b.name, change, bad(b.text)})
		}
	}
	before := w.count()
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			in := plain(sender, reader)
			tc.change(in)
			_, err := c.SendEmail(t.Context(), in)
			wantRefusal(t, err, tc.want)
			if w.count() != before {
				t.Fatal("a refused message was stored")
			}
		})
	}
	if out, err := c.GetAccount(t.Context(), nil); err != nil || out.SendQuota.SentLast24Hours != 0 {
		t.Errorf("refused messages count: %s, %v", show(out), err)
	}
}

const arn = "arn:aws:ses:us-east-1:123456789012:identity/example.com"

// TestSimpleWithoutFromEmailAddress is refused by SES with a null for a text.
func TestSimpleWithoutFromEmailAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	a := w.do(t, call{method: "POST", target: "/v2/email/outbound-emails", body: strings.Replace(sendJSON("x"), `"FromEmailAddress":"`+sender+`",`, "", 1)})
	if a.status != 400 || a.code() != "BadRequestException" || a.body != `{"message":null}` {
		t.Errorf("%d %s %s", a.status, a.code(), a.body)
	}
	// The SDK signs requests with EndpointId in a way of its own.
	a = w.do(t, call{method: "POST", target: "/v2/email/outbound-emails", body: strings.Replace(sendJSON("x"), `{`, `{"EndpointId":"e.x",`, 1)})
	if a.status != 501 || a.text() != "The parameter EndpointId of SendEmail is not implemented by this server." {
		t.Errorf("%d %s", a.status, a.body)
	}
	// Members that SES does not know are passed over, and letters count.
	a = w.do(t, call{method: "POST", target: "/v2/email/outbound-emails", body: strings.Replace(sendJSON("x"), `{`, `{"Source":"a","tenantName":"t","Content2":{},`, 1)})
	if a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestMessagesThatV1Refuses(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c := w.sesClient(tester(), ses.WithAPIOptions(unchecked))
	bad := func(text string) refusal { return refusal{400, "InvalidParameterValue", text} }
	invalid := func(at, what string) refusal { return refusal{400, "ValidationError", constraint(at, what)} }
	notThere := refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: example.com"}
	cases := []struct {
		name   string
		change func(*ses.SendEmailInput)
		want   refusal
	}{
		{"no source", func(in *ses.SendEmailInput) { in.Source = nil }, invalid("source", "Member must not be null")},
		{"no destination", func(in *ses.SendEmailInput) { in.Destination = nil }, invalid("destination", "Member must not be null")},
		{"no message", func(in *ses.SendEmailInput) { in.Message = nil }, invalid("message", "Member must not be null")},
		{"no subject", func(in *ses.SendEmailInput) { in.Message.Subject = nil }, invalid("message.subject", "Member must not be null")},
		{"no text in a body", func(in *ses.SendEmailInput) { in.Message.Body.Html = &sestypes.Content{Charset: aws.String("UTF-8")} },
			invalid("message.body.html.data", "Member must not be null")},
		{"a charset that nobody knows", func(in *ses.SendEmailInput) { in.Message.Body.Text.Charset = aws.String("klingon") }, bad("")},
		{"51 recipients", func(in *ses.SendEmailInput) { in.Destination.BccAddresses = people(50) }, bad("Recipient count exceeds 50.")},
		{"a source that is not verified", func(in *ses.SendEmailInput) { in.Source = aws.String("stranger@example.org") },
			refusal{400, "MessageRejected", notVerified("stranger@example.org")}},
		{"a return path that is not verified", func(in *ses.SendEmailInput) { in.ReturnPath = aws.String("b@example.org") },
			refusal{400, "MessageRejected", notVerified("b@example.org")}},
		{"a configuration set that does not exist", func(in *ses.SendEmailInput) { in.ConfigurationSetName = aws.String("none") },
			refusal{400, "ConfigurationSetDoesNotExist", "Configuration set <none> does not exist."}},
		{"a bad tag", func(in *ses.SendEmailInput) {
			in.Tags = []sestypes.MessageTag{{Name: aws.String("a b"), Value: aws.String("c")}}
		},
			bad("Invalid tag name <a b>: only alphanumeric ASCII characters, '_', and '-' are allowed.")},
		{"a tag without a value", func(in *ses.SendEmailInput) { in.Tags = []sestypes.MessageTag{{Name: aws.String("a")}} },
			invalid("tags.1.member.value", "Member must not be null")},
		{"a source by the ARN of an identity that is not there", func(in *ses.SendEmailInput) { in.SourceArn = aws.String(arn) }, notThere},
		{"a return path by one", func(in *ses.SendEmailInput) { in.ReturnPathArn = aws.String(arn) }, notThere},
		{"both", func(in *ses.SendEmailInput) { in.SourceArn, in.ReturnPathArn = aws.String(arn), aws.String(arn) }, notThere},
		{"an ARN that is none", func(in *ses.SendEmailInput) {
			in.SourceArn = aws.String("arn:aws:ses:us-east-1:123456789012:template/example.com")
		},
			refusal{400, "InvalidParameterValue", "Invalid identity ARN <arn:aws:ses:us-east-1:123456789012:template/example.com>."}},
	}
	for _, b := range badAddresses {
		set := map[string]func(*ses.SendEmailInput){
			"To":         func(in *ses.SendEmailInput) { in.Destination.ToAddresses = []string{reader, b.address} },
			"Cc":         func(in *ses.SendEmailInput) { in.Destination.CcAddresses = []string{b.address} },
			"Bcc":        func(in *ses.SendEmailInput) { in.Destination.BccAddresses = []string{b.address} },
			"Reply-To":   func(in *ses.SendEmailInput) { in.ReplyToAddresses = []string{b.address} },
			"Source":     func(in *ses.SendEmailInput) { in.Source = &b.address },
			"ReturnPath": func(in *ses.SendEmailInput) { in.ReturnPath = &b.address },
		}
		if b.address == "" {
			delete(set, "ReturnPath")
		}
		for where, change := range set {
			cases = append(cases, struct {
				name   string
				change func(*ses.SendEmailInput)
				want   refusal
			}{"an address in " + where + ": " + b.name, change, bad(b.text)})
		}
	}
	for _, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			in := &ses.SendEmailInput{
				Source: aws.String(sender), Destination: &sestypes.Destination{ToAddresses: []string{reader}},
				Message: &sestypes.Message{Subject: textV1("Hi"), Body: &sestypes.Body{Text: textV1("Ho")}},
			}
			tc.change(in)
			_, err := c.SendEmail(t.Context(), in)
			wantRefusal(t, err, tc.want)
			if w.count() != 0 {
				t.Fatal("a refused message was stored")
			}
		})
	}
}

func TestRawMessagesThatV1Refuses(t *testing.T) {
	t.Parallel()
	notThere := refusal{400, "MessageRejected", "Email address is not verified. The following identities failed the check in region US-EAST-1: example.com"}
	w := newWorld(t)
	c := w.sesClient(tester(), ses.WithAPIOptions(unchecked))
	bad := func(text string) refusal { return refusal{400, "InvalidParameterValue", text} }
	raw := func(lines ...string) *sestypes.RawMessage {
		return &sestypes.RawMessage{Data: []byte(strings.Join(lines, "\r\n") + "\r\n")}
	}
	good := raw("From: "+sender, "To: a@example.net", "", "x")
	for _, tc := range []struct {
		name string
		in   ses.SendRawEmailInput
		want refusal
	}{
		{"no message", ses.SendRawEmailInput{}, refusal{400, "ValidationError", constraint("rawMessage", "Member must not be null")}},
		{"no data", ses.SendRawEmailInput{RawMessage: &sestypes.RawMessage{}}, refusal{400, "ValidationError", ""}},
		{"no From", ses.SendRawEmailInput{RawMessage: raw("To: a@example.net", "", "x"), Source: aws.String(sender)}, bad("Missing required header 'From'.")},
		{"no recipients", ses.SendRawEmailInput{RawMessage: raw("From: "+sender, "", "x")}, bad("There are no recipients specified")},
		{"a source that is none", ses.SendRawEmailInput{RawMessage: good, Source: aws.String("x")}, bad("Missing final '@domain'")},
		{"a destination that is none", ses.SendRawEmailInput{RawMessage: good, Destinations: []string{reader, "a b@c.example"}}, bad("Local address contains control or whitespace")},
		{"51 destinations", ses.SendRawEmailInput{RawMessage: good, Destinations: people(51)}, bad("Recipient count exceeds 50.")},
		{"a source that is not verified", ses.SendRawEmailInput{RawMessage: good, Source: aws.String("s@example.org")}, refusal{400, "MessageRejected", notVerified("s@example.org")}},
		{"nobody who is verified", ses.SendRawEmailInput{RawMessage: raw("From: a@example.org", "Sender: c@example.org", "Return-Path: <d@example.org>", "To: a@example.net", "", "x"),
			Source: aws.String("b@example.org")}, refusal{400, "MessageRejected", notVerified("b@example.org", "d@example.org", "a@example.org", "c@example.org")}},
		{"a configuration set that does not exist", ses.SendRawEmailInput{RawMessage: good, ConfigurationSetName: aws.String("none")},
			refusal{400, "ConfigurationSetDoesNotExist", "Configuration set <none> does not exist."}},
		{"a file that is not sent", ses.SendRawEmailInput{RawMessage: raw("From: "+sender, "To: a@example.net", `Content-Type: application/x-ms; name="a.exe"`, "", "x")}, bad("Illegal filename 'a.exe'.")},
		{"a tenant", ses.SendRawEmailInput{RawMessage: raw("From: "+sender, "To: a@example.net", "X-SES-TENANT: t", "", "x")},
			refusal{501, "NotImplemented", "The header X-SES-TENANT is not implemented by this server."}},
		{"a source in the header by the ARN of an identity that is not there", ses.SendRawEmailInput{RawMessage: raw("From: "+sender, "To: a@example.net", "X-SES-SOURCE-ARN: "+arn, "", "x")},
			notThere},
		{"FromArn", ses.SendRawEmailInput{RawMessage: good, FromArn: aws.String(arn), SourceArn: aws.String(arn)}, notThere},
		{"SourceArn", ses.SendRawEmailInput{RawMessage: good, SourceArn: aws.String(arn)}, notThere},
		{"ReturnPathArn", ses.SendRawEmailInput{RawMessage: good, ReturnPathArn: aws.String(arn)}, notThere},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err := c.SendRawEmail(t.Context(), &tc.in)
			wantRefusal(t, err, tc.want)
			if w.count() != 0 {
				t.Fatal("a refused message was stored")
			}
		})
	}
	_, err := c.SendRawEmail(t.Context(), &ses.SendRawEmailInput{RawMessage: good, Source: aws.String("s@example.org")})
	isA[*sestypes.MessageRejected](t, err)
	_, err = c.SendRawEmail(t.Context(), &ses.SendRawEmailInput{RawMessage: good, ConfigurationSetName: aws.String("none")})
	isA[*sestypes.ConfigurationSetDoesNotExistException](t, err)
}
