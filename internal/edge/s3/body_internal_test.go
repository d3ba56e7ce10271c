// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"strings"
	"testing"

	"sesame/internal/base/fault"
)

// TestDocumentsAreBoundedTogether: bodies that are read into memory find no room when there
// are many, and again when these are gone. Small ones are not counted.
func TestDocumentsAreBoundedTogether(t *testing.T) {
	t.Parallel()
	d := &Door{}
	take := func(size int64) (*call, error) {
		c := &call{door: d}
		return c, c.hold(size)
	}
	var calls []*call
	for range maxDocuments / maxDocument {
		c, err := take(maxDocument)
		if err != nil {
			t.Fatal(err)
		}
		calls = append(calls, c)
	}
	c, err := take(smallDocument + 1)
	if !fault.Is(err, fault.Throttled) || refusalOf(err, false).code != "SlowDown" {
		t.Errorf("one too many: %v", err)
	}
	c.release()
	if _, err := take(smallDocument); err != nil {
		t.Errorf("a small one: %v", err)
	}
	for _, c := range calls {
		c.release()
	}
	if _, err := take(maxDocument); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestElementsThatAreTooMany are not read before they are counted.
func TestElementsThatAreTooMany(t *testing.T) {
	t.Parallel()
	element := "<Object><Key>a</Key></Object>"
	var in struct {
		Objects deletions `xml:"Object"`
	}
	if err := decode([]byte("<Delete>"+strings.Repeat(element, maxDeletes)+"</Delete>"), &in); err != nil || len(in.Objects) != maxDeletes || in.Objects[999].Key != "a" {
		t.Errorf("%d, %v", len(in.Objects), err)
	}
	in.Objects = nil
	if err := decode([]byte("<Delete>"+strings.Repeat(element, 100*maxDeletes)+"</Delete>"), &in); !errors.Is(err, errMalformedXML) || len(in.Objects) != maxDeletes {
		t.Errorf("%d, %v", len(in.Objects), err)
	}
}
