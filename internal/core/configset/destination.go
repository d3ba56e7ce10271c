// SPDX-License-Identifier: Apache-2.0

package configset

import (
	"context"
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/event"
	"sesame/internal/core/store"
)

// AddDestination adds an event destination to a set. Its definition is looked at before
// the set is looked for (as SES does).
func (s *Sets) AddDestination(ctx context.Context, sc scope.Scope, set string, d Destination) error {
	return s.putDestination(ctx, sc, set, d, func(tx *store.Tx, there bool) (refusal, err error) {
		if there {
			return because(ErrDestinationExists, fault.AlreadyExists, "EventDestinationName",
				"An event destination with name <%s> already exists for configuration set <%s>.", d.Name, set), nil
		}
		var n int64
		err = tx.Get([]any{&n}, `SELECT count(*) FROM event_destinations WHERE account = ? AND region = ? AND config_set = ?`, sc.Account, sc.Region, set)
		if err == nil && n >= MaxDestinations {
			refusal = fault.New(fault.LimitExceeded, "Configuration set <%s> has the maximum of %d event destinations.", set, MaxDestinations)
		}
		return refusal, err
	})
}

// ReplaceDestination replaces the definition of an event destination.
func (s *Sets) ReplaceDestination(ctx context.Context, sc scope.Scope, set string, d Destination) error {
	return s.putDestination(ctx, sc, set, d, func(_ *store.Tx, there bool) (refusal, err error) {
		if !there {
			return noDestination(set, d.Name), nil
		}
		return nil, nil
	})
}

func (s *Sets) putDestination(ctx context.Context, sc scope.Scope, set string, d Destination, allowed func(tx *store.Tx, there bool) (refusal, err error)) error {
	if err := d.check(sc); err != nil {
		return err
	}
	if err := checkName(set); err != nil {
		return err
	}
	d.Events = distinct(d.Events)
	definition, err := json.Marshal(d)
	if err != nil {
		return fault.Wrap("configset.Destination", err)
	}
	return s.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		if _, refusal, err := lock(tx, sc, set); err != nil || refusal != nil {
			return refusal, err
		}
		var n int64
		if err := tx.Get([]any{&n}, `SELECT count(*) FROM event_destinations WHERE account = ? AND region = ? AND config_set = ? AND name = ?`,
			sc.Account, sc.Region, set, d.Name); err != nil {
			return nil, err
		}
		if refusal, err := allowed(tx, n > 0); err != nil || refusal != nil {
			return refusal, err
		}
		_, err = tx.Exec(`INSERT INTO event_destinations (account, region, config_set, name, definition) VALUES (?, ?, ?, ?, ?)
			ON CONFLICT (account, region, config_set, name) DO UPDATE SET definition = excluded.definition`,
			sc.Account, sc.Region, set, d.Name, string(definition))
		return nil, err
	})
}

// RemoveDestination removes an event destination.
func (s *Sets) RemoveDestination(ctx context.Context, sc scope.Scope, set, name string) error {
	if err := checkDestinationName(name); err != nil {
		return err
	}
	if err := checkName(set); err != nil {
		return err
	}
	return s.write(ctx, sc, func(tx *store.Tx) (refusal, err error) {
		if _, refusal, err := lock(tx, sc, set); err != nil || refusal != nil {
			return refusal, err
		}
		n, err := tx.Exec(`DELETE FROM event_destinations WHERE account = ? AND region = ? AND config_set = ? AND name = ?`,
			sc.Account, sc.Region, set, name)
		if err == nil && n == 0 {
			refusal = noDestination(set, name)
		}
		return refusal, err
	})
}

func noDestination(set, name string) error {
	return because(ErrNoDestination, fault.NotFound, "EventDestinationName",
		"An event destination with name <%s> does not exist for configuration set <%s>.", name, set)
}

// distinct are the kinds without repetitions, in the order in which they were given.
func distinct(kinds []event.Kind) []event.Kind {
	var out []event.Kind
	for _, k := range kinds {
		if !slices.Contains(out, k) {
			out = append(out, k)
		}
	}
	return out
}

func checkDestinationName(name string) error {
	const field = "EventDestinationName"
	switch {
	case name == "":
		return fault.InField(fault.Invalid, field, "The event destination name must be specified.")
	case len(name) > MaxName:
		return fault.InField(fault.Invalid, field, "Event destination name cannot exceed %d characters.", MaxName)
	case !plain(name, "_-"):
		return fault.InField(fault.Invalid, field,
			"Invalid event destination name <%s>: only alphanumeric ASCII characters, '_', and '-' are allowed.", printable(name))
	}
	return nil
}

// check refuses a definition that is of no use.
func (d Destination) check(sc scope.Scope) error {
	if err := checkDestinationName(d.Name); err != nil {
		return err
	}
	if len(d.Events) == 0 {
		return fault.InField(fault.Invalid, "MatchingEventTypes", "At least one event type must be specified.")
	}
	given := 0
	for _, is := range []bool{d.Firehose != nil, d.CloudWatch != nil, d.SNSTopic != "", d.EventBus != "", d.PinpointApp != ""} {
		if is {
			given++
		}
	}
	switch {
	case given == 0:
		return fault.InField(fault.Invalid, "EventDestination", "Event destination is not provided.")
	case given > 1:
		return fault.InField(fault.Invalid, "EventDestination", "Please provide only one destination with each request. "+
			"Either a Firehose Destination or a Cloudwatch Destination or an SNS Destination or an EventBridge Destination.")
	case d.Firehose != nil:
		return d.Firehose.check(sc)
	case d.CloudWatch != nil:
		return checkDimensions(d.CloudWatch)
	case d.SNSTopic != "":
		return checkTopic(sc, d.SNSTopic)
	case d.EventBus != "":
		return checkBus(sc, d.EventBus)
	}
	return d.checkPinpoint(sc)
}

