// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net"
	"net/http"
	"net/http/httptest"
	"net/smtp"
	"net/textproto"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	sestypes "github.com/aws/aws-sdk-go-v2/service/ses/types"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"

	"sesame/internal/base/fault"
	"sesame/internal/core/account"
	"sesame/internal/core/intake"
	"sesame/internal/edge/smtp/submission"
	"sesame/internal/proto/smtpserver"
)

// cause is what no peer may read.
const cause = "dial tcp 10.0.0.7:5432: password=hunter2"

// failing answers everything with one error.
type failing struct{ err atomic.Pointer[error] }

// failingV2 is failing with the operations of v2.
type failingV2 struct{ f *failing }

func (f *failing) fail() error { return *f.err.Load() }

func (f *failing) SendEmail(context.Context, *ses.SendEmailInput) (*ses.SendEmailOutput, error) {
	return nil, f.fail()
}

func (f *failing) SendTemplatedEmail(context.Context, *ses.SendTemplatedEmailInput) (*ses.SendTemplatedEmailOutput, error) {
	return nil, f.fail()
}

func (f *failing) CreateReceiptRuleSet(context.Context, *ses.CreateReceiptRuleSetInput) (*ses.CreateReceiptRuleSetOutput, error) {
	return nil, f.fail()
}

// failingV1 calls an operation of v1. The SDK knows an error's type only where the
// operation declares it.
func failingV1(ctx context.Context, c *ses.Client, k fault.Kind) error {
	to, word := &sestypes.Destination{ToAddresses: []string{reader}}, aws.String("word")
	var err error
	switch k {
	case fault.AlreadyExists, fault.LimitExceeded:
		_, err = c.CreateReceiptRuleSet(ctx, &ses.CreateReceiptRuleSetInput{RuleSetName: word})
	case fault.TemplateNotFound:
		_, err = c.SendTemplatedEmail(ctx, &ses.SendTemplatedEmailInput{Destination: to, Source: word, Template: word, TemplateData: word})
	default:
		text := &sestypes.Content{Data: word}
		m := &sestypes.Message{Subject: text, Body: &sestypes.Body{Text: text}}
		_, err = c.SendEmail(ctx, &ses.SendEmailInput{Destination: to, Source: word, Message: m})
	}
	return err
}

func (f failingV2) GetAccount(context.Context, *sesv2.GetAccountInput) (*sesv2.GetAccountOutput, error) {
	return nil, f.f.fail()
}

func (f *failing) Accept(context.Context, intake.Submission) (string, error) { return "", f.fail() }

func (*failing) SMTP(context.Context, string, string, string) (account.Principal, error) {
	return account.Principal{Account: accountID, User: "tester", KeyID: keyID}, nil
}

// smtpCode is the reply of the submission door.
type smtpCode struct {
	code int
	text string // of the reply; %s is the fault's
}

