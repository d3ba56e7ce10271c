// SPDX-License-Identifier: Apache-2.0

package configset_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/address"
	"sesame/internal/base/clock"
	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/configset"
	"sesame/internal/core/event"
	"sesame/internal/core/identity"
	"sesame/internal/core/setting"
	"sesame/internal/core/store"
	"sesame/internal/testkit/storetest"
)

var (
	ctx   = context.Background()
	sc    = scope.Scope{Account: "123456789012", Region: "us-east-1"}
	start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
)

const (
	topic  = "arn:aws:sns:us-east-1:123456789012:events"
	stream = "arn:aws:firehose:us-east-1:123456789012:deliverystream/events"
	role   = "arn:aws:iam::123456789012:role/events"
	bus    = "arn:aws:events:us-east-1:123456789012:event-bus/default"
	app    = "arn:aws:mobiletargeting:us-east-1:123456789012:apps/0123456789abcdef"
)

// domains are verified: example.com.
type domains struct{}

func (domains) ResolveDomain(_ context.Context, _ scope.Scope, d address.Domain) (identity.Identity, error) {
	for ; d != ""; d = d.Parent() {
		if d == "example.com" {
			return identity.Identity{Name: string(d)}, nil
		}
	}
	return identity.Identity{}, fault.New(fault.NotFound, "none")
}

func open(db *store.DB, c *clock.Fake) *configset.Sets { return configset.New(db, c.Now, domains{}) }

// set is a set with a name and options.
func set(name string, change ...func(*configset.Set)) configset.Set {
	s := configset.Set{Scope: sc, Name: name, Options: configset.Default()}
	for _, c := range change {
		c(&s)
	}
	return s
}

func to(change ...func(*configset.Destination)) configset.Destination {
	d := configset.Destination{Name: "d", Enabled: true, Events: []event.Kind{event.Bounce}, SNSTopic: topic}
	for _, c := range change {
		c(&d)
	}
	return d
}

func ok(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// refused wants a fault of a kind whose text for the peer has a text in it.
func refused(t *testing.T, err error, kind fault.Kind, text string) {
	t.Helper()
	if !fault.Is(err, kind) || !strings.Contains(fault.PeerText(err), text) {
		t.Errorf("got %v, want %q", err, text)
	}
}

// each runs a test on each engine.
func each(t *testing.T, test func(t *testing.T, s *configset.Sets, db *store.DB, c *clock.Fake)) {
	t.Helper()
	t.Parallel()
	storetest.Each(t, func(t *testing.T, db *store.DB) {
		c := clock.NewFake(start)
		test(t, open(db, c), db, c)
	})
}

func TestASetComesBackAsItWasMade(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		full := configset.Set{
			Scope: sc, Name: "All_of-it", CreatedAt: start, Tags: []identity.Tag{{Key: "k", Value: "v"}},
			Options: configset.Options{
				SendingEnabled: true, ReputationMetrics: true, LastFreshStart: start.Add(-time.Hour), Suppressed: &[]string{"COMPLAINT", "BOUNCE"},
				TrackingDomain: "track.example.com", HTTPSPolicy: configset.HTTPSOpens, TLSPolicy: configset.TLSRequire, Pool: "ses-shared-pool",
				MaxDelivery: 5 * time.Minute, EngagementMetrics: configset.Enabled, OptimizedSharedDelivery: configset.Disabled, ArchiveARN: "arn",
			},
		}
		bare := configset.Set{Scope: sc, Name: "bare", CreatedAt: start, Options: configset.Options{Suppressed: &[]string{}}}
		for _, want := range []configset.Set{full, bare} {
			ok(t, s.Create(ctx, want))
			for _, read := range []func(context.Context, scope.Scope, string) (configset.Set, error){s.Get, s.Read} {
				if got, err := read(ctx, sc, want.Name); err != nil || !reflect.DeepEqual(got, want) {
					t.Errorf("%v\ngot  %+v\nwant %+v", err, got, want)
				}
			}
		}
		if !full.TLSRequired() || bare.TLSRequired() {
			t.Error("TLS is required where it was not said, or not where it was")
		}
	})
}

