// SPDX-License-Identifier: Apache-2.0

package httpx

import (
	"strings"
)

// The content codings that are spoken. Deflate means the zlib format (RFC 9110
// §8.4.1.2).
const (
	gzipCoding    = "gzip"
	deflateCoding = "deflate"
	identity      = "identity"
)

// choice is what an Accept-Encoding asks for.
type choice struct {
	coding   string // gzip, deflate or identity
	required bool   // identity was refused: compress however short the body
}

// weight is a quality value in thousandths; unset says that nothing was said.
type weight int

const unset weight = -1

// negotiate chooses a coding by the Accept-Encoding headers (RFC 9110 §12.5.3). The
// highest weight wins; gzip before deflate before identity if equal. Without a header,
// with an empty one, or when nothing that is spoken is acceptable, it is identity: an
// answer in an unwanted coding serves better than none.
func negotiate(headers []string) choice {
	gz, df, id, star := unset, unset, unset, unset
	for _, h := range headers {
		for element := range strings.SplitSeq(h, ",") {
			name, params, _ := strings.Cut(element, ";")
			q, ok := quality(params)
			if !ok {
				continue
			}
			switch strings.ToLower(strings.TrimSpace(name)) {
			case "gzip", "x-gzip":
				gz = max(gz, q)
			case "deflate":
				df = max(df, q)
			case "identity":
				id = max(id, q)
			case "*":
				star = max(star, q)
			}
		}
	}
	if gz == unset {
		gz = star
	}
	if df == unset {
		df = star
	}
	refused := id == 0 || id == unset && star == 0
	best := choice{coding: identity}
	if top := max(gz, df); top > 0 && top >= id {
		best = choice{coding: gzipCoding, required: refused}
		if df > gz {
			best.coding = deflateCoding
		}
	}
	return best
}

// quality reads the weight among an element's parameters, 1000 if there is none; false
// if it is malformed: then the element counts for nothing.
func quality(params string) (weight, bool) {
	for p := range strings.SplitSeq(params, ";") {
		name, value, ok := strings.Cut(p, "=")
		if !ok || strings.ToLower(strings.TrimSpace(name)) != "q" {
			continue
		}
		return parseWeight(strings.TrimSpace(value))
	}
	return 1000, true
}

// parseWeight reads a qvalue: 0 or 1 with up to three decimals (RFC 9110 §12.4.2).
func parseWeight(s string) (weight, bool) {
	whole, decimals, _ := strings.Cut(s, ".")
	if whole != "0" && whole != "1" || len(decimals) > 3 {
		return 0, false
	}
	q := weight(whole[0]-'0') * 1000
	for i, scale := 0, weight(100); i < len(decimals); i, scale = i+1, scale/10 {
		if decimals[i] < '0' || decimals[i] > '9' {
			return 0, false
		}
		q += weight(decimals[i]-'0') * scale
	}
	return q, q <= 1000
}
