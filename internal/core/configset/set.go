// SPDX-License-Identifier: Apache-2.0

// Package configset holds configuration sets (SES: configuration sets): the rules that
// mail follows which is sent with them, and where its events go. Both versions of the
// API share one store.
package configset

import (
	"slices"
	"time"

	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/identity"
)

// The bounds of SES (service quotas).
const (
	MaxSets         = 10_000 // of an account in a region
	MaxDestinations = 10     // of a set
	MaxDimensions   = 10     // of a CloudWatch destination
	MaxName         = 64     // characters of the name of a set or a destination
)

// Set is a configuration set. What is read is shared: it must not be changed.
type Set struct {
	Scope     scope.Scope
	Name      string
	CreatedAt time.Time
	Options
	Tags         []identity.Tag
	Destinations []Destination // by name
}

// Options are the rules of a set. The zero value is no good set: see Default.
type Options struct {
	SendingEnabled    bool
	ReputationMetrics bool
	LastFreshStart    time.Time `json:",omitzero"` // zero: the metrics were never reset

	// Suppressed are the reasons for which recipients are suppressed, BOUNCE and
	// COMPLAINT: nil leaves that to the account, and an empty list is no suppression.
	Suppressed *[]string `json:",omitempty"`

	TrackingDomain string `json:",omitempty"` // of links and pixels; "" for the service's own
	HTTPSPolicy    string `json:",omitempty"` // one of the HTTPS policies, or ""

	TLSPolicy string `json:",omitempty"` // TLSRequire, TLSOptional, or "", which is optional and was not said
	Pool      string `json:",omitempty"` // of source addresses; "" for the default
	// MaxDelivery is how long delivery is tried; 0 for as long as the server's.
	MaxDelivery time.Duration `json:",omitempty"`

	// Virtual Deliverability Manager: Enabled, Disabled, or "" as the account has it.
	EngagementMetrics       string `json:",omitempty"`
	OptimizedSharedDelivery string `json:",omitempty"`

	ArchiveARN string `json:",omitempty"`
}

// The TLS policies (SES API v2: TlsPolicy).
const (
	TLSRequire  = "REQUIRE" // no mail leaves in clear text
	TLSOptional = "OPTIONAL"
)

// The reasons of suppression (SES API v2: SuppressionListReason).
const (
	Bounce    = "BOUNCE"
	Complaint = "COMPLAINT"
)

// How links and pixels are fetched with a tracking domain (SES API v2: HttpsPolicy).
const (
	HTTPSRequired = "REQUIRE"           // both by HTTPS
	HTTPSOpens    = "REQUIRE_OPEN_ONLY" // pixels by HTTPS, links as they were
	HTTPSOptional = "OPTIONAL"          // pixels by HTTP, links as they were
)

// The statuses of a feature (SES API v2: FeatureStatus).
const (
	Enabled  = "ENABLED"
	Disabled = "DISABLED"
)

// Destination is an event destination: where events of some kinds go. Exactly one of the
// members from Firehose to PinpointApp is set.
type Destination struct {
	Name    string `json:"-"`
	Enabled bool
	Events  []event.Kind // in the order in which they were given

	Firehose    *Firehose   `json:",omitempty"`
	CloudWatch  []Dimension `json:",omitempty"`
	SNSTopic    string      `json:",omitempty"` // ARN
	EventBus    string      `json:",omitempty"` // ARN, of EventBridge
	PinpointApp string      `json:",omitempty"` // ARN
}

// Firehose is a delivery stream of Data Firehose, and the role that may write to it.
type Firehose struct{ StreamARN, RoleARN string }

// Dimension is a dimension of the metrics of a CloudWatch destination.
type Dimension struct {
	Name    string
	Source  Source
	Default string // value where the message has none
}

// Source says where the value of a dimension comes from, in API v2's spelling.
type Source string

// The sources (SES: DimensionValueSource).
const (
	MessageTag  Source = "MESSAGE_TAG"
	EmailHeader Source = "EMAIL_HEADER"
	LinkTag     Source = "LINK_TAG"
)

// Default are the options of a set of which nothing is said, as API v2 makes it. API v1
// makes it without reputation metrics.
func Default() Options { return Options{SendingEnabled: true, ReputationMetrics: true} }

// TLSRequired reports whether mail must not leave in clear text.
func (o Options) TLSRequired() bool { return o.TLSPolicy == TLSRequire }

// Publishes reports whether events of a kind go anywhere: an enabled destination has it.
func (s Set) Publishes(kind event.Kind) bool {
	return slices.ContainsFunc(s.Destinations, func(d Destination) bool { return d.Enabled && slices.Contains(d.Events, kind) })
}
