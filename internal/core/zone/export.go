// SPDX-License-Identifier: Apache-2.0

package zone

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	mdns "github.com/miekg/dns"
)

// Export writes the zone as a master file (RFC 1035 §5), whole and with absolute names,
// the records in an order that does not change: start, name servers, the fixed records
// and then the keys.
func (z *Zone) Export(ctx context.Context, w io.Writer) error {
	out := bufio.NewWriter(w) // remembers the first error
	fmt.Fprintf(out, "; The zone of Sesame, %s\n", z.o.Clock().UTC().Format(time.RFC3339))
	line := func(rr mdns.RR) {
		out.WriteString(strings.ReplaceAll(rr.String(), "\t", " "))
		out.WriteByte('\n')
	}
	line(z.SOA())
	for _, rr := range z.fixed[z.apex] {
		if rr.Header().Rrtype == mdns.TypeNS {
			line(rr)
		}
	}
	for _, rr := range z.Fixed() {
		line(rr)
	}
	err := z.EachKey(ctx, func(rr *mdns.TXT) error {
		line(rr)
		return nil
	})
	if err != nil {
		return err
	}
	return out.Flush()
}
