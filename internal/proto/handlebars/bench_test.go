// SPDX-License-Identifier: Apache-2.0

package handlebars_test

import (
	"fmt"
	"strings"
	"testing"

	"sesame/internal/proto/handlebars"
)

// newsletter is a template of about 10 KB with 20 attributes, a condition and a loop.
func newsletter() (template, data string) {
	var t, d strings.Builder
	d.WriteString(`{"items":[{"name":"one","price":1.5},{"name":"two","price":20},{"name":"three","price":3}]`)
	for i := range 20 {
		fmt.Fprintf(&t, "<tr>\n  <td style=\"font-family:sans-serif;font-size:14px\">%s</td>\n  <td>{{value%d}}</td>\n</tr>\n", strings.Repeat("Lorem ipsum dolor. ", 20), i)
		fmt.Fprintf(&d, `,"value%d":"The value of attribute %d"`, i, i)
	}
	t.WriteString("{{#if items}}\n<ul>\n{{#each items}}\n  <li>{{name}}: {{price}}</li>\n{{/each}}\n</ul>\n{{else}}\nnone\n{{/if}}\n")
	d.WriteString("}")
	return t.String(), d.String()
}

func BenchmarkCompile(b *testing.B) {
	template, _ := newsletter()
	b.SetBytes(int64(len(template)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := handlebars.Compile(template); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParseData(b *testing.B) {
	_, data := newsletter()
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := handlebars.ParseData([]byte(data)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRender(b *testing.B) {
	template, text := newsletter()
	compiled, data := compile(b, template), parse(b, text)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := compiled.Render(data, handlebars.Limits{}); err != nil {
			b.Fatal(err)
		}
	}
}