func TestNames(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		long := strings.Repeat("n", configset.MaxName)
		ok(t, s.Create(ctx, set(long)), s.Create(ctx, set("a")), s.Create(ctx, set("A"))) // letters count
		for _, c := range []struct{ name, text string }{
			{"", "The configuration set name must be specified."},
			{long + "n", "Configuration set name cannot exceed 64 characters."},
			{"a.b", "Invalid configuration set name <a.b>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
			{"Köln", "Invalid configuration set name <K?ln>"},
			{"a\x00", "Invalid configuration set name <a?>"},
		} {
			refused(t, s.Create(ctx, set(c.name)), fault.Invalid, c.text)
			_, err := s.Get(ctx, sc, c.name)
			refused(t, err, fault.Invalid, c.text)
			refused(t, s.Delete(ctx, sc, c.name), fault.Invalid, c.text)
			refused(t, s.AddDestination(ctx, sc, c.name, to()), fault.Invalid, c.text)
			refused(t, s.SetSending(ctx, sc, c.name, true), fault.Invalid, c.text)
		}
		err := s.Create(ctx, set("a"))
		refused(t, err, fault.AlreadyExists, "Configuration set <a> already exists.")
		if !errors.Is(err, configset.ErrExists) {
			t.Errorf("the cause of %v", err)
		}
	})
}

func TestWhatASetCantBe(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		for name, c := range map[string]struct {
			change func(*configset.Set)
			text   string
		}{
			"a reason that is none": {func(s *configset.Set) { s.Suppressed = &[]string{"bounce"} }, "Reason bounce is invalid, must be one of [BOUNCE, COMPLAINT]."},
			"a domain of others":    {func(s *configset.Set) { s.TrackingDomain = "example.net" }, "Domain <example.net> is not verified under this account."},
			"no domain at all":      {func(s *configset.Set) { s.TrackingDomain = "a b" }, "Domain <a b> is not verified under this account."},
			"a pool that is none":   {func(s *configset.Set) { s.Pool = "mine" }, "SendingPool <mine> doesn't exist"},
		} {
			t.Run(name, func(t *testing.T) {
				refused(t, s.Create(ctx, set("x", c.change)), fault.Invalid, c.text)
				if there, err := s.Exists(ctx, sc, "x"); there || err != nil {
					t.Errorf("it was made: %v", err)
				}
			})
		}
	})
}

