// SPDX-License-Identifier: Apache-2.0

package awswire

import (
	"encoding/base64"
	"reflect"
	"strconv"
	"time"
	"unicode/utf8"
)

func appendXMLOpen(b []byte, name string) []byte {
	return append(append(append(b, '<'), name...), '>')
}

func appendXMLClose(b []byte, name string) []byte {
	return append(append(append(b, '<', '/'), name...), '>')
}

// appendXMLElement appends an element that holds text.
func appendXMLElement(b []byte, name, text string) []byte {
	return appendXMLClose(appendXMLText(appendXMLOpen(b, name), text), name)
}

// appendXMLStruct appends an element that holds a structure's members; without
// members it is <name></name>. What is left out is as in appendJSON.
func appendXMLStruct(b []byte, name string, p *structPlan, v reflect.Value) []byte {
	b = appendXMLOpen(b, name)
	for i := range p.fields {
		f := &p.fields[i]
		if fv := v.Field(f.goField); !absent(&f.value, fv) {
			b = appendXMLValue(b, f.name, &f.value, fv)
		}
	}
	return appendXMLClose(b, name)
}

func appendXMLValue(b []byte, name string, p *valuePlan, v reflect.Value) []byte {
	if p.pointer {
		v = v.Elem()
	}
	if p.kind == kindStruct {
		return appendXMLStruct(b, name, p.object, v)
	}
	b = appendXMLOpen(b, name)
	switch p.kind {
	case kindString:
		b = appendXMLText(b, v.String())
	case kindBool:
		b = strconv.AppendBool(b, v.Bool())
	case kindInt:
		b = strconv.AppendInt(b, v.Int(), 10)
	case kindFloat:
		b = appendFloat(b, v.Float())
	case kindTime:
		b = appendISOTime(b, v.Interface().(time.Time))
	case kindBlob:
		b = base64.StdEncoding.AppendEncode(b, v.Bytes())
	case kindList:
		for i := range v.Len() {
			b = appendXMLValue(b, "member", p.elem, v.Index(i))
		}
	case kindMap:
		for _, key := range sortedKeys(v) {
			b = append(b, "<entry>"...)
			b = appendXMLElement(b, "key", key)
			b = appendXMLValue(b, "value", p.elem, v.MapIndex(reflect.ValueOf(key)))
			b = append(b, "</entry>"...)
		}
	}
	return appendXMLClose(b, name)
}

// appendISOTime writes a time in UTC (ISO 8601, RFC 3339), with milliseconds if there
// are any.
func appendISOTime(b []byte, t time.Time) []byte {
	if t.Nanosecond()/int(time.Millisecond) == 0 {
		return t.UTC().AppendFormat(b, "2006-01-02T15:04:05Z")
	}
	return t.UTC().AppendFormat(b, "2006-01-02T15:04:05.000Z")
}

// appendXMLText appends s escaped. What XML 1.0 can't hold (section 2.2) becomes
// U+FFFD; a carriage return is spelled out, since parsers would drop it.
func appendXMLText(b []byte, s string) []byte {
	start := 0
	for i := 0; i < len(s); {
		r, n := utf8.DecodeRuneInString(s[i:])
		replacement := xmlEscape(r, n)
		if replacement != "" {
			b = append(append(b, s[start:i]...), replacement...)
			start = i + n
		}
		i += n
	}
	return append(b, s[start:]...)
}

func xmlEscape(r rune, n int) string {
	switch r {
	case '&':
		return "&amp;"
	case '<':
		return "&lt;"
	case '>':
		return "&gt;"
	case '"':
		return "&quot;"
	case '\'':
		return "&apos;"
	case '\r':
		return "&#xD;"
	case '\t', '\n':
		return ""
	case 0xFFFE, 0xFFFF:
		return "\uFFFD"
	}
	if r < 0x20 || (r == utf8.RuneError && n == 1) {
		return "\uFFFD"
	}
	return ""
}