// faults is the whole table: each kind with its code and status at the three doors.
var faults = []struct {
	name   string // of the constant
	kind   fault.Kind
	v1, v2 refusal // without text: it is the fault's
	smtp   smtpCode
	v1As   error // the SDK's type, where it has one
	v2As   error
}{
	{"Internal", fault.Internal, refusal{500, "InternalFailure", "Internal failure"}, refusal{500, "InternalServiceErrorException", "Internal failure"},
		smtpCode{451, "Temporary service failure"}, nil, new(types.InternalServiceErrorException)},
	{"Invalid", fault.Invalid, refusal{400, "InvalidParameterValue", ""}, refusal{400, "BadRequestException", ""},
		smtpCode{554, "Transaction failed: %s"}, nil, new(types.BadRequestException)},
	{"Rejected", fault.Rejected, refusal{400, "MessageRejected", ""}, refusal{400, "MessageRejected", ""},
		smtpCode{554, "Message rejected: %s"}, new(sestypes.MessageRejected), new(types.MessageRejected)},
	{"NotFound", fault.NotFound, refusal{400, "InvalidParameterValue", ""}, refusal{404, "NotFoundException", ""},
		smtpCode{554, "Transaction failed: %s"}, nil, new(types.NotFoundException)},
	{"ConfigSetNotFound", fault.ConfigSetNotFound, refusal{400, "ConfigurationSetDoesNotExist", ""}, refusal{404, "NotFoundException", ""},
		smtpCode{554, "Transaction failed: %s"}, new(sestypes.ConfigurationSetDoesNotExistException), new(types.NotFoundException)},
	{"TemplateNotFound", fault.TemplateNotFound, refusal{400, "TemplateDoesNotExist", ""}, refusal{404, "NotFoundException", ""},
		smtpCode{554, "Transaction failed: %s"}, new(sestypes.TemplateDoesNotExistException), new(types.NotFoundException)},
	{"AlreadyExists", fault.AlreadyExists, refusal{400, "AlreadyExists", ""}, refusal{400, "AlreadyExistsException", ""},
		smtpCode{554, "Transaction failed: %s"}, new(sestypes.AlreadyExistsException), new(types.AlreadyExistsException)},
	{"LimitExceeded", fault.LimitExceeded, refusal{400, "LimitExceeded", ""}, refusal{400, "LimitExceededException", ""},
		smtpCode{554, "Transaction failed: %s"}, new(sestypes.LimitExceededException), new(types.LimitExceededException)},
	{"Throttled", fault.Throttled, refusal{400, "Throttling", ""}, refusal{429, "TooManyRequestsException", ""},
		smtpCode{454, "Throttling failure: %s"}, nil, new(types.TooManyRequestsException)},
	{"AccessDenied", fault.AccessDenied, refusal{403, "AccessDenied", ""}, refusal{403, "AccessDeniedException", ""},
		smtpCode{554, "Access denied: %s"}, nil, nil},
	{"AccountPaused", fault.AccountPaused, refusal{400, "AccountSendingPausedException", ""}, refusal{400, "SendingPausedException", ""},
		smtpCode{554, "Message rejected: %s"}, new(sestypes.AccountSendingPausedException), new(types.SendingPausedException)},
	{"ConfigSetPaused", fault.ConfigSetPaused, refusal{400, "ConfigurationSetSendingPausedException", ""}, refusal{400, "SendingPausedException", ""},
		smtpCode{554, "Transaction failed: %s"}, new(sestypes.ConfigurationSetSendingPausedException), new(types.SendingPausedException)},
	{"MailFromNotVerified", fault.MailFromNotVerified, refusal{400, "MailFromDomainNotVerifiedException", ""}, refusal{400, "MailFromDomainNotVerifiedException", ""},
		smtpCode{554, "Transaction failed: %s"}, new(sestypes.MailFromDomainNotVerifiedException), new(types.MailFromDomainNotVerifiedException)},
	{"TooLarge", fault.TooLarge, refusal{400, "InvalidParameterValue", ""}, refusal{400, "BadRequestException", ""},
		smtpCode{552, "Message is too long."}, nil, new(types.BadRequestException)},
	{"Conflict", fault.Conflict, refusal{400, "InvalidParameterValue", ""}, refusal{500, "ConcurrentModificationException", ""},
		smtpCode{554, "Transaction failed: %s"}, nil, new(types.ConcurrentModificationException)},
	{"Unavailable", fault.Unavailable, refusal{503, "ServiceUnavailable", ""}, refusal{503, "ServiceUnavailableException", ""},
		smtpCode{454, "Temporary service failure"}, nil, nil},
	{"NotImplemented", fault.NotImplemented, refusal{501, "NotImplemented", ""}, refusal{501, "NotImplementedException", ""},
		smtpCode{554, "Transaction failed: %s"}, nil, nil},
}

func TestEveryKindOfFaultAtEveryDoor(t *testing.T) {
	t.Parallel()
	f := &failing{}
	w := newWorld(t, func(s *settings) { s.v1, s.v2 = f, failingV2{f} })
	door := smtpDoor(t, w, &submission.Backend{Auth: f, Intake: f, Region: region})
	one, two := w.sesClient(tester()), w.sesv2Client(tester())
	for _, tc := range faults {
		t.Run(tc.name, func(t *testing.T) { // one after the other: they share the doors
			const text = "What the peer may read <&>"
			var err error = &fault.Error{Kind: tc.kind, Op: "here", Text: text, Err: errors.New(cause)}
			if tc.kind == fault.Internal {
				err = fault.Wrap("here", errors.New(cause))
			}
			err = fmt.Errorf("wrapped: %w", err)
			f.err.Store(&err)
			for _, r := range []*refusal{&tc.v1, &tc.v2} {
				if r.text == "" {
					r.text = text
				}
			}
			err1 := failingV1(t.Context(), one, tc.kind)
			wantRefusal(t, err1, tc.v1)
			sameType(t, err1, tc.v1As)
			_, err2 := two.GetAccount(t.Context(), nil)
			wantRefusal(t, err2, tc.v2)
			sameType(t, err2, tc.v2As)
			code, reply := submit(t, door)
			if want := strings.Replace(tc.smtp.text, "%s", text, 1); code != tc.smtp.code || reply != want {
				t.Errorf("SMTP: %d %s, want %d %s", code, reply, tc.smtp.code, want)
			}
			for _, s := range []string{err1.Error(), err2.Error(), reply} {
				if strings.Contains(s, "hunter2") {
					t.Errorf("the cause is told: %s", s)
				}
			}
		})
	}
	if n := strings.Count(w.log.String(), "hunter2"); n < 4 {
		t.Errorf("the log has the cause %d times; what is our fault belongs into it", n)
	}
}