func TestChangesOfASet(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, c *clock.Fake) {
		ok(t, s.Create(ctx, set("s")))
		want := configset.Default()
		for _, step := range []struct {
			name   string
			change func() error
			want   func(*configset.Options)
		}{
			{"pause", func() error { return s.SetSending(ctx, sc, "s", false) }, func(o *configset.Options) { o.SendingEnabled = false }},
			{"pause again", func() error { return s.SetSending(ctx, sc, "s", false) }, func(*configset.Options) {}},
			{"going on is a fresh start", func() error { return s.SetSending(ctx, sc, "s", true) },
				func(o *configset.Options) { o.SendingEnabled, o.LastFreshStart = true, c.Now() }},
			{"going on when it goes on is none", func() error { return s.SetSending(ctx, sc, "s", true) }, func(*configset.Options) {}},
			{"no metrics", func() error { return s.SetReputationMetrics(ctx, sc, "s", false) }, func(o *configset.Options) { o.ReputationMetrics = false }},
			{"delivery", func() error {
				return s.SetDelivery(ctx, sc, "s", configset.Delivery{TLSPolicy: configset.TLSRequire, Pool: "ses-default-dedicated-pool", Max: time.Hour})
			}, func(o *configset.Options) {
				o.TLSPolicy, o.Pool, o.MaxDelivery = configset.TLSRequire, "ses-default-dedicated-pool", time.Hour
			}},
			{"version 1 knows of TLS alone", func() error { return s.SetTLSPolicy(ctx, sc, "s", configset.TLSOptional) }, func(o *configset.Options) { o.TLSPolicy = configset.TLSOptional }},
			{"no delivery options", func() error { return s.SetDelivery(ctx, sc, "s", configset.Delivery{}) },
				func(o *configset.Options) { o.TLSPolicy, o.Pool, o.MaxDelivery = "", "", 0 }},
			{"a reason", func() error { return s.SetSuppressed(ctx, sc, "s", &[]string{configset.Bounce}) }, func(o *configset.Options) { o.Suppressed = &[]string{configset.Bounce} }},
			{"no reason", func() error { return s.SetSuppressed(ctx, sc, "s", &[]string{}) }, func(o *configset.Options) { o.Suppressed = &[]string{} }},
			{"as the account", func() error { return s.SetSuppressed(ctx, sc, "s", nil) }, func(o *configset.Options) { o.Suppressed = nil }},
			{"deliverability", func() error { return s.SetVDM(ctx, sc, "s", configset.Enabled, "") }, func(o *configset.Options) { o.EngagementMetrics = configset.Enabled }},
			{"an archive", func() error { return s.SetArchive(ctx, sc, "s", "arn") }, func(o *configset.Options) { o.ArchiveARN = "arn" }},
			{"a domain", func() error { return s.SetTracking(ctx, sc, "s", "example.com", configset.HTTPSRequired) },
				func(o *configset.Options) { o.TrackingDomain, o.HTTPSPolicy = "example.com", configset.HTTPSRequired }},
			{"another domain keeps the policy", func() error { return s.ReplaceTracking(ctx, sc, "s", "b.example.com") }, func(o *configset.Options) { o.TrackingDomain = "b.example.com" }},
			{"no domain", func() error { return s.RemoveTracking(ctx, sc, "s") }, func(o *configset.Options) { o.TrackingDomain, o.HTTPSPolicy = "", "" }},
			{"a first domain", func() error { return s.AddTracking(ctx, sc, "s", "a.example.com") }, func(o *configset.Options) { o.TrackingDomain = "a.example.com" }},
		} {
			ok(t, step.change())
			step.want(&want)
			if got, err := s.Get(ctx, sc, "s"); err != nil || !reflect.DeepEqual(got.Options, want) {
				t.Errorf("%s: %v\ngot  %+v\nwant %+v", step.name, err, got.Options, want)
			}
			c.Advance(time.Minute)
		}
		refused(t, s.SetDelivery(ctx, sc, "s", configset.Delivery{Pool: "mine"}), fault.Invalid, "SendingPool <mine> doesn't exist")
		refused(t, s.SetSuppressed(ctx, sc, "s", &[]string{"X"}), fault.Invalid, "Reason X is invalid")
		if got, err := s.Get(ctx, sc, "s"); err != nil || !reflect.DeepEqual(got.Options, want) {
			t.Errorf("a refusal changed it: %+v, %v", got.Options, err)
		}
	})
}

