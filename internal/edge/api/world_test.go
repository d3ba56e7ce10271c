// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/smithy-go"

	"sesame/internal/base/clock"
	"sesame/internal/base/scope"
	"sesame/internal/core/access"
	"sesame/internal/core/account"
	"sesame/internal/core/blob"
	"sesame/internal/core/bucket"
	"sesame/internal/core/configset"
	"sesame/internal/core/contact"
	"sesame/internal/core/dnscheck"
	"sesame/internal/core/idempotency"
	"sesame/internal/core/identity"
	"sesame/internal/core/importjob"
	"sesame/internal/core/intake"
	"sesame/internal/core/keyring"
	"sesame/internal/core/quota"
	"sesame/internal/core/setting"
	"sesame/internal/core/spool"
	"sesame/internal/core/store"
	"sesame/internal/core/suppression"
	"sesame/internal/core/template"
	"sesame/internal/core/zone"
	"sesame/internal/edge/api"
	"sesame/internal/edge/api/admin"
	"sesame/internal/edge/api/iam"
	v1 "sesame/internal/edge/api/ses"
	v2 "sesame/internal/edge/api/sesv2"
	"sesame/internal/edge/api/sts"
	"sesame/internal/edge/httpx"
	"sesame/internal/proto/awswire"
	"sesame/internal/testkit/logs"
	"sesame/internal/testkit/storetest"
)

// What every world has.
const (
	accountID = "123456789012"
	keyID     = "AKIAEXAMPLEEXAMPLE01"
	secretKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
	region    = "us-east-1"

	sender   = "sender@example.com"
	verified = sender // identities that exist from the start, in us-east-1
	reader   = "reader@example.net"

	serviceZone = "ses.example.net"
)

var home = scope.Scope{Account: accountID, Region: region}

// services compiles SES v1, SES v2, IAM and STS once: they are read-only.
var services = sync.OnceValues(func() (all [4]*awswire.Service, err error) {
	for i, compile := range []func() (*awswire.Service, error){awswire.NewSES, awswire.NewSESv2, awswire.NewIAM, awswire.NewSTS} {
		if all[i], err = compile(); err != nil {
			return all, err
		}
	}
	return all, nil
})

// world is a door with everything real behind it, on an SQLite database of its own,
// without delivery.
type world struct {
	server     *httptest.Server
	api        *api.Door
	door       http.Handler
	db         *store.DB
	accounts   *account.Accounts
	identities *identity.Identities
	configSets *configset.Sets
	emails     *template.Templates
	settings   *setting.Settings
	spool      *spool.Spool
	kept       *keeper
	intake     *intake.Intake
	verifying
	suppression *suppression.Lists
	contacts    *contact.Lists
	buckets     *bucket.Store
	imports     *importjob.Jobs
	clock       *clock.Fake
	log         *logs.Buffer
}

// settings are what a test may want otherwise.
type settings struct {
	tls     bool
	pending bool // identities are not verified at once
	large   bool // messages that are files
	limits  quota.Limits
	sandbox bool     // accounts begin in the sandbox
	calls   float64  // of an operation in a second; 0 is no throttle
	sleeps  bool     // who waits for a quota moves the clock
	v1, v2  any      // handlers, instead of the real ones
	sets    []string // configuration sets that exist from the start, in us-east-1
	change  func(*api.Options)
}

