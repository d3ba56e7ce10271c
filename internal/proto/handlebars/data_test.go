// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"errors"
	"strings"
	"testing"

	"sesame/internal/proto/handlebars"
)

func TestParseData(t *testing.T) {
	t.Parallel()
	const show = "{{#each this}}{{@key}}={{this}} {{/each}}"
	for _, test := range []struct{ about, data, want string }{
		{"keys keep their order", `{"b":1,"a":2,"c":3}`, "b=1 a=2 c=3 "},
		{"indexes come first, ascending", `{"b":1,"10":2,"9":3,"a":4,"0":5}`, "0=5 9=3 10=2 b=1 a=4 "},
		{"what looks like an index and is none does not", `{"b":1,"01":2,"-1":3,"1.0":4,"4294967295":5,"4294967294":6}`,
			"4294967294=6 b=1 01=2 -1=3 1.0=4 4294967295=5 "},
		{"the last of equal keys counts, in the place of the first", `{"a":1,"b":2,"a":3}`, "a=3 b=2 "},
		{"what is not Unicode is replaced", "{\"a\":\"\\ud83d\",\"b\":\"x\xff\"}", "a=\ufffd b=x\ufffd "},
		{"a number that is too large is infinite", `{"a":1e999}`, "a=Infinity "},
		{"whitespace around it", " \n{\"a\":1}\t", "a=1 "},
	} {
		got, err := compile(t, show).Render(parse(t, test.data), handlebars.Limits{})
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.about, got, err, test.want)
		}
	}
	for _, test := range []struct {
		about, data string
		want        error
	}{
		{"nothing", "", handlebars.ErrNotObject},
		{"an array", "[]", handlebars.ErrNotObject},
		{"a string", `"{}"`, handlebars.ErrNotObject},
		{"null", "null", handlebars.ErrNotObject},
		{"two objects", "{}{}", handlebars.ErrNotObject},
		{"an object that does not end", `{"a":1`, handlebars.ErrNotObject},
		{"an array that does not end", `{"a":[1`, handlebars.ErrNotObject},
		{"a comma too much", `{"a":1,}`, handlebars.ErrNotObject},
		{"a comma too few", `{"a":1 "b":2}`, handlebars.ErrNotObject},
		{"brackets that do not fit", `{"a":[1}`, handlebars.ErrNotObject},
		{"single quotes", `{'a':1}`, handlebars.ErrNotObject},
		{"a line break in a string", "{\"a\":\"x\ny\"}", handlebars.ErrNotObject},
		{"too deep", `{"a":` + strings.Repeat("[", 500) + strings.Repeat("]", 500) + "}", handlebars.ErrDataTooDeep},
		{"too long", `{"a":"` + strings.Repeat("x", handlebars.MaxData) + `"}`, handlebars.ErrDataTooLarge},
	} {
		if _, err := handlebars.ParseData([]byte(test.data)); !errors.Is(err, test.want) {
			t.Errorf("%s: %v, want %v", test.about, err, test.want)
		}
	}
	parse(t, `{"a":`+strings.Repeat("[", 499)+strings.Repeat("]", 499)+"}")
}

func TestMerge(t *testing.T) {
	t.Parallel()
	const show = "{{#each this}}{{@key}}={{this}} {{/each}}"
	defaults := parse(t, `{"name":"friend","animal":"unknown","o":{"a":1}}`)
	for _, test := range []struct {
		about string
		data  handlebars.Data
		want  string
	}{
		{"an empty object leaves the defaults", defaults.Merge(parse(t, `{}`)), "name=friend animal=unknown o=[object Object] "},
		{"an attribute replaces that of its name", defaults.Merge(parse(t, `{"animal":"lion","x":1}`)), "name=friend animal=lion o=[object Object] x=1 "},
		{"nothing within an attribute stays", defaults.Merge(parse(t, `{"o":2}`)), "name=friend animal=unknown o=2 "},
		{"indexes come first", defaults.Merge(parse(t, `{"1":"x"}`)), "1=x name=friend animal=unknown o=[object Object] "},
		{"null replaces too", defaults.Merge(parse(t, `{"name":null}`)), "name= animal=unknown o=[object Object] "},
		{"the zero Data has no attributes", handlebars.Data{}.Merge(parse(t, `{"a":1}`)).Merge(handlebars.Data{}), "a=1 "},
		{"the defaults themselves do not change", defaults, "name=friend animal=unknown o=[object Object] "},
	} {
		got, err := compile(t, show).Render(test.data, handlebars.Limits{})
		if err != nil || got != test.want {
			t.Errorf("%s: got %q, %v, want %q", test.about, got, err, test.want)
		}
	}
	if !defaults.Has("name") || defaults.Has("a") || (handlebars.Data{}).Has("name") {
		t.Error("Has is wrong")
	}
}