func TestTrackingOptionsOfVersion1(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		ok(t, s.Create(ctx, set("s")))
		for _, c := range []struct {
			name  string
			err   error
			kind  fault.Kind
			cause error
			text  string
		}{
			{"the domain is looked at before the set", s.AddTracking(ctx, sc, "none", "example.net"), fault.Invalid, configset.ErrTracking, "Domain <example.net> is not verified under this account."},
			{"no domain", s.AddTracking(ctx, sc, "none", " "), fault.Invalid, configset.ErrTracking, "At least one field of TrackingOptions must contain a value."},
			{"no set", s.AddTracking(ctx, sc, "none", "example.com"), fault.ConfigSetNotFound, nil, "Configuration set <none> does not exist."},
			{"nothing to replace", s.ReplaceTracking(ctx, sc, "s", "example.com"), fault.NotFound, configset.ErrNoTracking, "There are no tracking options for configuration set <s>"},
			{"nothing to remove", s.RemoveTracking(ctx, sc, "s"), fault.NotFound, configset.ErrNoTracking, "There are no tracking options for configuration set <s>"},
			{"it is the first", s.AddTracking(ctx, sc, "s", "example.com"), 0, nil, ""},
			{"it is not the first", s.AddTracking(ctx, sc, "s", "example.com"), fault.AlreadyExists, configset.ErrTrackingExists, "Configuration set <s> already has tracking options."},
		} {
			if c.text == "" {
				ok(t, c.err)
				continue
			}
			refused(t, c.err, c.kind, c.text)
			if c.cause != nil && !errors.Is(c.err, c.cause) {
				t.Errorf("%s: the cause of %v", c.name, c.err)
			}
		}
		// Version 2 looks for the set first.
		refused(t, s.SetTracking(ctx, sc, "none", "example.net", ""), fault.ConfigSetNotFound, "Configuration set <none> does not exist.")
		refused(t, s.SetTracking(ctx, sc, "s", "example.net", ""), fault.Invalid, "is not verified")
	})
}

// TestTrackingHosts: a host is one as long as a set has it and its domain is verified.
func TestTrackingHosts(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		tracks := func(host string, want bool) {
			t.Helper()
			if got, err := s.Tracks(t.Context(), host); got != want || err != nil {
				t.Errorf("%q: %t, %v", host, got, err)
			}
		}
		ok(t, s.Create(t.Context(), set("a", func(s *configset.Set) { s.TrackingDomain = "Go.Example.com" })), s.Create(t.Context(), set("b")))
		tracks("go.example.com", true)
		tracks("GO.example.com", true)
		tracks("example.com", false)
		tracks("", false)
		tracks("not a host", false)
		ok(t, s.SetTracking(t.Context(), sc, "b", "links.example.com", ""))
		tracks("links.example.com", true)
		ok(t, s.SetTracking(t.Context(), sc, "b", "", ""), s.Delete(t.Context(), sc, "a"))
		tracks("links.example.com", false)
		tracks("go.example.com", false)
	})
}