// arn reports whether s is an ARN of a service in the scope's partition and region whose
// resource has a form, and of the scope's account or, with another one allowed, of any.
func arn(sc scope.Scope, s, service string, resource *regexp.Regexp, anyAccount bool) bool {
	p := strings.SplitN(s, ":", 6)
	if len(p) != 6 || p[0] != "arn" || p[1] != sc.Partition() || p[2] != service || p[3] != sc.Region || !resource.MatchString(p[5]) {
		return false
	}
	return p[4] == sc.Account || anyAccount && scope.ValidAccount(p[4])
}

// The forms of what ARNs name in the services that events go to.
var (
	topicForm  = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`) // a FIFO topic ends with .fifo
	streamForm = regexp.MustCompile(`^deliverystream/[A-Za-z0-9_.-]{1,64}$`)
	roleForm   = regexp.MustCompile(`^arn:aws[a-z-]*:iam::[0-9]{12}:role/[!-~]{1,576}$`)
	busForm    = regexp.MustCompile(`^event-bus/default$`)
	appForm    = regexp.MustCompile(`^apps/[A-Za-z0-9-]{1,64}$`)
)

// checkTopic wants a standard topic of the same region, of any account.
func checkTopic(sc scope.Scope, topic string) error {
	if arn(sc, topic, "sns", topicForm, true) {
		return nil
	}
	return because(ErrSNSDestination, fault.Invalid, "TopicArn",
		"Invalid SNS topic <%s>: it must be the ARN of a standard topic in the region %s.", printable(topic), sc.Region)
}

func (f Firehose) check(sc scope.Scope) error {
	if !arn(sc, f.StreamARN, "firehose", streamForm, false) {
		return because(ErrStreamDestination, fault.Invalid, "DeliveryStreamArn",
			"Invalid Firehose delivery stream <%s>: it must be the ARN of a delivery stream of this account in the region %s.", printable(f.StreamARN), sc.Region)
	}
	if !roleForm.MatchString(f.RoleARN) || !strings.HasPrefix(f.RoleARN, "arn:"+sc.Partition()+":iam::"+sc.Account+":") {
		return because(ErrStreamDestination, fault.Invalid, "IamRoleArn",
			"Invalid IAM role <%s>: it must be the ARN of a role of this account.", printable(f.RoleARN))
	}
	return nil
}

// checkBus wants the account's default event bus: SES publishes to no other.
func checkBus(sc scope.Scope, bus string) error {
	if arn(sc, bus, "events", busForm, false) {
		return nil
	}
	return fault.InField(fault.Invalid, "EventBusArn",
		"Invalid EventBridge event bus <%s>: only the default event bus of this account in the region %s is supported.", printable(bus), sc.Region)
}

// checkPinpoint wants an application of the account, and none of the events that Pinpoint
// does not take (SES: event destinations).
func (d Destination) checkPinpoint(sc scope.Scope) error {
	if !arn(sc, d.PinpointApp, "mobiletargeting", appForm, false) {
		return fault.InField(fault.Invalid, "ApplicationArn", "Invalid Pinpoint application ARN provided: %s.", printable(d.PinpointApp))
	}
	if slices.Contains(d.Events, event.Delay) || slices.Contains(d.Events, event.Subscription) {
		return fault.InField(fault.Invalid, "MatchingEventTypes", "The event types DELIVERY_DELAY and SUBSCRIPTION are not supported for Pinpoint destinations.")
	}
	return nil
}

// noDimension are the header fields that are no dimension (SES: CloudWatch event
// destinations, value sources).
var noDimension = [...]string{"Received", "To", "From", "DKIM-Signature", "CC", "message-id", "Return-Path"}

// maxDimension bounds a dimension's name and default value.
const maxDimension = 256

func checkDimensions(all []Dimension) error {
	refuse := func(format string, args ...any) error {
		return because(ErrMetricsDestination, fault.Invalid, "DimensionConfigurations", format, args...)
	}
	if len(all) == 0 {
		return refuse("CloudWatch metrics dimension configuration list cannot be empty.")
	}
	if len(all) > MaxDimensions {
		return refuse("A CloudWatch destination can have at most %d dimensions.", MaxDimensions)
	}
	seen := map[string]bool{}
	for _, d := range all {
		switch {
		case d.Name == "" || len(d.Name) > maxDimension || !plain(d.Name, "_-:"): // auto-tags have a colon
			return refuse("Invalid dimension name <%s>: only alphanumeric ASCII characters, '_', '-' and ':' are allowed, up to %d.", printable(d.Name), maxDimension)
		case d.Default == "" || len(d.Default) > maxDimension || !plain(d.Default, "_-@."):
			return refuse("Invalid default dimension value <%s>: only alphanumeric ASCII characters, '_', '-', '@' and '.' are allowed, up to %d.", printable(d.Default), maxDimension)
		case seen[d.Name]:
			return refuse("Duplicate dimension name <%s>.", d.Name)
		case d.Source == EmailHeader && slices.ContainsFunc(noDimension[:], func(h string) bool { return strings.EqualFold(h, d.Name) }):
			return refuse("Invalid dimension name <%s>: this header field can't be a dimension.", d.Name)
		}
		seen[d.Name] = true
	}
	return nil
}
