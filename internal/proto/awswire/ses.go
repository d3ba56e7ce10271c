// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	_ "embed"
	"reflect"

	"github.com/aws/aws-sdk-go-v2/service/ses"
)

//go:embed constraints/ses.txt
var sesConstraints string

// NewSES compiles the SES API v1.
func NewSES() (*Service, error) {
	return NewQuery(&QueryConfig{
		Name:        "ses",
		Client:      reflect.TypeFor[*ses.Client](),
		Namespace:   "http://ses.amazonaws.com/doc/2010-12-01/",
		Version:     "2010-12-01",
		Constraints: sesConstraints,
	})
}
