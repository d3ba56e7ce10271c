// SPDX-License-Identifier: Apache-2.0

package api_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sesv2"
	"github.com/aws/aws-sdk-go-v2/service/sesv2/types"
)

func TestTagsOfAResource(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx, arn := w.sesv2Client(tester()), t.Context(), aws.String(home.ARN("identity/"+verified))
	list := func(want ...types.Tag) {
		t.Helper()
		if want == nil {
			want = []types.Tag{}
		}
		out, err := c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: arn})
		must(t, err)
		equal(t, out, &sesv2.ListTagsForResourceOutput{Tags: want})
		if got := getIdentity(t, c, verified).Tags; show(got) != show(want) {
			t.Errorf("GetEmailIdentity has %s", show(got))
		}
	}
	put := func(tags ...types.Tag) {
		t.Helper()
		_, err := c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: arn, Tags: tags})
		must(t, err)
	}
	list()
	put(tag("team", "mail"), tag("empty", ""))
	list(tag("team", "mail"), tag("empty", ""))
	put(tag("new", "x"), tag("team", "post"))
	list(tag("team", "post"), tag("empty", ""), tag("new", "x"))
	_, err := c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"team", "gone", "new"}})
	must(t, err)
	list(tag("empty", ""))
	// The keys come one by one in the query string.
	a := w.do(t, call{method: "DELETE", target: "/v2/email/tags?ResourceArn=" + *arn + "&TagKeys=empty&TagKeys=gone"})
	if a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	list()
}

func TestTagsThatAreRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	c, ctx := w.sesv2Client(tester(), sesv2.WithAPIOptions(unchecked)), t.Context()
	createIdentity(t, c, "Upper@EXAMPLE.com")
	createIdentity(t, w.sesv2Client(in("eu-west-1")), "ire@example.ie")
	arn := home.ARN("identity/" + verified)
	const missing = "The resource that ResourceArn names does not exist."
	const invalid = "ResourceArn is not the ARN of a resource of Amazon SES."
	for _, tc := range []struct {
		name, arn string
		want      refusal
	}{
		{"an identity that does not exist", home.ARN("identity/gone@example.com"), refusal{404, "NotFoundException", missing}},
		{"an identity in other letters", home.ARN("identity/upper@EXAMPLE.com"), refusal{404, "NotFoundException", missing}},
		{"a domain in other letters", home.ARN("identity/EXAMPLE.com"), refusal{404, "NotFoundException", missing}},
		{"an identity of another region", strings.Replace(home.ARN("identity/ire@example.ie"), "us-east-1", "eu-west-1", 1), refusal{404, "NotFoundException", missing}},
		{"another account's", strings.Replace(arn, accountID, "210987654321", 1), refusal{404, "NotFoundException", missing}},
		{"another partition", strings.Replace(arn, "arn:aws:", "arn:aws-cn:", 1), refusal{400, "BadRequestException", invalid}},
		{"no name", home.ARN("identity/"), refusal{404, "NotFoundException", missing}},
		{"no identity's name", home.ARN("identity/no name"), refusal{404, "NotFoundException", missing}},
		{"a configuration set", home.ARN("configuration-set/x"), refusal{404, "NotFoundException", "No ConfigurationSet present with name: x"}},
		{"a contact list", home.ARN("contact-list/x"), refusal{404, "NotFoundException", "No ContactList present with name: x"}},
		{"a resource of a kind that is not built", home.ARN("dedicated-ip-pool/x"), refusal{404, "NotFoundException", missing}},
		{"no resource", home.ARN(""), refusal{400, "BadRequestException", invalid}},
		{"another service's", "arn:aws:sns:us-east-1:123456789012:topic", refusal{400, "BadRequestException", invalid}},
		{"no ARN", verified, refusal{400, "BadRequestException", invalid}},
		{"nothing", "", refusal{400, "BadRequestException", ""}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			_, err1 := c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: &tc.arn, Tags: []types.Tag{tag("a", "b")}})
			_, err2 := c.UntagResource(ctx, &sesv2.UntagResourceInput{ResourceArn: &tc.arn, TagKeys: []string{"a"}})
			_, err3 := c.ListTagsForResource(ctx, &sesv2.ListTagsForResourceInput{ResourceArn: &tc.arn})
			for _, err := range []error{err1, err2, err3} {
				wantRefusal(t, err, tc.want)
				if tc.want.status == 404 {
					isA[*types.NotFoundException](t, err)
				} else {
					isA[*types.BadRequestException](t, err)
				}
			}
		})
	}
	many := make([]types.Tag, 50)
	for n := range many {
		many[n] = tag(fmt.Sprint("key", n), "v")
	}
	_, err := c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: &arn, Tags: many})
	must(t, err)
	for name, tags := range map[string][]types.Tag{
		"one more":   {tag("one-more", "v")},
		"a bad one":  {tag("key0", "changed"), tag("a!", "b")},
		"a reserved": {tag("aws:x", "b")},
		"twice":      {tag("key1", "x"), tag("key1", "y")},
	} {
		_, err := c.TagResource(ctx, &sesv2.TagResourceInput{ResourceArn: &arn, Tags: tags})
		if got := refused(t, err); got.status != 400 || got.code != "BadRequestException" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	if got := getIdentity(t, c, verified).Tags; len(got) != 50 || aws.ToString(got[0].Value) != "v" {
		t.Errorf("a refusal changed tags: %s", show(got))
	}
}
