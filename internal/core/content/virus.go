// SPDX-License-Identifier: Apache-2.0

package content

import (
	"bytes"

	"sesame/internal/proto/message"
)

// testVirus is the EICAR string, a file that does no harm and that every scanner of viruses
// takes for one (SES: testing rejects). It stands here in two pieces, or they would find
// one in this program.
const testVirus = `X5O!P%@AP[4\PZX54(P^)7CC)7}$EICAR` + `-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*`

// hasTestVirus looks for the test virus below a part's transfer encoding. Where that is
// none, the string is seen in the message's body itself.
func hasTestVirus(p message.Part) bool {
	is, err := message.ParseEncoding(p.Header.Get(encodingField))
	if err != nil || is != message.Base64 && is != message.QuotedPrintable {
		return false
	}
	decoded, err := is.Decode(p.Body)
	return err == nil && bytes.Contains(decoded, []byte(testVirus))
}