func TestDestinations(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		ok(t, s.Create(ctx, set("s")), s.Create(ctx, set("other")))
		none := func(d *configset.Destination) { d.SNSTopic = "" }
		want := []configset.Destination{
			to(func(d *configset.Destination) { d.Name, d.EventBus = "bus", bus }, none),
			to(func(d *configset.Destination) { d.Name, d.Enabled = "off", false }),
			to(func(d *configset.Destination) { d.Name, d.PinpointApp = "pinpoint", app }, none),
			to(func(d *configset.Destination) {
				d.Name, d.Events = "sns", []event.Kind{event.Open, event.Send, event.Click} // in this order
			}),
			to(func(d *configset.Destination) {
				d.Name, d.Firehose = "stream", &configset.Firehose{StreamARN: stream, RoleARN: role}
			}, none),
			to(func(d *configset.Destination) {
				d.Name, d.CloudWatch = "watch", []configset.Dimension{{Name: "ses:from-domain", Source: configset.MessageTag, Default: "a@b.c"}, {Name: "x", Source: configset.EmailHeader, Default: "-"}}
			}, none),
		}
		for _, d := range want {
			ok(t, s.AddDestination(ctx, sc, "s", d))
		}
		got, err := s.Get(ctx, sc, "s")
		if err != nil || !reflect.DeepEqual(got.Destinations, want) {
			t.Errorf("%v\ngot  %+v\nwant %+v", err, got.Destinations, want)
		}
		for kind, publishes := range map[event.Kind]bool{event.Bounce: true, event.Open: true, event.Delivery: false} {
			if got.Publishes(kind) != publishes {
				t.Errorf("%s: %v", kind, !publishes)
			}
		}
		off := to(func(d *configset.Destination) {
			d.Name, d.Enabled, d.Events = "sns", false, []event.Kind{event.Open, event.Open}
		})
		ok(t, s.ReplaceDestination(ctx, sc, "s", off))
		if got, err = s.Get(ctx, sc, "s"); err != nil || got.Publishes(event.Open) || len(got.Destinations[3].Events) != 1 {
			t.Errorf("a destination that is off: %+v, %v", got.Destinations[3], err)
		}
		ok(t, s.RemoveDestination(ctx, sc, "s", "sns"))
		for _, c := range []struct {
			err   error
			kind  fault.Kind
			cause error
			text  string
		}{
			{s.AddDestination(ctx, sc, "s", want[0]), fault.AlreadyExists, configset.ErrDestinationExists, "An event destination with name <bus> already exists for configuration set <s>."},
			{s.ReplaceDestination(ctx, sc, "s", to()), fault.NotFound, configset.ErrNoDestination, "An event destination with name <d> does not exist for configuration set <s>."},
			{s.RemoveDestination(ctx, sc, "s", "sns"), fault.NotFound, configset.ErrNoDestination, "An event destination with name <sns> does not exist for configuration set <s>."},
			{s.RemoveDestination(ctx, sc, "other", "bus"), fault.NotFound, configset.ErrNoDestination, "for configuration set <other>."},
			{s.AddDestination(ctx, sc, "none", to()), fault.ConfigSetNotFound, nil, "Configuration set <none> does not exist."},
			{s.RemoveDestination(ctx, sc, "none", "bus"), fault.ConfigSetNotFound, nil, "Configuration set <none> does not exist."},
		} {
			refused(t, c.err, c.kind, c.text)
			if c.cause != nil && !errors.Is(c.err, c.cause) {
				t.Errorf("the cause of %v", c.err)
			}
		}
		for n := range configset.MaxDestinations - len(want) + 1 {
			ok(t, s.AddDestination(ctx, sc, "s", to(func(d *configset.Destination) { d.Name = fmt.Sprint("more", n) })))
		}
		refused(t, s.AddDestination(ctx, sc, "s", to()), fault.LimitExceeded, "Configuration set <s> has the maximum of 10 event destinations.")
	})
}