func newWorld(t testing.TB, change ...func(*settings)) *world {
	t.Helper()
	var s settings
	for _, c := range change {
		c(&s)
	}
	// A clock that stands still at the time at which the clients sign.
	w := &world{db: storetest.SQLite(t), clock: clock.NewFake(time.Now()), log: &logs.Buffer{}}
	ring := keyring.Ephemeral()
	log := w.logger()
	kept := spool.Options{DB: w.db, Clock: w.clock.Now, Log: log, Node: "test/1", LeaseFor: time.Hour, InRow: 1 << 30}
	if s.large {
		var err error
		if kept.Blobs, err = blob.Open(filepath.Join(t.TempDir(), "blobs")); err != nil {
			t.Fatal(err)
		}
		kept.InRow = 64 << 10
	}
	w.accounts = account.New(w.db, ring, w.clock.Now, rand.Reader)
	w.accounts.SetDefaults(account.Defaults{Sandbox: s.sandbox})
	waits := quota.Options{DB: w.db, Clock: w.clock.Now, Accounts: w.accounts, Default: s.limits, MaxDelay: time.Minute}
	if s.sleeps {
		waits.Sleep = func(_ context.Context, d time.Duration) error { w.clock.Advance(d); return nil }
	}
	quotas := quota.New(waits)
	w.settings = setting.New(setting.Options{DB: w.db, Clock: w.clock.Now, Exists: w.exists})
	w.identities = identity.New(identity.Options{DB: w.db, Seal: ring, Clock: w.clock.Now, Random: rand.Reader, VerifyAtOnce: !s.pending, Accounts: w.accounts})
	w.configSets = configset.New(w.db, w.clock.Now, w.identities)
	w.emails = template.New(w.db, w.clock.Now)
	w.spool = spool.New(kept)
	w.kept = &keeper{spool: w.spool, messages: map[string]*spool.Message{}}
	w.suppression = suppression.New(suppression.Options{
		DB: w.db, Clock: w.clock.Now, Random: rand.Reader, ConfigSets: w.configSets, Accounts: w.accounts,
	})
	var err error
	w.buckets, err = bucket.New(bucket.Options{DB: w.db, Dir: t.TempDir(), Clock: w.clock.Now, Random: rand.Reader, MaxObject: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	w.contacts = contact.New(contact.Options{
		DB: w.db, Clock: w.clock.Now, Sign: ring, MailDomain: serviceZone, Base: func(string, configset.Set) string { return "https://" + serviceZone },
	})
	authorizer := access.New(access.Options{Policies: w.accounts, Identities: w.identities, Organizations: w.accounts, Clock: w.clock.Now})
	w.imports = importjob.New(importjob.Options{
		DB: w.db, Clock: w.clock.Now, Access: authorizer, Addresses: w.suppression, Contacts: w.contacts,
		Objects: importjob.Builtin{Buckets: w.buckets, Presign: func(sc scope.Scope, bucket, key string) string {
			return "https://" + sc.Account + "." + sc.Region + ".example/" + bucket + "/" + key
		}},
	})
	w.intake = intake.New(intake.Options{
		Spool: w.kept, Identities: w.identities, Access: authorizer, Quotas: quotas, Clock: w.clock.Now, Random: rand.Reader, MAC: ring.MAC,
		Accounts: w.accounts, Settings: w.settings, ConfigSets: w.configSets, Suppressed: w.suppression, Templates: w.emails, Contacts: w.contacts,
		Once: idempotency.New(w.db, w.clock.Now),
	})
	w.verifying.build(w, ring)
	if s.v1 == nil {
		s.v1 = &v1.API{Intake: w.intake, Identities: w.identities, Quotas: quotas, Accounts: w.accounts, Statistics: w.spool, Templates: w.templates, Verification: w.mailer, ConfigSets: w.configSets, EmailTemplates: w.emails}
	}
	if s.v2 == nil {
		s.v2 = &v2.API{
			Intake: w.intake, Identities: w.identities, Quotas: quotas, Accounts: w.accounts, Templates: w.templates, Verification: w.mailer,
			Suppression: w.suppression, Contacts: w.contacts, ImportJobs: w.imports, ConfigSets: w.configSets, EmailTemplates: w.emails, VDM: w.accounts, Zone: zone.Names{Zone: serviceZone},
		}
	}
	all, err := services()
	if err != nil {
		t.Fatal(err)
	}
	users, tokens := api.Bind(all[2], &iam.API{Accounts: w.accounts, Clock: w.clock.Now}), api.Bind(all[3], &sts.API{Accounts: w.accounts, Clock: w.clock.Now})
	o := api.Options{
		IAM: users, STS: tokens, V1: api.Bind(all[0], s.v1), V2: api.Bind(all[1], s.v2),
		Admin: admin.New(admin.Identities(&dnscheck.Identities{Identities: w.identities}, w.identities), admin.Settings(w.settings), admin.Suppression(w.suppression), admin.Messages(w.spool)),
		Keys:  w.accounts, Access: authorizer, Clock: w.clock.Now, Random: rand.Reader, Log: log, MaxInFlightBytes: 1 << 30,
		Sandbox: w.accounts,
	}
	if s.calls > 0 {
		o.Calls = quota.NewCalls(w.clock.Now, s.calls)
	}
	if s.change != nil {
		s.change(&o)
	}
	var compress httpx.Compressor
	w.api = api.New(o)
	w.door = compress.Handler(w.api)
	w.start(t, s.tls)
	w.fill(t)
	for _, name := range s.sets {
		must(t, w.configSets.Create(t.Context(), configset.Set{Scope: home, Name: name, Options: configset.Default()}))
	}
	return w
}

// exists knows identities and configuration sets.
func (w *world) exists(ctx context.Context, r setting.Resource) error {
	if r.Kind == setting.ConfigurationSet {
		_, err := w.configSets.Get(ctx, r.Scope, r.Name)
		return err
	}
	_, err := w.identities.Get(ctx, r.Scope, r.Name)
	return err
}

func (w *world) start(t testing.TB, tls bool) {
	w.server = httptest.NewUnstartedServer(w.door)
	w.server.Config.MaxHeaderBytes = 64 << 10
	if tls {
		w.server.StartTLS()
	} else {
		w.server.Start()
	}
	t.Cleanup(w.server.Close)
}

// fill makes the user whose key the clients have, and the sender.
func (w *world) fill(t testing.TB) {
	t.Helper()
	ctx := context.Background()
	if _, err := w.accounts.CreateUser(ctx, account.NewUser{Account: accountID, Name: "tester", KeyID: keyID, Secret: secretKey, Policies: []string{account.AdministratorAccess}}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.identities.Create(ctx, home, verified, identity.Settings{}); err != nil {
		t.Fatal(err)
	}
}

// logger logs everything.
func (w *world) logger() *slog.Logger {
	return slog.New(slog.NewJSONHandler(w.log, &slog.HandlerOptions{Level: slog.LevelDebug - 8}))
}

// keeper remembers what the spool has made durable.
type keeper struct {
	spool    *spool.Spool
	mu       sync.Mutex
	messages map[string]*spool.Message
}

func (k *keeper) Accept(ctx context.Context, m *spool.Message) error {
	err := k.spool.Accept(ctx, m)
	if err == nil {
		k.mu.Lock()
		defer k.mu.Unlock()
		k.messages[m.ID] = m
	}
	return err
}

// accepted is a message that the spool has, read.
type accepted struct {
	*spool.Message
	to     string // recipients
	header mail.Header
	body   string
}

// stored returns the message with an id that a client was given.
func (w *world) stored(t testing.TB, id string) accepted {
	t.Helper()
	w.kept.mu.Lock()
	m := w.kept.messages[id]
	w.kept.mu.Unlock()
	if m == nil {
		t.Fatalf("the spool has no message %q", id)
	}
	a := accepted{Message: m}
	var to []string
	for _, r := range m.Recipients {
		to = append(to, r.String())
	}
	a.to = strings.Join(to, " ")
	read, err := mail.ReadMessage(bytes.NewReader(m.Content))
	if err != nil {
		t.Fatalf("%v in\n%s", err, m.Content)
	}
	body, err := io.ReadAll(read.Body)
	if err != nil {
		t.Fatal(err)
	}
	a.header, a.body = read.Header, string(body)
	return a
}

// count is how many messages the spool has.
func (w *world) count() int {
	w.kept.mu.Lock()
	defer w.kept.mu.Unlock()
	return len(w.kept.messages)
}

// who signs.
type who struct{ key, secret, token, region string }

func tester() who { return who{key: keyID, secret: secretKey, region: region} }

func (i who) provider() aws.CredentialsProvider {
	return credentials.NewStaticCredentialsProvider(i.key, i.secret, i.token)
}

// sesClient and sesv2Client are the SDK's, which try once.
func (w *world) sesClient(i who, change ...func(*ses.Options)) *ses.Client {
	return ses.New(ses.Options{
		BaseEndpoint: &w.server.URL, Region: i.region, Credentials: i.provider(), Retryer: aws.NopRetryer{}, HTTPClient: w.server.Client(),
	}, change...)
}

func (w *world) sesv2Client(i who, change ...func(*sesv2.Options)) *sesv2.Client {
	return sesv2.New(sesv2.Options{
		BaseEndpoint: &w.server.URL, Region: i.region, Credentials: i.provider(), Retryer: aws.NopRetryer{}, HTTPClient: w.server.Client(),
	}, change...)
}

// call is a request that a test makes by hand.
type call struct {
	method, target string // target is path and query
	body           string
	header         http.Header
	host           string // "" is the server's
	who            who
	at             time.Time // of the signature; zero is now
	hash           string    // X-Amz-Content-Sha256 as signed; "" is the body's, which is not sent
	service        string    // of the signature; "" is ses
	unsigned       bool
	alter          func(*http.Request) // after signing
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// code is the error's code in either protocol.
func (a answer) code() string {
	if c := a.header.Get("X-Amzn-Errortype"); c != "" {
		return c
	}
	return between(a.body, "<Code>", "</Code>")
}

// text is the error's message in either protocol.
func (a answer) text() string {
	if strings.HasPrefix(a.body, "{") {
		var m struct{ Message string }
		if json.Unmarshal([]byte(a.body), &m) != nil {
			return "not JSON: " + a.body
		}
		return m.Message
	}
	return between(a.body, "<Message>", "</Message>")
}

func between(s, from, to string) string {
	_, s, ok := strings.Cut(s, from)
	if !ok {
		return ""
	}
	s, _, _ = strings.Cut(s, to)
	return s
}

// request builds and signs.
func (w *world) request(t testing.TB, c call) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(context.Background(), c.method, w.server.URL+c.target, strings.NewReader(c.body))
	if err != nil {
		t.Fatal(err)
	}
	for name, values := range c.header {
		r.Header[name] = values
	}
	if c.host != "" {
		r.Host = c.host
	}
	if !c.unsigned {
		if c.who == (who{}) {
			c.who = tester()
		}
		c.sign(t, w, r)
	}
	if c.alter != nil {
		c.alter(r)
	}
	return r
}

func (c call) sign(t testing.TB, w *world, r *http.Request) {
	t.Helper()
	hash := c.hash
	if hash == "" {
		sum := sha256.Sum256([]byte(c.body))
		hash = hex.EncodeToString(sum[:])
	} else {
		r.Header.Set("X-Amz-Content-Sha256", hash)
	}
	if c.at.IsZero() {
		c.at = w.clock.Now()
	}
	service := c.service
	if service == "" {
		service = "ses"
	}
	keys := aws.Credentials{AccessKeyID: c.who.key, SecretAccessKey: c.who.secret, SessionToken: c.who.token}
	if err := v4.NewSigner().SignHTTP(context.Background(), keys, r, hash, service, c.who.region, c.at); err != nil {
		t.Fatal(err)
	}
}

// do makes the request, as a client that undoes no encoding.
func (w *world) do(t testing.TB, c call) answer {
	t.Helper()
	return w.send(t, w.request(t, c))
}

func (w *world) send(t testing.TB, r *http.Request) answer {
	t.Helper()
	client := *w.server.Client()
	client.Timeout = time.Minute
	transport := client.Transport.(*http.Transport).Clone()
	transport.DisableCompression = true
	defer transport.CloseIdleConnections()
	client.Transport = transport
	resp, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

// form is the header of a request to API v1.
func form() http.Header {
	return http.Header{"Content-Type": {"application/x-www-form-urlencoded; charset=utf-8"}}
}

// getSendQuota is an operation of v1 that needs nothing.
const getSendQuota = "Action=GetSendQuota&Version=2010-12-01"

// refusal is what the SDK made of a refused call.
type refusal struct {
	status     int
	code, text string
}

// refused takes the SDK's error apart; the error must be one that the SDK understood,
// with a request id.
func refused(t testing.TB, err error) refusal {
	t.Helper()
	var resp *awshttp.ResponseError
	var apiErr smithy.APIError
	if !errors.As(err, &resp) || !errors.As(err, &apiErr) {
		t.Fatalf("not an answer that the SDK understands: %v", err)
	}
	if resp.ServiceRequestID() == "" {
		t.Errorf("an error without a request id: %v", err)
	}
	return refusal{resp.HTTPStatusCode(), apiErr.ErrorCode(), apiErr.ErrorMessage()}
}

// wantRefusal compares; a want without text stands for any text but none.
func wantRefusal(t testing.TB, err error, want refusal) {
	t.Helper()
	got := refused(t, err)
	if want.text == "" && got.text != "" {
		want.text = got.text
	}
	if got != want {
		t.Errorf("got  %+v\nwant %+v", got, want)
	}
}

// isA checks the SDK's own type of an error.
func isA[E error](t testing.TB, err error) {
	t.Helper()
	var typed E
	if !errors.As(err, &typed) {
		t.Errorf("%v is a %T, want a %T", err, err, typed)
	}
}
