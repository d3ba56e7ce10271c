// SPDX-License-Identifier: Apache-2.0

package ses

import (
	"context"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ses"
	"github.com/aws/aws-sdk-go-v2/service/ses/types"

	"sesame/internal/base/fault"
	"sesame/internal/base/scope"
	"sesame/internal/core/identity"
	"sesame/internal/edge/api/caller"
)

// topicName is what SNS takes for a standard topic's name; that of a FIFO topic ends with
// .fifo and fits not.
var topicName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,256}$`)

// checkTopic checks the ARN of a topic that is to hear of feedback: it is a standard topic
// of the same region, of any account (SES: configuring Amazon SNS notifications).
func checkTopic(sc scope.Scope, arn string) error {
	parts := strings.Split(arn, ":") // arn:partition:sns:region:account:name
	if len(parts) == 6 && parts[0] == "arn" && parts[1] == sc.Partition() && parts[2] == "sns" && parts[3] == sc.Region &&
		scope.ValidAccount(parts[4]) && topicName.MatchString(parts[5]) {
		return nil
	}
	return fault.InField(fault.Invalid, "SnsTopic", "Invalid SNS topic: it must be the ARN of a standard topic in the region %s.", sc.Region)
}

// SetIdentityNotificationTopic says which topic hears of a type of feedback about an
// identity's mail, verified or not. Without a topic none does from then on.
func (a *API) SetIdentityNotificationTopic(ctx context.Context, in *ses.SetIdentityNotificationTopicInput) (*ses.SetIdentityNotificationTopicOutput, error) {
	sc, name, topic := caller.From(ctx).Scope, aws.ToString(in.Identity), aws.ToString(in.SnsTopic)
	if topic != "" {
		if err := checkTopic(sc, topic); err != nil {
			return nil, err
		}
	}
	if err := a.Identities.SetTopic(ctx, sc, name, identity.Feedback(in.NotificationType), topic); err != nil {
		return nil, absent(err, "Identity %s is invalid. Must be a verified email address or domain.", name)
	}
	return &ses.SetIdentityNotificationTopicOutput{}, nil
}

// SetIdentityFeedbackForwardingEnabled says whether bounces and complaints are forwarded
// by mail. It can be switched off only where topics hear of both.
func (a *API) SetIdentityFeedbackForwardingEnabled(ctx context.Context, in *ses.SetIdentityFeedbackForwardingEnabledInput) (*ses.SetIdentityFeedbackForwardingEnabledOutput, error) {
	sc, name := caller.From(ctx).Scope, aws.ToString(in.Identity)
	var err error
	if in.ForwardingEnabled {
		err = a.Identities.SetForwarding(ctx, sc, name, true)
	} else {
		err = a.Identities.StopForwarding(ctx, sc, name)
	}
	if err != nil {
		return nil, absent(err, "Identity %s is invalid. Must be a verified email address or domain.", name)
	}
	return &ses.SetIdentityFeedbackForwardingEnabledOutput{}, nil
}

// SetIdentityHeadersInNotificationsEnabled says whether notifications of a type have the
// header fields of the mail.
func (a *API) SetIdentityHeadersInNotificationsEnabled(ctx context.Context, in *ses.SetIdentityHeadersInNotificationsEnabledInput) (*ses.SetIdentityHeadersInNotificationsEnabledOutput, error) {
	name := aws.ToString(in.Identity)
	err := a.Identities.SetHeaders(ctx, caller.From(ctx).Scope, name, identity.Feedback(in.NotificationType), in.Enabled)
	if err != nil {
		return nil, absent(err, "Identity %s is invalid. It must be a verified email address or domain.", name)
	}
	return &ses.SetIdentityHeadersInNotificationsEnabledOutput{}, nil
}

// GetIdentityNotificationAttributes tells the notification settings of each named
// identity.
func (a *API) GetIdentityNotificationAttributes(ctx context.Context, in *ses.GetIdentityNotificationAttributesInput) (*ses.GetIdentityNotificationAttributesOutput, error) {
	all, err := each(ctx, a, in.Identities, func(id identity.Identity) types.IdentityNotificationAttributes {
		n := id.Notifications
		return types.IdentityNotificationAttributes{
			ForwardingEnabled: id.Forwarding,
			BounceTopic:       optional(n.Bounce.Topic), HeadersInBounceNotificationsEnabled: n.Bounce.Headers,
			ComplaintTopic: optional(n.Complaint.Topic), HeadersInComplaintNotificationsEnabled: n.Complaint.Headers,
			DeliveryTopic: optional(n.Delivery.Topic), HeadersInDeliveryNotificationsEnabled: n.Delivery.Headers,
		}
	})
	if err != nil {
		return nil, err
	}
	return &ses.GetIdentityNotificationAttributesOutput{NotificationAttributes: all}, nil
}

// optional is s, or nothing where it is empty.
func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