// sameType compares the types of what the SDK returned and what it should have.
func sameType(t *testing.T, err, want error) {
	t.Helper()
	if want == nil {
		return
	}
	for e := err; e != nil; e = errors.Unwrap(e) {
		if fmt.Sprintf("%T", e) == fmt.Sprintf("%T", want) {
			return
		}
	}
	t.Errorf("%v holds no %T", err, want)
}

// TestTheTableHasEveryKind reads the kinds from their source.
func TestTheTableHasEveryKind(t *testing.T) {
	t.Parallel()
	file, err := parser.ParseFile(token.NewFileSet(), "../../base/fault/fault.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, d := range file.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, spec := range g.Specs {
			for _, n := range spec.(*ast.ValueSpec).Names {
				names = append(names, n.Name)
			}
		}
	}
	if len(names) != len(faults) {
		t.Fatalf("%d kinds, %d in the table", len(names), len(faults))
	}
	known := map[string]fault.Kind{}
	for _, f := range faults {
		known[f.name] = f.kind
	}
	for i, name := range names {
		if k, ok := known[name]; !ok || int(k) != i {
			t.Errorf("%s is not in the table, or stands for another kind", name)
		}
	}
}

// TestAnErrorOfAnotherAPIDoesNotLeak has a handler of v1 return an error of v2.
func TestAnErrorOfAnotherAPIDoesNotLeak(t *testing.T) {
	t.Parallel()
	f := &failing{}
	w := newWorld(t, func(s *settings) { s.v1, s.v2 = f, failingV2{f} })
	var err error = &types.NotFoundException{}
	f.err.Store(&err)
	got := failingV1(t.Context(), w.sesClient(tester()), fault.Internal)
	wantRefusal(t, got, refusal{500, "InternalFailure", "Internal failure"})
	err = &sestypes.AlreadyExistsException{}
	f.err.Store(&err)
	_, got = w.sesv2Client(tester()).GetAccount(t.Context(), nil)
	wantRefusal(t, got, refusal{500, "InternalServiceErrorException", "Internal failure"})
}

// smtpServer is a running submission door.
type smtpServer struct {
	addr string
	tls  *tls.Config // of its clients
}

// smtpDoor serves a backend as the app does.
func smtpDoor(t *testing.T, w *world, b smtpserver.Backend) smtpServer {
	t.Helper()
	certificates := httptest.NewTLSServer(nil) // for the certificate of example.com alone
	t.Cleanup(certificates.Close)
	s, err := smtpserver.NewServer(smtpserver.Config{
		Hostname: "email-smtp.amazonaws.com", Greeting: "SimpleEmailService-d-TEST", TLS: certificates.TLS, RequireTLS: true, RequireAuth: true,
		Log: w.logger(),
	}, b)
	if err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve(l) }()
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Shutdown(ctx); err != nil {
			t.Error(err)
		}
	})
	clientTLS := certificates.Client().Transport.(*http.Transport).TLSClientConfig.Clone()
	clientTLS.ServerName = "example.com"
	return smtpServer{addr: l.Addr().String(), tls: clientTLS}
}

// submit sends one message and returns the reply to its end.
func submit(t *testing.T, s smtpServer) (code int, text string) {
	t.Helper()
	return submitAs(t, s, "password", "Ho")
}

// submitAs sends one message and returns the first refusal, or else the reply to its
// end.
func submitAs(t *testing.T, s smtpServer, password, body string) (code int, text string) {
	t.Helper()
	conn, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	if err := conn.SetDeadline(time.Now().Add(10 * time.Second)); err != nil {
		t.Fatal(err)
	}
	c, err := smtp.NewClient(conn, "127.0.0.1")
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for _, step := range []func() error{
		func() error { return c.StartTLS(s.tls) },
		func() error { return c.Auth(smtp.PlainAuth("", keyID, password, "127.0.0.1")) },
		func() error { return c.Mail(sender) },
		func() error { return c.Rcpt(reader) },
		func() error {
			d, err := c.Data()
			if err != nil {
				return err
			}
			if _, err := fmt.Fprintf(d, "From: %s\r\nSubject: %s\r\n\r\n%[2]s\r\n", sender, body); err != nil {
				return err
			}
			return d.Close()
		},
	} {
		var reply *textproto.Error
		if err := step(); errors.As(err, &reply) {
			return reply.Code, reply.Msg
		} else if err != nil {
			t.Fatal(err)
		}
	}
	return 250, ""
}
