// SPDX-License-Identifier: Apache-2.0

package s3

import (
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"sesame/internal/base/clock"
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

// TestADocumentTakesRoomAsItComes, and does not take for ever: who promises a large one and
// sends nothing stands in nobody's way.
func TestADocumentTakesRoomAsItComes(t *testing.T) {
	t.Parallel()
	now := clock.NewFake(time.Now())
	d := &Door{o: Options{Clock: now.Now}}
	c := &call{door: d}
	body := &heldBody{strings.NewReader(strings.Repeat("x", maxDocument)), c, now.Now().Add(documentTime)}
	for _, step := range []struct{ read, held int64 }{{smallDocument, 0}, {1, smallDocument + 1}, {99, smallDocument + 100}} {
		if _, err := io.CopyN(io.Discard, body, step.read); err != nil || d.documents.Load() != step.held {
			t.Errorf("%d octets more: %d are held, %v", step.read, d.documents.Load(), err)
		}
	}
	now.Advance(documentTime + time.Second)
	if _, err := body.Read(make([]byte, 1)); !errors.Is(err, errTimeout) {
		t.Errorf("too late: %v", err)
	}
	if c.release(); d.documents.Load() != 0 {
		t.Errorf("afterwards %d are held", d.documents.Load())
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
