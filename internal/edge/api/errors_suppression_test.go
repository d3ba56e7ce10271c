// SPDX-License-Identifier: Apache-2.0

package api_test

func producedBySuppression() []produced {
	nobody := input{"EmailAddress": "nobody"}
	return []produced{
		{"sesv2", "NotFoundException", "", []asked{
			{"DeleteSuppressedDestination", input{"EmailAddress": "gone@example.net"}},
			{"GetSuppressedDestination", input{"EmailAddress": "gone@example.net"}},
		}},
		{"sesv2", "InvalidNextTokenException", "", []asked{{"ListSuppressedDestinations", input{"NextToken": "nonsense"}}}},
		{"sesv2", "BadRequestException", "", []asked{
			{"DeleteSuppressedDestination", nobody},
			{"GetSuppressedDestination", nobody},
			{"ListSuppressedDestinations", input{"PageSize": 1001}},
			{"PutAccountSuppressionAttributes", input{"SuppressedReasons": []string{"SPAM"}}},
			{"PutAccountVdmAttributes", input{"VdmAttributes": input{"VdmEnabled": "MAYBE"}}},
			{"PutSuppressedDestination", input{"EmailAddress": "nobody", "Reason": "BOUNCE"}},
		}},
	}
}
