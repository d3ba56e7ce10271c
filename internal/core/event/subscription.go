// SPDX-License-Identifier: Apache-2.0

package event

// SubscriptionChange is what Subscription adds (SES: subscription object): a recipient
// changed what it wants to get of a contact list.
type SubscriptionChange struct {
	ContactList string             `json:"contactList"`
	Source      SubscriptionSource `json:"source"`
	Old         TopicPreferences   `json:"oldTopicPreferences"`
	New         TopicPreferences   `json:"newTopicPreferences"`
}

// SubscriptionSource says which way the recipient took.
type SubscriptionSource string

// The sources.
const (
	UnsubscribeHeader SubscriptionSource = "UnsubscribeHeader" // the mail program's button, by HTTP or by mail
	UnsubscribeFooter SubscriptionSource = "UnsubscribeFooter" // the page that a link in the text leads to
)

// TopicPreferences is what a contact wants to get.
type TopicPreferences struct {
	UnsubscribeAll bool          `json:"unsubscribeAll"`                           // nothing of the list
	Topics         []TopicStatus `json:"topicSubscriptionStatus"`                  // what it has said
	Defaults       []TopicStatus `json:"topicDefaultSubscriptionStatus,omitempty"` // what holds where it has said nothing
}

// TopicStatus is the status of a topic: OptIn or OptOut.
type TopicStatus struct {
	Topic  string `json:"topicName"`
	Status string `json:"subscriptionStatus"`
}
