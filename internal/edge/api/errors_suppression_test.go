// SPDX-License-Identifier: Apache-2.0

package api_test

func producedBySuppression() []produced {
	nobody := input{"EmailAddress": "nobody"}
	job := func(url string) input {
		return input{
			"ImportDataSource":  input{"S3Url": url, "DataFormat": "CSV"},
			"ImportDestination": input{"SuppressionListDestination": input{"SuppressionListImportAction": "PUT"}},
		}
	}
	return []produced{
		{"sesv2", "LimitExceededException", "", []asked{{"CreateImportJob", job("s3://lists/addresses.csv")}}},
		{"sesv2", "NotFoundException", "", []asked{
			{"GetImportJob", input{"JobId": "755380d7-fbdb-4ed2-a9a3-06866220f5b5"}},
			{"DeleteSuppressedDestination", input{"EmailAddress": "gone@example.net"}},
			{"GetSuppressedDestination", input{"EmailAddress": "gone@example.net"}},
		}},
		{"sesv2", "InvalidNextTokenException", "", []asked{{"ListSuppressedDestinations", input{"NextToken": "nonsense"}}}},
		{"sesv2", "BadRequestException", "", []asked{
			{"CreateImportJob", job("s3://lists/nothing.csv")},
			{"ListImportJobs", input{"PageSize": 1001}},
			{"DeleteSuppressedDestination", nobody},
			{"GetSuppressedDestination", nobody},
			{"ListSuppressedDestinations", input{"PageSize": 1001}},
			{"PutAccountSuppressionAttributes", input{"SuppressedReasons": []string{"SPAM"}}},
			{"PutAccountVdmAttributes", input{"VdmAttributes": input{"VdmEnabled": "MAYBE"}}},
			{"PutSuppressedDestination", input{"EmailAddress": "nobody", "Reason": "BOUNCE"}},
		}},
	}
}