func TestDestinationsThatAreOfNoUse(t *testing.T) {
	t.Parallel()
	s := open(storetest.SQLite(t), clock.NewFake(start))
	ok(t, s.Create(ctx, set("s")))
	type d = configset.Destination
	topicOf := func(arn string) func(*d) { return func(x *d) { x.SNSTopic = arn } }
	streamOf := func(arn, role string) func(*d) {
		return func(x *d) { x.SNSTopic, x.Firehose = "", &configset.Firehose{StreamARN: arn, RoleARN: role} }
	}
	busOf := func(arn string) func(*d) { return func(x *d) { x.SNSTopic, x.EventBus = "", arn } }
	appOf := func(arn string, kinds ...event.Kind) func(*d) {
		return func(x *d) { x.SNSTopic, x.PinpointApp, x.Events = "", arn, append(x.Events, kinds...) }
	}
	watch := func(dims ...configset.Dimension) func(*d) {
		return func(x *d) { x.SNSTopic, x.CloudWatch = "", append([]configset.Dimension{}, dims...) }
	}
	dim := func(name, def string) configset.Dimension {
		return configset.Dimension{Name: name, Source: configset.LinkTag, Default: def}
	}
	eleven := make([]configset.Dimension, configset.MaxDimensions+1)
	for n := range eleven {
		eleven[n] = dim(fmt.Sprint("d", n), "x")
	}
	const twoOfThem = "Please provide only one destination with each request."
	for name, c := range map[string]struct {
		change func(*d)
		cause  error
		text   string
	}{
		"no name":                       {func(x *d) { x.Name = "" }, nil, "The event destination name must be specified."},
		"a name that is too long":       {func(x *d) { x.Name = strings.Repeat("n", 65) }, nil, "Event destination name cannot exceed 64 characters."},
		"a name with other characters":  {func(x *d) { x.Name = "a b" }, nil, "Invalid event destination name <a b>: only alphanumeric ASCII characters, '_', and '-' are allowed."},
		"no events":                     {func(x *d) { x.Events = nil }, nil, "At least one event type must be specified."},
		"nowhere":                       {topicOf(""), nil, "Event destination is not provided."},
		"two at once":                   {func(x *d) { x.EventBus = bus }, nil, twoOfThem},
		"no ARN":                        {topicOf("events"), configset.ErrSNSDestination, "Invalid SNS topic <events>: it must be the ARN of a standard topic in the region us-east-1."},
		"a topic of another region":     {topicOf("arn:aws:sns:eu-west-1:123456789012:events"), configset.ErrSNSDestination, "Invalid SNS topic"},
		"a topic of another partition":  {topicOf("arn:aws-cn:sns:us-east-1:123456789012:events"), configset.ErrSNSDestination, "Invalid SNS topic"},
		"a FIFO topic":                  {topicOf(topic + ".fifo"), configset.ErrSNSDestination, "Invalid SNS topic"},
		"a queue":                       {topicOf("arn:aws:sqs:us-east-1:123456789012:events"), configset.ErrSNSDestination, "Invalid SNS topic"},
		"no stream":                     {streamOf("", role), configset.ErrStreamDestination, "Invalid Firehose delivery stream"},
		"a stream of another account":   {streamOf("arn:aws:firehose:us-east-1:210987654321:deliverystream/events", role), configset.ErrStreamDestination, "Invalid Firehose delivery stream"},
		"no role":                       {streamOf(stream, ""), configset.ErrStreamDestination, "Invalid IAM role"},
		"a role of another account":     {streamOf(stream, "arn:aws:iam::210987654321:role/events"), configset.ErrStreamDestination, "Invalid IAM role"},
		"a bus of one's own":            {busOf("arn:aws:events:us-east-1:123456789012:event-bus/mine"), nil, "only the default event bus of this account in the region us-east-1 is supported."},
		"a bus of another account":      {busOf("arn:aws:events:us-east-1:210987654321:event-bus/default"), nil, "only the default event bus"},
		"no application":                {appOf("null"), nil, "Invalid Pinpoint application ARN provided: null."},
		"delays to Pinpoint":            {appOf(app, event.Delay), nil, "are not supported for Pinpoint destinations."},
		"subscriptions to Pinpoint":     {appOf(app, event.Subscription), nil, "are not supported for Pinpoint destinations."},
		"no dimensions":                 {watch(), configset.ErrMetricsDestination, "CloudWatch metrics dimension configuration list cannot be empty."},
		"too many dimensions":           {watch(eleven...), configset.ErrMetricsDestination, "A CloudWatch destination can have at most 10 dimensions."},
		"a dimension without a name":    {watch(dim("", "x")), configset.ErrMetricsDestination, "Invalid dimension name <>"},
		"a dimension's odd name":        {watch(dim("a b", "x")), configset.ErrMetricsDestination, "Invalid dimension name <a b>"},
		"a dimension without a default": {watch(dim("a", "")), configset.ErrMetricsDestination, "Invalid default dimension value <>"},
		"a dimension's odd default":     {watch(dim("a", "x y")), configset.ErrMetricsDestination, "Invalid default dimension value <x y>"},
		"a header field that is none":   {watch(configset.Dimension{Name: "Message-ID", Source: configset.EmailHeader, Default: "x"}), configset.ErrMetricsDestination, "Invalid dimension name <Message-ID>"},
		"a dimension twice":             {watch(dim("a", "x"), dim("a", "y")), configset.ErrMetricsDestination, "Duplicate dimension name <a>."},
	} {
		t.Run(name, func(t *testing.T) {
			for _, put := range []func(context.Context, scope.Scope, string, d) error{s.AddDestination, s.ReplaceDestination} {
				err := put(ctx, sc, "s", to(c.change))
				refused(t, err, fault.Invalid, c.text)
				if c.cause != nil && !errors.Is(err, c.cause) {
					t.Errorf("the cause of %v", err)
				}
			}
		})
	}
	ok(t, s.AddDestination(ctx, sc, "s", to(topicOf("arn:aws:sns:us-east-1:210987654321:of-others")))) // of any account
}

