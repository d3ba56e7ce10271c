// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	_ "embed"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/service/sesv2"
)

//go:generate go run ./internal/gen/genwire -service sesv2 -operations sesv2_gen.go

//go:embed constraints/sesv2.txt
var sesv2Constraints string

// NewSESv2 compiles the SES API v2.
func NewSESv2() (*Service, error) {
	page := []string{"NextToken", "PageSize"}
	return NewRESTJSON(&RESTConfig{
		Name:       "sesv2",
		Operations: sesv2Operations(),
		Variants:   sesv2Variants(),
		Errors:     sesv2.TypeRegistry,
		// SDKs of some years ago, such as those of Debian 12, call these paths.
		Aliases: []RESTAlias{
			{"ListConfigurationSets", http.MethodGet, "/v2/email/configuration-sets", page},
			{"ListContacts", http.MethodGet, "/v2/email/contact-lists/{ContactListName}/contacts", page},
			{"ListEmailIdentities", http.MethodGet, "/v2/email/identities", page},
			{"ListImportJobs", http.MethodGet, "/v2/email/import-jobs", page},
			{"PutEmailIdentityDkimSigningAttributes", http.MethodPut, "/v1/email/identities/{EmailIdentity}/dkim/signing", nil},
		},
		// A configuration set without reasons inherits the account's; one with an
		// empty list suppresses nothing. Tenants are the same. An update of a
		// contact list or a contact keeps what it does not name.
		KeepEmpty: []string{
			"PutConfigurationSetSuppressionOptionsInput.SuppressedReasons",
			"PutTenantSuppressionAttributesInput.SuppressedReasons",
			"SuppressionOptions.SuppressedReasons",
			"TenantSuppressionAttributes.SuppressedReasons",
			"UpdateContactInput.TopicPreferences",
			"UpdateContactListInput.Topics",
		},
		Constraints: sesv2Constraints,
	})
}