func TestTags(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		ok(t, s.Create(ctx, set("s")), s.Tag(ctx, sc, "s", []identity.Tag{{Key: "a", Value: "1"}, {Key: "b", Value: "2"}}),
			s.Tag(ctx, sc, "s", []identity.Tag{{Key: "a", Value: "3"}}), s.Untag(ctx, sc, "s", []string{"b", "c"}))
		if got, err := s.Tags(ctx, sc, "s"); err != nil || !reflect.DeepEqual(got, []identity.Tag{{Key: "a", Value: "3"}}) {
			t.Errorf("%+v, %v", got, err)
		}
		many := make([]identity.Tag, identity.MaxTags)
		for n := range many {
			many[n].Key = fmt.Sprint(n)
		}
		refused(t, s.Tag(ctx, sc, "s", many), fault.Invalid, "Maximum of 50 user tags")
		refused(t, s.Tag(ctx, sc, "none", nil), fault.ConfigSetNotFound, "<none>")
	})
}

func TestADeletedSetLeavesNothing(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, db *store.DB, c *clock.Fake) {
		settings := setting.New(setting.Options{DB: db, Clock: c.Now, Exists: func(context.Context, setting.Resource) error { return nil }})
		yes := true
		ok(t, s.Create(ctx, set("s")), s.AddDestination(ctx, sc, "s", to()),
			settings.Put(ctx, setting.Resource{Scope: sc, Kind: setting.ConfigurationSet, Name: "s"}, setting.Own{Ed25519Signature: &yes}))
		if _, err := s.Get(ctx, sc, "s"); err != nil {
			t.Fatal(err)
		}
		ok(t, s.Delete(ctx, sc, "s"))
		_, err := s.Get(ctx, sc, "s")
		refused(t, err, fault.ConfigSetNotFound, "Configuration set <s> does not exist.")
		refused(t, s.Delete(ctx, sc, "s"), fault.ConfigSetNotFound, "Configuration set <s> does not exist.")
		for _, table := range []string{"configuration_sets", "event_destinations", "settings"} {
			var n int
			if err := db.QueryRow(ctx, `SELECT count(*) FROM `+table).Scan(&n); err != nil || n != 0 {
				t.Errorf("%s has %d rows, %v", table, n, err)
			}
		}
		ok(t, s.Create(ctx, set("s")))
		if got, err := s.Get(ctx, sc, "s"); err != nil || len(got.Destinations) != 0 {
			t.Errorf("made anew: %+v, %v", got, err)
		}
	})
}

func TestLists(t *testing.T) {
	each(t, func(t *testing.T, s *configset.Sets, _ *store.DB, _ *clock.Fake) {
		for _, name := range []string{"mail-b", "mail-a", "news", "mail-c"} {
			ok(t, s.Create(ctx, set(name)))
		}
		irish := set("irish")
		irish.Scope.Region = "eu-west-1"
		ok(t, s.Create(ctx, irish))
		for _, c := range []struct {
			name, after, containing string
			limit                   int
			want                    string
			more                    bool
		}{
			{"all", "", "", 10, "mail-a mail-b mail-c news", false},
			{"a page", "", "", 2, "mail-a mail-b", true},
			{"the next", "mail-b", "", 2, "mail-c news", false},
			{"some", "", "ail-", 2, "mail-a mail-b", true},
			{"in another case", "", "MAIL", 10, "mail-a mail-b mail-c", false},
			{"what no name has", "", "%", 10, "", false},
			{"a token that is none", "\x00\xff", "", 10, "", false},
		} {
			got, more, err := s.List(ctx, sc, c.after, c.containing, c.limit)
			if err != nil || strings.Join(got, " ") != c.want || more != c.more {
				t.Errorf("%s: %v, %v, %v", c.name, got, more, err)
			}
		}
	})
}

func TestTheMostSets(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := open(db, clock.NewFake(start))
	ok(t, db.Write(ctx, func(tx *store.Tx) error {
		for n := range configset.MaxSets - 1 {
			if _, err := tx.Exec(`INSERT INTO configuration_sets (account, region, name, options, tags, created_at) VALUES (?, ?, ?, '{}', 'null', 1)`,
				sc.Account, sc.Region, fmt.Sprint("n", n)); err != nil {
				return err
			}
		}
		return nil
	}))
	ok(t, s.Create(ctx, set("last")))
	refused(t, s.Create(ctx, set("over")), fault.LimitExceeded, "You have reached the maximum of 10000 configuration sets.")
	refused(t, s.Create(ctx, set("elsewhere", func(s *configset.Set) { s.TrackingDomain = "example.net" })), fault.Invalid, "is not verified")
	other := set("over")
	other.Scope.Region = "eu-west-1"
	ok(t, s.Create(ctx, other))
}

func TestAnotherNodesChangeIsSeenWithinASecond(t *testing.T) {
	each(t, func(t *testing.T, here *configset.Sets, db *store.DB, c *clock.Fake) {
		there := open(db, c)
		sending := func(want bool) {
			t.Helper()
			if got, err := here.Get(ctx, sc, "s"); err != nil || got.SendingEnabled != want {
				t.Errorf("%+v, %v", got, err)
			}
		}
		_, err := here.Get(ctx, sc, "s") // that there is none is kept, too
		refused(t, err, fault.ConfigSetNotFound, "<s>")
		ok(t, there.Create(ctx, set("s")))
		c.Advance(time.Second)
		sending(true)
		for name, change := range map[string]func() error{
			"another set's change is none of this one": func() error { return there.Create(ctx, set("other")) },
			"a destination":  func() error { return there.AddDestination(ctx, sc, "s", to()) },
			"a change of it": func() error { return there.SetSending(ctx, sc, "s", false) },
		} {
			if err := change(); err != nil {
				t.Fatalf("%s: %v", name, err)
			}
		}
		c.Advance(time.Second)
		sending(false)
		if got, err := here.Get(ctx, sc, "s"); err != nil || !got.Publishes(event.Bounce) {
			t.Errorf("%+v, %v", got, err)
		}
		ok(t, there.Delete(ctx, sc, "s"))
		c.Advance(time.Second)
		_, err = here.Get(ctx, sc, "s")
		refused(t, err, fault.ConfigSetNotFound, "<s>")
	})
}

// TestTheSteadyStateAsksNoDatabase closes it.
func TestTheSteadyStateAsksNoDatabase(t *testing.T) {
	t.Parallel()
	db := storetest.SQLite(t)
	s := open(db, clock.NewFake(start))
	ok(t, s.Create(ctx, set("s")))
	if _, err := s.Get(ctx, sc, "s"); err != nil {
		t.Fatal(err)
	}
	ok(t, db.Close())
	if got, err := s.Get(ctx, sc, "s"); err != nil || got.Name != "s" {
		t.Errorf("%+v, %v", got, err)
	}
}

func BenchmarkGet(b *testing.B) {
	s := configset.New(storetest.SQLite(b), clock.System, domains{})
	if err := s.Create(ctx, set("s")); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := s.Get(ctx, sc, "s"); err != nil {
			b.Fatal(err)
		}
	}
}
